// Sync errors: the handler, compensating writes, users and files that don't fit.
#include "original/realm/object-store/sync/sync_session.hpp"
#include "sync.hpp"

using realm::sync_error;
using realm::sync_session;

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_errors");

    suite.run("compensating write", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        realm::db db(config);
        std::promise<sync_error> promise;
        std::atomic<bool> reported{false};
        // Set after opening, through the configuration that was opened with.
        config.sync_config().set_error_handler([&](const sync_session& session, const sync_error& error) {
            CHECK(session.state() == realm::sync_session::state::active);
            if (!reported.exchange(true)) promise.set_value(error);
        });
        auto owner = check::unique("owner");
        CHECK(db.subscriptions().update([&](auto& s) { s.template add<realm::Item>("items", [&](auto& o) { return o.owner == owner; }); }).get());
        // One that the subscription covers, one that it does not.
        auto inside = check::item(owner, "inside");
        auto outside = check::item("somebody else", "outside");
        auto id = outside._id.value;
        db.write([&] {
            db.add(std::move(inside));
            db.add(std::move(outside));
        });
        auto future = promise.get_future();
        auto error = check::told(future);
        CHECK_EQUAL(std::string(error.get_status().code_string()), std::string("SyncCompensatingWrite"));
        CHECK(!error.get_status().is_ok() && !error.message().empty() && !error.is_fatal() && !error.is_client_reset_requested() && error.user_info().empty());
        CHECK(error.get_status().reason().rfind(std::string(error.message()), 0) == 0);
        auto writes = error.compensating_writes_info();
        CHECK_EQUAL(writes.size(), 1);
        if (writes.size() == 1) {
            CHECK_EQUAL(writes[0].object_name, std::string("Item"));
            CHECK(writes[0].primary_key == id && writes[0].primary_key != realm::object_id());
            CHECK_EQUAL(writes[0].reason, "write to ObjectID(\"" + id.to_string() + "\") in table \"Item\" not allowed; object is outside of the current query view");
        }
        CHECK(check::eventually([&] { db.refresh(); return db.objects<realm::Item>().size() == 1; }));
        CHECK(db.objects<realm::Item>()[0].text == "inside");
        CHECK(db.get_sync_session()->state() == realm::sync_session::state::active);
    });

    suite.run("simulated", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        realm::db db(config);
        std::promise<sync_error> promise;
        config.sync_config().set_error_handler([&](sync_session, sync_error error) { promise.set_value(error); });
        db.get_sync_session()->wait_for_download_completion().get();
        // The pointer outlives the handles that it comes from, as it does where the database owns its session.
        auto session = db.get_sync_session()->operator std::weak_ptr<::realm::SyncSession>().lock().get();
        CHECK(session->get_file_ident().ident > 0);
        session->pause();
        CHECK(db.get_sync_session()->state() == sync_session::state::paused);
        realm::sync::SessionErrorInfo refused = {{realm::ErrorCodes::BadChangeset, "too early"}, true};
        CHECK_THROWS(std::logic_error, realm::SyncSession::OnlyForTesting::handle_error(*session, std::move(refused)));
        session->resume();

        realm::sync::SessionErrorInfo info = {{realm::ErrorCodes::BadChangeset, "not a real error"}, true};
        info.server_requests_action = realm::sync::ProtocolErrorInfo::Action::ClientReset;
        realm::SyncSession::OnlyForTesting::handle_error(*session, std::move(info));
        auto future = promise.get_future();
        auto error = check::told(future);
        CHECK(error.message() == "not a real error" && error.get_status().reason() == "not a real error");
        CHECK(error.get_status().code_string() == "BadChangeset" && error.is_client_reset_requested() && error.is_fatal());
        CHECK(db.get_sync_session()->state() == sync_session::state::inactive);
        realm::SyncSession::forget_all();
    });

    suite.run("forms of handlers", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        config.sync_config().set_error_handler([](sync_session, realm::internal::bridge::sync_error) {});
        config.sync_config().set_error_handler([](const sync_session&, std::optional<sync_error>) {});
        config.sync_config().set_error_handler([](auto, auto) {});
        config.sync_config().set_stop_policy(realm::sync_session_stop_policy::immediately);
        realm::db db(config);
        CHECK(db.get_sync_session().has_value());
    });

    suite.run("a handler keeps the session it was given", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        std::optional<sync_session> kept;
        check::event told;
        config.sync_config().set_error_handler([&](const sync_session& session, const sync_error&) {
            if (told.count() == 0) kept = session;
            told.set();
        });
        {
            realm::db db(config);
            CHECK(db.subscriptions().update([&](auto& s) { s.template add<realm::Item>("items", [](auto& o) { return o.owner == "nobody"; }); }).get());
            db.write([&] { db.add(check::item("somebody", "outside")); });
            CHECK(told.wait());
            CHECK(kept && kept->state() == realm::sync_session::state::active);
        }
        CHECK_THROWS(std::runtime_error, kept->state());
        kept.reset();
    });

    suite.run("one file, two users", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto other = check::app_of(server, dir.file("other")).login(realm::App::credentials::anonymous()).get();
        auto config = other.flexible_sync_configuration();
        config.set_path(d.config.path());
        CHECK_THROWS(std::exception, realm::db(config));
        // Nor without sync while it is open with it.
        realm::db_config local;
        local.set_path(d.config.path());
        local.set_schema_mode(realm::db_config::schema_mode::additive_discovered);
        CHECK_THROWS(std::exception, realm::db(local));
        CHECK(d.db.get_sync_session()->state() == realm::sync_session::state::active);
    });

    suite.run("other rules of merging than the app's", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        config.sync_config().set_merge_rules(realm::merge_rules::strict);
        std::promise<std::string> promise;
        std::atomic<bool> reported{false};
        config.sync_config().set_error_handler([&](const sync_session&, const sync_error& error) {
            if (!reported.exchange(true)) promise.set_value(std::string(error.message()));
        });
        {
            realm::db db(config);
            auto future = promise.get_future();
            auto message = check::told(future);
            CHECK(message.find("merges by the rules \"compatible\", the client by the rules \"strict\"") != std::string::npos);
            // The same file by the other rules, on another thread, while it is open.
            std::thread([&] { CHECK_THROWS(std::exception, realm::db(user.flexible_sync_configuration())); }).join();
        }
        // It has never been synced, so the mistake can be mended.
        CHECK(check::eventually([&] {
            try {
                realm::db db(user.flexible_sync_configuration());
                return true;
            } catch (const std::exception&) {
                return false;// the session of before may still be ending
            }
        }));
        realm::db db(user.flexible_sync_configuration());
        CHECK(db.subscriptions().update([&](auto& s) { s.template add<realm::Item>("items", [](auto& o) { return o.owner == "nobody"; }); }).get());
    });

    suite.run("users that are gone", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.login(realm::App::credentials::anonymous()).get();
        auto config = user.flexible_sync_configuration();
        user.log_out().get();
        CHECK_THROWS(std::exception, realm::db(config));
        CHECK_THROWS(std::exception, user.flexible_sync_configuration());
    });

    suite.run("unreachable server", [&] {
        // The user is known from an earlier run; the server is not there. Everything local works, what was written waits.
        check::temp_dir dir;
        auto owner = check::unique("owner");
        {
            check::device d(server, dir.file("device"));
            CHECK(d.subscribe(owner));
            d.add(check::item(owner, "online"));
            d.upload();
            d.session().pause();// else the session may live on for a moment, and be used again
        }
        {
            auto app = check::app_at("http://127.0.0.1:1", server.app_id, dir.file("device"));
            auto user = app.get_current_user();
            CHECK(user && user->is_logged_in());
            realm::db db(user->flexible_sync_configuration());
            CHECK_EQUAL(db.objects<realm::Item>().size(), 1);
            db.write([&] { db.add(check::item(owner, "offline")); });
            auto session = *db.get_sync_session();
            CHECK(session.state() == realm::sync_session::state::active);
            CHECK(session.connection_state() != realm::sync_session::connection_state::connected);
            auto pending = session.wait_for_upload_completion();
            CHECK(pending.wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout);
            session.reconnect();
            CHECK_EQUAL(db.objects<realm::Item>().size(), 2);
            session.pause();
            auto subscribed = db.subscriptions().update([&](auto& s) { s.template add<realm::Item>("more", [&](auto& o) { return o.owner == owner; }); });
            CHECK(subscribed.wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout);// it waits too
        }
        check::device d(server, dir.file("device"));
        d.upload();
        check::device e(server, dir.file("other"));
        CHECK(e.subscribe(owner));
        e.download();
        CHECK_EQUAL(e.items().size(), 2);
    });

    return suite.result();
}
