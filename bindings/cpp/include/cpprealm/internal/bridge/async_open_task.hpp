// For programs that include the original's header of this name: opening does not wait, see sync_session::wait_for_download_completion.
#pragma once

#include <cpprealm/app.hpp>
