// What happens when a server can't go on with a file, and wants it reset.
//
// The modes but manual work by themselves: what the server has is downloaded beside the file, then the file becomes that in one transaction, and goes on
// being synchronized. Open databases and their objects stay valid, and observers hear of what really differs. When that is not possible (the server
// forbids to recover; a class that the program has is gone; a handler throws; a reset follows another one before everything was exchanged with the
// server), the file stays as it was, and it goes on as with manual: the error handler gets an error named AutoClientResetFailed that says why.
//
// The handlers run on a thread of the library, one after the other; they must not wait for another callback of a session. before gets a frozen database
// of the state before the reset; after gets the same, and a live one of the state afterwards, which belongs to that thread. Either may be empty. What a
// handler throws makes the reset fail; after the second one the file is reset all the same, but is not synchronized any more.
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

// The server's state, and on top of it what was not uploaded, which is uploaded again. Where both have changed a property, the local value stays; what
// was deleted on the server stays deleted.
struct recover_unsynced_changes : internal::bridge::client_reset_mode_base<db> {
    explicit recover_unsynced_changes(std::function<void(db local)> before, std::function<void(db local, db remote)> after) {
        m_mode = internal::bridge::client_reset_mode::recover;
        m_before = std::move(before);
        m_after = std::move(after);
    }
};

// The same where the server permits it and the last attempt has not failed, else as discard_unsynced_changes.
struct recover_or_discard_unsynced_changes : internal::bridge::client_reset_mode_base<db> {
    explicit recover_or_discard_unsynced_changes(std::function<void(db local)> before, std::function<void(db local, db remote)> after) {
        m_mode = internal::bridge::client_reset_mode::recover_or_discard;
        m_before = std::move(before);
        m_after = std::move(after);
    }
};

}// namespace realm::client_reset
