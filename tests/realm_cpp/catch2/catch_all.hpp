// Catch2 by the name of its version 3, in terms of version 2 and what that version's header does not bring. With version 3 this folder is
// not among those for headers.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>

#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include <catch2/catch.hpp>
