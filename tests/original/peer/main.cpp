// The peer: a program with the original's client in it, which does what a test tells it.
//
//   peer BASE_URL APP_ID DIRECTORY
//
// It reads a command per line, a JSON object with "do", and answers each with a line: {"ok": ...} or {"error": text}. What the client
// tells by itself are lines with "event". The client's log goes to stderr, from the level in PEER_LOG (off, error, info, debug, trace, all).
#include "http.hpp"
#include "write.hpp"

#include <realm/object-store/sync/app.hpp>
#include <realm/object-store/sync/app_credentials.hpp>
#include <realm/object-store/sync/app_user.hpp>
#include <realm/object-store/sync/async_open_task.hpp>
#include <realm/object-store/sync/sync_manager.hpp>
#include <realm/object-store/sync/sync_session.hpp>
#include <realm/object-store/thread_safe_reference.hpp>
#include <realm/object-store/util/scheduler.hpp>
#include <realm/sync/subscriptions.hpp>
#include <realm/util/bson/bson.hpp>

#include <future>
#include <iostream>
#include <mutex>

namespace peer {

void say(const json& line)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    std::cout << line.dump() << std::endl;
}

json describe(const SyncError& e)
{
    json out = {{"event", "error"},
                {"code", std::string(ErrorCodes::error_string(e.status.code()))},
                {"text", std::string(e.simple_message)},
                {"fatal", e.is_fatal},
                {"action", int(e.server_requests_action)},
                {"client_reset", e.is_client_reset_requested()},
                {"unknown", e.is_unrecognized_by_client},
                {"log", std::string(e.logURL)}};
    for (auto& write : e.compensating_writes_info) {
        std::ostringstream key;
        key << write.primary_key;
        out["compensating_writes"].push_back({{"class", write.object_name}, {"key", key.str()}, {"reason", write.reason}});
    }
    return out;
}

json describe(const sync::SubscriptionSet& set)
{
    std::ostringstream state;
    state << set.state();
    json out = {{"version", set.version()}, {"state", state.str()}, {"error", std::string(set.error_str())}, {"subscriptions", json::array()}};
    for (auto& s : set)
        out["subscriptions"].push_back({{"name", s.name ? json(*s.name) : json()}, {"class", s.object_class_name}, {"query", s.query_string}});
    return out;
}

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

    static inline int patience = 60;

private:
    std::shared_ptr<std::promise<T>> promise = std::make_shared<std::promise<T>>();
};

