// Transports of the application: HTTP requests and sync connections that go through them, and what they can get wrong.
#define REALM_ENABLE_EXPERIMENTAL 1// App::update_base_url
#include "sync.hpp"

#include <atomic>
#include <fstream>

using realm::App;
using realm::bsoncxx;
using credentials = realm::App::credentials;
namespace net = realm::networking;

namespace {

// A transport that notes what it carries, and may answer by itself.
struct counting_transport : net::default_http_transport {
    std::mutex mutex;
    std::vector<net::request> requests;
    std::function<std::optional<net::response>(const net::request&)> answer;

    counting_transport() { m_configuration.custom_http_headers = std::map<std::string, std::string>{{"X-App", "yes"}}; }
    void send_request_to_server(const net::request& request, std::function<void(const net::response&)>&& done) override {
        {
            std::lock_guard<std::mutex> lock(mutex);
            requests.push_back(request);
        }
        if (answer)
            if (auto a = answer(request)) return done(*a);
        default_http_transport::send_request_to_server(request, std::move(done));
    }
    std::string last_path() {
        std::lock_guard<std::mutex> lock(mutex);
        return requests.empty() ? "" : requests.back().url.substr(requests.back().url.find("/api/"));
    }
};

// A provider that counts what goes through it.
struct counting_provider : net::default_socket_provider {
    std::atomic<int> connects{0}, posts{0}, sent{0}, received{0}, closed{0}, live{0};
    std::atomic<bool> refuse{false};
    std::mutex mutex;
    std::string url, protocol;

