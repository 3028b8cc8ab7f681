// From nothing to a synced database: a class, a local database, then the same with sync.
//
//   build/bin/realm-sync-server serve --dev &
//   build/bin/examples/quick_start [URL APP_ID]
#include "example.hpp"

// A class of objects is a plain struct. REALM_SCHEMA names the members that are stored, in the namespace of the class.
namespace todo {
struct Task {
    realm::primary_key<realm::object_id> _id{realm::object_id::generate()};
    std::string title;
    int64_t priority = 0;
    bool done = false;
    std::optional<std::string> note;
    std::string owner_id;
};
REALM_SCHEMA(Task, _id, title, priority, done, note, owner_id)
}// namespace todo
using todo::Task;

namespace {

Task task(const std::string& title, int64_t priority, const std::string& owner = {}) {
    Task t;
    t.title = title;
    t.priority = priority;
    t.owner_id = owner;
    return t;
}

// 1. A database is a file; no server is needed.
void local(const temporary_folder& files) {
    realm::db_config config;
    config.set_path(files.folder("local") + "/tasks.realm");
    auto realm = realm::db(std::move(config));

    // Changes are made in write transactions. write() returns what the callback returns; an exception undoes everything.
    auto groceries = realm.write([&] {
        realm.add(task("Water the flowers", 2));
        return realm.add(task("Buy groceries", 5));
    });

    // What add() gave is a live object: it reads and writes the database.
    realm.write([&] {
        groceries.priority += 1;
        groceries.note = "milk, bread";
    });
    std::cout << groceries.title.detach() << " has priority " << int64_t(groceries.priority) << ".\n";

    // Results are live too: they follow what happens.
    auto open = realm.objects<Task>().where([](auto& t) { return t.done == false && t.priority > 1; }).sort("priority", false);
    expect(open.size() == 2 && open[0].title == "Buy groceries", "both tasks are open, the most important first");

    // Observers are called when the database moves on: in refresh(), before a write, or by the event loop of a scheduler.
    size_t gone = 0;
    auto token = open.observe([&](auto changes) { gone += changes.deletions.size(); });
    realm.write([&] { groceries.done = true; });
    realm.refresh();
    expect(gone == 1 && open.size() == 1, "the observer was told that a task left the results");

    // The same query as text, as all SDKs know it.
    expect(realm.objects<Task>().where("note CONTAINS[c] $0", {std::string("MILK")}).size() == 1, "the query text finds it");

    realm.write([&] { realm.remove(groceries); });
    expect(groceries.is_invalidated() && realm.objects<Task>().size() == 1, "one task is left");
}

// 2. The same, synced: an app on a server, a user, and subscriptions that say which objects this device has.
void synced(const temporary_folder& files, const server_address& server) {
    realm::App::configuration configuration;
    configuration.app_id = server.app_id;
    configuration.base_url = server.url;
    configuration.path = files.folder("device");
    auto app = realm::App(configuration);
    auto user = app.login(realm::App::credentials::anonymous()).get();
    auto realm = realm::db(user.flexible_sync_configuration());

    auto me = user.identifier();
    bool ready = realm.subscriptions().update([&](realm::mutable_sync_subscription_set& subscriptions) {
                                          subscriptions.add<Task>("my tasks", [&](auto& t) { return t.owner_id == me; });
                                      })
                         .get();
    expect(ready, "the server accepts the subscription");

    // From here on it is a database like any other. It works offline; syncing is done in the background.
    realm.write([&] { realm.add(task("Call grandma", 10, me)); });
    realm.get_sync_session()->wait_for_upload_completion().get();
    std::cout << "User " << me << " has " << realm.objects<Task>().size() << " task, and the server has it too.\n";
}

}// namespace

int main(int argc, char** argv) {
    server_address server(argc, argv);
    return run_example([&] {
        temporary_folder files;
        local(files);
        synced(files, server);
    });
}
