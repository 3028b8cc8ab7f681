// A scheduler on libuv's default loop. Used when the program is compiled with REALM_HAVE_UV.
#pragma once

#include <cpprealm/scheduler.hpp>

#include <uv.h>

#include <mutex>
#include <thread>
#include <vector>

namespace realm::internal {

class uv_scheduler : public scheduler {
public:
    uv_scheduler() : m_queue(std::make_shared<queue>()) {
        auto q = new std::shared_ptr<queue>(m_queue);
        m_async = new uv_async_t;
        m_async->data = q;
        uv_async_init(uv_default_loop(), m_async, [](uv_async_t* a) { (*static_cast<std::shared_ptr<queue>*>(a->data))->run(); });
        // Waiting for changes does not keep a loop alive that has nothing else to do.
        uv_unref(reinterpret_cast<uv_handle_t*>(m_async));
    }
    ~uv_scheduler() override {
        uv_close(reinterpret_cast<uv_handle_t*>(m_async), [](uv_handle_t* h) {
            auto a = reinterpret_cast<uv_async_t*>(h);
            delete static_cast<std::shared_ptr<queue>*>(a->data);
            delete a;
        });
    }
    uv_scheduler(const uv_scheduler&) = delete;
    uv_scheduler& operator=(const uv_scheduler&) = delete;

    void invoke(std::function<void()>&& f) override {
        {
            std::lock_guard<std::mutex> lock(m_queue->mutex);
            m_queue->functions.push_back(std::move(f));
        }
        uv_async_send(m_async);
    }
    bool is_on_thread() const noexcept override { return std::this_thread::get_id() == m_id; }
    bool is_same_as(const scheduler* other) const noexcept override { return other && other->can_invoke() && is_on_thread() && other->is_on_thread(); }
    bool can_invoke() const noexcept override { return true; }

private:
    struct queue {
        std::mutex mutex;
        std::vector<std::function<void()>> functions;
        void run() {
            std::vector<std::function<void()>> now;
            {
                std::lock_guard<std::mutex> lock(mutex);
                now.swap(functions);
            }
            for (auto& f: now) f();
        }
    };
    std::shared_ptr<queue> m_queue;
    uv_async_t* m_async;
    std::thread::id m_id = std::this_thread::get_id();
};

}// namespace realm::internal
