// Realm Core's SyncSession, as far as realm-cpp's own tests use it: a sync_session converts to a weak pointer to it.
#pragma once

#include "../../sync/client_base.hpp"

#include <cpprealm/internal/bridge/sync_session.hpp>

#include <mutex>

namespace realm {

class SyncSession {
public:
    struct FileIdent {
        int64_t ident = 0;
    };

    // The tests keep plain pointers that outlive the handles they come from, as they can where the database owns its session. So what is
    // made here lives until forget_all(); the handle inside is weak, and useless when its database is closed.
    static std::shared_ptr<SyncSession> of(realm_session_t* session) {
        internal::session_handle kept;
        internal::call(realm_session_retain, session, kept.out());
        std::lock_guard<std::mutex> lock(s_mutex);
        s_all.push_back(std::shared_ptr<SyncSession>(new SyncSession(std::move(kept))));
        return s_all.back();
    }
    static void forget_all() {
        std::lock_guard<std::mutex> lock(s_mutex);
        s_all.clear();
    }

    FileIdent get_file_ident() const {
        uint64_t ident = 0;
        internal::call(realm_session_get_file_ident, m_handle.get(), &ident);
        return {static_cast<int64_t>(ident)};
    }
    void pause() { internal::call(realm_session_pause, m_handle.get()); }
    void resume() { internal::call(realm_session_resume, m_handle.get()); }

    struct OnlyForTesting {
        static void handle_error(SyncSession& session, sync::SessionErrorInfo&& error) {
            internal::call(realm_session_simulate_error, session.m_handle.get(), static_cast<int32_t>(error.code), internal::to_abi(error.message), !error.is_fatal,
                           internal::to_abi(sync::name_of(error.server_requests_action)));
        }
    };

private:
    explicit SyncSession(internal::session_handle&& handle) : m_handle(std::move(handle)) {}
    internal::session_handle m_handle;
    static inline std::mutex s_mutex;
    static inline std::vector<std::shared_ptr<SyncSession>> s_all;
};

}// namespace realm
