// An event loop that a test turns by hand.
#pragma once
#include <cpprealm/sdk.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace check {

// Any thread may add to it; the thread that made it turns it.
struct loop : realm::scheduler {
    void invoke(std::function<void()>&& f) override {
        std::lock_guard<std::mutex> lock(mutex);
        tasks.push_back(std::move(f));
        woken.notify_all();
    }
    bool is_on_thread() const noexcept override { return std::this_thread::get_id() == id; }
    bool is_same_as(const scheduler* other) const noexcept override { return this == other; }
    bool can_invoke() const noexcept override { return true; }
    // Runs tasks until the condition holds; false when none came for too long.
    bool run_until(const std::function<bool()>& condition) {
        while (!condition()) {
            std::unique_lock<std::mutex> lock(mutex);
            if (!woken.wait_for(lock, std::chrono::seconds(120), [&] { return !tasks.empty(); })) return false;
            auto task = std::move(tasks.front());
            tasks.pop_front();
            lock.unlock();
            task();
        }
        return true;
    }
    std::mutex mutex;
    std::condition_variable woken;
    std::deque<std::function<void()>> tasks;
    std::thread::id id = std::this_thread::get_id();
};

}// namespace check
