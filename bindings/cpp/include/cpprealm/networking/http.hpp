// How an App's HTTP requests are sent: an interface for transports of the application, and the built-in one.
#pragma once

#include <cpprealm/internal/bridge/config.hpp>
#include <cpprealm/internal/network.hpp>
#include <cpprealm/version_numbers.hpp>

#include <cerrno>
#include <mutex>

namespace realm::networking {

enum class http_method { get,
                         post,
                         patch,
                         put,
                         del };
using http_headers = std::map<std::string, std::string>;

// It may contain tokens and passwords: keep it out of logs.
struct request {
    http_method method = http_method::get;
    std::string url = {};
    uint64_t timeout_ms = 0;
    http_headers headers = {};
    std::string body = {};
};

struct response {
    int http_status_code = 0;                           // 0 when there was no answer, and then the next one is not
    int custom_status_code = 0;                         // not 0: the transport failed, in its own numbers; the body says why
    http_headers headers = {};                          // names in any case
    std::string body = {};
    std::optional<std::int32_t> client_error_code = {}; // one of the original's error codes, which wins
};

// Asked for each certificate of a server's chain, the root first; false refuses the server. preverify_ok: the chain is trusted, in date, and
// for the server.
using SSLVerifyCallback = bool(const std::string& server_address, sync_config::proxy_config::port_type server_port, const char* pem_data, size_t pem_size,
                               int preverify_ok, int depth);

// What the built-in transports, of HTTP and of WebSockets, can be told.
struct transport_configuration {
    using SSLVerifyCallback = networking::SSLVerifyCallback;
    std::optional<std::map<std::string, std::string>> custom_http_headers = {};// requests' own headers win
    std::optional<sync_config::proxy_config> proxy_config = {};                // every connection is a tunnel that CONNECT asks for
    bool client_validate_ssl = true;
    std::optional<std::string> ssl_trust_certificate_path = {};// PEM; trusted instead of the system's
    std::function<SSLVerifyCallback> ssl_verify_callback = {}; // has the last word
};
// The original's name of it in some versions; in others each transport has a `configuration` of its own.
using default_transport_configuration = transport_configuration;

// Sends the requests of an App. It may be called on several threads at a time, on those whose calls need it. The callback may be called at
// once, or later on any thread; a second call means nothing, and dropping it without a call fails the request. Redirects are the App's business.
struct http_transport_client {
    virtual ~http_transport_client() = default;
    virtual void send_request_to_server(const request& request, std::function<void(const response&)>&& completion_block) = 0;
};

// The built-in transport, for applications that wrap it. Synchronous: the callback has run when the call returns. A failed exchange is a
// response with a custom status code. A connection of its own for every request.
template <typename Lazy>
struct lazy_http_transport : http_transport_client {
    using configuration = transport_configuration;
    using default_http_transport = lazy_http_transport;// by which derived classes call it

    lazy_http_transport() = default;
    lazy_http_transport(const configuration& c) : m_configuration(c) {}

