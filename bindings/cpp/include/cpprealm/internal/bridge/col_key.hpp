// For programs that include the original's header of this name: objects are managed<T>.
#pragma once

#include <cpprealm/managed_object.hpp>
