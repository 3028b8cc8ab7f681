// For programs that include the original's header of this name: mixed, and internal::bridge::mixed of compensating writes.
#pragma once

#include <cpprealm/internal/bridge/sync_session.hpp>
#include <cpprealm/types.hpp>
