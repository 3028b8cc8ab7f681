// For programs that include the original's header of this name: decimal128.
#pragma once

#include <cpprealm/types.hpp>
