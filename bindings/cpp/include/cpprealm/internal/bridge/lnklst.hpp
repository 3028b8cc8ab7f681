// For programs that include the original's header of this name: lists of links.
#pragma once

#include <cpprealm/managed_list.hpp>
