// App Services: apps, users, credentials.
#pragma once

#include <cpprealm/bson.hpp>
#include <cpprealm/db.hpp>
#include <cpprealm/logger.hpp>
#include <cpprealm/networking/http.hpp>
#include <cpprealm/networking/websocket.hpp>
#include <cpprealm/version_numbers.hpp>

// Most functions here are templates, whose parameter Lazy means nothing: so only programs that call them compile what they need.

namespace realm {

// What the server, or the way to it, answered. Thrown by futures and passed to callbacks.
struct app_error : std::exception {
    explicit app_error(const realm_error_t& e) : m_error(e) {}
    std::string_view message() const { return m_error.message; }
    // Kept for compatibility: servers of this project keep no public logs.
    std::string_view link_to_server_logs() const { return ""; }
    bool is_json_error() const { return m_error.domain == REALM_DOMAIN_CLIENT && std::string_view(m_error.name) == "BadJSON"; }
    bool is_service_error() const { return m_error.domain == REALM_DOMAIN_SERVICE; }
    bool is_http_error() const { return m_error.domain == REALM_DOMAIN_HTTP; }
    bool is_custom_error() const { return m_error.domain == REALM_DOMAIN_CLIENT && m_error.status == REALM_ERR_NETWORK; }
    bool is_client_error() const { return m_error.domain == REALM_DOMAIN_CLIENT; }
    // Identifier of the error, such as "InvalidPassword".
    std::string_view code_string() const { return m_error.name; }
    const char* what() const noexcept override { return m_error.message; }

    // For the library: an answer that can't be read.
    static app_error bad_json(const std::string& why) {
        realm_error_t e{};
        e.status = REALM_ERR_APP;
        e.domain = REALM_DOMAIN_CLIENT;
        e.code = 4200;
        std::strcpy(e.name, "BadBsonParse");
        why.copy(e.message, sizeof e.message - 1);
        return app_error(e);
    }

private:
    realm_error_t m_error;
};

namespace internal {

// Runs a blocking call of the C ABI; its failure becomes an app_error.
template <typename Fn, typename... Args>
inline std::optional<app_error> app_call(Fn&& f, Args&&... args) {
    realm_error_t e;
    if (f(std::forward<Args>(args)..., &e) == REALM_OK) return std::nullopt;
    return app_error(e);
}
template <typename T>
inline std::future<T> ready_future(T&& value) {
    std::promise<T> p;
    p.set_value(std::forward<T>(value));
    return p.get_future();
}
template <typename T>
inline std::future<T> failed_future(const app_error& e) {
    std::promise<T> p;
    p.set_exception(std::make_exception_ptr(e));
    return p.get_future();
}
template <typename Lazy = void>
std::future<void> future_of(const std::optional<app_error>& e) {
    if (e) return failed_future<void>(*e);
    std::promise<void> p;
    p.set_value();
    return p.get_future();
}

namespace bridge {
// The part of an App that cares for sessions.
class sync_manager {
public:
    // The least level that is logged: by the application's logger if it has set one, else to standard output.
    template <typename Lazy = void>
    CPPREALM_COLD void set_log_level(logger::level level) {
        if (application_logs()) return set_default_level_threshold(level);
        struct to_standard_output : logger {
            void do_log(level l, const std::string& text) override {
                static const char* const names[] = {"all", "trace", "debug", "detail", "info", "warn", "error", "fatal", "off"};
                std::cout << std::string("ADS C++ SDK: ") + names[static_cast<int>(l)] + " : " + text + '\n' << std::flush;// one piece, from any thread
            }
        };
        auto l = std::make_shared<to_standard_output>();
        l->set_level_threshold(level);
        install_logger(std::move(l));
    }
};
}// namespace bridge

}// namespace internal

// A user of an App. Copies are handles on the same user; any thread may use them.
struct user {
    enum class state : uint8_t { logged_out, logged_in, removed };

    user() = default;
    explicit user(internal::user_handle&& h) : m_handle(std::make_shared<internal::user_handle>(std::move(h))) {}

