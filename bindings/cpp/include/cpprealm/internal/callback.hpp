// C++ exceptions must not cross the C ABI: what a callback throws is kept and thrown again where the application called us.
#pragma once

#include <cpprealm/internal/abi.hpp>

#include <exception>

namespace realm::internal {

// What a notification callback of the call that runs on this thread has thrown.
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

// For calls during which notifications are delivered. A callback may make such calls itself: each sees only what was thrown
// within it. `undo` runs when the call succeeded and a callback threw.
template <typename Undo, typename Fn, typename... Args>
inline void call_and_deliver_or(Undo&& undo, Fn&& f, Args&&... args) {
    auto outer = std::exchange(pending_exception(), nullptr);
    realm_error_t e;
    auto status = f(std::forward<Args>(args)..., &e);
    auto thrown = std::exchange(pending_exception(), std::move(outer));
    if (thrown) {
        if (status == REALM_OK) undo();
        std::rethrow_exception(thrown);
    }
    if (status != REALM_OK) fail(e);
}
template <typename Fn, typename... Args>
inline void call_and_deliver(Fn&& f, Args&&... args) {
    call_and_deliver_or([] {}, std::forward<Fn>(f), std::forward<Args>(args)...);
}

}// namespace realm::internal
