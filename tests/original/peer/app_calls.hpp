// The original's client of App Services, call by call. Extended JSON is text in commands and in their answers: members of JSON objects have no order, and those of
// documents have.
#pragma once

#include "http.hpp"
#include "values.hpp"

#include <realm/object-store/sync/app.hpp>
#include <realm/object-store/sync/app_credentials.hpp>
#include <realm/object-store/sync/app_user.hpp>
#include <realm/object-store/sync/mongo_client.hpp>
#include <realm/object-store/sync/mongo_collection.hpp>
#include <realm/object-store/sync/mongo_database.hpp>
#include <realm/object-store/sync/push_client.hpp>
#include <realm/util/bson/bson.hpp>

#include <future>
#include <map>

namespace peer {

// patience is how long a callback is waited for, in seconds.
inline int patience = 60;

// Waiter is a callback's result, waited for.
template <class T>
class Waiter {
public:
    auto done()
    {
        return [promise = promise](T v) { promise->set_value(std::move(v)); };
    }

    T get(const char* what)
    {
        auto future = promise->get_future();
        if (future.wait_for(std::chrono::seconds(patience)) != std::future_status::ready)
            fail(std::string("no answer: ") + what);
        return future.get();
    }

private:
    std::shared_ptr<std::promise<T>> promise = std::make_shared<std::promise<T>>();
};

// Refused is an AppError.
struct Refused : std::runtime_error {
    explicit Refused(const app::AppError& e)
        : std::runtime_error(std::string(e.code_string()) + ": " + std::string(e.reason()))
        , about({{"code", std::string(e.code_string())},
                 {"reason", std::string(e.reason())},
                 {"status", e.additional_status_code ? json(*e.additional_status_code) : json()},
                 {"link", e.link_to_server_logs},
                 {"server_error", e.server_error},
                 {"kinds", kinds(e)}})
    {
    }

    json about;

private:
    static json kinds(const app::AppError& e)
    {
        json out = json::array();
        for (auto [is, name] : {std::pair(e.is_json_error(), "json"), std::pair(e.is_service_error(), "service"), std::pair(e.is_http_error(), "http"),
                                std::pair(e.is_custom_error(), "custom"), std::pair(e.is_client_error(), "client")})
            if (is)
                out.push_back(name);
        return out;
    }
};

// settled runs a call whose completion has at most an error.
template <class F>
json settled(F&& run)
{
    Waiter<std::optional<app::AppError>> result;
    run(result.done());
    if (const auto e = result.get("a request"))
        throw Refused(*e);
    return true;
}

// given runs a call whose completion has a value or an error.
template <class T, class F>
T given(F&& run)
{
    Waiter<std::pair<T, std::optional<app::AppError>>> result;
    run([done = result.done()](auto&& value, std::optional<app::AppError> e) mutable { done({std::forward<decltype(value)>(value), std::move(e)}); });
    auto [value, e] = result.get("a request");
    if (e)
        throw Refused(*e);
    return std::move(value);
}

inline bson::Bson parse_ejson(const std::string& text)
{
    return bson::parse(text);
}

inline bson::BsonDocument document_of(const json& c, const char* name)
{
    return static_cast<const bson::BsonDocument&>(parse_ejson(c.value(name, "{}")));
}

inline bson::BsonArray array_of(const json& c, const char* name)
{
    return static_cast<const bson::BsonArray&>(parse_ejson(c.value(name, "[]")));
}

inline json text_of(const std::optional<bson::Bson>& v)
{
    return v ? json(v->to_string()) : json();
}

template <class T>
json text_of(const std::optional<T>& v)
{
    return v ? json(bson::Bson(*v).to_string()) : json();
}

// Client is an app of the original with the user that commands are for.
class Client {
public:
    Client(const std::string& url, const std::string& id, const std::string& directory)
        : transport(std::make_shared<Transport>())
    {
        app::AppConfig config;
        config.app_id = id;
        config.base_url = url;
        config.base_file_path = directory;
        config.transport = transport;
        config.metadata_mode = app::AppConfig::MetadataMode::NoEncryption;
        config.device_info = {"1", "2", "peer", "a phone", "4", "a frame", "5", "peer.bundle"};
        auto level = util::Logger::Level::off;
        if (const auto named = getenv("PEER_LOG"))
            std::istringstream(named) >> level;
        config.sync_client_config.log_level = level;
        config.sync_client_config.logger_factory = [](auto level) { return std::make_shared<util::StderrLogger>(level); };
        config.sync_client_config.timeouts.reconnect_backoff_info.max_resumption_delay_interval = std::chrono::milliseconds(1000);
        config.sync_client_config.timeouts.reconnect_backoff_info.resumption_delay_interval = std::chrono::milliseconds(50);
        app = app::App::get_app(app::App::CacheMode::Disabled, config);
        user = app->current_user();
    }