    bool is_logged_in() const { return state() == state::logged_in; }
    std::string identifier() const { return internal::from_abi(realm_user_get_id(raw())); }
    enum state state() const { return static_cast<enum state>(realm_user_get_state(raw())); }
    std::string access_token() const { return text(REALM_USER_ACCESS_TOKEN); }
    std::string refresh_token() const { return text(REALM_USER_REFRESH_TOKEN); }
    internal::bridge::sync_manager sync_manager() const { return {}; }

    // The configuration of this user's synced database.
    template <typename Lazy = void>
    db_config flexible_sync_configuration() const {
        db_config config;
        config.set_path(internal::read_text([&](char* b, size_t n, size_t* needed, realm_error_t* e) { return realm_user_get_realm_path(raw(), b, n, needed, e); }));
        config.set_sync_config(sync_config(m_handle));
        config.set_schema_mode(db_config::schema_mode::additive_discovered);
        return config;
    }

    // Local state is cleared first: afterwards the user is logged out whatever the server says. An anonymous user is removed.
    template <typename Lazy = void>
    std::future<void> log_out() const { return internal::future_of(internal::app_call(realm_user_log_out, raw())); }
    template <typename Lazy = void>
    void log_out(std::function<void(std::optional<app_error>)>&& callback) const { callback(internal::app_call(realm_user_log_out, raw())); }

    // The user's custom data, as of the last refresh_custom_user_data or login; empty when there is none.
    template <typename Lazy = void>
    std::optional<bsoncxx::document> get_custom_data() const {
        auto t = custom_data();
        if (!t) return std::nullopt;
        return static_cast<bsoncxx::document>(internal::extended_json::parse(*t));
    }
    // The same as extended JSON.
    template <typename Lazy = void>
    std::optional<std::string> custom_data() const {
        auto t = text(REALM_USER_CUSTOM_DATA_JSON);
        if (t.empty()) return std::nullopt;
        return t;
    }
    template <typename Lazy = void>
    std::future<void> refresh_custom_user_data() const { return internal::future_of(internal::app_call(realm_user_refresh_custom_data, raw())); }
    template <typename Lazy = void>
    void refresh_custom_user_data(std::function<void(std::optional<app_error>)> callback) { callback(internal::app_call(realm_user_refresh_custom_data, raw())); }

    // Calls a function of the app with a JSON array of arguments; the result is extended JSON.
    template <typename Lazy = void>
    void call_function(const std::string& name, const std::string& arguments, std::function<void(std::optional<std::string>, std::optional<app_error>)> callback) const {
        std::optional<std::string> result;
        auto error = run_function(name, arguments, result);
        callback(std::move(result), std::move(error));
    }
    template <typename Lazy = void>
    std::future<std::optional<std::string>> call_function(const std::string& name, const std::string& arguments) const {
        std::optional<std::string> result;
        if (auto error = run_function(name, arguments, result)) return internal::failed_future<std::optional<std::string>>(*error);
        return internal::ready_future(std::move(result));
    }

    // The same with values. A result that is no extended JSON is an error.
    template <typename Lazy = void>
    void call_function(const std::string& name, const std::vector<bsoncxx>& arguments, std::function<void(std::optional<bsoncxx>, std::optional<app_error>)> callback) const {
        std::optional<bsoncxx> result;
        auto error = run_function(name, arguments, result);
        callback(std::move(result), std::move(error));
    }
    template <typename Lazy = void>
    std::future<std::optional<bsoncxx>> call_function(const std::string& name, const std::vector<bsoncxx>& arguments) const {
        std::optional<bsoncxx> result;
        if (auto error = run_function(name, arguments, result)) return internal::failed_future<std::optional<bsoncxx>>(*error);
        return internal::ready_future(std::move(result));
    }

