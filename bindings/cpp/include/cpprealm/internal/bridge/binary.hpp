// For programs that include the original's header of this name: bytes are std::vector<uint8_t>.
#pragma once

#include <cpprealm/managed_binary.hpp>
