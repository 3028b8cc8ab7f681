// Observers of lists, sets and dictionaries, and of objects that have them.
#include "check.hpp"
#include "collections.hpp"

using realm::bird;
using realm::managed;
using realm::tree;

namespace {

using positions = std::vector<uint64_t>;
using keys = std::vector<std::string>;

// Opens a database with one tree, and keeps what an observer of one of its collections is told.
template <typename Change>
struct watch {
    check::temp_dir dir;
    realm::db db{dir.config()};
    managed<tree> t = db.write([this] { return db.add(check::tree("oak")); });
    std::vector<Change> seen;
    realm::notification_token token;

    template <typename C>
    void start(C& collection) {
        token = collection.observe([this](Change c) { seen.push_back(std::move(c)); });
        CHECK_EQUAL(seen.size(), 0);// not by observe()
        db.refresh();
        CHECK(seen.size() == 1 && seen[0].empty());// the initial call says nothing
        seen.clear();
    }
    // Writes, and gives what was told about it.
    template <typename Fn>
    Change after(Fn&& f) {
        db.write(f);
        CHECK_EQUAL(seen.size(), 0);// not by the commit
        db.refresh();
        CHECK_EQUAL(seen.size(), 1);
        Change out = seen.empty() ? Change() : seen.back();
        seen.clear();
        return out;
    }
};

}// namespace