    app::SharedApp app;
    std::shared_ptr<app::User> user;

    // command runs a command of App Services; false if it is none.
    bool command(const std::string& name, const json& c, json& out)
    {
        using Call = json (Client::*)(const json&);
        static const std::map<std::string, Call> calls = {
            {"login", &Client::login},
            {"link", &Client::link},
            {"user", &Client::current},
            {"users", &Client::users},
            {"describe", &Client::described},
            {"profile", &Client::profile},
            {"switch", &Client::switch_to},
            {"logout", &Client::log_out},
            {"remove", &Client::remove},
            {"delete_user", &Client::delete_user},
            {"custom_data", &Client::custom_data},
            {"set_tokens", &Client::set_tokens},
            {"register", &Client::register_email},
            {"confirm", &Client::confirm},
            {"confirm_send", &Client::confirm_send},
            {"confirm_call", &Client::confirm_call},
            {"reset", &Client::reset},
            {"reset_send", &Client::reset_send},
            {"reset_call", &Client::reset_call},
            {"key_create", &Client::key_create},
            {"key_fetch", &Client::key_fetch},
            {"key_list", &Client::key_list},
            {"key_delete", &Client::key_delete},
            {"key_enable", &Client::key_enable},
            {"key_disable", &Client::key_disable},
            {"call", &Client::call},
            {"call_bson", &Client::call_bson},
            {"push_register", &Client::push_register},
            {"push_deregister", &Client::push_deregister},
            {"urls", &Client::urls},
            {"update_base_url", &Client::update_base_url},
            {"exchanges", &Client::exchanges},
            {"collection", &Client::collection},
            {"watch", &Client::watch},
            {"watched", &Client::watched},
        };
        const auto found = calls.find(name);
        if (found == calls.end())
            return false;
        out = (this->*found->second)(c);
        return true;
    }

private:
    static app::AppCredentials credentials(const json& c)
    {
        using app::AppCredentials;
        const std::string provider = c.value("provider", "anonymous");
        if (provider == "email")
            return AppCredentials::username_password(c["email"], c["password"]);
        if (provider == "jwt")
            return AppCredentials::custom(app::AppCredentialsToken(c["token"].get<std::string>()));
        if (provider == "function")
            return AppCredentials::function(c["payload"].get<std::string>());
        if (provider == "function_bson")
            return AppCredentials::function(document_of(c, "payload"));
        if (provider == "api_key")
            return AppCredentials::api_key(c["key"]);
        if (provider == "google_code")
            return AppCredentials::google(app::AuthCode(c["token"].get<std::string>()));
        if (provider == "google")
            return AppCredentials::google(app::IdToken(c["token"].get<std::string>()));
        if (provider == "apple")
            return AppCredentials::apple(c["token"].get<std::string>());
        if (provider == "facebook")
            return AppCredentials::facebook(c["token"].get<std::string>());
        if (provider != "anonymous")
            fail("what provider is " + provider);
        return AppCredentials::anonymous(c.value("reuse", true));
    }

    // chosen is the user that a command names, null for none, or else the one of the last login.
    std::shared_ptr<app::User> chosen(const json& c)
    {
        if (!c.contains("user"))
            return user;
        if (c["user"].is_null())
            return nullptr;
        for (auto& u : app->all_users())
            if (u->user_id() == c["user"])
                return u;
        fail("there is no user " + c["user"].dump());
    }

