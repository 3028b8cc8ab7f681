// The peer: a program with the original's client in it, which does what a test tells it.
//
//   peer BASE_URL APP_ID DIRECTORY
//
// It reads a command per line, a JSON object with "do", and answers each with a line: {"ok": ...} or {"error": text}, with "refused" if the client's App gave it. What the client
// tells by itself are lines with "event". The client's log goes to stderr, from the level in PEER_LOG (off, error, info, debug, trace, all).
#include "app_calls.hpp"
#include "write.hpp"

#include <realm/object-store/sync/async_open_task.hpp>
#include <realm/object-store/sync/sync_manager.hpp>
#include <realm/object-store/sync/sync_session.hpp>
#include <realm/object-store/thread_safe_reference.hpp>
#include <realm/object-store/util/scheduler.hpp>
#include <realm/sync/subscriptions.hpp>

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

class Peer {
public:
    Peer(const std::string& url, const std::string& id, const std::string& directory)
        : directory(directory)
    {
        clients.emplace("", std::make_unique<Client>(url, id, directory));
    }

    json command(const json& c)
    {
        const std::string name = c["do"];
        patience = c.value("patience", 60);
        if (name == "app") { // another one in this process, which commands name as "app"
            clients[c["name"]] = std::make_unique<Client>(c["url"], c["id"], c["directory"]);
            return true;
        }
        const auto found = clients.find(c.value("app", ""));
        if (found == clients.end())
            fail("there is no such app");
        auto& client = *found->second;
        json out;
        if (client.command(name, c, out))
            return out;
        if (name == "open")
            return open(client, c);
        if (name == "reconnect") {
            client.app->sync_manager()->reconnect();
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
        if (name == "await_set") {
            auto set = c.contains("version") ? sets.at({c["realm"], c["version"]}) : realm->get_latest_subscription_set();
            return reached(*realm, set);
        }
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
    json open(Client& client, const json& c)
    {
        RealmConfig config;
        const std::string name = c["realm"];
        config.path = directory + "/" + name + ".realm";
        config.schema = parse_schema(c["schema"]);
        config.schema_version = c.value("schema_version", 0);
        config.schema_mode = SchemaMode::AdditiveExplicit;
        config.scheduler = util::Scheduler::make_dummy();
        config.automatic_change_notifications = false;
        if (!client.user)
            fail("nobody is logged in");
        config.sync_config = std::make_shared<SyncConfig>(client.user, SyncConfig::FLXSyncEnabled{});
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
    std::map<std::string, std::unique_ptr<Client>> clients;
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
        catch (const peer::Refused& e) {
            peer::say({{"error", e.what()}, {"refused", e.about}});
        }
        catch (const std::exception& e) {
            peer::say({{"error", e.what()}});
        }
    }
    std::cout.flush();
    _exit(0); // as an application that is killed: nothing waits
}
