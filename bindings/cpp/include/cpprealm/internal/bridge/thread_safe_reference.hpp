// For programs that include the original's header of this name: thread_safe_reference.
#pragma once

#include <cpprealm/db.hpp>
