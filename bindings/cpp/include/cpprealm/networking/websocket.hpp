// How sync sessions open WebSockets: interfaces for providers of the application, and the built-in one.
#pragma once

#include <cpprealm/internal/event_loop.hpp>
#include <cpprealm/networking/http.hpp>

#include <atomic>
#include <future>

namespace realm::networking {

// Codes that end a WebSocket: those of its protocol, the server's (4001 and above), and failures without a close frame (4400 and above).
enum class websocket_err_codes {
    ok = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    websocket_reserved = 1004,
    no_status_received = 1005,
    abnormal_closure = 1006,
    invalid_payload_data = 1007,
    policy_violation = 1008,
    message_too_big = 1009,
    invalid_extension = 1010,
    invalid_server_error = 1011,
    TLS_handshake_failed = 1015,
    unauthorized = 4001,
    forbidden = 4002,
    moved_permanently = 4003,
    client_too_old = 4004,
    client_too_new = 4005,
    protocol_mismatch = 4006,
    resolve_failed = 4400,
    connection_failed = 4401,
    read_error = 4402,
    write_error = 4403,
    retry_error = 4404,
    fatal_error = 4405
};

// Where to connect. The URL, ws:// or wss://, contains a token: keep it out of logs.
struct websocket_endpoint {
    std::vector<std::string> protocols;// to be offered, best first
    std::string url;
};

// An open WebSocket, or one that is being opened. Destroying it closes it; no handler is called any more. Belongs to its provider's loop.
struct websocket_interface {
    using FunctionHandler = std::function<void(status)>;
    virtual ~websocket_interface() = default;
    // Sends a binary message. The data is valid until the handler is called; the next message comes after that.
    virtual void async_write_binary(std::string_view data, FunctionHandler&& handler) = 0;
};

// What a WebSocket reports to, on its provider's loop.
struct websocket_observer {
    virtual ~websocket_observer() = default;
    // It is open, with the sub-protocol that the server chose.
    virtual void websocket_connected_handler(const std::string& protocol) = 0;
    // Something went wrong; websocket_closed_handler follows and says what.
    virtual void websocket_error_handler() = 0;
    // False: there is no more use for messages. It may wait while much has arrived that is not taken in yet.
    virtual bool websocket_binary_message_received(std::string_view data) = 0;
    // The last one. True: the socket object is gone.
    virtual bool websocket_closed_handler(bool was_clean, websocket_err_codes code, std::string_view message) = 0;
};

// Opens WebSockets, and has a loop on which everything of theirs runs: handlers run in order, one at a time, and never inside post. The library
// calls connect, and everything of the sockets, on that loop. The destructor stops the loop and waits for it.
class sync_socket_provider {
public:
    using FunctionHandler = std::function<void(status)>;
    struct timer {
        virtual ~timer() = default;
        // The handler gets a status that is not ok, on the loop, unless it has run.
        virtual void cancel() = 0;
    };
    using sync_timer = std::unique_ptr<timer>;

    virtual ~sync_socket_provider() = default;
    virtual std::unique_ptr<websocket_interface> connect(std::unique_ptr<websocket_observer> observer, websocket_endpoint&& endpoint) = 0;
    virtual void post(FunctionHandler&& handler) = 0;
    virtual sync_timer create_timer(std::chrono::milliseconds delay, FunctionHandler&& handler) = 0;
};

// The built-in provider, for applications that wrap it. Its loop is a thread of its own.
template <typename Lazy>
struct lazy_socket_provider : sync_socket_provider {
    using configuration = transport_configuration;
    using default_socket_provider = lazy_socket_provider;// by which derived classes call it

    lazy_socket_provider() = default;
    lazy_socket_provider(const configuration& c) : m_configuration(c) {}
    ~lazy_socket_provider() override { m_loop->stop(); }

    std::unique_ptr<websocket_interface> connect(std::unique_ptr<websocket_observer> observer, websocket_endpoint&& endpoint) override;
    void post(FunctionHandler&& handler) override {
        m_loop->post([handler = std::move(handler)] { handler(status::ok()); });
    }
    sync_timer create_timer(std::chrono::milliseconds delay, FunctionHandler&& handler) override {
        struct loop_timer : timer {
            std::shared_ptr<event_loop> loop;
            uint64_t id = 0;
            ~loop_timer() override { cancel(); }
            void cancel() override { loop->cancel(id); }
        };
        auto out = std::make_unique<loop_timer>();
        out->loop = m_loop;
        out->id = m_loop->post_after(delay, [handler = std::move(handler)](bool cancelled) {
            handler(cancelled ? status("OperationAborted", "The timer was cancelled.") : status::ok());
        });
        return out;
    }

protected:
    // What a derived class changes counts from the next connection on.
    configuration m_configuration;

private:
    using event_loop = internal::event_loop<Lazy>;
    std::shared_ptr<event_loop> m_loop = std::make_shared<event_loop>();
};
using default_socket_provider = lazy_socket_provider<void>;

}// namespace realm::networking

