// Sets: unique, ordered, used with the standard algorithms; of values and of objects.
#include "check.hpp"
#include "collections.hpp"

#include <algorithm>

using realm::bird;
using realm::managed;
using realm::tree;

namespace {

using ints = std::set<int64_t>;
template <typename M>
constexpr bool hidden = !std::is_default_constructible_v<managed<M>> && !std::is_constructible_v<managed<M>, M>;
static_assert(hidden<ints> && hidden<std::set<std::string>> && hidden<std::set<bird*>> && hidden<std::set<realm::mixed>> && hidden<std::set<realm::decimal128>> && hidden<std::set<realm::season>>);
static_assert(std::is_same_v<managed<ints>::value_type, int64_t> && std::is_same_v<managed<std::set<bird*>>::value_type, managed<bird>>);
static_assert(std::is_same_v<managed<ints>::iterator::iterator_category, std::forward_iterator_tag>);

managed<tree> make(realm::db& db, tree t) {
    return db.write([&] { return db.add(std::move(t)); });
}
std::string kinds(managed<std::set<bird*>>& set) {
    std::string out;
    for (auto b: set) out += b.kind.detach() + " ";
    return out;
}

}// namespace

int main() {
    check::suite suite("sets");

    suite.run("insert, find, erase", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto& set = t.int_set;
        CHECK(set.size() == 0 && set.empty() && set.begin() == set.end() && set.find(1) == set.end());
        db.write([&] {
            auto [at, added] = set.insert(5);
            CHECK(added && *at == 5);
            CHECK(set.insert(-3).second && set.insert(9).second);
            auto again = set.insert(5);
            CHECK(!again.second && *again.first == 5);
            CHECK(*set.insert(set.begin(), 7) == 7);
        });
        CHECK(set.detach() == (ints{-3, 5, 7, 9}) && check::items(set) == (std::vector<int64_t>{-3, 5, 7, 9}));
        CHECK(*set.find(7) == 7 && set.find(8) == set.end());
        db.write([&] { set.erase(set.find(5)); });
        CHECK(set.detach() == (ints{-3, 7, 9}));
        // An iterator is a position (KEEP-4): what is there now goes.
        db.write([&] {
            auto it = set.find(7);
            set.erase(it);
            set.erase(it);
        });
        CHECK(set.detach() == (ints{-3}));
        db.write([&] { set.clear(); });
        CHECK(set.size() == 0);
        db.write([&] { CHECK_THROWS(std::exception, set.erase(set.end())); });
        CHECK_THROWS_WITH(std::exception, "Cannot modify managed Set outside of a write transaction.", set.insert(1));
        CHECK_THROWS_WITH(std::exception, "Cannot modify managed Set outside of a write transaction.", set.clear());
    });

    suite.run("element types", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        realm::object_id one("000000000000000000000001"), two("000000000000000000000002");
        db.write([&] {
            t.string_set.insert("b");
            t.string_set.insert(std::string("a"));
            t.id_set.insert(two);
            t.id_set.insert(one);
            t.mixed_set.insert("text");
            t.mixed_set.insert(int64_t(1));
            t.mixed_set.insert(std::monostate());
            t.mixed_set.insert(1.0);// equals the integer 1
            t.mixed_set.insert(true);
        });
        CHECK(t.string_set.detach() == (std::set<std::string>{"a", "b"}) && t.id_set.detach() == (std::set<realm::object_id>{one, two}));
        CHECK_EQUAL(t.mixed_set.size(), 4);
        CHECK(t.mixed_set.detach() == (std::set<realm::mixed>{std::monostate(), int64_t(1), true, std::string("text")}));
        CHECK(t.mixed_set.find("text") != t.mixed_set.end() && t.mixed_set.find("none") == t.mixed_set.end());
    });

    suite.run("algorithms over values", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto a = make(db, check::tree("a")), b = make(db, check::tree("b")), c = make(db, check::tree("c"));
        db.write([&] {
            for (auto v: {1, 2, 3}) a.int_set.insert(v);
            for (auto v: {2, 3, 4}) b.int_set.insert(v);
        });
        auto result = [&](auto&& algorithm) {
            db.write([&] {
                c.int_set.clear();
                algorithm(a.int_set.begin(), a.int_set.end(), b.int_set.begin(), b.int_set.end(), std::inserter(c.int_set, c.int_set.begin()));
            });
            return c.int_set.detach();
        };
        CHECK(result([](auto... x) { std::set_intersection(x...); }) == (ints{2, 3}));
        CHECK(result([](auto... x) { std::set_union(x...); }) == (ints{1, 2, 3, 4}));
        CHECK(result([](auto... x) { std::set_difference(x...); }) == (ints{1}));
        CHECK(result([](auto... x) { std::set_symmetric_difference(x...); }) == (ints{1, 4}));
        // Into itself, as the documentation does.
        db.write([&] { std::set_union(a.int_set.begin(), a.int_set.end(), b.int_set.begin(), b.int_set.end(), std::inserter(a.int_set, a.int_set.end())); });
        CHECK(a.int_set.detach() == (ints{1, 2, 3, 4}));
    });

    suite.run("objects", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto a = make(db, check::tree("a")), b = make(db, check::tree("b"));
        managed<bird> finch, owl, robin;
        std::tie(finch, owl, robin) = db.write([&] { return db.insert(check::bird(1, "finch"), check::bird(2, "owl"), check::bird(3, "robin")); });
        auto again = check::bird(3, "robin", 9);
        db.write([&] {
            CHECK(a.bird_set.insert(owl).second && a.bird_set.insert(finch).second && !a.bird_set.insert(owl).second);
            a.owl = robin;
            CHECK(a.bird_set.insert(a.owl).second && !a.bird_set.insert(&again).second);
        });
        CHECK(kinds(a.bird_set) == "finch owl robin " && robin.weight == 9);
        CHECK(*a.bird_set.find(owl) == owl && a.bird_set.find(a.owl) != a.bird_set.end() && b.bird_set.find(owl) == b.bird_set.end());
        db.write([&] {
            b.bird_set.insert(owl);
            std::vector<managed<bird>> out;
            std::set_difference(a.bird_set.begin(), a.bird_set.end(), b.bird_set.begin(), b.bird_set.end(), std::back_inserter(out));
            CHECK(out.size() == 2 && out[0] == finch && out[1] == robin);
            std::set_union(a.bird_set.begin(), a.bird_set.end(), b.bird_set.begin(), b.bird_set.end(), std::inserter(b.bird_set, b.bird_set.begin()));
        });
        CHECK(kinds(b.bird_set) == "finch owl robin ");
        db.write([&] {
            a.bird_set.erase(a.bird_set.find(owl));
            db.remove(finch);
        });
        CHECK(kinds(a.bird_set) == "robin " && kinds(b.bird_set) == "owl robin ");
        auto plain = b.bird_set.detach();
        CHECK_EQUAL(plain.size(), 2);
        for (auto p: plain) delete p;
    });

    suite.run("stored with the object, lifetimes, frozen", [] {
        check::temp_dir dir;
        auto finch = check::bird(1, "finch");
        auto o = check::tree("oak");
        o.int_set = {3, 1, 2};
        o.string_set = {"x"};
        o.mixed_set = {int64_t(1), std::string("x")};
        o.bird_set = {&finch, nullptr};
        managed<tree> t;
        {
            realm::db db(dir.config());
            t = make(db, o);
            auto frozen = t.freeze();
            o.int_set = {4};
            make(db, o);// merged
            CHECK(t.int_set.detach() == (ints{1, 2, 3, 4}) && frozen.int_set.detach() == (ints{1, 2, 3}) && frozen.bird_set.size() == 1);
        }
        CHECK(t.int_set.size() == 4 && t.mixed_set.detach() == o.mixed_set && (*t.bird_set.begin()).kind == "finch");
        auto plain = t.detach();
        CHECK(plain.int_set == (ints{1, 2, 3, 4}) && plain.bird_set.size() == 1);
        for (auto p: plain.bird_set) delete p;
        std::ostringstream out;
        t.to_json(out);
        CHECK(out.str().find("\"int_set\":[1,2,3,4]") != std::string::npos && out.str().find("\"bird_set\":[1]") != std::string::npos);
    });

    return suite.result();
}