    struct socket : net::websocket_interface {
        counting_provider& owner;
        std::unique_ptr<net::websocket_interface> inner;
        socket(counting_provider& o, std::unique_ptr<net::websocket_interface> i) : owner(o), inner(std::move(i)) { owner.live++; }
        ~socket() override { owner.live--; }
        void async_write_binary(std::string_view data, FunctionHandler&& handler) override {
            owner.sent++;
            inner->async_write_binary(data, std::move(handler));
        }
    };
    struct observer : net::websocket_observer {
        counting_provider& owner;
        std::unique_ptr<net::websocket_observer> inner;
        observer(counting_provider& o, std::unique_ptr<net::websocket_observer> i) : owner(o), inner(std::move(i)) {}
        void websocket_connected_handler(const std::string& p) override {
            {
                std::lock_guard<std::mutex> lock(owner.mutex);
                owner.protocol = p;
            }
            inner->websocket_connected_handler(p);
        }
        void websocket_error_handler() override { inner->websocket_error_handler(); }
        bool websocket_binary_message_received(std::string_view data) override {
            owner.received++;
            return inner->websocket_binary_message_received(data);
        }
        bool websocket_closed_handler(bool clean, net::websocket_err_codes code, std::string_view message) override {
            owner.closed++;
            return inner->websocket_closed_handler(clean, code, message);
        }
    };
    std::unique_ptr<net::websocket_interface> connect(std::unique_ptr<net::websocket_observer> o, net::websocket_endpoint&& endpoint) override {
        connects++;
        {
            std::lock_guard<std::mutex> lock(mutex);
            url = endpoint.url;
        }
        if (refuse) throw std::runtime_error("not today");
        return std::make_unique<socket>(*this, default_socket_provider::connect(std::make_unique<observer>(*this, std::move(o)), std::move(endpoint)));
    }
    void post(FunctionHandler&& handler) override {
        posts++;
        default_socket_provider::post(std::move(handler));
    }
};

// A transport and a provider that are told one configuration, by the name it has in some versions of the original.
struct told_transport : net::default_http_transport {
    explicit told_transport(const net::default_transport_configuration& c) { m_configuration = c; }
    bool has_headers() const { return m_configuration.custom_http_headers.has_value(); }
};
struct told_provider : net::default_socket_provider {
    explicit told_provider(const net::default_transport_configuration& c) { m_configuration = c; }
    bool has_headers() const { return m_configuration.custom_http_headers.has_value(); }
};

App::configuration configuration(const check::server& server, const check::temp_dir& dir) {
    App::configuration c;
    c.app_id = server.app_id;
    c.base_url = server.url;
    c.path = dir.path().string();
    c.enable_caching = false;
    return c;
}

net::response json(int status, const std::string& body) {
    net::response r;
    r.http_status_code = status;
    r.headers = {{"content-type", status == 200 ? "application/json;charset=utf-8" : "application/json"}};
    r.body = body;
    return r;
}

template <typename Future>
std::string error_of(Future&& f) {
    try {
        f.get();
    } catch (const realm::app_error& e) { return std::string(e.code_string()) + ": " + std::string(e.message()); }
    return "";
}

}// namespace

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_networking");

    suite.run("base URL", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        App app(c);
        transport->answer = [](const net::request&) { return json(404, R"({"error":"no such app"})"); };
        for (auto& url: {std::optional<std::string>(), std::optional<std::string>("")}) {// the default one, which lacks the app
            transport->requests.clear();
            CHECK(error_of(app.update_base_url(url)) != "");
            CHECK(transport->requests.size() == 1 && transport->requests[0].url.find("https://services.cloud.mongodb.com/api/") == 0);
            CHECK_EQUAL(app.get_base_url(), server.url);
        }
        CHECK(error_of(app.update_base_url(std::nullopt)) != "");
        CHECK(error_of(app.update_base_url("http://127.0.0.1:1")) != "");
        CHECK_EQUAL(app.get_base_url(), server.url);
        transport->answer = nullptr;
        app.update_base_url(server.url).get();
        CHECK(app.login(credentials::anonymous()).get().is_logged_in());
    });

    suite.run("requests go through the transport", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        std::weak_ptr<counting_transport> watch = transport;
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        {
            App app(c);
            auto user = app.login(credentials::anonymous()).get();
            CHECK(user.is_logged_in());
            CHECK(transport->requests.size() >= 2);// location, login
            bool login = false;
            for (auto& r: transport->requests)
                if (r.url.find("/auth/providers/anon-user/login") != std::string::npos) {
                    login = true;
                    CHECK(r.method == net::http_method::post && r.timeout_ms == 60000 && r.body.find("\"device\"") != std::string::npos);
                    CHECK_EQUAL(r.headers.at("Accept"), std::string("application/json"));
                }
            CHECK(login);
            user.log_out().get();
            CHECK(transport->requests.back().method == net::http_method::del);
        }
        c.http_transport_client.reset();
        transport.reset();
        CHECK(watch.expired());// the library has let go of it
    });

    // What each factory sends to log in: the path and the members of the body before "options" (app-services.md 4.1).
    suite.run("credentials", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        transport->answer = [](const net::request& r) -> std::optional<net::response> {
            if (r.url.find("/login") == std::string::npos) return std::nullopt;
            net::response refused;
            refused.http_status_code = 401;
            refused.headers = {{"Content-Type", "application/json"}};
            refused.body = R"({"error":"no","error_code":"AuthError"})";
            return refused;
        };
        using credentials = App::credentials;
        const struct {
            credentials given;
            std::string provider, body;
        } cases[] = {
                {credentials::anonymous(), "anon-user", R"({"provider":"anon-user",)"},
                {credentials::username_password("a@b.c", "p\"w"), "local-userpass", R"({"provider":"local-userpass","username":"a@b.c","password":"p\"w",)"},
                {credentials::api_key("k"), "api-key", R"({"provider":"api-key","key":"k",)"},
                {credentials::custom("j.w.t"), "custom-token", R"({"provider":"custom-token","token":"j.w.t",)"},
                {credentials::google_auth_code("c"), "oauth2-google", R"({"provider":"oauth2-google","authCode":"c",)"},
                {credentials::google_id_token("i"), "oauth2-google", R"({"provider":"oauth2-google","id_token":"i",)"},
                {credentials::apple("i"), "oauth2-apple", R"({"provider":"oauth2-apple","id_token":"i",)"},
                {credentials::facebook("t"), "oauth2-facebook", R"({"provider":"oauth2-facebook","accessToken":"t",)"},
                {credentials::function(R"({"name":"x","n":4})"), "custom-function", R"({"name":"x","n":)"},
        };
        App app(c);
        for (auto& wanted: cases) {
            try {
                app.login(wanted.given).get();
                CHECK(false);
            } catch (const realm::app_error& e) { CHECK(e.is_service_error()); }
            auto& sent = transport->requests.back();
            CHECK(sent.url.find("/auth/providers/" + wanted.provider + "/login") != std::string::npos);
            CHECK_EQUAL(sent.body.substr(0, wanted.body.size()), wanted.body);
            CHECK(sent.body.find(R"("options":{"device":{)") != std::string::npos);
        }
    });

    suite.run("answers", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        App app(c);
        auto user = app.login(credentials::anonymous()).get();
        auto answered = [&](net::response r) {
            transport->answer = [r](const net::request&) { return r; };
            return error_of(user.call_function("f", bsoncxx::array()));
        };
        net::response failed;
        failed.custom_status_code = 7;
        failed.body = "no way";
        CHECK(answered(failed).find("no way") != std::string::npos);
        failed.client_error_code = 4100;
        CHECK(answered(failed).find("ClientUserNotFound") == 0);
        CHECK(answered(json(404, R"({"error_code":"FunctionNotFound","error":"function not found: 'f'"})")).find("FunctionNotFound: function not found") == 0);
        CHECK(!answered(net::response()).empty());
        CHECK(answered(json(200, R"({"$oid":"too short"})")).find("BadBsonParse") == 0);
        CHECK(answered(json(200, std::string(33 << 20, ' '))).find("33554432") != std::string::npos);
        // What a transport throws, and one that never answers.
        transport->answer = [](const net::request&) -> std::optional<net::response> { throw std::runtime_error("thrown"); };
        CHECK(error_of(user.call_function("f", bsoncxx::array())).find("thrown") != std::string::npos);
        struct silent : net::http_transport_client {
            void send_request_to_server(const net::request&, std::function<void(const net::response&)>&&) override {}
        };
        c.http_transport_client = std::make_shared<silent>();
        c.path = dir.file("silent");
        CHECK(!error_of(App(c).login(credentials::anonymous())).empty());
        // Answers on another thread, more than one, and long after.
        struct late : net::http_transport_client {
            std::vector<std::thread> threads;
            std::vector<std::function<void(const net::response&)>> kept;
            void send_request_to_server(const net::request& request, std::function<void(const net::response&)>&& done) override {
                kept.push_back(done);
                threads.emplace_back([request, done = std::move(done)] {
                    net::make_http_client()->send_request_to_server(request, [&](const net::response& r) { done(r); });
                    done(net::response());
                });
            }
            ~late() override {
                for (auto& t: threads) t.join();
                for (auto& f: kept) f(net::response());
            }
        };
        c.http_transport_client = std::make_shared<late>();
        c.path = dir.file("late");
        CHECK(App(c).login(credentials::anonymous()).get().is_logged_in());
    });

    suite.run("functions", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        App app(c);
        auto user = app.login(credentials::anonymous()).get();
        std::string sent;
        // A function that gives back its arguments.
        transport->answer = [&](const net::request& r) -> std::optional<net::response> {
            if (r.url.find("/functions/call") == std::string::npos) return std::nullopt;
            sent = r.body;
            auto from = r.body.find('['), to = r.body.rfind(']');
            return json(200, r.body.substr(from, to - from + 1));
        };
        auto list = user.call_function("echo", {bsoncxx::document({{"a", "b"}}), int64_t(7), "x"}).get();
        CHECK_EQUAL(sent, std::string(R"({"arguments":[{"a":"b"},{"$numberLong":"7"},"x"],"name":"echo"})"));
        auto values = list->operator std::vector<bsoncxx>();
        CHECK(values.size() == 3 && values[0].operator bsoncxx::document()["a"] == "b" && values[1] == int64_t(7) && values[2] == "x");
        CHECK(*user.call_function("echo", bsoncxx::array()).get() == bsoncxx::array());
        CHECK(*user.call_function("echo", std::vector<bsoncxx>()).get() == bsoncxx::array());
        CHECK(*user.call_function("echo", {bsoncxx::document({{"a", "b"}})}).get() == bsoncxx::array({bsoncxx::document({{"a", "b"}})}));
        // As text, which goes out as it is.
        CHECK_EQUAL(*user.call_function("echo", "[1, 2]").get(), std::string("[1, 2]"));
        CHECK_EQUAL(*user.call_function("echo", std::string("[]")).get(), std::string("[]"));
        int called = 0;
        user.call_function("echo", bsoncxx::array({"v"}), [&](auto result, auto error) {
            called++;
            CHECK(!error && *result == bsoncxx::array({"v"}));
        });
        user.call_function("echo", "[\"v\"]", [&](auto result, auto error) {
            called++;
            CHECK(!error && *result == "[\"v\"]");
        });
        CHECK_EQUAL(called, 2);
        CHECK(error_of(user.call_function("echo", "no array")).find("BadBsonParse") == 0);
    });

    suite.run("custom data", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        auto c = configuration(server, dir);
        c.http_transport_client = transport;
        App app(c);
        auto user = app.login(credentials::anonymous()).get();
        CHECK(!user.get_custom_data() && !user.custom_data());
        // A token with custom data: nobody but the server checks the signature.
        std::string claims = R"({"exp":9999999999,"iat":1,"user_data":{"name":"foo","n":{"$numberInt":"3"}}})";
        auto payload = realm::internal::base64(reinterpret_cast<const unsigned char*>(claims.data()), claims.size());
        while (payload.back() == '=') payload.pop_back();
        transport->answer = [&](const net::request& r) -> std::optional<net::response> {
            if (r.url.find("/auth/session") == std::string::npos) return std::nullopt;
            return json(200, "{\"access_token\":\"e30." + payload + ".c2ln\"}");
        };
        user.refresh_custom_user_data().get();
        auto data = user.get_custom_data();
        CHECK(data && (*data)["name"] == "foo" && (*data)["n"] == int32_t(3));
        CHECK(user.custom_data()->find("foo") != std::string::npos);
        bool called = false;
        user.refresh_custom_user_data([&](std::optional<realm::app_error> e) { called = !e; });
        CHECK(called);
    });

    suite.run("factory of transports", [&] {
        check::temp_dir dir;
        auto transport = std::make_shared<counting_transport>();
        net::set_http_client_factory([&] { return transport; });
        CHECK(net::make_http_client() == transport);
        App app(configuration(server, dir));
        net::set_http_client_factory({});
        CHECK(app.login(credentials::anonymous()).get().is_logged_in());
        CHECK(!transport->requests.empty());
        CHECK(net::make_http_client() != transport);
    });

    suite.run("sync goes through the provider", [&] {
        check::temp_dir dir;
        auto provider = std::make_shared<counting_provider>();
        std::weak_ptr<counting_provider> watch = provider;
        auto owner = check::unique("owner");
        {
            auto c = configuration(server, dir);
            c.sync_socket_provider = provider;
            App app(c);
            auto user = app.login(credentials::anonymous()).get();
            realm::db db(user.flexible_sync_configuration());
            CHECK(db.subscriptions().update([&](auto& subs) { subs.template add<realm::Item>("items", [&](auto& o) { return o.owner == owner; }); }).get());
            db.write([&] { db.add(check::item(owner, std::string(100000, 'x'))); });
            db.get_sync_session()->wait_for_upload_completion().get();
            CHECK(provider->connects >= 1 && provider->sent > 3 && provider->received > 3 && provider->live == 1);
            {
                std::lock_guard<std::mutex> lock(provider->mutex);
                CHECK(provider->url.find("ws://") == 0 && provider->url.find("baas_at=") != std::string::npos);
                CHECK(provider->protocol.find("com.mongodb.realm-query-sync#") == 0);
            }
            // Another device, of the built-in kind, has it.
            check::device other(server, dir.file("other"));
            CHECK(other.subscribe(owner));
            other.download();
            CHECK_EQUAL(other.items().size(), 1u);
            other.add(check::item(owner, "back"));
            other.upload();
            db.get_sync_session()->wait_for_download_completion().get();
            db.refresh();
            CHECK_EQUAL(db.objects<realm::Item>().size(), 2u);
            // A connection that the provider can't make is tried again.
            provider->refuse = true;
            auto session = *db.get_sync_session();
            check::event disconnected, connected;
            auto token = session.observe_connection_change([&](auto, auto now) {
                if (now == check::connection::disconnected) disconnected.set();
                if (now == check::connection::connected) connected.set();
            });
            auto before = provider->connects.load();
            session.pause();
            CHECK(disconnected.wait());
            session.resume();
            if (provider->live == 0) CHECK(check::eventually([&] { return provider->connects > before; }));
            provider->refuse = false;
            session.reconnect();
            CHECK(connected.wait());
            session.unregister_connection_change_observer(token);
        }
        CHECK(check::eventually([&] { return provider->live == 0; }));// the App's end closes what is open
        provider.reset();
        CHECK(check::eventually([&] { return watch.expired(); }));
    });

    suite.run("one configuration for both transports", [] {
        net::default_transport_configuration c;
        c.custom_http_headers = std::map<std::string, std::string>{{"X-App", "yes"}};
        CHECK(told_transport(c).has_headers() && told_provider(c).has_headers());
        auto transport = std::make_shared<net::default_http_transport>(c);
        auto provider = std::make_shared<net::default_socket_provider>(c);
        CHECK(transport && provider);
    });

    suite.run("timers and posts of the built-in provider", [] {
        net::default_socket_provider provider;
        std::vector<int> order;
        check::event done;
        net::sync_socket_provider::sync_timer never = provider.create_timer(std::chrono::hours(1), [&](net::status s) { order.push_back(s.is_ok() ? -1 : 2); });
        auto caller = std::this_thread::get_id();
        provider.post([&](net::status s) { order.push_back(s.is_ok() && std::this_thread::get_id() != caller ? 1 : -1); });
        never->cancel();
        never->cancel();
        auto soon = provider.create_timer(std::chrono::milliseconds(5), [&](net::status s) {
            order.push_back(s.is_ok() ? 3 : -1);
            done.set();
        });
        CHECK(done.wait());
        soon->cancel();
        CHECK(order == std::vector<int>({1, 2, 3}));
        // What is left goes with the provider.
        auto left = std::make_shared<int>(1);
        {
            net::default_socket_provider other;
            auto timer = other.create_timer(std::chrono::hours(1), [left](net::status) {});
            other.post([](net::status) {});
        }
        CHECK_EQUAL(left.use_count(), 1);
    });

    suite.run("headers and proxies of a database's configuration", [&] {
        check::temp_dir dir;
        realm::db_config local;
        CHECK_THROWS(std::logic_error, local.set_custom_http_headers({{"a", "b"}}));
        CHECK_THROWS(std::logic_error, local.set_proxy_config(realm::proxy_config{"127.0.0.1", 1, {}}));
        auto app = check::app_of(server, dir.file("device"));
        // Nobody is there: the connection fails because of the proxy, and what there is to upload can't be waited for.
        auto config = app.login(credentials::anonymous()).get().flexible_sync_configuration();
        config.set_custom_http_headers({{"X-App", "yes"}});
        realm::proxy_config proxy;
        proxy.address = "127.0.0.1";
        proxy.port = 1;
        proxy.username_password = {"user", "password"};
        config.set_proxy_config(proxy);
        config.sync_config().set_stop_policy(realm::sync_session_stop_policy::immediately);
        check::event failed;
        std::string why;
        config.sync_config().set_error_handler([&](const realm::sync_session&, const realm::sync_error& e) {
            if (failed.count() == 0) why = e.message();
            failed.set();
        });
        realm::db db(config);
        CHECK(failed.wait() && why.find("the proxy") != std::string::npos);
    });

    return suite.result();
}
