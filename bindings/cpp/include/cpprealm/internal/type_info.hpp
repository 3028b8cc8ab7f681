// For programs that include the original's header of this name: how member types are stored.
#pragma once

#include <cpprealm/internal/persisted.hpp>
