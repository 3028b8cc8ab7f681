// C++ exceptions must not cross the C ABI: what a callback throws is kept and thrown again where the application called us.
#pragma once

#include <cpprealm/internal/abi.hpp>

#include <exception>

namespace realm::internal {

inline std::exception_ptr& pending_exception() {
    thread_local std::exception_ptr e;
    return e;
}

// Runs a notification callback on behalf of the library. The first exception is kept, later ones of the same delivery are dropped.
template <typename Fn>
inline void guarded(Fn&& f) noexcept {
    try {
        f();
    } catch (...) {
        if (!pending_exception()) pending_exception() = std::current_exception();
    }
}

// For calls during which notifications are delivered.
template <typename Fn, typename... Args>
inline void call_and_deliver(Fn&& f, Args&&... args) {
    realm_error_t e;
    auto status = f(std::forward<Args>(args)..., &e);
    if (pending_exception()) std::rethrow_exception(std::exchange(pending_exception(), nullptr));
    if (status != REALM_OK) fail(e);
}

}// namespace realm::internal
