// "Manage a Sync Session": the page of the C++ SDK's documentation, step by step.
//
//   build/bin/realm-sync-server serve --dev &
//   build/bin/examples/manage_sync_session [URL APP_ID]
#include "example.hpp"

// What the database holds. A synced class has a primary key that is called _id.
struct Todo {
    realm::primary_key<realm::object_id> _id{realm::object_id::generate()};
    std::string name;
    std::string status;
    std::string owner_id;
};
REALM_SCHEMA(Todo, _id, name, status, owner_id)

namespace {

using state = enum realm::sync_session::state;
using connection_state = enum realm::sync_session::connection_state;

const char* name_of(state s) {
    switch (s) {
        case state::active: return "active";
        case state::dying: return "dying";
        case state::inactive: return "inactive";
        case state::waiting_for_access_token: return "waiting for an access token";
        default: return "paused";
    }
}
const char* name_of(connection_state s) {
    switch (s) {
        case connection_state::disconnected: return "disconnected";
        case connection_state::connecting: return "connecting";
        default: return "connected";
    }
}

void manage_sync_session(const server_address& server) {
    temporary_folder files;

    // Before: an app, a user, and a synced database with a subscription.
    realm::App::configuration app_configuration;
    app_configuration.app_id = server.app_id;
    app_configuration.base_url = server.url;// an application that had another server changes this line
    app_configuration.path = files.folder("device");
    auto app = realm::App(app_configuration);
    auto user = app.login(realm::App::credentials::anonymous()).get();
    auto realm = realm::db(user.flexible_sync_configuration());
    auto owner = user.identifier();
    bool subscribed = realm.subscriptions().update([&](realm::mutable_sync_subscription_set& subscriptions) {
                                               subscriptions.add<Todo>("my todos", [&](auto& todo) { return todo.owner_id == owner; });
                                           })
                              .get();
    expect(subscribed, "the server accepts the subscription");

    // Get the sync session. A database that isn't synced has none.
    auto session = realm.get_sync_session();
    expect(session.has_value(), "a synced database has a session");

    // Check the session's state. "active" means that it syncs, or tries to; it says nothing about the connection.
    std::cout << "The session is " << name_of(session->state()) << ".\n";
    expect(session->state() == state::active, "the session starts with the database");

    // Wait for changes to upload.
    auto write = [&](const char* name) {
        Todo todo;
        todo.name = name;
        todo.status = "In progress";
        todo.owner_id = owner;
        realm.write([&] { realm.add(std::move(todo)); });
    };
    write("Walk the dog");
    session->wait_for_upload_completion().get();
    std::cout << "The server has what was written.\n";

    // Wait for changes to download, then move on to them.
    session->wait_for_download_completion().get();
    realm.refresh();
    std::cout << "Everything that the server had is here: " << realm.objects<Todo>().size() << " object.\n";

    // Check the connection, and be told when it changes. The observer runs on a thread of the library.
    expect(session->connection_state() == connection_state::connected, "it is connected");
    auto token = session->observe_connection_change([](connection_state before, connection_state now) {
        std::cout << "  the connection: " << name_of(before) << " -> " << name_of(now) << '\n';
    });

    // Pause: until resume() nothing is sent and nothing comes in. Reading and writing go on.
    session->pause();
    expect(session->state() == state::paused, "pause() pauses");
    expect(session->connection_state() == connection_state::disconnected, "a paused session is disconnected");
    write("Buy milk");
    auto uploaded = session->wait_for_upload_completion();
    expect(uploaded.wait_for(std::chrono::seconds(0)) == std::future_status::timeout, "nothing is uploaded while paused");
    std::cout << "Paused, with " << realm.objects<Todo>().size() << " objects here.\n";

    // Resume: what was written meanwhile is uploaded.
    session->resume();
    uploaded.get();
    std::cout << "Resumed, and uploaded.\n";

    // When the session is disconnected it tries again after a delay, which grows with each attempt. reconnect() skips the delay.
    // Call it when you know that the network is back; it does no harm when it is connected.
    session->reconnect();

    // Stop observing the connection.
    session->unregister_connection_change_observer(token);

    // Waits also call back, on a thread of the library.
    std::promise<bool> done;
    session->wait_for_upload_completion([&](auto status) { done.set_value(status.is_ok()); });
    expect(done.get_future().get(), "the callback reports success");

    // The handle is weak: it does not keep the session alive. Once its database is closed everywhere, using it throws.
    realm.close();
    try {
        (void) session->state();
        expect(false, "a session without database throws");
    } catch (const std::runtime_error& e) {
        std::cout << "After closing the database: " << e.what() << '\n';
    }
}

}// namespace

int main(int argc, char** argv) {
    server_address server(argc, argv);
    return run_example([&] { manage_sync_session(server); });
}