namespace realm::internal {

// A built-in WebSocket. The library reports on threads of its own; the observer hears of it on the loop.
template <typename Lazy>
class native_websocket : public networking::websocket_interface {
public:
    using err = networking::websocket_err_codes;

    CPPREALM_COLD native_websocket(std::shared_ptr<event_loop<Lazy>> loop, std::unique_ptr<networking::websocket_observer> observer, const network_config& config,
                                   const networking::websocket_endpoint& endpoint)
        : m_state(std::make_shared<state>()) {
        m_state->loop = std::move(loop);
        m_state->observer = std::move(observer);
        std::vector<realm_string_t> protocols;
        for (auto& p: endpoint.protocols) protocols.push_back(to_abi(p));
        realm_websocket_callbacks_t callbacks{on_connected, on_received, on_closed};
        realm_error_t e;
        auto s = realm_websocket_open(config.get(), to_abi(endpoint.url), protocols.data(), protocols.size(), &callbacks, new_userdata(shared(m_state)), free_userdata<shared>,
                                      m_socket.out(), &e);
        if (s != REALM_OK) report_closed(m_state, static_cast<int32_t>(err::fatal_error), e.message);
    }
    ~native_websocket() override { m_state->alive = false; }

    CPPREALM_COLD void async_write_binary(std::string_view data, FunctionHandler&& handler) override {
        struct write {
            shared state;
            FunctionHandler handler;
        };
        realm_error_t e;
        auto copy = handler;
        auto s = realm_websocket_write(
                m_socket.get(), to_abi(data),
                [](void* p, bool ok) noexcept {
                    auto& w = userdata<write>(p);
                    w.state->loop->post([state = w.state, handler = std::move(w.handler), ok] {
                        if (state->alive) handler(ok ? networking::status::ok() : networking::status("ConnectionClosed", "The message could not be sent."));
                    });
                },
                new_userdata(write{m_state, std::move(handler)}), free_userdata<write>, &e);
        if (s == REALM_OK) return;
        m_state->loop->post([state = m_state, handler = std::move(copy), why = std::string(e.message)] {
            if (state->alive) handler(networking::status("ConnectionClosed", why));
        });
    }

private:
    struct state {
        std::shared_ptr<event_loop<Lazy>> loop;
        std::unique_ptr<networking::websocket_observer> observer;// used on the loop, while alive
        std::atomic<bool> alive{true};
    };
    using shared = std::shared_ptr<state>;

    static void on_connected(void* p, realm_string_t protocol) noexcept {
        auto& s = userdata<shared>(p);
        s->loop->post([s, name = from_abi(protocol)] {
            if (s->alive) s->observer->websocket_connected_handler(name);
        });
    }
    // Waits until the observer has it: so the network is read no faster.
    static void on_received(void* p, realm_string_t message) noexcept {
        struct done {
            std::promise<void> promise;
            ~done() { promise.set_value(); }
        };
        auto& s = userdata<shared>(p);
        auto guard = std::make_shared<done>();
        auto taken = guard->promise.get_future();
        s->loop->post([s, message, guard = std::move(guard)] {
            if (s->alive) s->observer->websocket_binary_message_received(std::string_view(message.data, message.size));
        });
        taken.wait();
    }
    static void on_closed(void* p, int32_t code, realm_string_t reason) noexcept { report_closed(userdata<shared>(p), code, from_abi(reason)); }
    static void report_closed(const shared& s, int32_t code, std::string reason) {
        s->loop->post([s, code, reason = std::move(reason)] {
            if (!s->alive) return;
            bool clean = code < static_cast<int32_t>(err::resolve_failed) && code != static_cast<int32_t>(err::abnormal_closure);
            if (!clean) s->observer->websocket_error_handler();
            if (s->alive) s->observer->websocket_closed_handler(clean, static_cast<err>(code), reason);
        });
    }

    shared m_state;
    websocket_handle m_socket;
};

// A WebSocket of an application's provider, and the library's end of it. The socket is used on the provider's loop only.
template <typename Lazy>
struct provided_websocket {
    explicit provided_websocket(realm_websocket_observer_t* o) : observer(o) {}
    provided_websocket(const provided_websocket&) = delete;
    provided_websocket& operator=(const provided_websocket&) = delete;
    ~provided_websocket() { realm_websocket_observer_release(observer); }

    void closed(networking::websocket_err_codes code, std::string_view why) { realm_websocket_observer_closed(observer, static_cast<int32_t>(code), to_abi(why), nullptr); }

