// What a database's configuration says of sync: history without a user, modes of client reset; and the original's form of endpoints.
#include "sync.hpp"

#include <cpprealm/internal/networking/utils.hpp>

namespace net = realm::networking;

namespace {

// A provider whose server wants the file reset: the answer to every BIND, while it is on.
struct resetting_provider : net::default_socket_provider {
    std::atomic<bool> on{false};

    struct observer : net::websocket_observer {
        std::shared_ptr<net::websocket_observer> inner;
        explicit observer(std::shared_ptr<net::websocket_observer> i) : inner(std::move(i)) {}
        void websocket_connected_handler(const std::string& p) override { inner->websocket_connected_handler(p); }
        void websocket_error_handler() override { inner->websocket_error_handler(); }
        bool websocket_binary_message_received(std::string_view data) override { return inner->websocket_binary_message_received(data); }
        bool websocket_closed_handler(bool clean, net::websocket_err_codes code, std::string_view message) override { return inner->websocket_closed_handler(clean, code, message); }
    };
    struct socket : net::websocket_interface {
        resetting_provider& owner;
        std::shared_ptr<net::websocket_observer> observer;
        std::unique_ptr<net::websocket_interface> inner;
        explicit socket(resetting_provider& o) : owner(o) {}
        void async_write_binary(std::string_view data, FunctionHandler&& handler) override {
            if (owner.on && data.substr(0, 5) == "bind ") {
                std::string session(data.substr(5, data.find(' ', 5) - 5));
                const std::string body = R"json({"action":"ClientReset","isRecoveryModeDisabled":false,"logURL":"","message":"Bad client file identifier (IDENT)","shouldClientReset":true,"tryAgain":false})json";
                owner.post([o = observer, text = "json_error 208 " + std::to_string(body.size()) + " " + session + "\n" + body](net::status) { o->websocket_binary_message_received(text); });
            }
            // The real server must not hear of sessions that were answered here: its own answers would come on top.
            if (owner.on) owner.post(std::move(handler));
            else
                inner->async_write_binary(data, std::move(handler));
        }
    };
    std::unique_ptr<net::websocket_interface> connect(std::unique_ptr<net::websocket_observer> o, net::websocket_endpoint&& endpoint) override {
        auto s = std::make_unique<socket>(*this);
        s->observer = std::move(o);
        s->inner = default_socket_provider::connect(std::make_unique<observer>(s->observer), std::move(endpoint));
        return s;
    }
};

}// namespace

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_configuration");

    suite.run("history without a user", [&] {
        check::temp_dir dir;
        auto owner = check::unique("owner");
        check::device other(server, dir.file("other"));
        CHECK(other.subscribe(owner));
        check::device d(server, dir.file("device"));
        CHECK(d.subscribe(owner));
        d.add(check::item(owner, "synced"));
        d.upload();
        d.db.close();
        {
            realm::db_config local;
            local.set_path(d.config.path());
            local.enable_forced_sync_history();
            realm::db db(local);
            CHECK(!db.get_sync_session());
            CHECK_EQUAL(db.objects<realm::Item>().size(), 1u);
            db.write([&] {
                db.add(check::item(owner, "offline"));
                db.add(check::item("somebody else", "out of view"));
                realm::Other uncovered;// no subscription covers its class
                uncovered._id = check::unique("other");
                db.add(std::move(uncovered));
            });
            CHECK_EQUAL(db.objects<realm::Item>().size(), 3u);
            db.close();
        }
        // With the user again: the server has what it wants, and takes back the rest.
        auto config = d.config;
        check::event reverted;
        config.sync_config().set_error_handler([&](const realm::sync_session&, const realm::sync_error& e) {
            if (e.compensating_writes_info().size() == 2) reverted.set();
        });
        realm::db db(config);
        db.get_sync_session()->wait_for_upload_completion().get();
        CHECK(reverted.wait());
        db.get_sync_session()->wait_for_download_completion().get();
        db.refresh();
        CHECK_EQUAL(db.objects<realm::Item>().size(), 2u);
        CHECK_EQUAL(db.objects<realm::Other>().size(), 0u);
        other.download();
        CHECK_EQUAL(other.items().size(), 2u);
        config.sync_config().set_error_handler({});
    });

    suite.run("client reset", [&] {
        check::temp_dir dir;
        auto provider = std::make_shared<resetting_provider>();
        realm::App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = dir.path().string();
        c.enable_caching = false;
        c.sync_socket_provider = provider;
        realm::App app(c);
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        CHECK(config.get_client_reset_mode() == realm::client_reset_mode::manual);
        realm::db_config local;
        CHECK_THROWS(std::logic_error, local.set_client_reset_handler(realm::client_reset::manual()));

        provider->on = true;
        int callbacks = 0;
        auto before = [&](realm::db) { callbacks++; };
        auto after = [&](realm::db, realm::db) { callbacks++; };
        auto reset = [&](const std::string& name, bool automatic) {
            config.set_path(dir.file(name));
            check::event failed;
            std::optional<realm::sync_error> error;
            config.sync_config().set_error_handler([&](const realm::sync_session&, const realm::sync_error& e) {
                error = e;
                failed.set();
            });
            realm::db db(config);
            CHECK(failed.wait() && error->is_client_reset_requested() && error->is_fatal());
            CHECK(error->message().find("Bad client file identifier") != std::string_view::npos);
            CHECK_EQUAL(error->get_status().code_string() == "AutoClientResetFailed", automatic);
            auto info = error->user_info();
            CHECK_EQUAL(info.at("ORIGINAL_FILE_PATH"), config.path());
            CHECK(!info.at("RECOVERY_FILE_PATH").empty());
            CHECK(db.get_sync_session()->state() == check::session_state::inactive);
            config.sync_config().set_error_handler({});
        };
        reset("manual", false);
        config.set_client_reset_handler(realm::client_reset::discard_unsynced_changes(before, after));
        CHECK(config.get_client_reset_mode() == realm::client_reset_mode::discard_unsynced);
        reset("discard", true);
        config.set_client_reset_handler(realm::client_reset::recover_unsynced_changes(before, after));
        CHECK(config.get_client_reset_mode() == realm::client_reset_mode::recover);
        config.set_client_reset_handler(realm::client_reset::recover_or_discard_unsynced_changes(before, after));
        CHECK(config.get_client_reset_mode() == realm::client_reset_mode::recover_or_discard);
        reset("recover", true);
        config.set_client_reset_handler(realm::client_reset::manual());
        reset("manual again", false);
        CHECK_EQUAL(callbacks, 0);
    });

    suite.run("endpoints", [] {
        using realm::internal::networking::to_core_websocket_endpoint;
        net::websocket_endpoint endpoint{{"a", "b"}, "wss://realm.example.com/api/x?baas_at=t"};
        auto plain = to_core_websocket_endpoint(endpoint, std::nullopt);
        CHECK(plain.is_ssl && plain.address == "realm.example.com" && plain.port == 443 && plain.path == "/api/x?baas_at=t" && plain.protocols == endpoint.protocols);
        CHECK(!plain.proxy && plain.headers.empty() && plain.verify_servers_ssl_certificate);
        net::default_socket_provider::configuration c;
        c.custom_http_headers = std::map<std::string, std::string>{{"X-App", "yes"}};
        c.proxy_config = realm::sync_config::proxy_config{"127.0.0.1", 8080, std::pair<std::string, std::string>("user", "password")};
        c.client_validate_ssl = false;
        c.ssl_trust_certificate_path = "trust.pem";
        c.ssl_verify_callback = [](const std::string&, realm::sync_config::proxy_config::port_type, const char*, size_t, int, int) { return true; };
        endpoint.url = "ws://[::1]:9090";
        auto full = to_core_websocket_endpoint(endpoint, c);
        CHECK(!full.is_ssl && full.address == "[::1]" && full.port == 9090 && full.path == "/");
        CHECK(full.proxy->address == "127.0.0.1" && full.proxy->port == 8080 && full.headers.at("X-App") == "yes");
        CHECK_EQUAL(full.headers.at("Proxy-Authorization"), std::string("Basic dXNlcjpwYXNzd29yZA=="));
        CHECK(!full.verify_servers_ssl_certificate && *full.ssl_trust_certificate_path == "trust.pem" && full.ssl_verify_callback);
        for (auto bad: {"", "ws:/x", "http://h", "ws://", "ws://h:", "ws://h:0", "ws://h:65536", "ws://h:1x", "ws://h:123456"}) {
            endpoint.url = bad;
            CHECK_THROWS(std::invalid_argument, to_core_websocket_endpoint(endpoint, c));
        }
        realm::app::Request request;
        request.method = realm::app::HttpMethod::del;
        request.url = "u";
        request.headers = {{"a", "b"}};
        auto converted = realm::internal::networking::to_request(request);
        CHECK(converted.method == net::http_method::del && converted.url == "u" && converted.headers == request.headers);
        net::response response;
        response.http_status_code = 7;
        response.body = "b";
        CHECK(realm::internal::networking::to_core_response(response).http_status_code == 7 && realm::internal::networking::to_core_response(response).body == "b");
    });

    return suite.result();
}