    void send_request_to_server(const request& r, std::function<void(const response&)>&& completion_block) override {
        completion_block(send(r));
    }

protected:
    // What a derived class changes counts from the next request on.
    configuration m_configuration;

private:
    CPPREALM_COLD response send(const request& r) const {
        static const char* const names[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
        auto headers = internal::to_abi_headers(r.headers);
        realm_http_request_t abi{};
        abi.method = internal::to_abi(names[static_cast<size_t>(r.method)]);
        abi.url = internal::to_abi(r.url);
        abi.headers = headers.data();
        abi.n_headers = headers.size();
        abi.body = internal::to_abi(r.body);
        abi.timeout_ms = r.timeout_ms;
        internal::network_config config;
        config.set(m_configuration);
        response out;
        realm_error_t e;
        auto status = realm_http_send(
                config.get(), &abi,
                [](void* p, const realm_http_response_t* from) noexcept {
                    auto to = static_cast<response*>(p);
                    to->http_status_code = from->status;
                    to->headers = internal::from_abi_headers(from->headers, from->n_headers);
                    to->body = internal::from_abi(from->body);
                },
                &out, &e);
        if (status != REALM_OK) {
            out.custom_status_code = ECANCELED;
            out.body = e.message;
        }
        return out;
    }
};
using default_http_transport = lazy_http_transport<void>;

// The application's factory; empty: the built-in transport.
template <typename Lazy>
struct http_clients {
    static inline std::mutex mutex;
    static inline std::function<std::shared_ptr<http_transport_client>()> factory;
};

// Replaces what Apps use that are given no transport, from now on. Empty: the built-in one again.
template <typename Lazy = void>
void set_http_client_factory(std::function<std::shared_ptr<http_transport_client>()>&& factory) {
    std::lock_guard<std::mutex> lock(http_clients<Lazy>::mutex);
    http_clients<Lazy>::factory = std::move(factory);
}
// What the factory makes; nullptr without one.
template <typename Lazy = void>
std::shared_ptr<http_transport_client> make_custom_http_client() {
    std::function<std::shared_ptr<http_transport_client>()> factory;
    {
        std::lock_guard<std::mutex> lock(http_clients<Lazy>::mutex);
        factory = http_clients<Lazy>::factory;
    }
    return factory ? factory() : nullptr;
}
// The transport of Apps that are given none.
template <typename Lazy = void>
std::shared_ptr<http_transport_client> make_http_client() {
    if (auto custom = make_custom_http_client<Lazy>()) return custom;
    return std::make_shared<lazy_http_transport<Lazy>>();
}

}// namespace realm::networking

namespace realm::internal {

// A request that waits for its answer. The first answer counts; without one the request fails when the last copy of the callback is gone.
template <typename Lazy>
class http_exchange {
public:
    explicit http_exchange(realm_http_exchange_t* raw) : m_raw(raw) {}
    http_exchange(const http_exchange&) = delete;
    http_exchange& operator=(const http_exchange&) = delete;
    ~http_exchange() { realm_http_exchange_release(m_raw); }

    CPPREALM_COLD void answer(const networking::response& r) {
        auto headers = to_abi_headers(r.headers);
        realm_http_response_t abi{};
        abi.status = r.http_status_code;
        abi.custom_status = r.custom_status_code;
        abi.has_client_error = r.client_error_code.has_value();
        abi.client_error = r.client_error_code.value_or(0);
        abi.headers = headers.data();
        abi.n_headers = headers.size();
        abi.body = to_abi(r.body);
        realm_http_exchange_answer(m_raw, &abi, nullptr);// fails when it is answered, or nobody waits any more
    }
    void fail(const char* why) {
        networking::response r;
        r.custom_status_code = ECANCELED;
        r.body = why;
        answer(r);
    }

private:
    realm_http_exchange_t* m_raw;
};

template <typename Lazy>
CPPREALM_COLD networking::request to_request(const realm_http_request_t& from) {
    using networking::http_method;
    networking::request out;
    auto method = std::string_view(from.method.data, from.method.size);
    out.method = method == "POST" ? http_method::post : method == "PUT" ? http_method::put
                                                : method == "PATCH"     ? http_method::patch
                                                : method == "DELETE"    ? http_method::del
                                                                        : http_method::get;
    out.url = from_abi(from.url);
    out.timeout_ms = from.timeout_ms;
    out.headers = from_abi_headers(from.headers, from.n_headers);
    out.body = from_abi(from.body);
    return out;
}

// An application's transport for the C ABI. What it throws fails the request.
template <typename Lazy>
CPPREALM_COLD http_transport_handle make_transport(std::shared_ptr<networking::http_transport_client> client) {
    using shared = std::shared_ptr<networking::http_transport_client>;
    http_transport_handle out;
    call(
            realm_http_transport_create,
            [](void* p, const realm_http_request_t* request, realm_http_exchange_t* raw) noexcept {
                auto exchange = std::make_shared<http_exchange<Lazy>>(raw);
                try {
                    userdata<shared>(p)->send_request_to_server(to_request<Lazy>(*request), [exchange](const networking::response& r) { exchange->answer(r); });
                } catch (const std::exception& e) {
                    exchange->fail(e.what());
                } catch (...) {
                    exchange->fail("the HTTP transport has thrown");
                }
            },
            new_userdata(std::move(client)), free_userdata<shared>, out.out());
    return out;
}

}// namespace realm::internal