    friend bool operator==(const user& a, const user& b) { return a.m_handle && b.m_handle ? realm_user_is_same(a.raw(), b.raw()) : a.m_handle == b.m_handle; }
    friend bool operator!=(const user& a, const user& b) { return !(a == b); }

private:
    realm_user_t* raw() const {
        if (!m_handle) throw std::logic_error("This user handle is empty: log in first.");
        return m_handle->get();
    }
    std::string text(int what) const {
        return internal::read_text([&](char* b, size_t n, size_t* needed, realm_error_t* e) { return realm_user_get_text(raw(), what, b, n, needed, e); });
    }
    template <typename Lazy = void>
    std::optional<app_error> run_function(const std::string& name, const std::string& arguments, std::optional<std::string>& result) const {
        return internal::app_call(
                realm_user_call_function, raw(), internal::to_abi(name), internal::to_abi(arguments),
                [](void* p, realm_string_t text) { *static_cast<std::optional<std::string>*>(p) = internal::from_abi(text); }, static_cast<void*>(&result));
    }
    template <typename Lazy = void>
    CPPREALM_COLD std::optional<app_error> run_function(const std::string& name, const std::vector<bsoncxx>& arguments, std::optional<bsoncxx>& result) const {
        std::optional<std::string> text;
        if (auto error = run_function(name, bsoncxx(arguments).to_json(), text)) return error;
        try {
            result = internal::extended_json::parse(*text);
        } catch (const std::exception& e) { return app_error::bad_json(e.what()); }
        return std::nullopt;
    }
    std::shared_ptr<internal::user_handle> m_handle;
};

// An application on a server. Copies are handles on the same app; any thread may use them. Calls that contact the server have
// their answer when they return: futures are ready and callbacks have run.
class App {
public:
    // An aggregate, in the original's order. Initialised, so that leaving fields out is no warning. Headers and proxies are settings of the transports
    // that Apps are given, or of a database's configuration; the fields for them here are ignored, as in the original.
    struct configuration {
        std::string app_id = {};
        std::optional<std::string> base_url = {};// https://services.cloud.mongodb.com
        std::optional<std::string> path = {};    // folder for files; the current one
        std::optional<std::map<std::string, std::string>> custom_http_headers = {};
        std::optional<std::array<char, 64>> metadata_encryption_key = {};// of the users' tokens; not used when the environment has REALM_DISABLE_METADATA_ENCRYPTION
        bool enable_caching = true;// apps of one id and URL share their state in the process
        std::optional<sync_config::proxy_config> proxy_configuration = {};
        std::shared_ptr<networking::http_transport_client> http_transport_client = {};// carries all requests; empty: set_http_client_factory's, or the built-in one
        std::shared_ptr<networking::sync_socket_provider> sync_socket_provider = {};  // opens all connections of sessions; empty: the built-in one
    };

    struct credentials {
        credentials() = default;
        static credentials anonymous() { return credentials(REALM_CREDENTIALS_ANONYMOUS); }
        static credentials api_key(const std::string& key) { return credentials(REALM_CREDENTIALS_API_KEY, key); }
        static credentials facebook(const std::string& access_token) { return credentials(REALM_CREDENTIALS_FACEBOOK, access_token); }
        static credentials apple(const std::string& id_token) { return credentials(REALM_CREDENTIALS_APPLE, id_token); }
        static credentials google_auth_code(const std::string& code) { return credentials(REALM_CREDENTIALS_GOOGLE_CODE, code); }
        static credentials google_id_token(const std::string& token) { return credentials(REALM_CREDENTIALS_GOOGLE_TOKEN, token); }
        static credentials custom(const std::string& jwt) { return credentials(REALM_CREDENTIALS_CUSTOM_JWT, jwt); }
        static credentials username_password(const std::string& user, const std::string& password) { return credentials(REALM_CREDENTIALS_EMAIL_PASSWORD, user, password); }
        static credentials function(const std::string& payload) { return credentials(REALM_CREDENTIALS_FUNCTION, payload); }

    private:
        friend class App;
        explicit credentials(int kind, std::string first = {}, std::string second = {}) : m_kind(kind), m_first(std::move(first)), m_second(std::move(second)) {}
        int m_kind = REALM_CREDENTIALS_ANONYMOUS;
        std::string m_first, m_second;
    };

