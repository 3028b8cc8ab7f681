// Embedded objects: in a property, in lists and dictionaries; owned by what holds them.
#include "check.hpp"
#include "collections.hpp"

using realm::leaf;
using realm::managed;
using realm::tree;
using realm::vein;

namespace {

managed<tree> make(realm::db& db, tree t) {
    return db.write([&] { return db.add(std::move(t)); });
}
leaf make_leaf(int64_t n, const std::string& s) {
    leaf l;
    l.n = n;
    l.s = s;
    return l;
}

}// namespace

int main() {
    check::suite suite("embedded");

    suite.run("in a property", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        CHECK(!t.top && t.top == nullptr && t.top.detach() == nullptr);
        auto first = make_leaf(1, "first"), second = make_leaf(2, "second");
        vein middle;
        middle.width = 7;
        first.middle = &middle;
        first.numbers = {1, 2};
        first.veins = {&middle, &middle};
        first.counts = {{"a", 1}};
        db.write([&] { t.top = &first; });
        CHECK(t.top && t.top != nullptr && t.top->n == 1 && t.top->s == "first" && t.top->middle->width == 7);
        CHECK(t.top->numbers.size() == 2 && t.top->numbers[1] == 2 && t.top->veins.size() == 2 && t.top->veins[1]->width == 7 && t.top->counts["a"] == 1);
        CHECK(t.top->veins[0] != t.top->veins[1]);// two objects
        auto child = *t.top.operator->();
        db.write([&] {
            t.top->n += 5;
            t.top->middle->width++;
            t.top->numbers.push_back(3);
            t.top->veins.push_back(&middle);
            t.top->counts["b"] = 2;
        });
        CHECK(child.n == 6 && child.middle->width == 8 && child.numbers.size() == 3 && child.veins.size() == 3 && child.counts.size() == 2);
        // A new one replaces the old, which is deleted; null deletes.
        auto list = child.numbers;
        db.write([&] { t.top = &second; });
        CHECK(child.is_invalidated() && t.top->n == 2 && t.top->numbers.size() == 0 && !t.top->middle);
        CHECK_THROWS(std::exception, list.size());
        child = *t.top.operator->();
        db.write([&] { t.top = nullptr; });
        CHECK(child.is_invalidated() && !t.top);
    });

    suite.run("stored with the object", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto one = make_leaf(1, "one"), two = make_leaf(2, "two");
        auto o = check::tree("oak");
        o.top = &one;
        o.leaves = {&one, &two};
        o.leaf_map = {{"x", &two}, {"n", nullptr}};
        auto t = make(db, o);
        CHECK(t.top->s == "one" && t.leaves.size() == 2 && t.leaves[1]->s == "two" && t.leaf_map["x"]->n == 2 && t.leaf_map["n"] == nullptr && t.leaf_map.size() == 2);
        auto plain = t.detach();
        CHECK(plain.top->s == "one" && plain.leaves.size() == 2 && plain.leaves[0]->n == 1 && plain.leaf_map["x"]->s == "two");
        delete plain.top;
        for (auto l: plain.leaves) delete l;
        delete plain.leaf_map["x"];
        // Again: the single one is a new object, lists are added to.
        auto child = *t.top.operator->();
        o.leaf_map.clear();
        make(db, o);
        CHECK(child.is_invalidated() && t.top->s == "one" && t.leaves.size() == 4 && t.leaf_map.size() == 2);
        // A null pointer leaves what is there.
        o.top = nullptr;
        o.leaves.clear();
        make(db, o);
        CHECK(t.top && t.leaves.size() == 4);
        std::ostringstream out;
        t.to_json(out);
        CHECK(out.str().find("\"top\":{\"n\":1,\"s\":\"one\",\"middle\":null,\"numbers\":[],\"veins\":[],\"counts\":{}}") != std::string::npos);
    });

    suite.run("in lists", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        std::vector<leaf> leaves;
        for (int64_t i = 0; i < 5; i++) leaves.push_back(make_leaf(i, "leaf"));
        db.write([&] {
            for (auto& l: leaves) t.leaves.push_back(&l);
        });
        int64_t total = 0;
        for (auto l: t.leaves) total += *l.n;
        CHECK(t.leaves.size() == 5 && total == 10);
        managed<leaf> second = *t.leaves[1], last = *t.leaves[4];
        CHECK_EQUAL(t.leaves.find(last), 4);
        db.write([&] {
            t.leaves[0]->n = 100;
            t.leaves[0]->n -= 1;
            t.leaves.erase(1);
            t.leaves.move(3, 0);
            t.leaves.set(1, &leaves[2]);
            t.leaves.insert(1, &leaves[3]);
        });
        CHECK(second.is_invalidated() && !last.is_invalidated() && t.leaves[0] == last);
        CHECK(t.leaves.size() == 5 && t.leaves[1]->n == 3 && t.leaves[2]->n == 2);
        db.write([&] { CHECK_THROWS_WITH(std::logic_error, "Cannot add existing embedded object to managed list.", t.leaves.push_back(last)); });
        db.write([&] { t.leaves.clear(); });
        CHECK(t.leaves.size() == 0 && last.is_invalidated());
    });

    suite.run("in dictionaries", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto one = make_leaf(1, "one"), two = make_leaf(2, "two");
        db.write([&] {
            t.leaf_map["a"] = &one;
            t.leaf_map["b"] = &two;
            t.leaf_map["c"] = nullptr;
        });
        managed<leaf> a = *t.leaf_map["a"].operator->();
        CHECK(t.leaf_map.size() == 3 && t.leaf_map["b"]->s == "two" && !*t.leaf_map["c"]);
        db.write([&] {
            t.leaf_map["a"]->n++;
            t.leaf_map["a"]->numbers.push_back(4);
        });
        CHECK(a.n == 2 && a.numbers[0] == 4);
        db.write([&] { t.leaf_map["a"] = &two; });
        CHECK(a.is_invalidated() && t.leaf_map["a"]->n == 2 && t.leaf_map["a"] != t.leaf_map["b"]);
        db.write([&] { t.leaf_map.erase("a"); });
        CHECK_EQUAL(t.leaf_map.size(), 2);
    });

    suite.run("end with their owner", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto one = make_leaf(1, "one");
        vein v;
        one.middle = &v;
        auto o = check::tree("oak");
        o.top = &one;
        o.leaves = {&one};
        auto t = make(db, o);
        auto top = *t.top.operator->();
        auto inner = *top.middle.operator->();
        managed<leaf> listed = *t.leaves[0];
        bool deleted = false;
        auto token = top.observe([&](auto&& c) { deleted = deleted || c.is_deleted; });
        db.write([&] { db.remove(t); });
        CHECK(top.is_invalidated() && inner.is_invalidated() && listed.is_invalidated());
        db.refresh();
        CHECK(deleted);
        CHECK_THROWS(std::exception, db.write([&] { db.add(make_leaf(1, "alone")); }));
    });

    suite.run("observed", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto one = make_leaf(1, "one");
        auto o = check::tree("oak");
        o.top = &one;
        auto t = make(db, o);
        auto link = t.top;// the documentation copies links
        std::vector<std::string> changed;
        auto token = link->observe([&](auto&& c) {
            for (auto& p: c.property_changes) changed.push_back(p.name + (std::holds_alternative<std::monostate>(*p.new_value) ? "*" : ""));
        });
        db.write([&] {
            t.top->n = 5;
            t.top->numbers.push_back(1);
        });
        db.refresh();
        CHECK(changed == (std::vector<std::string>{"n", "numbers*"}));
    });

    return suite.result();
}
