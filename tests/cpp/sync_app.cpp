// Apps, users and credentials.
#include "sync.hpp"

#include <fstream>
#include <iterator>
#include <sys/stat.h>

using realm::App;
using realm::app_error;
using credentials = realm::App::credentials;

namespace {

// The app_error of a future or callback; none when it succeeded.
template <typename T>
std::optional<app_error> error_of(std::future<T>&& f) {
    try {
        f.get();
    } catch (const app_error& e) { return e; }
    return std::nullopt;
}

}// namespace

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_app");

    suite.run("without contacting a server", [] {
        check::temp_dir dir;
        App::configuration aggregate({"NA"});
        CHECK(aggregate.enable_caching && !aggregate.base_url);
        App::configuration c;
        c.app_id = "NA";
        c.path = dir.path().string();
        c.enable_caching = false;
        CHECK_EQUAL(App(c).get_base_url(), std::string("https://services.cloud.mongodb.com"));
        c.base_url = "http://127.0.0.1:1";
        App app(c);
        CHECK_EQUAL(app.get_base_url(), std::string("http://127.0.0.1:1"));
        CHECK(!app.get_current_user());
        c.app_id = "";
        CHECK_THROWS(std::exception, App(c));
    });

    suite.run("unreachable server", [] {
        check::temp_dir dir;
        auto app = check::app_at("http://127.0.0.1:1", "NA", dir.file("device"));
        auto e = error_of(app.login(credentials::anonymous()));
        CHECK(e && e->is_custom_error() && !e->is_service_error() && !e->message().empty());
        bool called = false;
        app.login(credentials::anonymous(), [&](realm::user u, std::optional<app_error> error) {
            called = true;
            CHECK(error.has_value());
            CHECK_THROWS(std::exception, u.identifier());
        });
        CHECK(called);
        CHECK(error_of(app.register_user("a@example.com", "password")).has_value());
        CHECK(!app.get_current_user());
    });

    suite.run("anonymous", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(credentials::anonymous()).get();
        CHECK(user.is_logged_in() && user.state() == realm::user::state::logged_in);
        CHECK(!user.identifier().empty() && !user.access_token().empty() && !user.refresh_token().empty());
        CHECK(user == app.get_current_user() && user == *app.get_current_user());
        CHECK_EQUAL(user.flexible_sync_configuration().path(), dir.file("device") + "/mongodb-realm/" + server.app_id + "/" + user.identifier() + "/flx_sync_default.realm");
        // Used again.
        auto again = app.login(credentials::anonymous()).get();
        CHECK(again == user && again.identifier() == user.identifier());
        auto path = user.flexible_sync_configuration().path();
        CHECK_EQUAL(path, (dir.path() / "device" / "mongodb-realm" / server.app_id / user.identifier() / "flx_sync_default.realm").string());
        CHECK_EQUAL(app.path_for_realm(user.flexible_sync_configuration().sync_config()), path);
        // Logging out removes an anonymous user.
        user.log_out().get();
        CHECK(user.state() == realm::user::state::removed && !user.is_logged_in());
        CHECK(user.access_token().empty() && user.refresh_token().empty());
        CHECK(!app.get_current_user());
        auto next = app.login(credentials::anonymous()).get();
        CHECK(next.identifier() != user.identifier());
        CHECK(next != user);
    });

    suite.run("email and password", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto email = check::unique("user") + "@example.com";
        auto unknown = error_of(app.login(credentials::username_password(email, "a password")));
        CHECK(unknown && unknown->is_service_error() && unknown->code_string() == "InvalidPassword");
        app.register_user(email, "a password").get();
        auto twice = error_of(app.register_user(email, "a password"));
        CHECK(twice && twice->is_service_error() && twice->code_string() == "AccountNameInUse" && twice->message().find("name already in use") != std::string_view::npos);
        auto user = app.login(credentials::username_password(email, "a password")).get();
        CHECK(user.is_logged_in());
        auto wrong = error_of(app.login(credentials::username_password(email, "another password")));
        CHECK(wrong && wrong->is_service_error() && wrong->message().find("invalid username/password") != std::string_view::npos);
        CHECK(std::string(wrong->what()) == std::string(wrong->message()));
        CHECK(!wrong->is_json_error() && !wrong->is_client_error() && !wrong->is_custom_error());
        CHECK(user.is_logged_in());// as before
        // Other devices have the same user.
        auto other = check::app_of(server, dir.file("other"));
        CHECK_EQUAL(other.login(credentials::username_password(email, "a password")).get().identifier(), user.identifier());
        // Logged out and in again.
        bool called = false;
        user.log_out([&](std::optional<app_error> e) {
            called = true;
            CHECK(!e);
        });
        CHECK(called && user.state() == realm::user::state::logged_out && user.access_token().empty());
        CHECK(!app.get_current_user());
        auto back = app.login(credentials::username_password(email, "a password")).get();
        CHECK(back == user && user.is_logged_in());
        auto weak = error_of(app.register_user(check::unique("user") + "@example.com", "short"));
        CHECK(weak && weak->is_service_error());
    });

    suite.run("several users", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto email = check::unique("user") + "@example.com";
        app.register_user(email, "a password").get();
        auto anonymous = app.login(credentials::anonymous()).get();
        auto named = app.login(credentials::username_password(email, "a password")).get();
        CHECK(anonymous != named && app.get_current_user() == named);
        CHECK(anonymous.flexible_sync_configuration().path() != named.flexible_sync_configuration().path());
        named.log_out().get();
        CHECK(app.get_current_user() == anonymous);// the one that logged in last and still is
    });

    suite.run("kept across restarts", [&] {
        check::temp_dir dir;
        std::string id, token;
        {
            auto app = check::app_of(server, dir.file("device"));
            auto user = app.login(credentials::anonymous()).get();
            id = user.identifier();
            token = user.refresh_token();
        }
        // Nobody but the owner may read the tokens.
        int files = 0;
        for (auto& entry: std::filesystem::recursive_directory_iterator(dir.path())) {
            struct stat s {};
            if (entry.is_regular_file() && stat(entry.path().c_str(), &s) == 0) {
                CHECK((s.st_mode & 077) == 0);
                files++;
            }
        }
        CHECK(files > 0);
        {
            auto app = check::app_of(server, dir.file("device"));
            auto user = app.get_current_user();
            CHECK(user && user->is_logged_in() && user->identifier() == id && user->refresh_token() == token);
            if (user) user->log_out().get();
        }
        auto app = check::app_of(server, dir.file("device"));
        CHECK(!app.get_current_user());
    });

    suite.run("credentials that the server does not know", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        for (auto& c: {credentials::api_key("no key"), credentials::custom("no.jwt.at-all"), credentials::facebook("token"), credentials::apple("token"), credentials::google_auth_code("code"),
                       credentials::google_id_token("token"), credentials::function("{\"a\":1}")}) {
            auto e = error_of(app.login(c));
            CHECK(e && !e->message().empty());
        }
        CHECK(!app.get_current_user());
        credentials none, copy = credentials::api_key("key");
        none = copy;
    });

    suite.run("shared apps", [&] {
        check::temp_dir dir;
        App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = dir.path().string();
        App one(c), two(c);
        auto user = one.login(credentials::anonymous()).get();
        CHECK(two.get_current_user() == user);// one state
        auto found = one.get_cached_app(server.app_id, server.url);
        CHECK(found && found->get_current_user() == user);
        CHECK(one.get_cached_app(server.app_id, std::nullopt).has_value());
        CHECK(!one.get_cached_app("another app", std::nullopt));
        one.clear_cached_apps();
        CHECK(!one.get_cached_app(server.app_id, server.url));
    });

    suite.run("functions and custom data", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(credentials::anonymous()).get();
        CHECK(!user.custom_data());
        bool called = false;
        user.call_function("noSuchFunction", "[1, \"two\"]", [&](auto result, auto error) {
            called = true;
            CHECK(!result && error);
        });
        CHECK(called);
        CHECK(error_of(user.call_function("noSuchFunction", std::string("[]"))).has_value());
    });

    suite.run("log level", [&] {
        std::ostringstream out;
        auto old = std::cout.rdbuf(out.rdbuf());
        {
            check::temp_dir dir;
            auto app = check::app_of(server, dir.file("device"));
            app.get_sync_manager().set_log_level(realm::logger::level::all);
            auto user = app.login(credentials::anonymous()).get();
            user.sync_manager().set_log_level(realm::logger::level::off);
            realm::set_default_logger(nullptr);// waits for nobody, but nothing is logged any more
        }
        std::cout.rdbuf(old);
        CHECK(out.str().find("ADS C++ SDK: ") == 0);
    });

    suite.run("metadata encryption", [&] {
        check::temp_dir dir;
        App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = dir.path().string();
        c.enable_caching = false;
        c.metadata_encryption_key = std::array<char, 64>{{1, 2, 3}};
        std::string id, token;
        {
            App app(c);
            auto user = app.login(credentials::anonymous()).get();
            id = user.identifier();
            token = user.refresh_token();
        }
        for (auto& entry: std::filesystem::recursive_directory_iterator(dir.path())) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            CHECK(text.find(token) == std::string::npos && text.find(id) == std::string::npos);
        }
        CHECK_EQUAL(App(c).get_current_user()->identifier(), id);
        c.metadata_encryption_key = std::array<char, 64>{{3, 2, 1}};
        CHECK(!App(c).get_current_user());
        setenv("REALM_DISABLE_METADATA_ENCRYPTION", "1", 1);
        App plain(c);
        unsetenv("REALM_DISABLE_METADATA_ENCRYPTION");
        CHECK(!plain.get_current_user());
    });

    suite.run("many threads", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto first = app.login(credentials::anonymous()).get().identifier();
        std::vector<std::thread> threads;
        std::vector<std::string> ids(4);
        for (size_t i = 0; i < ids.size(); i++)
            threads.emplace_back([&, i] {
                try {
                    ids[i] = app.login(credentials::anonymous()).get().identifier();
                } catch (const std::exception& e) { check::fail(__FILE__, __LINE__, e.what()); }
            });
        for (auto& t: threads) t.join();
        for (auto& id: ids) CHECK_EQUAL(id, first);
    });

    return suite.result();
}
