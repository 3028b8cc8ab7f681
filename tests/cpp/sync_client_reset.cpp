// Automatic client resets: what the handlers see, what becomes of the data, what observers hear, and how a reset fails.
#include "sync.hpp"

#include <set>

namespace net = realm::networking;

namespace {

// A provider that says in the server's name, once, that the file of a session is unknown: to the next BIND of a file that has its ident. The server never
// hears of that session.
struct forgetting_provider : net::default_socket_provider {
    std::mutex mutex;
    std::string action;// of the answer; empty: none is due
    std::set<std::string> answered;

    void forget(const std::string& a) {
        std::lock_guard<std::mutex> lock(mutex);
        action = a;
    }
    // The action to answer a BIND with, empty to pass it on.
    std::string take(std::string_view message, const std::string& session) {
        std::lock_guard<std::mutex> lock(mutex);
        if (action.empty() || message.find(" 0 0 0\n") == std::string_view::npos) return {};
        answered.insert(session);
        return std::exchange(action, {});
    }
    bool was_answered(const std::string& session) {
        std::lock_guard<std::mutex> lock(mutex);
        return answered.count(session) > 0;
    }

    struct observer : net::websocket_observer {
        std::shared_ptr<net::websocket_observer> inner;
        explicit observer(std::shared_ptr<net::websocket_observer> i) : inner(std::move(i)) {}
        void websocket_connected_handler(const std::string& p) override { inner->websocket_connected_handler(p); }
        void websocket_error_handler() override { inner->websocket_error_handler(); }
        bool websocket_binary_message_received(std::string_view data) override { return inner->websocket_binary_message_received(data); }
        bool websocket_closed_handler(bool clean, net::websocket_err_codes code, std::string_view message) override { return inner->websocket_closed_handler(clean, code, message); }
    };
    struct socket : net::websocket_interface {
        forgetting_provider& owner;
        std::shared_ptr<net::websocket_observer> observer;
        std::unique_ptr<net::websocket_interface> inner;
        explicit socket(forgetting_provider& o) : owner(o) {}
        void async_write_binary(std::string_view data, FunctionHandler&& handler) override {
            // The second word of every message is its session, but for PING and JSON_ERROR, whose numbers are larger.
            auto at = data.find(' ') + 1;
            auto session = std::string(data.substr(at, data.find_first_of(" \n", at) - at));
            std::string a;
            if (data.substr(0, 5) == "bind ") a = owner.take(data, session);
            if (!a.empty()) {
                auto body = R"json({"action":")json" + a + R"json(","isRecoveryModeDisabled":)json" + (a == "ClientReset" ? "false" : "true") +
                            R"json(,"logURL":"","message":"Bad client file identifier (IDENT)","shouldClientReset":true,"tryAgain":false})json";
                owner.post([o = observer, text = "json_error 208 " + std::to_string(body.size()) + " " + session + "\n" + body](net::status) { o->websocket_binary_message_received(text); });
                owner.post(std::move(handler));
            } else if (owner.was_answered(session)) {
                owner.post(std::move(handler));// also what was on its way before the answer was heard: IDENT, MARK
            } else {
                inner->async_write_binary(data, std::move(handler));
            }
        }
    };
    std::unique_ptr<net::websocket_interface> connect(std::unique_ptr<net::websocket_observer> o, net::websocket_endpoint&& endpoint) override {
        auto s = std::make_unique<socket>(*this);
        s->observer = std::move(o);
        s->inner = default_socket_provider::connect(std::make_unique<observer>(s->observer), std::move(endpoint));
        return s;
    }
};

// A device whose file gets forgotten, and another one. Item "both" is on both; then, while the first is paused, the first one adds "local" and sets the count of
// "both" to 5, the other one adds "remote" and sets the text of "both".
struct scene {
    check::temp_dir dir;
    std::shared_ptr<forgetting_provider> provider = std::make_shared<forgetting_provider>();
    std::string owner = check::unique("owner");
    realm::App app;
    realm::user user;
    realm::db_config config;
    check::device other;
    check::event failed;
    std::optional<realm::sync_error> error;

    explicit scene(const check::server& server) : app(app_with(server, dir, provider)), user(app.login(realm::App::credentials::anonymous()).get()),
                                                  config(user.flexible_sync_configuration()), other(server, dir.file("other")) {
        config.sync_config().set_error_handler([this](const realm::sync_session&, const realm::sync_error& e) {
            if (!e.is_client_reset_requested()) return;
            error = e;
            failed.set();
        });
    }
    ~scene() { config.sync_config().set_error_handler({}); }

    static realm::App app_with(const check::server& server, check::temp_dir& dir, const std::shared_ptr<forgetting_provider>& provider) {
        realm::App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = dir.path().string();
        c.enable_caching = false;
        c.sync_socket_provider = provider;
        return realm::App(c);
    }

