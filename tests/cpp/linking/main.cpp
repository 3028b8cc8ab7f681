// REALM_SCHEMA wherever a class is: in its own namespace, at global scope, in an unnamed namespace, in several translation units.
#include "../check.hpp"
#include "shared.hpp"

struct global {
    realm::primary_key<std::string> _id;
    std::optional<int64_t> n;
    shop::item* item = nullptr;// a link into another namespace
};
REALM_SCHEMA(global, _id, n, item)

namespace deep::inside::of {
struct thing;
// Links to a class whose definition comes later.
struct box {
    realm::primary_key<int64_t> _id;
    thing* content = nullptr;
};
REALM_SCHEMA(box, _id, content);
struct thing {
    int64_t weight = 0;
    box* parent = nullptr;
};
REALM_SCHEMA(thing, weight, parent)
}// namespace deep::inside::of

namespace {
struct unnamed {
    realm::primary_key<int64_t> _id;
    std::string text;
};
REALM_SCHEMA(unnamed, _id, text);
}// namespace

using namespace deep::inside;

int main() {
    check::suite suite("linking");

    suite.run("registered once", [] {
        int items = 0, others = 0;
        for (auto& c: realm::db::schemas) {
            items += c.name == "item";
            others += c.name == "local_to_other" || c.name == "global" || c.name == "box" || c.name == "thing" || c.name == "unnamed";
        }
        CHECK(items == 1 && others == 5);
    });

    suite.run("one class, two translation units", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] {
            add_item(db, 1, "from other.cpp");
            shop::item i;
            i._id = 2;
            i.name = "from main.cpp";
            db.add(std::move(i));
        });
        auto items = db.objects<shop::item>();
        CHECK(items.size() == 2 && items[0].name == "from other.cpp" && items[1].name == "from main.cpp");
        CHECK_EQUAL(count_private_things(db), 1);
    });

    suite.run("namespaces", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        global g;
        g._id = "key";
        g.n = 5;
        shop::item i;
        i._id = 7;
        g.item = &i;
        auto m = db.write([&] { return db.add(std::move(g)); });
        CHECK(m._id == "key" && m.n == 5 && m.item->_id == 7);
        CHECK_EQUAL(db.objects<global>().where([](auto& o) { return o.item->_id == 7 && o.n > 1; }).size(), 1);

        of::box b;
        b._id = 1;
        of::thing t;
        t.weight = 9;
        b.content = &t;
        auto box = db.write([&] { return db.add(std::move(b)); });
        db.write([&] { box.content->parent = box; });
        CHECK(box.content->weight == 9 && box.content->parent == box);

        unnamed u;
        u._id = 3;
        u.text = "unnamed";
        auto plain = db.write([&] { return db.add(std::move(u)); });
        CHECK(plain.text == "unnamed");
    });

    suite.run("only some classes", [] {
        check::temp_dir dir;
        auto db = realm::open<shop::item>(dir.config());
        db.write([&] { add_item(db, 1, "a"); });
        CHECK_EQUAL(db.objects<shop::item>().size(), 1);
        CHECK_THROWS(std::exception, db.objects<global>());
    });

    return suite.result();
}
