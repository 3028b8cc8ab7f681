// Schedulers tie a database instance to a thread's event loop.
#pragma once

#include <functional>
#include <memory>

namespace realm {

// The loop of one thread. invoke() may be called from any thread and must not run the function inline.
struct scheduler {
    virtual ~scheduler() = default;
    // Runs the function on the scheduler's thread, later.
    virtual void invoke(std::function<void()>&&) = 0;
    // Whether the caller is on the scheduler's thread.
    virtual bool is_on_thread() const noexcept = 0;
    // Databases opened with schedulers that are the same share one instance.
    virtual bool is_same_as(const scheduler* other) const noexcept = 0;
    // Whether invoke() works; otherwise notifications are delivered by refresh() and write().
    virtual bool can_invoke() const noexcept = 0;
};

}// namespace realm
