// The scheduler of a thread without event loop: notifications wait for refresh() or write().
#pragma once

#include <cpprealm/scheduler.hpp>

#include <thread>

namespace realm::internal {

class generic_scheduler : public scheduler {
public:
    void invoke(std::function<void()>&&) override {}
    bool is_on_thread() const noexcept override { return std::this_thread::get_id() == m_id; }
    // Two schedulers that cannot invoke are the same when both belong to the calling thread.
    bool is_same_as(const scheduler* other) const noexcept override { return other && !other->can_invoke() && is_on_thread() && other->is_on_thread(); }
    bool can_invoke() const noexcept override { return false; }

private:
    std::thread::id m_id = std::this_thread::get_id();
};

}// namespace realm::internal
