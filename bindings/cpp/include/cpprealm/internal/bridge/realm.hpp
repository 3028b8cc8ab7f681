// For programs that include the original's header of this name: internal::bridge::realm, the configurations.
#pragma once

#include <cpprealm/internal/bridge/config.hpp>
