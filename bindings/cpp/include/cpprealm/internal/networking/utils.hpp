// The original's own types of requests and endpoints, which wrappers of its transports convert to and from.
#pragma once

#include <cpprealm/networking/websocket.hpp>

namespace realm::app {

enum class HttpMethod { get,
                        post,
                        patch,
                        put,
                        del };
struct Request {
    HttpMethod method = HttpMethod::get;
    std::string url = {};
    uint64_t timeout_ms = 0;
    std::map<std::string, std::string> headers = {};
    std::string body = {};
};
struct Response {
    int http_status_code = 0;
    int custom_status_code = 0;
    std::map<std::string, std::string> headers = {};
    std::string body = {};
    std::optional<std::int32_t> client_error_code = {};
};

}// namespace realm::app

namespace realm::internal::networking {

inline ::realm::networking::request to_request(const app::Request& r) {
    return {static_cast<::realm::networking::http_method>(r.method), r.url, r.timeout_ms, r.headers, r.body};
}
inline app::Response to_core_response(const ::realm::networking::response& r) {
    return {r.http_status_code, r.custom_status_code, r.headers, r.body, r.client_error_code};
}

// A URL of a WebSocket in its parts, with how to get there.
struct core_websocket_endpoint {
    struct proxy_address {
        std::string address;
        sync_config::proxy_config::port_type port = 0;
    };
    bool is_ssl = false;
    std::vector<std::string> protocols = {};
    std::string address = {};
    sync_config::proxy_config::port_type port = 0;
    std::string path = {};
    std::map<std::string, std::string> headers = {};
    std::optional<proxy_address> proxy = {};
    std::optional<std::string> ssl_trust_certificate_path = {};
    bool verify_servers_ssl_certificate = true;
    std::function<::realm::networking::SSLVerifyCallback> ssl_verify_callback = {};
};

// Schemes ws, wss, realm, realms; ports default to 80 and 443; the path begins with a slash. std::invalid_argument for anything else.
CPPREALM_COLD inline core_websocket_endpoint
to_core_websocket_endpoint(const ::realm::networking::websocket_endpoint& endpoint,
                           const std::optional<::realm::networking::default_socket_provider::configuration>& configuration) {
    core_websocket_endpoint out;
    auto bad = [] { throw std::invalid_argument("This is not the URL of a WebSocket."); };
    std::string_view rest = endpoint.url;
    auto scheme_end = rest.find("://");
    if (scheme_end == std::string_view::npos) bad();
    auto scheme = rest.substr(0, scheme_end);
    out.is_ssl = scheme == "wss" || scheme == "realms";
    if (!out.is_ssl && scheme != "ws" && scheme != "realm") bad();
    rest.remove_prefix(scheme_end + 3);
    auto host = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(host.size());
    out.path = std::string(rest);
    if (out.path.empty() || out.path[0] != '/') out.path.insert(0, "/");
    out.port = out.is_ssl ? 443 : 80;
    // The brackets of an IPv6 address contain colons.
    auto colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        auto digits = host.substr(colon + 1);
        if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string_view::npos) bad();
        out.port = static_cast<decltype(out.port)>(std::stoul(std::string(digits)));
        if (out.port == 0 || out.port > 65535) bad();
        host = host.substr(0, colon);
    }
    if (host.empty()) bad();
    out.address = std::string(host);
    out.protocols = endpoint.protocols;
    if (!configuration) return out;
    if (configuration->custom_http_headers) out.headers = *configuration->custom_http_headers;
    if (auto& p = configuration->proxy_config) {
        out.proxy = core_websocket_endpoint::proxy_address{p->address, p->port};
        if (p->username_password) {
            auto plain = p->username_password->first + ":" + p->username_password->second;
            out.headers["Proxy-Authorization"] = "Basic " + base64(reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
        }
    }
    out.ssl_trust_certificate_path = configuration->ssl_trust_certificate_path;
    out.verify_servers_ssl_certificate = configuration->client_validate_ssl;
    out.ssl_verify_callback = configuration->ssl_verify_callback;
    return out;
}

}// namespace realm::internal::networking