    json login(const json& c)
    {
        user = given<std::shared_ptr<app::User>>([&](auto done) { app->log_in_with_credentials(credentials(c), std::move(done)); });
        return user->user_id();
    }

    json link(const json& c)
    {
        return given<std::shared_ptr<app::User>>([&](auto done) { app->link_user(chosen(c), credentials(c), std::move(done)); })->user_id();
    }

    // current is the current user; with "id" another one, who has logged in before, is it that commands are for.
    json current(const json& c)
    {
        if (c.contains("id")) {
            user = chosen({{"user", c["id"]}});
            return user->user_id();
        }
        const auto u = app->current_user();
        return u ? json(u->user_id()) : json();
    }

    static json describe(app::User& u)
    {
        json identities = json::array();
        for (auto& i : u.identities())
            identities.push_back({{"id", i.id}, {"provider", i.provider_type}});
        return {{"id", u.user_id()},
                {"state", int(u.state())},
                {"anonymous", u.is_anonymous()},
                {"device", u.device_id()},
                {"has_device", u.has_device_id()},
                {"identities", identities},
                {"profile", bson::Bson(u.user_profile().data()).to_string()},
                {"custom_data", text_of(u.custom_data())},
                {"access", u.access_token()},
                {"refresh", u.refresh_token()}};
    }

    json users(const json&)
    {
        json out = json::array();
        for (auto& u : app->all_users())
            out.push_back(describe(*u));
        return out;
    }

    json described(const json& c) { return describe(*chosen(c)); }

    // profile is what the accessors of a profile give.
    json profile(const json& c)
    {
        const auto of = chosen(c)->user_profile();
        json out = json::object();
        const auto add = [&](const char* name, const std::optional<std::string>& text) {
            if (text)
                out[name] = *text;
        };
        add("name", of.name());
        add("email", of.email());
        add("picture_url", of.picture_url());
        add("first_name", of.first_name());
        add("last_name", of.last_name());
        add("gender", of.gender());
        add("birthday", of.birthday());
        add("min_age", of.min_age());
        add("max_age", of.max_age());
        return out;
    }

    json switch_to(const json& c)
    {
        user = chosen(c);
        app->switch_user(user);
        return true;
    }

    json log_out(const json& c)
    {
        return settled([&](auto done) { app->log_out(chosen(c), std::move(done)); });
    }

    json remove(const json& c)
    {
        return settled([&](auto done) { app->remove_user(chosen(c), std::move(done)); });
    }

    json delete_user(const json& c)
    {
        return settled([&](auto done) { app->delete_user(chosen(c), std::move(done)); });
    }

    json custom_data(const json& c)
    {
        const auto u = chosen(c);
        if (c.value("location", false))
            settled([&](auto done) { app->refresh_custom_data(u, true, std::move(done)); });
        else
            settled([&](auto done) { app->refresh_custom_data(u, std::move(done)); });
        return text_of(u->custom_data());
    }

    // set_tokens gives a user other tokens than the server has: old ones, for one.
    json set_tokens(const json& c)
    {
        chosen(c)->update_data_for_testing([&](app::UserData& data) {
            if (c.contains("access"))
                data.access_token = RealmJWT(c["access"].get<std::string>());
            if (c.contains("refresh"))
                data.refresh_token = RealmJWT(c["refresh"].get<std::string>());
        });
        return true;
    }

    auto emails() { return app->provider_client<app::App::UsernamePasswordProviderClient>(); }

    json register_email(const json& c)
    {
        return settled([&](auto done) { emails().register_email(c["email"], c["password"], std::move(done)); });
    }

    json confirm(const json& c)
    {
        return settled([&](auto done) { emails().confirm_user(c["token"], c["token_id"], std::move(done)); });
    }

    json confirm_send(const json& c)
    {
        return settled([&](auto done) { emails().resend_confirmation_email(c["email"], std::move(done)); });
    }

    json confirm_call(const json& c)
    {
        return settled([&](auto done) { emails().retry_custom_confirmation(c["email"], std::move(done)); });
    }

    json reset(const json& c)
    {
        return settled([&](auto done) { emails().reset_password(c["password"], c["token"], c["token_id"], std::move(done)); });
    }

