// What happens when a server can't go on with a file, and wants it reset.
#pragma once

#include <cpprealm/db.hpp>

namespace realm::client_reset {

// The error handler gets an error whose is_client_reset_requested() is true. At the next start of the application, when its App is made, the file
// is backed up (user_info: RECOVERY_FILE_PATH) and deleted, and the next opening begins with what the server has.
struct manual : internal::bridge::client_reset_mode_base<db> {
    explicit manual() { m_mode = internal::bridge::client_reset_mode::manual; }
};

// The server's state replaces the local one; what was not uploaded is lost.
struct discard_unsynced_changes : internal::bridge::client_reset_mode_base<db> {
    explicit discard_unsynced_changes(std::function<void(db local)> before, std::function<void(db local, db remote)> after) {
        m_mode = internal::bridge::client_reset_mode::discard_unsynced;
        m_before = std::move(before);
        m_after = std::move(after);
    }
};

// The server's state, and on top of it what was not uploaded.
struct recover_unsynced_changes : internal::bridge::client_reset_mode_base<db> {
    explicit recover_unsynced_changes(std::function<void(db local)> before, std::function<void(db local, db remote)> after) {
        m_mode = internal::bridge::client_reset_mode::recover;
        m_before = std::move(before);
        m_after = std::move(after);
    }
};

// The same where the server permits it, else as discard_unsynced_changes.
struct recover_or_discard_unsynced_changes : internal::bridge::client_reset_mode_base<db> {
    explicit recover_or_discard_unsynced_changes(std::function<void(db local)> before, std::function<void(db local, db remote)> after) {
        m_mode = internal::bridge::client_reset_mode::recover_or_discard;
        m_before = std::move(before);
        m_after = std::move(after);
    }
};

}// namespace realm::client_reset