    // Plays it up to where the first device is paused, and will hear of it when it is resumed.
    void play(realm::db& db, const std::string& action) {
        CHECK(db.subscriptions().update([&](realm::mutable_sync_subscription_set& subs) { subs.add<realm::Item>("items", [&](auto& o) { return o.owner == owner; }); }).get());
        CHECK(other.subscribe(owner));
        auto both = check::item(owner, "both");
        auto id = both._id.value;
        db.write([&] { db.add(std::move(both)); });
        check::told(db.get_sync_session()->wait_for_upload_completion());
        other.download();
        db.get_sync_session()->pause();
        db.write([&] {
            db.add(check::item(owner, "local"));
            db.objects<realm::Item>().where("_id == $0", {id})[0].count = 5;
        });
        other.db.write([&] {
            other.db.add(check::item(owner, "remote"));
            other.items().where("_id == $0", {id})[0].text = "changed";
        });
        other.upload();
        provider->forget(action);
    }
};

std::multiset<std::string> texts(realm::db& db) {
    std::multiset<std::string> out;
    for (auto i: db.objects<realm::Item>()) out.insert(i.text.detach() + " " + std::to_string(*i.count));
    return out;
}
using set = std::multiset<std::string>;

}// namespace

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_client_reset");

    // Whichever mode: the handlers, the data on both devices, the observers, and the objects that stay valid.
    auto resets = [&](auto mode, const std::string& action, bool recovers) {
        scene s(server);
        check::event before, after;
        set seen_before, seen_local, seen_remote;
        bool frozen_before = false, frozen_local = false, frozen_remote = true;
        realm::db db(s.config);
        // Set when the database is open already.
        s.config.set_client_reset_handler(mode(
                [&](realm::db local) {
                    seen_before = texts(local);
                    frozen_before = local.is_frozen();
                    before.set();
                },
                [&](realm::db local, realm::db remote) {
                    seen_local = texts(local);
                    seen_remote = texts(remote);
                    frozen_local = local.is_frozen();
                    frozen_remote = remote.is_frozen();
                    CHECK(remote.get_sync_session().has_value());
                    after.set();
                }));
        s.play(db, action);
        auto all = db.objects<realm::Item>();
        auto both = all.where("text == $0", {std::string("both")})[0];
        int insertions = 0, deletions = 0, modifications = 0;
        auto token = all.observe([&](auto c) {
            insertions += static_cast<int>(c.insertions.size());
            deletions += static_cast<int>(c.deletions.size());
            modifications += static_cast<int>(c.modifications.size());
        });
        db.refresh();
        insertions = deletions = modifications = 0;
        db.get_sync_session()->resume();
        CHECK(before.wait() && after.wait());
        const set local{"both 5", "local 0"};
        const set remote = recovers ? set{"changed 5", "local 0", "remote 0"} : set{"changed 0", "remote 0"};
        CHECK(seen_before == local && seen_local == local && seen_remote == remote);
        CHECK(frozen_before && frozen_local && !frozen_remote);
        check::told(db.get_sync_session()->wait_for_upload_completion());
        check::told(db.get_sync_session()->wait_for_download_completion());
        db.refresh();
        CHECK(texts(db) == remote);
        CHECK_EQUAL(insertions, 1);
        CHECK_EQUAL(deletions, recovers ? 0 : 1);
        CHECK_EQUAL(modifications, 1);
        CHECK(!both.is_invalidated() && both.text == "changed" && both.count == (recovers ? 5 : 0));
        s.other.download();
        CHECK(texts(s.other.db) == remote);
        // And it goes on.
        db.write([&] { db.add(check::item(s.owner, "later")); });
        check::told(db.get_sync_session()->wait_for_upload_completion());
        s.other.download();
        CHECK_EQUAL(s.other.items().size(), remote.size() + 1);
        CHECK_EQUAL(s.failed.count(), 0);
        CHECK(!std::filesystem::exists(s.config.path() + ".fresh"));
        token.unregister();
    };
    auto discard = [](auto b, auto a) { return realm::client_reset::discard_unsynced_changes(b, a); };
    auto recover = [](auto b, auto a) { return realm::client_reset::recover_unsynced_changes(b, a); };
    auto recover_or_discard = [](auto b, auto a) { return realm::client_reset::recover_or_discard_unsynced_changes(b, a); };
    suite.run("discard", [&] { resets(discard, "ClientReset", false); });
    suite.run("recover", [&] { resets(recover, "ClientReset", true); });
    suite.run("recover or discard", [&] { resets(recover_or_discard, "ClientReset", true); });
    suite.run("recover or discard, when the server forbids to recover", [&] { resets(recover_or_discard, "ClientResetNoRecovery", false); });

    auto fails = [&](auto mode, const std::string& action, const std::string& text, int calls) {
        scene s(server);
        int called = 0;
        s.config.set_client_reset_handler(mode(
                [&](realm::db) {
                    called++;
                    throw std::runtime_error("not today");
                },
                [&](realm::db, realm::db) { called++; }));
        realm::db db(s.config);
        s.play(db, action);
        db.get_sync_session()->resume();
        CHECK(s.failed.wait());
        CHECK_EQUAL(std::string(s.error->get_status().code_string()), std::string("AutoClientResetFailed"));
        CHECK(s.error->message().find(text) != std::string_view::npos);
        CHECK(s.error->is_fatal() && s.error->is_client_reset_requested());
        CHECK_EQUAL(s.error->user_info().at("ORIGINAL_FILE_PATH"), s.config.path());
        CHECK(!s.error->user_info().at("RECOVERY_FILE_PATH").empty());
        CHECK_EQUAL(called, calls);
        CHECK(db.get_sync_session()->state() == check::session_state::inactive);
        db.refresh();
        CHECK(texts(db) == (set{"both 5", "local 0"}));
    };
    suite.run("recover, when the server forbids it", [&] {
        fails(recover, "ClientResetNoRecovery", "A client reset is required but the server does not permit recovery for this client", 0);
    });
    suite.run("a handler that throws", [&] { fails(discard, "ClientReset", "not today", 1); });

    suite.run("without handlers", [&] {
        scene s(server);
        s.config.set_client_reset_handler(realm::client_reset::recover_unsynced_changes({}, {}));
        realm::db db(s.config);
        s.play(db, "ClientReset");
        db.get_sync_session()->resume();
        CHECK(check::eventually([&] { db.refresh(); return texts(db) == set{"changed 5", "local 0", "remote 0"}; }));
        CHECK_EQUAL(s.failed.count(), 0);
    });

    return suite.result();
}
