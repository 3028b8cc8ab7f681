// For programs that include the original's header of this name: dictionaries.
#pragma once

#include <cpprealm/managed_dictionary.hpp>
