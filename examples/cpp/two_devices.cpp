// Two devices edit the same shopping list offline, then meet. Prints what each of them sees; examples/demo.sh runs it.
//
//   build/bin/realm-sync-server serve --dev &
//   build/bin/examples/two_devices [URL APP_ID]
#include "example.hpp"

struct Entry {
    realm::primary_key<realm::object_id> _id{realm::object_id::generate()};
    std::string list;
    std::string what;
    int64_t amount = 1;
    std::string note;
};
REALM_SCHEMA(Entry, _id, list, what, amount, note)

namespace {

// A device is an app with files of its own, a user, and the user's synced database.
struct device {
    std::string name;
    realm::App app;
    realm::user user;
    realm::db realm;

    device(const std::string& n, const server_address& server, const temporary_folder& files, const std::string& list)
        : name(n), app(configure(server, files.folder(n))), user(app.login(realm::App::credentials::anonymous()).get()), realm(user.flexible_sync_configuration()) {
        // Which objects this device has: those of the list.
        bool accepted = realm.subscriptions().update([&](realm::mutable_sync_subscription_set& subscriptions) {
                                                 subscriptions.add<Entry>("list", [&](auto& entry) { return entry.list == list; });
                                             })
                                .get();
        expect(accepted, "the server accepts the subscription");
    }
    static realm::App::configuration configure(const server_address& server, const std::string& folder) {
        realm::App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = folder;
        c.enable_caching = false;// two devices in one process
        return c;
    }

    void say(const std::string& text) { std::cout << "  " << name << " " << text << '\n'; }
    void go_offline() { realm.get_sync_session()->pause(); }
    void go_online() { realm.get_sync_session()->resume(); }
    void upload() { realm.get_sync_session()->wait_for_upload_completion().get(); }
    void download() {
        realm.get_sync_session()->wait_for_download_completion().get();
        realm.refresh();
    }

    realm::managed<Entry> find(const std::string& what) {
        auto found = realm.objects<Entry>().where([&](auto& entry) { return entry.what == what; });
        expect(found.size() == 1, "the entry is on the list");
        return found[0];
    }
    void add(const std::string& list, const std::string& what, int64_t amount) {
        Entry entry;
        entry.list = list;
        entry.what = what;
        entry.amount = amount;
        realm.write([&] { realm.add(std::move(entry)); });
    }
    // The list, one line per entry.
    std::string shown() {
        std::string out;
        for (auto entry: realm.objects<Entry>().sort("what", true)) {
            out += "      " + std::to_string(int64_t(entry.amount)) + " x " + entry.what.detach();
            if (!entry.note.detach().empty()) out += "   (" + entry.note.detach() + ")";
            out += '\n';
        }
        return out;
    }
    void show() { std::cout << "    " << name << " sees\n" << shown(); }
};

void two_devices(const server_address& server) {
    temporary_folder files;
    auto list = "list " + realm::object_id::generate().to_string();
    device phone("Phone", server, files, list), tablet("Tablet", server, files, list);

    std::cout << "1. The phone writes a shopping list. The tablet gets it.\n";
    phone.add(list, "apples", 4);
    phone.add(list, "bread", 1);
    phone.add(list, "cheese", 1);
    phone.add(list, "milk", 2);
    phone.upload();
    tablet.download();
    tablet.show();
    expect(phone.shown() == tablet.shown(), "both have the same list");

    std::cout << "\n2. Both go offline, and both edit.\n";
    phone.go_offline();
    tablet.go_offline();

    phone.realm.write([&] { phone.find("apples").amount += 2; });
    phone.say("adds 2 apples");
    tablet.realm.write([&] { tablet.find("apples").amount += 3; });
    tablet.say("adds 3 apples                  both additions should count");

    phone.realm.write([&] { phone.find("milk").note = "the cold one"; });
    phone.say("puts a note on the milk");
    tablet.realm.write([&] { tablet.find("milk").amount = 5; });
    tablet.say("wants 5 milk                   another property: both should stay");

    phone.realm.write([&] { phone.find("bread").note = "white"; });
    phone.say("notes \"white\" on the bread");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));// so that it is later by any clock
    tablet.realm.write([&] { tablet.find("bread").note = "rye"; });
    tablet.say("notes \"rye\" on it, later       a conflict: the later one should win");

    phone.realm.write([&] {
        auto cheese = phone.find("cheese");
        phone.realm.remove(cheese);
    });
    phone.say("deletes the cheese");
    tablet.realm.write([&] { tablet.find("cheese").note = "old"; });
    tablet.say("puts a note on the cheese      a conflict: the deletion should win");

    phone.add(list, "tea", 1);
    phone.say("adds tea");
    tablet.add(list, "coffee", 1);
    tablet.say("adds coffee                    both should be there");

    std::cout << "\n   Still offline, each sees its own edits only.\n";
    phone.show();
    tablet.show();
    expect(phone.shown() != tablet.shown(), "offline, they differ");

    std::cout << "\n3. Both go online again.\n";
    phone.go_online();
    tablet.go_online();
    phone.upload();
    tablet.upload();
    phone.download();
    tablet.download();
    phone.show();
    tablet.show();

    expect(phone.shown() == tablet.shown(), "both see the same list again");
    for (auto d: {&phone, &tablet}) {
        expect(d->find("apples").amount == 9, "both additions count");
        expect(d->find("milk").amount == 5 && d->find("milk").note == "the cold one", "changes of two properties merge");
        expect(d->find("bread").note == "rye", "the later change of one property wins");
        expect(d->realm.objects<Entry>().where([](auto& e) { return e.what == "cheese"; }).size() == 0, "the deletion wins");
        expect(d->realm.objects<Entry>().size() == 5, "new entries of both are there");
    }
    std::cout << "\nBoth devices have the same list, and nothing that was meant to stay is lost.\n";
}

}// namespace

int main(int argc, char** argv) {
    server_address server(argc, argv);
    return run_example([&] { two_devices(server); });
}
