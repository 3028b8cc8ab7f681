// The HTTP client of the peer: the original leaves it to its SDKs.
#pragma once

#include <realm/object-store/sync/generic_network_transport.hpp>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <vector>

namespace peer {

// Exchange is a request and its answer, as tests see it.
struct Exchange {
    std::string method, url, authorization;
    int status;
};

// Connection is one HTTP exchange over a socket of its own, without TLS.
class Connection {
public:
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    explicit Connection(const realm::app::Request& request)
    {
        const std::string scheme = "http://";
        if (request.url.compare(0, scheme.size(), scheme) != 0)
            return;
        const auto slash = request.url.find('/', scheme.size());
        const auto authority = request.url.substr(scheme.size(), slash - scheme.size());
        const auto path = slash == std::string::npos ? "/" : request.url.substr(slash);
        fd = dial(authority);
        std::string out = std::string(method(request)) + " " + path + " HTTP/1.1\r\nHost: " + authority + "\r\nConnection: close\r\n";
        if (!request.body.empty())
            out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
        for (auto& [name, value] : request.headers)
            out += name + ": " + value + "\r\n";
        out += "\r\n" + request.body;
        for (size_t sent = 0; fd >= 0 && sent < out.size();) {
            const auto n = send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            sent += n;
        }
    }

    ~Connection()
    {
        if (fd >= 0)
            close(fd);
    }

    static const char* method(const realm::app::Request& request)
    {
        static const char* const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
        return methods[int(request.method)];
    }

    // head reads the status and the headers; false if what comes isn't HTTP.
    bool head(realm::app::Response& out)
    {
        size_t end;
        while ((end = in.find("\r\n\r\n")) == std::string::npos)
            if (!more())
                return false;
        if (in.compare(0, 9, "HTTP/1.1 ") != 0 || end < 12)
            return false;
        out.http_status_code = std::stoi(in.substr(9, 3));
        for (auto at = in.find("\r\n") + 2; at < end;) {
            const auto line = in.find("\r\n", at), colon = in.find(':', at);
            out.headers[in.substr(at, colon - at)] = in.substr(colon + 2, line - colon - 2);
            at = line + 2;
        }
        in.erase(0, end + 4);
        const auto coding = out.headers.find("Transfer-Encoding");
        chunked = coding != out.headers.end() && coding->second == "chunked";
        return true;
    }

    // piece returns the next bytes of the body, empty at its end.
    std::string piece()
    {
        if (!chunked) {
            if (in.empty())
                more();
            return std::exchange(in, {});
        }
        size_t line;
        while ((line = in.find("\r\n")) == std::string::npos)
            if (!more())
                return {};
        const auto size = std::stoul(in.substr(0, line), nullptr, 16);
        while (in.size() < line + 2 + size + 2)
            if (!more())
                return {};
        auto out = in.substr(line + 2, size);
        in.erase(0, line + 2 + size + 2);
        return out;
    }

private:
    bool more()
    {
        char buffer[16384];
        const auto n = fd < 0 ? 0 : read(fd, buffer, sizeof buffer);
        if (n > 0)
            in.append(buffer, n);
        return n > 0;
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

    int fd = -1;
    std::string in;
    bool chunked = false;
};

// Transport makes one connection per request and answers on the caller's thread. It keeps what was asked.
struct Transport : realm::app::GenericNetworkTransport {
    void send_request_to_server(const realm::app::Request& request, realm::util::UniqueFunction<void(const realm::app::Response&)>&& done) override
    {
        const auto response = answer(request);
        {
            const std::lock_guard lock(mutex);
            const auto token = request.headers.find("Authorization");
            exchanges.push_back({Connection::method(request), request.url, token == request.headers.end() ? "" : token->second, response.http_status_code});
        }
        done(response);
    }

    // taken returns the exchanges since the last call.
    std::vector<Exchange> taken()
    {
        const std::lock_guard lock(mutex);
        return std::exchange(exchanges, {});
    }

private:
    static realm::app::Response answer(const realm::app::Request& request)
    {
        realm::app::Response out{};
        Connection connection(request);
        if (!connection.head(out)) {
            out = {};
            out.custom_status_code = 1;
            out.body = "the server can't be reached";
            return out;
        }
        for (std::string piece; !(piece = connection.piece()).empty();)
            out.body += piece;
        return out;
    }

    std::mutex mutex;
    std::vector<Exchange> exchanges;
};

} // namespace peer
