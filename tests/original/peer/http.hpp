// The HTTP client of the peer: the original leaves it to its SDKs.
#pragma once

#include <realm/object-store/sync/generic_network_transport.hpp>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace peer {

// Transport makes one connection per request, without TLS, and answers on the caller's thread.
struct Transport : realm::app::GenericNetworkTransport {
    void send_request_to_server(const realm::app::Request& request, realm::util::UniqueFunction<void(const realm::app::Response&)>&& done) override
    {
        done(answer(request));
    }

private:
    static realm::app::Response failed(const char* what)
    {
        realm::app::Response out{};
        out.custom_status_code = 1;
        out.body = what;
        return out;
    }

    static realm::app::Response answer(const realm::app::Request& request)
    {
        const std::string scheme = "http://";
        if (request.url.compare(0, scheme.size(), scheme) != 0)
            return failed("only http:// is known here");
        const auto slash = request.url.find('/', scheme.size());
        const auto authority = request.url.substr(scheme.size(), slash - scheme.size());
        const auto path = slash == std::string::npos ? "/" : request.url.substr(slash);
        const int fd = dial(authority);
        if (fd < 0)
            return failed("the server can't be reached");
        static const char* const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
        std::string out = methods[int(request.method)];
        out += " " + path + " HTTP/1.0\r\nHost: " + authority + "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
        for (auto& [name, value] : request.headers)
            out += name + ": " + value + "\r\n";
        out += "\r\n" + request.body;
        for (size_t sent = 0; sent < out.size();) {
            const auto n = send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            sent += n;
        }
        std::string in;
        char buffer[16384];
        for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
            in.append(buffer, n);
        close(fd);
        return parse(in);
    }

    static int dial(const std::string& authority)
    {
        const auto colon = authority.rfind(':');
        const auto host = authority.substr(0, colon), port = colon == std::string::npos ? "80" : authority.substr(colon + 1);
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = SOCK_STREAM;
        if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
            return -1;
        int fd = socket(found->ai_family, SOCK_STREAM, 0);
        if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
        freeaddrinfo(found);
        return fd;
    }

    static realm::app::Response parse(const std::string& in)
    {
        const auto head = in.find("\r\n\r\n");
        if (head == std::string::npos || in.size() < 12)
            return failed("the answer is not HTTP");
        realm::app::Response out{};
        out.http_status_code = std::stoi(in.substr(9, 3));
        for (auto at = in.find("\r\n") + 2; at < head;) {
            const auto end = in.find("\r\n", at), colon = in.find(':', at);
            out.headers[in.substr(at, colon - at)] = in.substr(colon + 2, end - colon - 2);
            at = end + 2;
        }
        out.body = in.substr(head + 4);
        return out;
    }
};

} // namespace peer
