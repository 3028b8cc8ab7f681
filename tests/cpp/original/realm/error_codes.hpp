// Realm Core's names of errors that a server can send. The numbers are those of the sync protocol, and not Core's own, on which nothing
// depends.
#pragma once

#include <cstdint>
#include <string>

namespace realm {

struct ErrorCodes {
    enum Error : int32_t {
        WrongSyncType = 114,
        ConnectionClosed = 200,
        SyncPermissionDenied = 206,
        SyncClientResetRequired = 208,
        BadChangeset = 212,
        SyncUserMismatch = 223,
        InvalidSubscriptionQuery = 226,
        SyncServerPermissionsChanged = 228,
        SyncWriteNotAllowed = 230,
        SyncCompensatingWrite = 231
    };
};

}// namespace realm
