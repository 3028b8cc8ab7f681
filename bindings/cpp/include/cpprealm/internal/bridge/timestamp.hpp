// For programs that include the original's header of this name: points in time are std::chrono's.
#pragma once

#include <cpprealm/managed_timestamp.hpp>
