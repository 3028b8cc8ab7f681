// Which scheduler a configuration gets when none is set.
#pragma once

#if defined(REALM_HAVE_UV) && REALM_HAVE_UV
#include <cpprealm/internal/uv_scheduler.hpp>
#else
#include <cpprealm/internal/generic_scheduler.hpp>
#endif

#include <functional>
#include <memory>
#include <mutex>

namespace realm {
namespace default_scheduler {

// The scheduler of the calling thread: with REALM_HAVE_UV, on the first thread that asks, libuv's default loop; otherwise one that cannot
// invoke.
inline std::shared_ptr<scheduler> make_platform_default() {
#if defined(REALM_HAVE_UV) && REALM_HAVE_UV
    return internal::uv_default_scheduler();
#else
    return std::make_shared<internal::generic_scheduler>();
#endif
}

namespace detail {
struct factory {
    std::mutex mutex;
    std::function<std::shared_ptr<scheduler>()> make = make_platform_default;
    static factory& get() {
        static factory f;
        return f;
    }
};
}// namespace detail

// Replaces what make_default() calls. Any thread.
inline void set_default_factory(std::function<std::shared_ptr<scheduler>()>&& make) {
    auto& f = detail::factory::get();
    std::lock_guard<std::mutex> lock(f.mutex);
    f.make = std::move(make);
}
inline std::shared_ptr<scheduler> make_default() {
    auto& f = detail::factory::get();
    std::unique_lock<std::mutex> lock(f.mutex);
    auto make = f.make;
    lock.unlock();
    return make();
}

}// namespace default_scheduler
}// namespace realm
