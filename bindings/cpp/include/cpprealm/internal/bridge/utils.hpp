// For programs that include the original's header of this name: conversions of values.
#pragma once

#include <cpprealm/internal/persisted.hpp>
