// For programs that include the original's header of this name: conditions are rbool.
#pragma once

#include <cpprealm/rbool.hpp>
