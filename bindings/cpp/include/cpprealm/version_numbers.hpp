// The version of realm-cpp whose surface these headers offer.
#pragma once

#define REALMCXX_VERSION_MAJOR 2
#define REALMCXX_VERSION_MINOR 2
#define REALMCXX_VERSION_PATCH 0
#define REALMCXX_VERSION_STRING "2.2.0"
