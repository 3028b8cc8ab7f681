// Subscriptions: added, found, replaced, removed, refused; what data they bring and take away; their query text.
#include "sync.hpp"

using realm::Item;
using realm::mutable_sync_subscription_set;
using realm::Other;
using realm::rbool;

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_subscriptions");

    suite.run("add, find, remove, clear", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto owner = check::unique("owner");
        CHECK_EQUAL(d.db.subscriptions().size(), 0);
        CHECK(!d.db.subscriptions().find("items"));
        auto subs = d.db.subscriptions();
        auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
        auto done = subs.update([&](mutable_sync_subscription_set& s) {
            s.add<Item>("items", [&](auto& o) { return o.owner == owner && o.count < 3; });
            s.add<Other>("others");
            CHECK(s.find("items") && s.find("others") && !s.find("nothing"));
        });
        CHECK_EQUAL(subs.size(), 2);// this handle has the new contents at once
        CHECK(done.get());
        auto active = d.db.subscriptions();
        CHECK_EQUAL(active.size(), 2);
        auto found = active.find("items");
        CHECK(found.has_value());
        if (found) {
            CHECK(found->name == "items" && found->object_class_name == "Item");
            CHECK_EQUAL(found->query_string, "owner == \"" + owner + "\" and count < 3");
            CHECK_EQUAL(found->identifier.size(), 24);
            CHECK(found->created_at > before && found->updated_at >= found->created_at && found->created_at <= std::chrono::system_clock::now());
        }
        auto all = active.find("others");
        CHECK(all && all->query_string == "TRUEPREDICATE" && all->object_class_name == "Other");
        CHECK(active.find("nothing") == std::nullopt);

        // A name that is there gets the new query, and stays the subscription that it was.
        CHECK(active.update([&](auto& s) { s.template add<Item>("items", [&](auto& o) { return o.owner == owner; }); }).get());
        auto replaced = active.find("items");
        CHECK(active.size() == 2 && replaced && replaced->identifier == found->identifier && replaced->query_string == "owner == \"" + owner + "\"");
        CHECK(replaced->created_at == found->created_at && replaced->updated_at >= found->updated_at);

        // update_subscription makes a new one of that name.
        CHECK(active.update([&](auto& s) { s.template update_subscription<Item>("items", [&](auto& o) { return o.owner == owner && o.count == 1; }); }).get());
        auto updated = active.find("items");
        CHECK(updated && updated->identifier != found->identifier && updated->query_string == "owner == \"" + owner + "\" and count == 1");
        CHECK(active.update([&](auto& s) { s.template update_subscription<Other>("others"); }).get());

        CHECK(active.update([](auto& s) { s.remove("items"); }).get());
        CHECK(active.size() == 1 && !active.find("items"));
        CHECK(active.update([](auto& s) { s.clear(); }).get());
        CHECK(active.size() == 0 && d.db.subscriptions().size() == 0);
    });

    suite.run("mistakes in the callback", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto subs = d.db.subscriptions();
        CHECK_THROWS_WITH(std::logic_error, "Subscription cannot be found", subs.update([](auto& s) { s.remove("nothing"); }));
        CHECK_THROWS_WITH(std::logic_error, "Subscription cannot be found", subs.update([](auto& s) { s.template update_subscription<Item>("nothing"); }));
        struct boom {};
        CHECK_THROWS(boom, subs.update([](auto& s) {
            s.template add<Item>("items");
            throw boom();
        }));
        CHECK_EQUAL(subs.size(), 0);
        CHECK_EQUAL(d.db.subscriptions().size(), 0);
        CHECK_THROWS(std::exception, d.db.write([&] { (void) subs.update([](auto& s) { s.clear(); }); }));
        CHECK(subs.update([](auto& s) { s.clear(); }).get());// and it works afterwards
    });

    suite.run("writing without a subscription", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        CHECK_THROWS_WITH(std::exception, "Cannot write to class Item when no flexible sync subscription has been created.", d.add(check::item("nobody", "x")));
        CHECK_EQUAL(d.items().size(), 0);
        CHECK(d.subscribe(check::unique("owner")));
    });

    suite.run("data comes and goes with the query", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device")), e(server, dir.file("other"));
        auto owner = check::unique("owner");
        CHECK(d.subscribe(owner));
        d.db.write([&] {
            for (int i = 0; i < 10; i++) d.db.add(check::item(owner, "n" + std::to_string(i), i));
        });
        d.upload();
        auto ask = [&](std::function<rbool(realm::managed<Item>&)> condition) {
            bool ok = e.db.subscriptions().update([&](auto& s) { s.template add<Item>("items", std::move(condition)); }).get();
            e.db.refresh();
            return ok;
        };
        CHECK(ask([&](auto& o) { return o.owner == owner && o.count >= 5; }));
        CHECK_EQUAL(e.items().size(), 5);
        CHECK(ask([&](auto& o) { return o.owner == owner && (o.count == 0 || o.count == 9); }));
        CHECK_EQUAL(e.items().size(), 2);
        CHECK(ask([&](auto& o) { return o.owner == owner && !(o.count < 3); }));
        CHECK_EQUAL(e.items().size(), 7);
        CHECK(ask([&](auto& o) { return o.owner == owner && o.text.contains("N7", false); }));
        CHECK(e.items().size() == 1 && e.items()[0].count == 7);
        // Objects move in and out of the view as they change.
        CHECK(ask([&](auto& o) { return o.owner == owner && o.count > 100; }));
        CHECK_EQUAL(e.items().size(), 0);
        auto first = d.items()[0];
        d.db.write([&] { first.count = 200; });
        d.upload();
        CHECK(check::eventually([&] { e.download(); return e.items().size() == 1; }));
        d.db.write([&] { first.count = 1; });
        d.upload();
        CHECK(check::eventually([&] { e.download(); return e.items().size() == 0; }));
        // Two subscriptions of one class: either.
        CHECK(e.db.subscriptions().update([&](auto& s) {
                                     s.clear();
                                     s.template add<Item>("low", [&](auto& o) { return o.owner == owner && o.count < 2; });
                                     s.template add<Item>("high", [&](auto& o) { return o.owner == owner && o.count > 8; });
                                 })
                      .get());
        e.db.refresh();
        CHECK_EQUAL(e.items().size(), d.items().where([](auto& o) { return o.count < 2 || o.count > 8; }).size());
        // Nothing: everything leaves this device, and nothing happens to the others' data.
        CHECK(e.db.subscriptions().update([](auto& s) { s.clear(); }).get());
        e.db.refresh();
        CHECK_EQUAL(e.items().size(), 0);
        d.download();
        CHECK_EQUAL(d.items().size(), 10);
    });

    suite.run("query texts", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        d.session().pause();// this is about the text only
        auto text = [&](std::function<rbool(realm::managed<Item>&)> condition) {
            std::string out;
            (void) d.db.subscriptions().update([&](auto& s) {
                s.template add<Item>("items", std::move(condition));
                out = s.find("items")->query_string;
            });
            return out;
        };
        CHECK_EQUAL(text([](auto& o) { return o.text == "foo"; }), std::string("text == \"foo\""));
        CHECK_EQUAL(text([](auto& o) { return o.text == "bar" && o.count == 1230; }), std::string("text == \"bar\" and count == 1230"));
        CHECK_EQUAL(text([](auto& o) { return o.count < 3; }), std::string("count < 3"));
        CHECK_EQUAL(text([](auto& o) { return o.text == "USA" || o.text == "IE"; }), std::string("(text == \"USA\" or text == \"IE\")"));
        CHECK_EQUAL(text([](auto& o) { return o.text.contains("oo"); }), std::string("text CONTAINS \"oo\""));
        CHECK_EQUAL(text([](auto& o) { return o.text.contains("OO", false); }), std::string("text CONTAINS[c] \"OO\""));
        CHECK_EQUAL(text([](auto& o) { return o.text.empty(); }), std::string("text == \"\""));
        CHECK_EQUAL(text([](auto& o) { return !o.text.empty(); }), std::string("!(text == \"\")"));
        CHECK_EQUAL(text([](auto& o) { return o.text == "a\"b"; }), std::string("text == B64\"YSJi\""));
        CHECK_EQUAL(text([](auto& o) { return o.weight == std::nullopt; }), std::string("weight == NULL"));
        CHECK_EQUAL(text([](auto& o) { return o.weight == 0.5; }), std::string("weight == 0.5"));
        CHECK_EQUAL(text([](auto& o) { return o._id == realm::object_id("0123456789abcdef01234567"); }), std::string("_id == oid(0123456789abcdef01234567)"));
        CHECK_EQUAL(text([](auto& o) { return (o.count == 1 || o.count == 2) && o.text == "x"; }), std::string("(count == 1 or count == 2) and text == \"x\""));
        CHECK_EQUAL(text([](auto& o) { return realm::truepredicate(o); }), std::string("TRUEPREDICATE"));
        CHECK_EQUAL(text([](auto& o) { return realm::falsepredicate(o); }), std::string("FALSEPREDICATE"));
    });

    suite.run("refused by the server", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto owner = check::unique("owner");
        CHECK(d.subscribe(owner));
        d.add(check::item(owner, "stays"));
        d.upload();
        // A query through a link is nothing that a server answers.
        auto refused = d.db.subscriptions().update([&](auto& s) { s.template add<Item>("items", [](auto& o) { return o.next->text == "x"; }); });
        CHECK(!refused.get());
        // The set before it is still in force.
        d.db.refresh();
        CHECK(d.db.subscriptions().find("items")->query_string == "owner == \"" + owner + "\"");
        CHECK_EQUAL(d.items().size(), 1);
        d.add(check::item(owner, "and works"));
        d.upload();
        CHECK(d.subscribe(owner));
    });

    suite.run("replaced before it was answered", [&] {
        check::temp_dir dir;
        check::device d(server, dir.file("device"));
        auto owner = check::unique("owner");
        d.session().pause();
        auto subs = d.db.subscriptions();
        auto first = subs.update([&](auto& s) { s.template add<Item>("a", [&](auto& o) { return o.owner == owner; }); });
        auto second = subs.update([&](auto& s) { s.template add<Item>("b", [&](auto& o) { return o.owner == owner && o.count > 1; }); });
        d.session().resume();
        CHECK(second.get());
        (void) first.get();// true or false, as it went
        CHECK_EQUAL(d.db.subscriptions().size(), 2);// one handle builds on what it committed
    });

    suite.run("kept across restarts", [&] {
        check::temp_dir dir;
        auto owner = check::unique("owner");
        std::string identifier;
        {
            check::device d(server, dir.file("device"));
            CHECK(d.subscribe(owner));
            d.add(check::item(owner, "kept"));
            d.upload();
            identifier = d.db.subscriptions().find("items")->identifier;
        }
        auto app = check::app_of(server, dir.file("device"));
        auto user = app.get_current_user();
        CHECK(user.has_value());
        realm::db db(user->flexible_sync_configuration());
        auto subs = db.subscriptions();
        CHECK(subs.size() == 1 && subs.find("items")->identifier == identifier);
        CHECK_EQUAL(db.objects<Item>().size(), 1);
    });

    return suite.result();
}
