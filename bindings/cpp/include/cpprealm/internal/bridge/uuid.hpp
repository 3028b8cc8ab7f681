// For programs that include the original's header of this name: uuid.
#pragma once

#include <cpprealm/types.hpp>