    realm_websocket_observer_t* const observer;
    std::unique_ptr<networking::websocket_interface> socket;
    std::atomic<bool> over{false};// the library has closed it
};

// What the sockets of a provider report to. It is the socket's, so it must not own the socket.
template <typename Lazy>
struct provided_observer : networking::websocket_observer {
    explicit provided_observer(const std::shared_ptr<provided_websocket<Lazy>>& s) : target(s) {}
    void websocket_connected_handler(const std::string& protocol) override {
        if (auto s = target.lock()) realm_websocket_observer_connected(s->observer, to_abi(protocol), nullptr);
    }
    void websocket_error_handler() override {}
    bool websocket_binary_message_received(std::string_view data) override {
        auto s = target.lock();
        return s && realm_websocket_observer_received(s->observer, to_abi(data), nullptr) == REALM_OK;
    }
    bool websocket_closed_handler(bool, networking::websocket_err_codes code, std::string_view message) override {
        if (auto s = target.lock()) s->closed(code, message);
        return false;
    }
    std::weak_ptr<provided_websocket<Lazy>> target;
};

// An application's provider for the C ABI: everything of its sockets is posted to its loop. What it throws ends the connection.
template <typename Lazy>
class provider_bridge {
    using provider = std::shared_ptr<networking::sync_socket_provider>;
    using websocket = std::shared_ptr<provided_websocket<Lazy>>;
    using err = networking::websocket_err_codes;

    static void* connect(void* userdata, realm_string_t url, const realm_string_t* protocols, size_t n, realm_websocket_observer_t* observer) noexcept {
        auto& p = *static_cast<provider*>(userdata);
        auto s = std::make_shared<provided_websocket<Lazy>>(observer);
        networking::websocket_endpoint endpoint;
        endpoint.url = from_abi(url);
        for (size_t i = 0; i < n; i++) endpoint.protocols.push_back(from_abi(protocols[i]));
        // A handler runs on the provider's loop, so the provider is there. Handlers don't own it: the last one would end it on its own loop.
        bool posted = post(p, [raw = p.get(), s, endpoint](networking::status status) mutable {
            if (s->over) return;
            if (!status.is_ok()) return s->closed(err::connection_failed, status.reason());
            try {
                s->socket = raw->connect(std::make_unique<provided_observer<Lazy>>(s), std::move(endpoint));
                if (!s->socket) s->closed(err::connection_failed, "the WebSocket provider made no socket");
            } catch (const std::exception& e) {
                s->closed(err::connection_failed, e.what());
            } catch (...) {
                s->closed(err::connection_failed, "the WebSocket provider has thrown");
            }
        });
        return posted ? new_userdata(std::move(s)) : nullptr;
    }
    static void write(void* userdata, void* socket, realm_string_t message) noexcept {
        auto& s = *static_cast<websocket*>(socket);
        auto text = std::make_shared<const std::string>(from_abi(message));
        bool posted = post(*static_cast<provider*>(userdata), [s, text](networking::status status) {
            auto written = [target = std::weak_ptr<provided_websocket<Lazy>>(s), text, told = std::make_shared<std::atomic<bool>>(false)](networking::status result) {
                auto to = target.lock();
                if (to && !told->exchange(true)) realm_websocket_observer_written(to->observer, result.is_ok(), nullptr);
            };
            if (!s->socket || !status.is_ok()) return written(networking::status("ConnectionClosed", "The WebSocket is closed."));
            try {
                s->socket->async_write_binary(*text, written);
            } catch (...) {
                written(networking::status("RuntimeError", "The WebSocket has thrown."));
            }
        });
        if (!posted) realm_websocket_observer_written(s->observer, false, nullptr);
    }
    static void close(void* userdata, void* socket) noexcept {
        auto s = static_cast<websocket*>(socket);
        (*s)->over = true;
        post(*static_cast<provider*>(userdata), [s = *s](networking::status) { s->socket.reset(); });
        delete s;
    }
    static bool post(const provider& p, networking::sync_socket_provider::FunctionHandler&& handler) noexcept {
        try {
            p->post(std::move(handler));
            return true;
        } catch (...) {
            return false;
        }
    }

public:
    CPPREALM_COLD static websocket_provider_handle make(provider p) {
        realm_websocket_provider_callbacks_t callbacks{connect, write, close};
        websocket_provider_handle out;
        call(realm_websocket_provider_create, &callbacks, new_userdata(std::move(p)), free_userdata<provider>, out.out());
        return out;
    }
};

}// namespace realm::internal

namespace realm::networking {
template <typename Lazy>
std::unique_ptr<websocket_interface> lazy_socket_provider<Lazy>::connect(std::unique_ptr<websocket_observer> observer, websocket_endpoint&& endpoint) {
    internal::network_config config;
    config.set(m_configuration);
    return std::make_unique<internal::native_websocket<Lazy>>(m_loop, std::move(observer), config, endpoint);
}
}// namespace realm::networking