    json reset_send(const json& c)
    {
        return settled([&](auto done) { emails().send_reset_password_email(c["email"], std::move(done)); });
    }

    json reset_call(const json& c)
    {
        return settled([&](auto done) { emails().call_reset_password_function(c["email"], c["password"], array_of(c, "arguments"), std::move(done)); });
    }

    using Key = app::App::UserAPIKey;

    auto keys() { return app->provider_client<app::App::UserAPIKeyProviderClient>(); }

    static ObjectId id_of(const json& c)
    {
        return ObjectId(c["id"].get<std::string>().c_str());
    }

    static json describe(const Key& k)
    {
        return {{"id", k.id.to_string()}, {"key", k.key ? json(*k.key) : json()}, {"name", k.name}, {"disabled", k.disabled}};
    }

    json key_create(const json& c)
    {
        return describe(given<Key>([&](auto done) { keys().create_api_key(c["name"], chosen(c), std::move(done)); }));
    }

    json key_fetch(const json& c)
    {
        return describe(given<Key>([&](auto done) { keys().fetch_api_key(id_of(c), chosen(c), std::move(done)); }));
    }

    json key_list(const json& c)
    {
        json out = json::array();
        for (auto& k : given<std::vector<Key>>([&](auto done) { keys().fetch_api_keys(chosen(c), std::move(done)); }))
            out.push_back(describe(k));
        return out;
    }

    json key_delete(const json& c)
    {
        return settled([&](auto done) { keys().delete_api_key(id_of(c), chosen(c), std::move(done)); });
    }

    json key_enable(const json& c)
    {
        return settled([&](auto done) { keys().enable_api_key(id_of(c), chosen(c), std::move(done)); });
    }

    json key_disable(const json& c)
    {
        return settled([&](auto done) { keys().disable_api_key(id_of(c), chosen(c), std::move(done)); });
    }

    static std::optional<std::string> service_of(const json& c)
    {
        return c.contains("service") ? std::optional(c["service"].get<std::string>()) : std::nullopt;
    }

    // call is the overload that takes and gives text; what comes back is JSON.
    json call(const json& c)
    {
        const auto text = given<std::string>([&](auto done) {
            app->call_function(chosen(c), c["function"], std::string_view(c["arguments"].get_ref<const std::string&>()), service_of(c),
                               [done = std::move(done)](const std::string* text, auto e) mutable { done(text ? *text : std::string(), std::move(e)); });
        });
        return c.value("raw", false) ? json(text) : json::parse(text);
    }

    // call_bson is the other overloads: "form" says which.
    json call_bson(const json& c)
    {
        const std::string name = c["function"], form = c.value("form", "");
        const auto arguments = array_of(c, "arguments");
        if (form == "int64" || form == "current_int64") {
            const auto n = given<std::optional<int64_t>>([&](auto done) {
                if (form == "int64")
                    app->call_function<int64_t>(chosen(c), name, arguments, std::move(done));
                else
                    app->call_function<int64_t>(name, arguments, std::move(done));
            });
            return n ? json(*n) : json();
        }
        return text_of(given<std::optional<bson::Bson>>([&](auto done) {
            if (form == "service")
                app->call_function(chosen(c), name, arguments, service_of(c), std::move(done));
            else if (form == "current")
                app->call_function(name, arguments, std::move(done));
            else if (form == "current_service")
                app->call_function(name, arguments, service_of(c), std::move(done));
            else
                app->call_function(chosen(c), name, arguments, std::move(done));
        }));
    }

    json push_register(const json& c)
    {
        return settled([&](auto done) { app->push_notification_client(c["service"]).register_device(c["token"], chosen(c), std::move(done)); });
    }

    json push_deregister(const json& c)
    {
        return settled([&](auto done) { app->push_notification_client(c["service"]).deregister_device(chosen(c), std::move(done)); });
    }

    json urls(const json&)
    {
        return {{"base", app->get_base_url()}, {"host", app->get_host_url()}, {"ws", app->get_ws_host_url()}};
    }

    json update_base_url(const json& c)
    {
        return settled([&](auto done) { app->update_base_url(c["url"].get<std::string>(), std::move(done)); });
    }

