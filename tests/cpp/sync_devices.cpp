// Two and more devices that edit the same objects: what each did survives, conflicts end alike everywhere.
#include "sync.hpp"

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_devices");

    suite.run("offline edits and conflicts", [&] {
        check::temp_dir dir;
        check::device a(server, dir.file("a")), b(server, dir.file("b"));
        auto owner = check::unique("owner");
        CHECK(a.subscribe(owner) && b.subscribe(owner));
        std::vector<realm::object_id> ids;
        a.db.write([&] {
            for (int i = 0; i < 6; i++) {
                auto item = check::item(owner, "item " + std::to_string(i), 10);
                ids.push_back(item._id.value);
                a.db.add(std::move(item));
            }
        });
        CHECK(check::converge({&a, &b}));
        auto find = [](check::device& d, const realm::object_id& id) { return d.items().where([&](auto& o) { return o._id == id; })[0]; };
        a.session().pause();
        b.session().pause();
        // Additions add up.
        a.db.write([&] { find(a, ids[0]).count += 5; });
        b.db.write([&] { find(b, ids[0]).count -= 2; });
        a.db.write([&] { find(a, ids[0]).count++; });
        // Different properties merge.
        a.db.write([&] { find(a, ids[1]).text = "text of a"; });
        b.db.write([&] { find(b, ids[1]).weight = 1.5; });
        // A deletion wins over changes.
        a.db.write([&] { auto gone = find(a, ids[2]); a.db.remove(gone); });
        b.db.write([&] { find(b, ids[2]).text = "too late"; });
        // A link to an object that the other one deletes becomes null.
        a.db.write([&] { find(a, ids[3]).next = find(a, ids[4]); });
        b.db.write([&] { auto gone = find(b, ids[4]); b.db.remove(gone); });
        // The same key made twice is one object.
        auto twin = check::item(owner, "twin");
        auto twin_id = twin._id.value;
        a.db.write([&] { a.db.add(realm::Item(twin)); });
        twin.weight = 2.5;
        b.db.write([&] { b.db.add(realm::Item(twin)); });
        a.session().resume();
        b.session().resume();
        CHECK(check::converge({&a, &b}));
        for (auto d: {&a, &b}) {
            CHECK_EQUAL(d->items().size(), 5);
            CHECK(find(*d, ids[0]).count == 14);
            CHECK(find(*d, ids[1]).text == "text of a" && find(*d, ids[1]).weight == 1.5);
            CHECK(find(*d, ids[3]).next == nullptr);
            CHECK(find(*d, ids[5]).text == "item 5");
            CHECK(find(*d, twin_id).text == "twin");
        }
        // A device that comes later sees the same.
        check::device c(server, dir.file("c"));
        CHECK(c.subscribe(owner));
        CHECK(check::converge({&a, &b, &c}));
        CHECK(c.content() == a.content());
    });

    suite.run("links", [&] {
        check::temp_dir dir;
        check::device a(server, dir.file("a")), b(server, dir.file("b"));
        auto owner = check::unique("owner");
        CHECK(a.subscribe(owner) && b.subscribe(owner));
        auto first = check::item(owner, "first");
        auto second = check::item(owner, "second");
        second.next = &first;
        a.add(std::move(second));
        CHECK(check::converge({&a, &b}));
        auto found = b.items().where([](auto& o) { return o.text == "second"; });
        CHECK(found.size() == 1 && found[0].next && found[0].next->text == "first");
        b.db.write([&] { found[0].next->text = "changed through the link"; });
        CHECK(check::converge({&a, &b}));
        CHECK(a.items().where([](auto& o) { return o.text == "second"; })[0].next->text == "changed through the link");
    });

    suite.run("both at once, online", [&] {
        check::temp_dir dir;
        check::device a(server, dir.file("a")), b(server, dir.file("b"));
        auto owner = check::unique("owner");
        CHECK(a.subscribe(owner) && b.subscribe(owner));
        auto counter = check::item(owner, "counter");
        auto id = counter._id.value;
        a.add(std::move(counter));
        CHECK(check::converge({&a, &b}));
        auto mine = a.items()[0], yours = b.items()[0];
        for (int i = 0; i < 50; i++) {
            a.db.write([&] {
                mine.count += 1;
                a.db.add(check::item(owner, "a"));
            });
            b.db.write([&] {
                yours.count += 100;
                b.db.add(check::item(owner, "b"));
            });
        }
        CHECK(check::converge({&a, &b}));
        CHECK(a.items().size() == 101 && mine.count == 5050 && yours.count == 5050);
        CHECK(a.items().where([&](auto& o) { return o._id == id; }).size() == 1);
    });

    suite.run("one user on two devices", [&] {
        check::temp_dir dir;
        auto email = check::unique("user") + "@example.com";
        auto one = check::app_of(server, dir.file("one")), two = check::app_of(server, dir.file("two"));
        one.register_user(email, "a password").get();
        auto credentials = realm::App::credentials::username_password(email, "a password");
        auto first = one.login(credentials).get(), second = two.login(credentials).get();
        auto encrypted = second.flexible_sync_configuration(); // what a device does with its file is its own affair
        std::array<char, 64> key;
        key.fill('k');
        encrypted.set_encryption_key(key);
        realm::db a(first.flexible_sync_configuration()), b(encrypted);
        for (auto db: {&a, &b})
            CHECK(db->subscriptions().update([&](auto& s) { s.template add<realm::Item>("mine", [&](auto& o) { return o.owner == first.identifier(); }); }).get());
        a.write([&] { a.add(check::item(first.identifier(), "from one")); });
        a.get_sync_session()->wait_for_upload_completion().get();
        CHECK(check::eventually([&] {
            b.get_sync_session()->wait_for_download_completion().get();
            b.refresh();
            return b.objects<realm::Item>().size() == 1;
        }));
    });

    suite.run("a database opened twice", [&] {
        // Two threads have the same file open: one writes, both see what the server brings.
        check::temp_dir dir;
        check::device a(server, dir.file("a")), b(server, dir.file("b"));
        auto owner = check::unique("owner");
        CHECK(a.subscribe(owner) && b.subscribe(owner));
        check::on_another_thread([&] {
            realm::db there(a.config);
            for (int i = 0; i < 20; i++) there.write([&] { there.add(check::item(owner, "of the thread")); });
            there.get_sync_session()->wait_for_upload_completion().get();
        });
        CHECK(check::converge({&a, &b}));
        CHECK(a.items().size() == 20 && b.items().size() == 20);
    });

    suite.run("closed with changes that are not uploaded", [&] {
        // The session outlives the database until they are.
        check::temp_dir dir;
        auto owner = check::unique("owner");
        check::device b(server, dir.file("b"));
        CHECK(b.subscribe(owner));
        {
            check::device a(server, dir.file("a"));
            CHECK(a.subscribe(owner));
            a.db.write([&] {
                for (int i = 0; i < 100; i++) a.db.add(check::item(owner, "last words"));
            });
        }
        CHECK(check::eventually([&] { b.download(); return b.items().size() == 100; }));
    });

    suite.run("large objects", [&] {
        check::temp_dir dir;
        check::device a(server, dir.file("a")), b(server, dir.file("b"));
        auto owner = check::unique("owner");
        CHECK(a.subscribe(owner) && b.subscribe(owner));
        std::string large(1 << 20, 'x');
        for (size_t i = 0; i < large.size(); i += 97) large[i] = char('a' + i % 26);
        a.add(check::item(owner, large));
        a.add(check::item(owner, ""));
        CHECK(check::converge({&a, &b}));
        CHECK_EQUAL(b.items().where([&](auto& o) { return o.text == large; }).size(), 1);
    });

    return suite.result();
}
