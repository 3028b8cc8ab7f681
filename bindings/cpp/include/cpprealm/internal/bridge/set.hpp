// For programs that include the original's header of this name: sets.
#pragma once

#include <cpprealm/managed_set.hpp>
