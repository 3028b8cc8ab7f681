// A scheduler on libuv's default loop. Used when the program is compiled with REALM_HAVE_UV.
#pragma once

#include <cpprealm/internal/generic_scheduler.hpp>

#include <uv.h>

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace realm::internal {

// Functions run when the application runs the loop, uv_run(uv_default_loop(), ...), on the thread that made the scheduler.
class uv_scheduler : public scheduler {
public:
    uv_scheduler() : m_mail(new mailbox) {
        m_mail->async.data = m_mail;
        uv_async_init(uv_default_loop(), &m_mail->async, [](uv_async_t* a) { static_cast<mailbox*>(a->data)->open(); });
        // Waiting for changes does not keep a loop alive that has nothing else to do.
        uv_unref(handle(m_mail));
    }
    // May run on a thread of the library, which lets go of it last; libuv's handles are closed on the loop's thread only.
    ~uv_scheduler() override {
        if (is_on_thread()) {
            m_mail->close();
            return;
        }
        std::lock_guard<std::mutex> lock(m_mail->mutex);
        m_mail->orphaned = true;
        uv_async_send(&m_mail->async);
    }
    uv_scheduler(const uv_scheduler&) = delete;
    uv_scheduler& operator=(const uv_scheduler&) = delete;

    void invoke(std::function<void()>&& f) override {
        std::lock_guard<std::mutex> lock(m_mail->mutex);
        m_mail->functions.push_back(std::move(f));
        uv_async_send(&m_mail->async);
    }
    bool is_on_thread() const noexcept override { return std::this_thread::get_id() == m_id; }
    bool is_same_as(const scheduler* other) const noexcept override { return other && other->can_invoke() && is_on_thread() && other->is_on_thread(); }
    bool can_invoke() const noexcept override { return true; }

private:
    // What the loop holds; it outlives the scheduler until the loop has closed it.
    struct mailbox {
        uv_async_t async;
        std::mutex mutex;
        std::vector<std::function<void()>> functions;
        bool orphaned = false;

        void open() {
            std::vector<std::function<void()>> now;
            bool last;
            {
                std::lock_guard<std::mutex> lock(mutex);
                now.swap(functions);
                last = orphaned;
            }
            if (last) return close();
            // A function may let go of the scheduler: nothing of this is used after them.
            for (auto& f: now) f();
        }
        void close() {
            uv_close(handle(this), [](uv_handle_t* h) { delete static_cast<mailbox*>(h->data); });
        }
    };
    static uv_handle_t* handle(mailbox* m) { return reinterpret_cast<uv_handle_t*>(&m->async); }

    mailbox* m_mail;
    std::thread::id m_id = std::this_thread::get_id();
};

// The platform's default scheduler. The process has one default loop, and libuv allows one thread to use it: it belongs to the thread that
// asks first. Other threads get schedulers that cannot invoke, so that their notifications wait for refresh() and write(). Schedulers
// of the loop's thread are one as long as one of them is in use.
inline std::shared_ptr<scheduler> uv_default_scheduler() {
    static std::mutex mutex;
    static const std::thread::id owner = std::this_thread::get_id();
    static std::weak_ptr<scheduler> current;
    if (std::this_thread::get_id() != owner) return std::make_shared<generic_scheduler>();
    std::lock_guard<std::mutex> lock(mutex);// the last reference may go on another thread
    auto out = current.lock();
    if (!out) current = out = std::make_shared<uv_scheduler>();
    return out;
}

}// namespace realm::internal
