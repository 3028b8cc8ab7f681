// Realm Core's errors of sync sessions, as far as realm-cpp's own tests make them.
#pragma once

#include "../error_codes.hpp"

#include <utility>

namespace realm::sync {

struct ProtocolErrorInfo {
    // What a server asks of a client with an error.
    enum class Action {
        NoAction,
        ProtocolViolation,
        ApplicationBug,
        Warning,
        Transient,
        DeleteRealm,
        ClientReset,
        ClientResetNoRecovery,
        LogOutUser
    };
};

// The protocol's word for an action; "" for none.
inline const char* name_of(ProtocolErrorInfo::Action a) {
    static const char* const names[] = {"", "ProtocolViolation", "ApplicationBug", "Warning", "Transient", "DeleteRealm", "ClientReset", "ClientResetNoRecovery", "LogOutUser"};
    return names[static_cast<size_t>(a)];
}

struct SessionErrorInfo {
    SessionErrorInfo(const std::pair<ErrorCodes::Error, std::string>& status, bool fatal) : code(status.first), message(status.second), is_fatal(fatal) {}

    ErrorCodes::Error code;
    std::string message;
    bool is_fatal;
    ProtocolErrorInfo::Action server_requests_action = ProtocolErrorInfo::Action::NoAction;
};

}// namespace realm::sync
