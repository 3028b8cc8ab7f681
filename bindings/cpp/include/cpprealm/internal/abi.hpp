// The C ABI as C++ sees it: errors become exceptions, handles have owners.
#pragma once

#include <realm_sync.h>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

// For functions whose speed matters less than how long each file that uses them takes to compile: opening, schemas, queries' texts,
// errors.
#if defined(__GNUC__) || defined(__clang__)
#define CPPREALM_COLD __attribute__((cold, noinline))
#else
#define CPPREALM_COLD
#endif

namespace realm::internal {

// An error of the library. what() is the text of realm_error_t; the rest tells programs what happened.
class error : public std::runtime_error {
public:
    explicit error(const realm_error_t& e) : std::runtime_error(e.message), m_status(e.status), m_domain(e.domain), m_code(e.code), m_name(e.name) {}
    realm_status_t status() const noexcept { return m_status; }
    realm_error_domain_t domain() const noexcept { return m_domain; }
    int32_t code() const noexcept { return m_code; }
    const std::string& name() const noexcept { return m_name; }

private:
    realm_status_t m_status;
    realm_error_domain_t m_domain;
    int32_t m_code;
    std::string m_name;
};

// Throws what the original would have thrown for this failure.
[[noreturn]] CPPREALM_COLD inline void fail(const realm_error_t& e) {
    switch (e.status) {
        case REALM_ERR_LOGIC:
        case REALM_ERR_NOT_SYNCED:
            throw std::logic_error(e.message);
        case REALM_ERR_OUT_OF_RANGE:
            throw std::out_of_range(e.message);
        case REALM_ERR_INVALID_ARGUMENT:
            throw std::invalid_argument(e.message);
        case REALM_ERR_SESSION_GONE:
            throw std::runtime_error("Realm: Error accessing sync_session which has been destroyed.");
        default:
            throw error(e);
    }
}

// Calls f(..., &error) and throws when it fails.
template <typename Fn, typename... Args>
inline void call(Fn&& f, Args&&... args) {
    realm_error_t e;
    if (f(std::forward<Args>(args)..., &e) != REALM_OK) fail(e);
}

inline realm_string_t to_abi(std::string_view s) noexcept { return realm_string_t{s.data(), s.size()}; }
inline std::string from_abi(realm_string_t s) { return s.size ? std::string(s.data, s.size) : std::string(); }

// Owner of a handle: move-only, released once. Released handles are harmless to the library, so the order of destruction is free.
template <typename T, void (*Release)(T*)>
class handle {
public:
    handle() noexcept = default;
    explicit handle(T* raw) noexcept : m_raw(raw) {}
    handle(handle&& o) noexcept : m_raw(std::exchange(o.m_raw, nullptr)) {}
    handle& operator=(handle&& o) noexcept {
        handle(std::move(o)).swap(*this);// what was held is released now, not with o
        return *this;
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    ~handle() {
        if (m_raw) Release(m_raw);
    }
    T* get() const noexcept { return m_raw; }
    T** out() noexcept { return &m_raw; }// only for an empty handle
    explicit operator bool() const noexcept { return m_raw != nullptr; }
    void reset() noexcept { handle().swap(*this); }
    void swap(handle& o) noexcept { std::swap(m_raw, o.m_raw); }

private:
    T* m_raw = nullptr;
};

using config_handle = handle<realm_config_t, realm_config_release>;
using realm_handle = handle<realm_t, realm_release>;
using results_handle = handle<realm_results_t, realm_results_release>;
using rows_handle = handle<realm_rows_t, realm_rows_release>;
using token_handle = handle<realm_token_t, realm_token_release>;
using app_handle = handle<realm_app_t, realm_app_release>;
using user_handle = handle<realm_user_t, realm_user_release>;
using session_handle = handle<realm_session_t, realm_session_release>;
using subscription_set_handle = handle<realm_subscription_set_t, realm_subscription_set_release>;

// ThreadSanitizer cannot see how the library, which is not compiled with it, hands userdata to its threads: it is told that what
// came before released() on one thread comes before acquired() on another.
#if defined(__SANITIZE_THREAD__)
#define CPPREALM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CPPREALM_TSAN 1
#endif
#endif
#ifdef CPPREALM_TSAN
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
inline void* released(void* p) {
    __tsan_release(p);
    return p;
}
inline void* acquired(void* p) {
    __tsan_acquire(p);
    return p;
}
#else
inline void* released(void* p) { return p; }
inline void* acquired(void* p) { return p; }
#endif

// A std::function as userdata of a C callback: made with `new_userdata`, freed by the library through `free_userdata`. `userdata`
// is for callbacks that may run on a thread of the library.
template <typename Fn>
inline void* new_userdata(Fn&& fn) {
    return released(new std::decay_t<Fn>(std::forward<Fn>(fn)));
}
template <typename Fn>
inline Fn& userdata(void* p) {
    return *static_cast<Fn*>(acquired(p));
}
template <typename Fn>
inline void free_userdata(void* p) {
    delete static_cast<Fn*>(acquired(p));
}

// Reads a text of unknown length: most fit at the first try.
template <typename Fn>
inline std::string read_text(Fn&& f) {
    std::string text(1024, '\0');
    for (;;) {
        size_t needed = 0;
        realm_error_t e;
        auto status = f(text.data(), text.size(), &needed, &e);
        if (status == REALM_OK) {
            text.resize(needed);
            return text;
        }
        if (status != REALM_ERR_OUT_OF_RANGE || needed < text.size()) fail(e);
        text.resize(needed + 1);
    }
}

}// namespace realm::internal