    // exchanges are the requests since the last time, oldest first.
    json exchanges(const json&)
    {
        json out = json::array();
        for (auto& e : transport->taken())
            out.push_back({{"method", e.method}, {"url", e.url}, {"authorization", e.authorization}, {"status", e.status}});
        return out;
    }

    app::MongoCollection collection_of(const json& c)
    {
        return chosen(c)->mongo_client(c.value("service", "mongodb-atlas")).db(c["database"]).collection(c["collection"]);
    }

    template <class Options>
    static Options options(const json& c)
    {
        Options out;
        if (c.contains("projection"))
            out.projection_bson = document_of(c, "projection");
        if (c.contains("sort"))
            out.sort_bson = document_of(c, "sort");
        return out;
    }

    static app::MongoCollection::FindOptions find_options(const json& c)
    {
        auto out = options<app::MongoCollection::FindOptions>(c);
        if (c.contains("limit"))
            out.limit = c["limit"].get<int64_t>();
        return out;
    }

    static app::MongoCollection::FindOneAndModifyOptions modify_options(const json& c)
    {
        auto out = options<app::MongoCollection::FindOneAndModifyOptions>(c);
        out.upsert = c.value("upsert", false);
        out.return_new_document = c.value("return_new", false);
        return out;
    }

    // collection runs a method of MongoCollection. Those whose names end with _bson give what the server sent; the others what the client makes of it.
    json collection(const json& c)
    {
        auto collection = collection_of(c);
        const std::string method = c["method"];
        using Document = std::optional<bson::BsonDocument>;
        using Array = std::optional<bson::BsonArray>;
        using Result = app::MongoCollection::UpdateResult;
        if (method.size() > 5 && method.compare(method.size() - 5, 5, "_bson") == 0)
            return raw(collection, method, c);
        const auto filter = document_of(c, "filter");
        const auto update = [&] { return document_of(c, "update"); };
        if (method == "find")
            return text_of(given<Array>([&](auto done) { collection.find(filter, find_options(c), std::move(done)); }));
        if (method == "find_one")
            return text_of(given<Document>([&](auto done) { collection.find_one(filter, find_options(c), std::move(done)); }));
        if (method == "aggregate")
            return text_of(given<Array>([&](auto done) { collection.aggregate(array_of(c, "pipeline"), std::move(done)); }));
        if (method == "count")
            return given<uint64_t>([&](auto done) { collection.count(filter, c.value("limit", int64_t(0)), std::move(done)); });
        if (method == "insert_one")
            return text_of(given<std::optional<bson::Bson>>([&](auto done) { collection.insert_one(document_of(c, "document"), std::move(done)); }));
        if (method == "insert_many")
            return bson::Bson(given<bson::BsonArray>([&](auto done) { collection.insert_many(array_of(c, "documents"), std::move(done)); })).to_string();
        if (method == "delete_one")
            return given<uint64_t>([&](auto done) { collection.delete_one(filter, std::move(done)); });
        if (method == "delete_many")
            return given<uint64_t>([&](auto done) { collection.delete_many(filter, std::move(done)); });
        if (method == "update_one" || method == "update_many") {
            const auto r = given<Result>([&](auto done) {
                if (method == "update_one")
                    collection.update_one(filter, update(), c.value("upsert", false), std::move(done));
                else
                    collection.update_many(filter, update(), c.value("upsert", false), std::move(done));
            });
            return {{"matched", r.matched_count}, {"modified", r.modified_count}, {"upserted", text_of(r.upserted_id)}};
        }
        if (method == "find_one_and_update")
            return text_of(given<Document>([&](auto done) { collection.find_one_and_update(filter, update(), modify_options(c), std::move(done)); }));
        if (method == "find_one_and_replace")
            return text_of(given<Document>([&](auto done) { collection.find_one_and_replace(filter, update(), modify_options(c), std::move(done)); }));
        if (method == "find_one_and_delete")
            return text_of(given<Document>([&](auto done) { collection.find_one_and_delete(filter, modify_options(c), std::move(done)); }));
        fail("what method is " + method);
    }