class Peer {
public:
    Peer(const std::string& url, const std::string& id, const std::string& directory)
        : directory(directory)
    {
        app::AppConfig config;
        config.app_id = id;
        config.base_url = url;
        config.base_file_path = directory;
        config.transport = std::make_shared<Transport>();
        config.metadata_mode = app::AppConfig::MetadataMode::NoEncryption;
        config.device_info = {"1", "1", "peer", "", "", "", "", ""};
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

    json command(const json& c)
    {
        const std::string name = c["do"];
        Waiter<int>::patience = Waiter<Status>::patience = c.value("patience", 60);
        if (name == "login")
            return login(c);
        if (name == "user") // with "id" another one, who has logged in before
            return user_named(c);
        if (name == "logout")
            return settled([&](auto done) { app->log_out(user, std::move(done)); });
        if (name == "delete_user")
            return settled([&](auto done) { app->delete_user(user, std::move(done)); });
        if (name == "register")
            return settled([&](auto done) {
                app->provider_client<app::App::UsernamePasswordProviderClient>().register_email(c["email"], c["password"], std::move(done));
            });
        if (name == "custom_data") {
            settled([&](auto done) { app->refresh_custom_data(user, std::move(done)); });
            const auto data = user->custom_data();
            return data ? json(bson::Bson(*data).to_string()) : json();
        }
        if (name == "call")
            return call(c);
        if (name == "open")
            return open(c);
        if (name == "reconnect") {
            app->sync_manager()->reconnect();
            return true;
        }
        auto& realm = realms[c["realm"]];
        if (!realm)
            fail("no such realm is open");
        if (name == "close") {
            realm->close();
            realms.erase(c["realm"].get<std::string>());
            return true;
        }
        if (name == "subscribe")
            return subscribe(*realm, c);
        if (name == "set") { // a subscription set of this process by its version; without one, the latest
            if (!c.contains("version"))
                return describe(realm->get_latest_subscription_set());
            auto& set = sets.at({c["realm"], c["version"]});
            set.refresh();
            return describe(set);
        }
        if (name == "await_set")
            return reached(*realm, sets.at({c["realm"], c["version"]}));
        if (name == "active_set")
            return describe(realm->get_active_subscription_set());
        if (name == "begin") { // a write transaction, which "write" commits: nothing comes in between
            realm->begin_transaction();
            return dump(*realm);
        }
        if (name == "write")
            return write(*realm, c);
        if (name == "dump") {
            realm->refresh();
            return dump(*realm);
        }
        if (name == "count") {
            realm->refresh();
            return table_of(realm->read_group(), c["class"])->size();
        }
        if (name == "query") {
            realm->refresh();
            return table_of(realm->read_group(), c["class"])->query(c["query"].get<std::string>()).count();
        }
        auto session = realm->sync_session();
        if (!session)
            fail("the realm has no session");
        if (name == "upload" || name == "download") {
            Waiter<Status> status;
            if (name == "upload")
                session->wait_for_upload_completion(status.done());
            else
                session->wait_for_download_completion(status.done());
            const auto s = status.get(name.c_str());
            realm->refresh();
            if (!s.is_ok())
                fail(s.reason());
            return true;
        }
        if (name == "progress") {
            using Direction = SyncSession::ProgressDirection;
            const std::string direction = c["direction"];
            session->register_progress_notifier(
                [realm = c["realm"], direction](uint64_t done, uint64_t all, double estimate) {
                    say({{"event", "progress"}, {"realm", realm}, {"direction", direction}, {"transferred", done}, {"transferable", all}, {"estimate", estimate}});
                },
                direction == "upload" ? Direction::upload : Direction::download, c["streaming"]);
            return true;
        }
        if (name == "pause")
            session->pause();
        else if (name == "resume")
            session->resume();
        else if (name == "force_close")
            session->force_close();
        else if (name == "state")
            return {{"session", int(session->state())}, {"connection", int(session->connection_state())}};
        else
            fail("what command is " + name);
        return true;
    }

private:
    // settled runs a call of the App client whose completion has at most an error.
    template <class F>
    json settled(F&& run)
    {
        Waiter<std::optional<app::AppError>> result;
        run(result.done());
        if (const auto e = result.get("a request"))
            fail(std::string(e->code_string()) + ": " + std::string(e->reason()));
        return true;
    }

    json login(const json& c)
    {
        const std::string provider = c.value("provider", "anonymous");
        const auto credentials = provider == "email"      ? app::AppCredentials::username_password(c["email"], c["password"])
                                 : provider == "jwt"      ? app::AppCredentials::custom(app::AppCredentialsToken(c["token"].get<std::string>()))
                                 : provider == "function" ? app::AppCredentials::function(c["payload"].get<std::string>())
                                 : provider == "api_key"  ? app::AppCredentials::api_key(c["key"])
                                                          : app::AppCredentials::anonymous(c.value("reuse", true));
        std::promise<std::optional<app::AppError>> done;
        app->log_in_with_credentials(credentials, [&](auto& logged_in, auto e) {
            user = logged_in;
            done.set_value(e);
        });
        if (const auto e = done.get_future().get())
            fail(std::string(e->code_string()) + ": " + std::string(e->reason()));
        return user->user_id();
    }

    json user_named(const json& c)
    {
        if (c.contains("id")) {
            for (auto& one : app->all_users())
                if (one->user_id() == c["id"])
                    user = one;
            if (!user || user->user_id() != c["id"])
                fail("no such user has logged in");
        }
        return user ? json(user->user_id()) : json();
    }

    json call(const json& c)
    {
        std::promise<std::pair<std::string, std::optional<app::AppError>>> done;
        app->call_function(user, c["function"], std::string_view(c["arguments"].get_ref<const std::string&>()), std::nullopt, [&](auto text, auto e) {
            done.set_value({text ? *text : "", e});
        });
        const auto [text, e] = done.get_future().get();
        if (e)
            fail(std::string(e->code_string()) + ": " + std::string(e->reason()));
        return json::parse(text);
    }

    json open(const json& c)
    {
        RealmConfig config;
        const std::string name = c["realm"];
        config.path = directory + "/" + name + ".realm";
        config.schema = parse_schema(c["schema"]);
        config.schema_version = c.value("schema_version", 0);
        config.schema_mode = SchemaMode::AdditiveExplicit;
        config.scheduler = util::Scheduler::make_dummy();
        config.automatic_change_notifications = false;
        if (!user)
            fail("nobody is logged in");
        config.sync_config = std::make_shared<SyncConfig>(user, SyncConfig::FLXSyncEnabled{});
        auto& sync = *config.sync_config;
        sync.stop_policy = c.value("dying", false) ? SyncSessionStopPolicy::AfterChangesUploaded : SyncSessionStopPolicy::Immediately;
        sync.error_handler = [name](auto, SyncError e) {
            auto line = describe(e);
            line["realm"] = name;
            say(line);
        };
        static const std::map<std::string, ClientResyncMode> modes = {{"manual", ClientResyncMode::Manual},
                                                                      {"discard", ClientResyncMode::DiscardLocal},
                                                                      {"recover", ClientResyncMode::Recover},
                                                                      {"recover_or_discard", ClientResyncMode::RecoverOrDiscard}};
        sync.client_resync_mode = modes.at(c.value("reset", "manual"));
        sync.notify_before_client_reset = [name](auto) { say({{"event", "before_reset"}, {"realm", name}}); };
        sync.notify_after_client_reset = [name](auto, auto, bool recovered) { say({{"event", "after_reset"}, {"realm", name}, {"recovered", recovered}}); };
        if (c.contains("initial"))
            sync.subscription_initializer = [initial = c["initial"]](auto realm) {
                auto set = realm->get_latest_subscription_set().make_mutable_copy();
                add(set, *realm, initial);
                set.commit();
            };
        realms[name] = c.value("async", false) ? synchronized(config) : Realm::get_shared_realm(config);
        return true;
    }

    // synchronized opens a realm as SDKs do that wait for its content.
    static SharedRealm synchronized(const RealmConfig& config)
    {
        struct Opened {
            ThreadSafeReference realm;
            std::string problem;
        };
        Waiter<std::shared_ptr<Opened>> opened;
        const auto task = Realm::get_synchronized_realm(config);
        task->start([done = opened.done()](ThreadSafeReference realm, std::exception_ptr e) {
            auto out = std::make_shared<Opened>(Opened{std::move(realm), ""});
            try {
                if (e)
                    std::rethrow_exception(e);
            }
            catch (const std::exception& e) {
                out->problem = e.what();
            }
            done(out);
        });
        const auto out = opened.get("the realm");
        if (!out->problem.empty())
            fail(out->problem);
        return Realm::get_shared_realm(std::move(out->realm), util::Scheduler::make_dummy());
    }

    static void add(sync::MutableSubscriptionSet& set, Realm& realm, const json& subscriptions)
    {
        for (auto& s : subscriptions) {
            const auto query = table_of(realm.read_group(), s["class"])->query(s["query"].get<std::string>());
            if (s.contains("name"))
                set.insert_or_assign(s["name"].get<std::string>(), query);
            else
                set.insert_or_assign(query);
        }
    }

    json subscribe(Realm& realm, const json& c)
    {
        auto set = realm.get_latest_subscription_set().make_mutable_copy();
        if (c.value("replace", true))
            set.clear();
        for (auto& gone : c.value("remove", json::array()))
            if (!set.erase(StringData(gone.get_ref<const std::string&>())))
                fail("there is no subscription " + gone.dump());
        add(set, realm, c.value("subscriptions", json::array()));
        auto committed = set.commit();
        const auto version = committed.version();
        auto& kept = sets.insert_or_assign({c["realm"], version}, std::move(committed)).first->second;
        if (!c.value("wait", true))
            return version;
        return reached(realm, kept);
    }

    // reached waits for what becomes of a subscription set.
    static json reached(Realm& realm, sync::SubscriptionSet& set)
    {
        using State = sync::SubscriptionSet::State;
        Waiter<Status> status;
        set.get_state_change_notification(State::Complete, [done = status.done()](auto, auto error) { done(error.value_or(Status::OK())); });
        const auto s = status.get("the subscription set");
        realm.refresh();
        if (!s.is_ok())
            fail(s.reason());
        set.refresh();
        return set.state() == State::Superseded ? "superseded" : "complete";
    }

    static json write(Realm& realm, const json& c)
    {
        if (!realm.is_in_transaction())
            realm.begin_transaction();
        try {
            Writer writer(realm);
            for (auto& in : c.value("instructions", json::array()))
                writer.make(in);
            for (auto& many : c.value("fill", json::array())) { // objects with integer keys, all alike but for these
                auto table = table_of(realm.read_group(), many["class"]);
                Reader read(realm.read_group());
                for (int64_t i = many["from"]; i < many["to"]; i++) {
                    auto o = table->create_object_with_primary_key(i);
                    for (auto& [property, v] : many["values"].items())
                        o.set_any(property, read.value(v));
                }
            }
            realm.commit_transaction();
        }
        catch (...) {
            realm.cancel_transaction();
            throw;
        }
        return true;
    }

    std::string directory;
    app::SharedApp app;
    std::shared_ptr<app::User> user;
    std::map<std::string, SharedRealm> realms;
    std::map<std::pair<std::string, int64_t>, sync::SubscriptionSet> sets;
};

} // namespace peer

int main(int argc, char** argv)
{
    if (argc != 4) {
        std::cerr << "usage: peer BASE_URL APP_ID DIRECTORY\n";
        return 2;
    }
    peer::Peer peer(argv[1], argv[2], argv[3]);
    for (std::string line; std::getline(std::cin, line);) {
        try {
            peer::say({{"ok", peer.command(peer::json::parse(line))}});
        }
        catch (const std::exception& e) {
            peer::say({{"error", e.what()}});
        }
    }
    std::cout.flush();
    _exit(0); // as an application that is killed: nothing waits
}
