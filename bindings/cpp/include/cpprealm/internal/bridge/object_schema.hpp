// For programs that include the original's header of this name: internal::bridge::object_schema.
#pragma once

#include <cpprealm/schema.hpp>