    json raw(app::MongoCollection& collection, const std::string& method, const json& c)
    {
        return text_of(given<std::optional<bson::Bson>>([&](auto done) {
            const auto filter = document_of(c, "filter"), update = document_of(c, "update");
            if (method == "find_bson")
                collection.find_bson(filter, find_options(c), std::move(done));
            else if (method == "find_one_bson")
                collection.find_one_bson(filter, find_options(c), std::move(done));
            else if (method == "aggregate_bson")
                collection.aggregate_bson(array_of(c, "pipeline"), std::move(done));
            else if (method == "count_bson")
                collection.count_bson(filter, c.value("limit", int64_t(0)), std::move(done));
            else if (method == "insert_one_bson")
                collection.insert_one_bson(document_of(c, "document"), std::move(done));
            else if (method == "insert_many_bson")
                collection.insert_many_bson(array_of(c, "documents"), std::move(done));
            else if (method == "delete_one_bson")
                collection.delete_one_bson(filter, std::move(done));
            else if (method == "delete_many_bson")
                collection.delete_many_bson(filter, std::move(done));
            else if (method == "update_one_bson")
                collection.update_one_bson(filter, update, c.value("upsert", false), std::move(done));
            else if (method == "update_many_bson")
                collection.update_many_bson(filter, update, c.value("upsert", false), std::move(done));
            else if (method == "find_one_and_update_bson")
                collection.find_one_and_update_bson(filter, update, modify_options(c), std::move(done));
            else if (method == "find_one_and_replace_bson")
                collection.find_one_and_replace_bson(filter, update, modify_options(c), std::move(done));
            else if (method == "find_one_and_delete_bson")
                collection.find_one_and_delete_bson(filter, modify_options(c), std::move(done));
            else
                fail("what method is " + method);
        }));
    }

    // Watched is a stream of changes. The client takes its bytes as they come, or line by line.
    struct Watched {
        explicit Watched(const app::Request& request, bool lines)
            : connection(request)
            , lines(lines)
        {
        }

        void feed()
        {
            auto piece = connection.piece();
            if (piece.empty())
                fail("the stream has ended");
            if (!lines)
                return stream.feed_buffer(piece);
            for (rest += piece; stream.state() == app::WatchStream::NEED_DATA;) {
                const auto end = rest.find('\n');
                if (end == std::string::npos)
                    return;
                stream.feed_line(rest.substr(0, end + 1));
                rest.erase(0, end + 1);
            }
        }

        Connection connection;
        app::WatchStream stream;
        const bool lines;
        std::string rest;
    };

    // watch begins a stream; "arguments" is the document that is the argument of watch.
    json watch(const json& c)
    {
        bson::BsonDocument argument = {{"database", c["database"].get<std::string>()}, {"collection", c["collection"].get<std::string>()}};
        for (const auto& [name, value] : document_of(c, "argument"))
            argument[name] = value;
        const auto request = app->make_streaming_request(chosen(c), "watch", bson::BsonArray{argument}, c.value("service", "mongodb-atlas"));
        auto stream = std::make_unique<Watched>(request, c.value("lines", false));
        app::Response head{};
        if (!stream->connection.head(head))
            fail("the answer is not HTTP");
        if (head.http_status_code != 200) {
            std::string body;
            for (std::string piece; !(piece = stream->connection.piece()).empty();)
                body += piece;
            fail(std::to_string(head.http_status_code) + " " + head.headers["Content-Type"] + " " + body);
        }
        streams[c["stream"]] = std::move(stream);
        return head.headers["Content-Type"];
    }

    // watched is the next change of a stream, or the error that ended it.
    json watched(const json& c)
    {
        auto& stream = streams[c["stream"]];
        if (!stream)
            fail("no such stream");
        while (stream->stream.state() == app::WatchStream::NEED_DATA)
            stream->feed();
        if (stream->stream.state() == app::WatchStream::HAVE_ERROR)
            throw Refused(stream->stream.error());
        return bson::Bson(stream->stream.next_event()).to_string();
    }

    std::shared_ptr<Transport> transport;
    std::map<std::string, std::unique_ptr<Watched>> streams;
};

} // namespace peer
