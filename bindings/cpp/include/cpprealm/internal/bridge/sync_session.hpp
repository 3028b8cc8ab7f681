// The sync session of a database, and its errors.
#pragma once

#include <cpprealm/internal/bridge/status.hpp>
#include <cpprealm/internal/persisted.hpp>

#include <functional>
#include <future>
#include <memory>
#include <unordered_map>

// What is a template here for no other reason, is one so that only programs that use it compile what it needs: Lazy means nothing.

namespace realm {

class SyncSession;// of Realm Core: only the original's own tests use it, and bring a definition

namespace internal::bridge {

// A handle on the session of a synced database. It is weak: when the database is closed everywhere, each method throws
// std::runtime_error. Copies are cheap; any thread may use it. Callbacks must not throw: there is nobody above them to catch it.
class sync_session {
public:
    enum class state { active, dying, inactive, waiting_for_access_token, paused };
    enum class connection_state { disconnected, connecting, connected };

    explicit sync_session(session_handle&& h) : m_handle(std::make_shared<session_handle>(std::move(h))) {}

    // Whether the session syncs (or tries to); says nothing about the connection.
    enum state state() const {
        realm_session_state_t s;
        call(realm_session_state, raw(), &s);
        return static_cast<enum state>(s);
    }
    enum connection_state connection_state() const {
        realm_connection_state_t s;
        call(realm_session_connection_state, raw(), &s);
        return static_cast<enum connection_state>(s);
    }

    // Calls back when every local change made up to now is durable on the server. The callback runs on a thread of the library.
    template <typename Lazy = void>
    void wait_for_upload_completion(std::function<void(status)>&& callback) { wait(realm_wait_for_upload, std::move(callback)); }
    // Calls back when everything the server has now is integrated; refresh() shows it.
    template <typename Lazy = void>
    void wait_for_download_completion(std::function<void(status)>&& callback) { wait(realm_wait_for_download, std::move(callback)); }
    template <typename Lazy = void>
    std::future<void> wait_for_upload_completion() { return wait(realm_wait_for_upload); }
    template <typename Lazy = void>
    std::future<void> wait_for_download_completion() { return wait(realm_wait_for_download); }

    // Stops syncing until resume(), or until the database is opened anew.
    void pause() { call(realm_session_pause, raw()); }
    void resume() { call(realm_session_resume, raw()); }
    // Skips the delay before the next attempt to connect.
    void reconnect() { call(realm_session_reconnect, raw()); }

    // Calls back on each change of the connection state, on a thread of the library or inside pause().
    template <typename Lazy = void>
    uint64_t observe_connection_change(std::function<void(enum connection_state old_state, enum connection_state new_state)>&& callback) {
        using fn = std::function<void(enum connection_state, enum connection_state)>;
        uint64_t token = 0;
        call(
                realm_session_observe_connection, raw(),
                [](void* p, realm_connection_state_t a, realm_connection_state_t b) noexcept {
                    userdata<fn>(p)(static_cast<enum connection_state>(a), static_cast<enum connection_state>(b));
                },
                new_userdata(std::move(callback)), free_userdata<fn>, &token);
        return token;
    }
    // An unknown token does nothing.
    void unregister_connection_change_observer(uint64_t token) { call(realm_session_unobserve_connection, raw(), token); }

    // What a program that defines SyncSession makes of the handle.
    template <typename Core, typename = std::enable_if_t<std::is_same_v<Core, SyncSession>>>
    operator std::weak_ptr<Core>() const {
        return Core::of(raw());
    }

private:
    using abi_wait = realm_status_t (*)(realm_session_t*, realm_wait_callback_t, void*, realm_free_userdata_t, realm_error_t*);
    template <typename Lazy = void>
    void wait(abi_wait f, std::function<void(status)>&& callback) {
        using fn = std::function<void(status)>;
        call(
                f, raw(), [](void* p, realm_status_t s, const realm_error_t* e) noexcept { userdata<fn>(p)(status::of(s, e)); },
                new_userdata(std::move(callback)), free_userdata<fn>);
    }
    template <typename Lazy = void>
    std::future<void> wait(abi_wait f) {
        auto promise = std::make_unique<std::promise<void>>();
        auto future = promise->get_future();
        realm_error_t e;
        // On failure the library frees the userdata, so the error goes into a promise of its own.
        auto status = f(
                raw(),
                [](void* p, realm_status_t s, const realm_error_t* error) noexcept {
                    auto& done = userdata<std::promise<void>>(p);
                    if (s == REALM_OK) done.set_value();
                    else
                        done.set_exception(failure<Lazy>(s, error));
                },
                released(promise.release()), free_userdata<std::promise<void>>, &e);
        if (status == REALM_OK) return future;
        std::promise<void> failed;
        try {
            fail(e);
        } catch (...) {
            failed.set_exception(std::current_exception());
        }
        return failed.get_future();
    }

    template <typename Lazy = void>
    static std::exception_ptr failure(realm_status_t s, const realm_error_t* e) {
        realm_error_t unknown{};
        unknown.status = s;
        return std::make_exception_ptr(internal::error(e ? *e : unknown));
    }

    // Null when this was moved from, which the library refuses.
    realm_session_t* raw() const noexcept { return m_handle ? m_handle->get() : nullptr; }
    std::shared_ptr<session_handle> m_handle;
};

// A value of any type that compares with plain values.
struct mixed : realm::mixed {
    using realm::mixed::variant;
    mixed(const realm::mixed& v) : realm::mixed(v) {}
    template <typename V, typename = std::enable_if_t<is_persisted<V>>>
    bool operator==(const V& v) const {
        auto held = std::get_if<V>(static_cast<const realm::mixed*>(this));
        return held && *held == v;
    }
    template <typename V, typename = std::enable_if_t<is_persisted<V>>>
    bool operator!=(const V& v) const {
        return !(*this == v);
    }
};

// One write that the server undid.
struct compensating_write_error_info {
    std::string object_name;
    mixed primary_key;
    std::string reason;
};

class sync_error {
public:
    template <typename Lazy = void>
    CPPREALM_COLD explicit sync_error(const realm_sync_error_t& e)
        : m_status(status::of(REALM_ERR_SYNC, e.error)), m_fatal(e.error->fatal), m_client_reset(e.is_client_reset_requested) {
        if (e.original_file_path.size) m_user_info["ORIGINAL_FILE_PATH"] = from_abi(e.original_file_path);
        if (e.recovery_file_path.size) m_user_info["RECOVERY_FILE_PATH"] = from_abi(e.recovery_file_path);
        for (size_t i = 0; i < e.n_compensating_writes; i++) {
            auto& w = e.compensating_writes[i];
            m_writes.push_back({from_abi(w.class_name), persisted<realm::mixed>::read(w.primary_key), from_abi(w.reason)});
        }
    }
    template <typename Lazy = void>
    std::unordered_map<std::string, std::string> user_info() const { return m_user_info; }
    template <typename Lazy = void>
    std::vector<compensating_write_error_info> compensating_writes_info() const { return m_writes; }
    status get_status() const { return m_status; }
    bool is_fatal() const { return m_fatal; }
    std::string_view message() const { return m_status.reason(); }
    bool is_client_reset_requested() const { return m_client_reset; }

private:
    status m_status;
    bool m_fatal;
    bool m_client_reset;
    std::unordered_map<std::string, std::string> m_user_info;
    std::vector<compensating_write_error_info> m_writes;
};

}// namespace internal::bridge

using sync_session = internal::bridge::sync_session;
using sync_error = internal::bridge::sync_error;

}// namespace realm
