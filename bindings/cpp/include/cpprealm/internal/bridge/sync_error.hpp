// For programs that include the original's header of this name: internal::bridge::sync_error.
#pragma once

#include <cpprealm/internal/bridge/sync_session.hpp>
