// The sync session: states, pause and resume, waits, connection observers, its end.
#include "sync.hpp"

using check::connection;
using check::session_state;

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_session");

    suite.run("states", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto session = d.session();
        static_assert(std::is_same_v<realm::sync_session, realm::internal::bridge::sync_session>);
        CHECK(session.state() == realm::sync_session::state::active);
        CHECK(check::eventually([&] { return session.connection_state() == realm::internal::bridge::sync_session::connection_state::connected; }));
        auto copy = session;
        session.pause();
        CHECK(copy.state() == session_state::paused && copy.connection_state() == connection::disconnected);
        session.pause();
        CHECK(copy.state() == session_state::paused);
        session.resume();
        CHECK(copy.state() == session_state::active);
        CHECK(check::eventually([&] { return session.connection_state() == connection::connected; }));
        session.resume();
        session.reconnect();
        CHECK(session.state() == session_state::active);
        // One that was moved from says so.
        auto moved = std::move(copy);
        CHECK(moved.state() == session_state::active);
        CHECK_THROWS(std::exception, copy.state());
        CHECK_THROWS(std::exception, copy.pause());
        CHECK_THROWS(std::exception, copy.wait_for_upload_completion([](auto) {}));
        CHECK_THROWS(std::exception, copy.wait_for_upload_completion().get());
    });

    suite.run("waits", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto owner = check::unique("owner");
        auto session = d.session();
        session.wait_for_upload_completion().get();// nothing to do
        session.wait_for_download_completion().get();
        CHECK(d.subscribe(owner));
        d.add(check::item(owner, "first"));
        session.wait_for_upload_completion().get();
        check::event uploaded, downloaded;
        auto self = std::this_thread::get_id();
        session.wait_for_upload_completion([&](auto status) {
            CHECK(status.is_ok() && status.reason().empty() && status.code_string() == "OK");
            CHECK(std::this_thread::get_id() != self);
            uploaded.set();
        });
        session.wait_for_download_completion([&](realm::internal::bridge::status status) {
            CHECK(status.is_ok());
            downloaded.set();
        });
        CHECK(uploaded.wait() && downloaded.wait());
        // The server has it: another device gets it.
        check::device e(server, dir.file("other"));
        CHECK(e.subscribe(owner));
        e.download();
        CHECK_EQUAL(e.items().size(), 1);
    });

    suite.run("paused", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device")), e(server, dir.file("other"));
        auto owner = check::unique("owner");
        CHECK(d.subscribe(owner) && e.subscribe(owner));
        auto session = d.session();
        session.pause();
        d.add(check::item(owner, "written while paused"));
        CHECK_EQUAL(d.items().size(), 1);
        auto pending = session.wait_for_upload_completion();
        CHECK(pending.wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout);
        e.download();
        CHECK_EQUAL(e.items().size(), 0);
        session.resume();
        check::told(pending);
        CHECK(check::eventually([&] { e.download(); return e.items().size() == 1; }));
    });

    suite.run("pausing ends waits", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto session = d.session();
        session.wait_for_download_completion().get();
        // A wait that is under way when pause() comes either was quick enough, or is told so, before pause() returns.
        check::event told;
        std::string code;
        session.wait_for_download_completion([&](auto status) {
            code = std::string(status.code_string());
            told.set();
        });
        session.pause();
        CHECK(told.wait());
        CHECK(code == "OK" || code == "OperationAborted");
        // Registered while paused it is kept, and with the database it goes.
        auto stored = session.wait_for_download_completion();
        session.resume();
        check::told(stored);
    });

    suite.run("connection observers", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto session = d.session();
        CHECK(check::eventually([&] { return session.connection_state() == connection::connected; }));
        check::event connected, disconnected, second;
        std::atomic<bool> sane{true};
        auto token = session.observe_connection_change([&](auto before, auto now) {
            if (before == now) sane = false;
            if (now == connection::connected) connected.set();
            if (now == connection::disconnected) disconnected.set();
        });
        uint64_t own = 0;
        own = session.observe_connection_change([&](connection, connection) {
            session.unregister_connection_change_observer(own);// within the callback
            second.set();
        });
        session.pause();
        CHECK(disconnected.wait());
        session.resume();
        CHECK(connected.wait() && sane);
        CHECK_EQUAL(second.count(), 1);
        session.unregister_connection_change_observer(token);
        session.unregister_connection_change_observer(token);
        session.unregister_connection_change_observer(12345);
        auto seen = disconnected.count();
        session.pause();
        CHECK_EQUAL(disconnected.count(), seen);
    });

    suite.run("after the database is gone", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto session = d.session();
        const char* gone = "Realm: Error accessing sync_session which has been destroyed.";
        {
            realm::db second(d.config);
            d.db.close();// the same instance
            CHECK(second.is_closed());
        }
        CHECK_THROWS_WITH(std::runtime_error, gone, session.state());
        CHECK_THROWS_WITH(std::runtime_error, gone, session.connection_state());
        CHECK_THROWS_WITH(std::runtime_error, gone, session.pause());
        CHECK_THROWS_WITH(std::runtime_error, gone, session.resume());
        CHECK_THROWS_WITH(std::runtime_error, gone, session.reconnect());
        CHECK_THROWS_WITH(std::runtime_error, gone, session.observe_connection_change([](auto, auto) {}));
        CHECK_THROWS_WITH(std::runtime_error, gone, session.unregister_connection_change_observer(0));
        CHECK_THROWS_WITH(std::runtime_error, gone, session.wait_for_upload_completion([](auto) {}));
        auto future = session.wait_for_download_completion();// through the future
        CHECK_THROWS_WITH(std::runtime_error, gone, future.get());
        // Opened again, there is a session again; pausing was not kept.
        realm::db again(d.config);
        auto fresh = again.get_sync_session();
        CHECK(fresh && fresh->state() == session_state::active);
    });

    suite.run("two threads, one session", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto session = d.session();
        session.pause();
        check::on_another_thread([&] {
            realm::db there(d.config);
            auto same = there.get_sync_session();
            CHECK(same && same->state() == session_state::paused);
            same->resume();
        });
        CHECK(session.state() == session_state::active);// kept by the instance that is left
    });

    suite.run("changes arrive through observers", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device")), e(server, dir.file("other"));
        auto owner = check::unique("owner");
        CHECK(d.subscribe(owner) && e.subscribe(owner));
        auto results = e.items();
        size_t inserted = 0;
        auto token = results.observe([&](auto change) { inserted += change.insertions.size(); });
        e.db.refresh();
        d.add(check::item(owner, "from the other device"));
        CHECK(check::eventually([&] { e.db.refresh(); return inserted == 1; }));
        CHECK(results.size() == 1 && results[0].text == "from the other device");
    });

    suite.run("local databases have none", [] {
        check::temp_dir dir;
        const realm::db local(dir.config());
        CHECK(!local.get_sync_session());
    });

    suite.run("log-out during sync", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto owner = check::unique("owner");
        CHECK(d.subscribe(owner));
        auto session = d.session();
        d.add(check::item(owner, "before"));
        d.upload();
        session.pause();
        d.add(check::item(owner, "not uploaded"));
        session.resume();
        d.user.log_out().get();
        CHECK(session.state() == session_state::inactive);
        CHECK(session.connection_state() == connection::disconnected);
        // The data is still readable and writable.
        CHECK_EQUAL(d.items().size(), 2);
        d.add(check::item(owner, "after"));
        CHECK_EQUAL(d.items().size(), 3);
        // A wait is kept for a log-in that does not come; it goes with the session.
        auto never = session.wait_for_upload_completion();
        CHECK(never.wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout);
        CHECK_THROWS(std::exception, d.user.flexible_sync_configuration());// of a removed user
    });

    suite.run("logged in again", [&] {
        check::temp_dir dir;
        auto app = check::app_of(server, dir.file("device"));
        auto email = check::unique("user") + "@example.com";
        app.register_user(email, "a password").get();
        auto log_in = [&] { return app.login(realm::App::credentials::username_password(email, "a password")).get(); };
        auto user = log_in();
        auto config = user.flexible_sync_configuration();
        realm::db db(config);
        auto owner = check::unique("owner");
        CHECK(db.subscriptions().update([&](auto& subs) { subs.template add<realm::Item>("items", [&](auto& o) { return o.owner == owner; }); }).get());
        user.log_out().get();
        CHECK(db.get_sync_session()->state() == session_state::inactive);
        db.write([&] { db.add(check::item(owner, "while logged out")); });
        auto pending = db.get_sync_session()->wait_for_upload_completion();
        CHECK(log_in() == user);
        check::told(pending);
        check::device other(server, dir.file("other"));
        CHECK(other.subscribe(owner));
        other.download();
        CHECK_EQUAL(other.items().size(), 1);
    });

    return suite.result();
}
