// For programs that include the original's header of this name: internal::bridge::sync_manager.
#pragma once

#include <cpprealm/app.hpp>