int main() {
    check::suite suite("collection_observers");

    suite.run("lists", [] {
        watch<realm::collection_change> w;
        auto& list = w.t.ints;
        w.start(list);
        auto c = w.after([&] {
            for (auto v: {10, 11, 12}) list.push_back(v);
        });
        CHECK(c.insertions == (positions{0, 1, 2}) && c.deletions.empty() && c.modifications.empty());
        c = w.after([&] {
            list.set(2, 20);
            list.erase(0);
        });
        CHECK(c.deletions == (positions{0}) && c.modifications == (positions{2}) && c.insertions.empty());
        c = w.after([&] {
            list.insert(0, 1);
            list.push_back(2);
        });
        CHECK(c.insertions == (positions{0, 3}) && c.deletions.empty());
        c = w.after([&] { list.clear(); });
        CHECK(c.deletions == (positions{0, 1, 2, 3}) && c.insertions.empty());
        // What has nothing to do with it, and empty writes, say nothing.
        w.db.write([&] {
            w.t.strings.push_back("x");
            w.t.age = 5;
        });
        w.db.write([] {});
        w.db.refresh();
        CHECK_EQUAL(w.seen.size(), 0);
        // Several writes are told together, also those of others.
        w.db.write([&] { list.push_back(1); });
        check::on_another_thread([&] {
            realm::db there(w.dir.config());
            there.write([&] { there.objects<tree>()[0].ints.push_back(2); });
        });
        w.db.refresh();
        CHECK(w.seen.size() == 1 && w.seen[0].insertions == (positions{0, 1}));
        w.seen.clear();
        w.token.unregister();
        w.db.write([&] { list.push_back(3); });
        w.db.refresh();
        CHECK_EQUAL(w.seen.size(), 0);
    });

    suite.run("lists of objects", [] {
        watch<realm::collection_change> w;
        auto finch = w.db.write([&] { return w.db.add(check::bird(1, "finch")); });
        auto owl = w.db.write([&] { return w.db.add(check::bird(2, "owl")); });
        w.start(w.t.birds);
        auto c = w.after([&] {
            w.t.birds.push_back(finch);
            w.t.birds.push_back(owl);
        });
        CHECK(c.insertions == (positions{0, 1}));
        c = w.after([&] { owl.weight = 4; });// an object of the list changed
        CHECK(c.modifications == (positions{1}) && c.insertions.empty() && c.deletions.empty());
        c = w.after([&] { w.db.remove(finch); });
        CHECK(c.deletions == (positions{0}));
    });

    suite.run("sets", [] {
        watch<realm::collection_change> w;
        auto& set = w.t.int_set;
        w.start(set);
        auto c = w.after([&] {
            for (auto v: {5, 1, 3}) set.insert(v);
        });
        CHECK(c.insertions == (positions{0, 1, 2}));
        c = w.after([&] {
            set.erase(set.find(3));
            set.insert(2);
        });
        CHECK(c.deletions == (positions{1}) && c.insertions == (positions{1}));
    });

    suite.run("dictionaries", [] {
        watch<realm::dictionary_collection_change> w;
        auto& map = w.t.int_map;
        w.start(map);
        auto c = w.after([&] {
            map["b"] = 1;
            map["a"] = 2;
        });
        CHECK(c.insertions == (keys{"a", "b"}) && c.modifications.empty() && c.deletions.empty() && !c.collection_root_was_deleted);
        c = w.after([&] {
            map["a"] = 3;
            map.erase("b");
            map["c"] = 4;
        });
        CHECK(c.insertions == (keys{"c"}) && c.modifications == (keys{"a"}) && c.deletions == (keys{"b"}));
        c = w.after([&] { w.db.remove(w.t); });
        CHECK(c.collection_root_was_deleted);
        w.db.write([] {});
        w.db.refresh();
        CHECK_EQUAL(w.seen.size(), 0);
    });

    suite.run("sorted lists", [] {
        watch<realm::results<int64_t>::results_change> w;
        w.db.write([&] {
            for (auto v: {30, 10, 20}) w.t.ints.push_back(v);
        });
        auto sorted = w.t.ints.sort(true);
        w.start(sorted);
        auto c = w.after([&] { w.t.ints.insert(0, 15); });
        CHECK(c.insertions == (positions{1}) && c.collection == &sorted);
        c = w.after([&] { w.t.ints.erase(1); });// the 30, which was last
        CHECK(c.deletions == (positions{3}) && c.insertions.empty());
    });

    suite.run("objects with collections", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = db.write([&] { return db.add(check::tree("oak")); });
        std::vector<std::string> changed;
        auto token = t.observe([&](auto&& c) {
            for (auto& p: c.property_changes) changed.push_back(p.name + (std::holds_alternative<std::monostate>(*p.new_value) ? "*" : ""));
        });
        db.write([&] {
            t.int_map["a"] = 1;
            t.ints.push_back(1);
            t.int_set.insert(1);
            t.age = 2;
        });
        db.refresh();
        CHECK(changed == (std::vector<std::string>{"ints*", "int_set*", "int_map*", "age"}));
    });

    suite.run("results with conditions on collections", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = db.write([&] { return db.add(check::tree("oak")); });
        auto finch = db.write([&] { return db.add(check::bird(1, "finch")); });
        auto heavy = db.objects<tree>().where("ANY birds.weight > 3", {});
        auto many = db.objects<tree>().where("ints.@count > 1 AND ANY leaves.n == 5", {});
        std::vector<realm::results<tree>::results_change> of_heavy, of_many;
        auto a = heavy.observe([&](auto c) { of_heavy.push_back(std::move(c)); });
        auto b = many.observe([&](auto c) { of_many.push_back(std::move(c)); });
        db.refresh();
        auto step = [&](auto&& f) {
            of_heavy.clear();
            of_many.clear();
            db.write(f);
            db.refresh();
        };
        step([&] { finch.weight = 9; });
        CHECK(of_heavy.empty() && of_many.empty());
        step([&] { t.birds.push_back(finch); });
        CHECK(of_heavy.size() == 1 && of_heavy[0].insertions == (positions{0}) && of_many.empty());
        step([&] { finch.weight = 10; });
        CHECK(of_heavy.size() == 1 && of_heavy[0].modifications == (positions{0}) && of_heavy[0].insertions.empty());
        step([&] {
            realm::leaf l;
            l.n = 5;
            t.leaves.push_back(&l);
            t.ints.push_back(1);
            t.ints.push_back(2);
        });
        CHECK(of_many.size() == 1 && of_many[0].insertions == (positions{0}));
        step([&] { t.leaves[0]->numbers.push_back(7); });// in a collection of an embedded object
        CHECK(of_many.size() == 1 && of_many[0].modifications == (positions{0}));
        auto frozen = many.freeze();
        step([&] { t.leaves[0]->n = 6; });
        CHECK(of_many.size() == 1 && of_many[0].deletions == (positions{0}));
        CHECK(many.size() == 0 && frozen.size() == 1 && frozen[0].leaves[0]->n == 5);
        step([&] { finch.weight = 1; });
        CHECK(of_heavy.size() == 1 && of_heavy[0].deletions == (positions{0}));
        step([&] { t.ints.clear(); });
        CHECK(of_heavy.empty() && of_many.empty());
    });

    suite.run("frozen, and after changes", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = db.write([&] { return db.add(check::tree("oak")); });
        auto frozen = t.freeze();
        const char* text = "Notifications are not available on frozen collections since they do not change.";
        CHECK_THROWS_WITH(std::exception, text, frozen.ints.observe([](auto) {}));
        CHECK_THROWS_WITH(std::exception, text, frozen.int_set.observe([](auto) {}));
        CHECK_THROWS_WITH(std::exception, text, frozen.int_map.observe([](auto) {}));
        db.write([&] {
            t.age = 3;
            CHECK_THROWS_WITH(std::exception, "Cannot create asynchronous query after making changes in a write transaction.", t.ints.observe([](auto) {}));
        });
    });

    suite.run("the token keeps what it needs", [] {
        check::temp_dir dir;
        int calls = 0;
        realm::notification_token token;
        {
            realm::db db(dir.config());
            auto t = db.write([&] { return db.add(check::tree("oak")); });
            token = t.ints.observe([&](auto) { calls++; });
            db.write([&] { t.ints.push_back(1); });
        }
        realm::db db(dir.config());
        db.refresh();
        CHECK_EQUAL(calls, 2);
    });

    return suite.result();
}
