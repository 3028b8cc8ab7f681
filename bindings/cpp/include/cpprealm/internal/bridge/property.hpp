// For programs that include the original's header of this name: internal::bridge::property.
#pragma once

#include <cpprealm/schema.hpp>
