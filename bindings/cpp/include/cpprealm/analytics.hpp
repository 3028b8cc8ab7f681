// The original reports its use here. This library reports nothing, so there is nothing to turn off.
#pragma once

#include <cpprealm/version_numbers.hpp>
