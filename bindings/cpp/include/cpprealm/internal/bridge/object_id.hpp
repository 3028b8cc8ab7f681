// For programs that include the original's header of this name: object_id.
#pragma once

#include <cpprealm/types.hpp>
