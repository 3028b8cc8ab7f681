// For programs that include the original's header of this name: internal::bridge::sort_descriptor.
#pragma once

#include <cpprealm/results.hpp>
