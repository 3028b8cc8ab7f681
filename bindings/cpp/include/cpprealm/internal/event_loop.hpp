// A thread that runs what is posted to it, in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace realm::internal {

// Any thread may call all of it. The thread is started by the first thing there is to do. What a handler throws ends the program, as in any thread.
// A template, as everything in networking, so that only programs that use it compile it: Lazy is void.
template <typename Lazy>
class event_loop : public std::enable_shared_from_this<event_loop<Lazy>> {
public:
    using handler = std::function<void()>;
    // Told whether it was cancelled.
    using timed_handler = std::function<void(bool cancelled)>;

    ~event_loop() { stop(); }

    // After stop it does nothing, but for destroying the handler.
    void post(handler&& f) {
        std::lock_guard<std::mutex> lock(m_mutex);
        if (m_stopped) return;
        m_ready.push_back(std::move(f));
        wake();
    }
    uint64_t post_after(std::chrono::milliseconds delay, timed_handler&& f) {
        std::lock_guard<std::mutex> lock(m_mutex);
        auto id = ++m_last;
        if (m_stopped) return id;
        m_timed.emplace(id, timed{clock::now() + delay, std::move(f)});
        wake();
        return id;
    }
    void cancel(uint64_t id) {
        std::lock_guard<std::mutex> lock(m_mutex);
        auto at = m_timed.find(id);
        if (at == m_timed.end()) return;
        m_ready.push_back([f = std::move(at->second.f)] { f(true); });
        m_timed.erase(at);
        wake();
    }
    // Waits for the handler that is running, if any, unless it is the caller. What has not run is destroyed.
    void stop() {
        std::deque<handler> ready;
        std::map<uint64_t, timed> timed_out;
        std::thread thread;
        {
            std::lock_guard<std::mutex> lock(m_mutex);
            m_stopped = true;
            ready.swap(m_ready);
            timed_out.swap(m_timed);
            thread.swap(m_thread);
            m_changed.notify_all();
        }
        if (!thread.joinable()) return;
        if (thread.get_id() == std::this_thread::get_id()) thread.detach();
        else
            thread.join();
    }

private:
    using clock = std::chrono::steady_clock;
    struct timed {
        clock::time_point at;
        timed_handler f;
    };

    void wake() {
        // The thread owns the loop while it runs.
        if (!m_thread.joinable()) m_thread = std::thread([self = this->shared_from_this()] { self->run(); });
        m_changed.notify_one();
    }
    void run() {
        std::unique_lock<std::mutex> lock(m_mutex);
        while (!m_stopped) {
            auto next = m_timed.end();
            for (auto at = m_timed.begin(); at != m_timed.end(); ++at)
                if (next == m_timed.end() || at->second.at < next->second.at) next = at;
            if (next != m_timed.end() && next->second.at <= clock::now()) {
                m_ready.push_back([f = std::move(next->second.f)] { f(false); });
                m_timed.erase(next);
                continue;
            }
            if (m_ready.empty()) {
                if (next == m_timed.end()) m_changed.wait(lock);
                else {
                    auto until = next->second.at;// a copy: the timer may be gone before the wait is over
                    m_changed.wait_until(lock, until);
                }
                continue;
            }
            auto f = std::move(m_ready.front());
            m_ready.pop_front();
            lock.unlock();
            f();
            f = nullptr;// what it owns goes without the lock
            lock.lock();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<handler> m_ready;
    std::map<uint64_t, timed> m_timed;
    std::thread m_thread;
    uint64_t m_last = 0;
    bool m_stopped = false;
};

}// namespace realm::internal
