// How built-in transports connect, as the C ABI wants it.
#pragma once

#include <cpprealm/internal/abi.hpp>

#include <map>
#include <optional>
#include <vector>

namespace realm::internal {

using http_transport_handle = handle<realm_http_transport_t, realm_http_transport_release>;
using websocket_provider_handle = handle<realm_websocket_provider_t, realm_websocket_provider_release>;
using websocket_handle = handle<realm_websocket_t, realm_websocket_release>;

template <typename Lazy = void>
std::vector<realm_http_header_t> to_abi_headers(const std::map<std::string, std::string>& headers) {
    std::vector<realm_http_header_t> out;
    for (auto& h: headers) out.push_back({to_abi(h.first), to_abi(h.second)});
    return out;
}
template <typename Lazy = void>
std::map<std::string, std::string> from_abi_headers(const realm_http_header_t* headers, size_t n) {
    std::map<std::string, std::string> out;
    for (size_t i = 0; i < n; i++) out[from_abi(headers[i].name)] = from_abi(headers[i].value);
    return out;
}

// A realm_network_config_t that points into what it was made of, which must live as long.
class network_config {
public:
    network_config() { m_abi.struct_size = sizeof m_abi; }
    template <typename Headers>
    void set_headers(const Headers& headers) {
        m_headers = to_abi_headers(headers);
        m_abi.headers = m_headers.data();
        m_abi.n_headers = m_headers.size();
    }
    template <typename Proxy>
    void set_proxy(const Proxy& p) {
        m_abi.proxy_host = to_abi(p.address);
        m_abi.proxy_port = static_cast<uint16_t>(p.port);
        m_abi.has_proxy_credentials = p.username_password.has_value();
        if (p.username_password) {
            m_abi.proxy_user = to_abi(p.username_password->first);
            m_abi.proxy_password = to_abi(p.username_password->second);
        }
    }
    // The `configuration` of a built-in transport. The result is handed to exactly one call, which takes over the callback in it.
    template <typename Configuration>
    void set(const Configuration& c) {
        if (c.custom_http_headers) set_headers(*c.custom_http_headers);
        if (c.proxy_config) set_proxy(*c.proxy_config);
        m_abi.skip_certificate_check = !c.client_validate_ssl;
        if (c.ssl_trust_certificate_path) m_abi.trust_certificate_path = to_abi(*c.ssl_trust_certificate_path);
        if (!c.ssl_verify_callback) return;
        using fn = decltype(c.ssl_verify_callback);
        m_abi.verify = [](void* p, realm_string_t host, uint16_t port, realm_string_t pem, bool valid, int32_t depth) noexcept {
            return userdata<std::decay_t<fn>>(p)(from_abi(host), port, pem.data, pem.size, valid, depth);
        };
        m_abi.verify_userdata = new_userdata(c.ssl_verify_callback);
        m_abi.verify_free_userdata = free_userdata<std::decay_t<fn>>;
    }
    const realm_network_config_t* get() const { return &m_abi; }

private:
    realm_network_config_t m_abi{};
    std::vector<realm_http_header_t> m_headers;
};

}// namespace realm::internal