    // Contacts nobody. A transport and a provider are let go of with the last copy, user and database of the App, and not on their own threads.
    template <typename Lazy = void>
    CPPREALM_COLD App(const configuration& c) {
        realm_app_config_t config{};
        config.struct_size = sizeof config;
        config.app_id = internal::to_abi(c.app_id);
        if (c.base_url) config.base_url = internal::to_abi(*c.base_url);
        if (c.path) config.base_path = internal::to_abi(*c.path);
        config.share = c.enable_caching;
        if (c.metadata_encryption_key) config.metadata_key = {c.metadata_encryption_key->data(), c.metadata_encryption_key->size()};
        internal::http_transport_handle transport;
        if (auto client = c.http_transport_client ? c.http_transport_client : networking::make_custom_http_client()) transport = internal::make_transport<Lazy>(std::move(client));
        config.http_transport = transport.get();
        internal::websocket_provider_handle provider;
        if (c.sync_socket_provider) provider = internal::provider_bridge<Lazy>::make(c.sync_socket_provider);
        config.websocket_provider = provider.get();
        internal::app_handle h;
        internal::call(realm_app_create, &config, h.out());
        m_handle = std::make_shared<internal::app_handle>(std::move(h));
    }

    template <typename Lazy = void>
    std::future<void> register_user(const std::string& username, const std::string& password) {
        return internal::future_of(internal::app_call(realm_app_register_email, raw(), internal::to_abi(username), internal::to_abi(password)));
    }
    template <typename Lazy = void>
    std::future<user> login(const credentials& c) {
        user out;
        if (auto e = log_in(c, out)) return internal::failed_future<user>(*e);
        return internal::ready_future(std::move(out));
    }
    template <typename Lazy = void>
    void login(const credentials& c, std::function<void(user, std::optional<app_error>)>&& callback) {
        user out;
        auto e = log_in(c, out);
        callback(std::move(out), std::move(e));
    }
    internal::bridge::sync_manager get_sync_manager() const { return {}; }
    template <typename Lazy = void>
    std::optional<user> get_current_user() const {
        internal::user_handle h;
        internal::call(realm_app_get_current_user, raw(), h.out());
        if (!h) return std::nullopt;
        return user(std::move(h));
    }
    void clear_cached_apps() { realm_app_clear_shared(); }
    template <typename Lazy = void>
    std::optional<App> get_cached_app(const std::string& app_id, const std::optional<std::string>& base_url) {
        internal::app_handle h;
        internal::call(realm_app_find_shared, internal::to_abi(app_id), internal::to_abi(base_url ? *base_url : std::string_view()), h.out());
        if (!h) return std::nullopt;
        return App(std::move(h));
    }
    template <typename Lazy = void>
    std::string get_base_url() const {
        return internal::read_text([&](char* b, size_t n, size_t* needed, realm_error_t* e) { return realm_app_get_base_url(raw(), b, n, needed, e); });
    }
#ifdef REALM_ENABLE_EXPERIMENTAL
    template <typename Lazy = void>
    std::future<void> update_base_url(std::optional<std::string> base_url) const {// none: the default one
        return internal::future_of(internal::app_call(realm_app_update_base_url, raw(), internal::to_abi(base_url ? *base_url : std::string_view())));
    }
#endif
    template <typename Lazy = void>
    std::string path_for_realm(const sync_config& c) const {
        return internal::read_text([&](char* b, size_t n, size_t* needed, realm_error_t* e) { return realm_user_get_realm_path(c.user()->get(), b, n, needed, e); });
    }

private:
    explicit App(internal::app_handle&& h) : m_handle(std::make_shared<internal::app_handle>(std::move(h))) {}
    template <typename Lazy = void>
    std::optional<app_error> log_in(const credentials& c, user& out) {
        realm_credentials_t abi{c.m_kind, internal::to_abi(c.m_first), internal::to_abi(c.m_second)};
        internal::user_handle h;
        auto error = internal::app_call(realm_app_log_in, raw(), &abi, h.out());
        if (!error) out = user(std::move(h));
        return error;
    }
    realm_app_t* raw() const {
        if (!m_handle) throw std::logic_error("This App handle is empty: it was moved from.");
        return m_handle->get();
    }
    std::shared_ptr<internal::app_handle> m_handle;
};

}// namespace realm
