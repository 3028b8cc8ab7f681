// For programs that include the original's header of this name: scheduler.
#pragma once

#include <cpprealm/scheduler.hpp>
