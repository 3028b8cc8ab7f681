// Lists: of every element type, changed, searched, sorted, iterated, copied, stored with their object.
#include "check.hpp"
#include "collections.hpp"

using namespace std::chrono_literals;
using realm::bird;
using realm::decimal128;
using realm::managed;
using realm::not_in_collection;
using realm::object_id;
using realm::tree;
using realm::uuid;

namespace {

using ints = std::vector<int64_t>;
using texts = std::vector<std::string>;

// How list accessors can't be made, and what they give.
template <typename M>
constexpr bool hidden = !std::is_default_constructible_v<managed<M>> && !std::is_constructible_v<managed<M>, M> && std::is_copy_constructible_v<managed<M>>;
static_assert(hidden<ints> && hidden<std::vector<bool>> && hidden<texts> && hidden<std::vector<realm::mixed>> && hidden<std::vector<bird*>> && hidden<std::vector<std::optional<double>>>);
static_assert(std::is_same_v<decltype(std::declval<const managed<ints>&>().detach()), ints>);
static_assert(std::is_same_v<decltype(std::declval<const managed<std::vector<bird*>>&>().detach()), std::vector<bird*>>);
static_assert(std::is_same_v<decltype(std::declval<managed<ints>&>()[0]), int64_t> && std::is_same_v<decltype(std::declval<managed<std::vector<bool>>&>()[0]), bool>);
static_assert(std::is_same_v<decltype(std::declval<managed<std::vector<bird*>>&>()[0]), managed<bird*>::ref_type>);
static_assert(std::is_same_v<decltype(std::declval<managed<ints>&>().sort(true)), realm::results<int64_t>>);

managed<tree> make(realm::db& db, tree t) {
    return db.write([&] { return db.add(std::move(t)); });
}

// Appends, reads, finds, replaces, erases values of one type.
template <typename X>
void exercise(realm::db& db, managed<std::vector<X>>& list, const std::vector<X>& values, const X& absent) {
    CHECK(list.size() == 0 && list.empty() && list.begin() == list.end() && list.detach().empty());
    db.write([&] {
        for (const X& v: values) list.push_back(v);
    });
    CHECK_EQUAL(list.size(), values.size());
    CHECK(list.detach() == values && check::items(list) == values);
    for (size_t i = 0; i < values.size(); i++) {
        CHECK(list[i] == values[i]);
        CHECK_EQUAL(list.find(values[i]), i);
    }
    CHECK_EQUAL(list.find(absent), not_in_collection);
    CHECK_THROWS(std::exception, list[values.size()]);
    db.write([&] { list.set(0, absent); });
    CHECK(list[0] == absent && list.find(absent) == 0 && list.find(values[0]) == not_in_collection);
    db.write([&] {
        list.erase(0);
        list.insert(0, values[0]);
        list.pop_back();
        list.push_back(absent);
    });
    CHECK(list[0] == values[0] && list.size() == values.size() && list[values.size() - 1] == absent);
    db.write([&] { list.clear(); });
    CHECK(list.size() == 0);
}

}// namespace

int main() {
    check::suite suite("lists");

    suite.run("every element type", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        exercise<int64_t>(db, t.ints, {1, -2, INT64_MAX, INT64_MIN}, 7);
        exercise<double>(db, t.doubles, {1.5, -0.25, 1e300}, 7);
        exercise<std::string>(db, t.strings, {"", "ä", std::string("a\0b", 3), "long " + std::string(10000, 'x')}, "none");
        exercise<std::vector<uint8_t>>(db, t.binaries, {{}, {0, 1, 2}, {255}}, {9});
        exercise<realm::date>(db, t.dates, {realm::date{}, realm::date{1577934245s + 1ns}, realm::date{-5s - 1ns}}, realm::date{1s});
        exercise<uuid>(db, t.uuids, {uuid(), uuid("68b696c9-320b-4402-a412-d9cee10fc6a5")}, uuid("00000000-0000-0000-0000-000000000001"));
        exercise<object_id>(db, t.ids, {object_id(), object_id("0123456789abcdefabcdef01")}, object_id::generate());
        exercise<decimal128>(db, t.decimals, {decimal128("1.5"), decimal128("-1E+10")}, decimal128("7"));
        exercise<realm::season>(db, t.seasons, {realm::season::spring, realm::season::autumn}, realm::season::summer);
        exercise<realm::mixed>(db, t.mixeds, {int64_t(1), true, std::string("x"), 2.5, std::vector<uint8_t>{1}, realm::date{3s}, uuid(), object_id(), decimal128("1.5")}, std::monostate());
        exercise<std::optional<int64_t>>(db, t.optionals, {1, std::nullopt, 3}, 9);
        // Booleans, which only have two values.
        db.write([&] {
            t.bools.push_back(true);
            t.bools.push_back(uint8_t(0));
        });
        CHECK(t.bools.size() == 2 && t.bools[0] && !t.bools[1] && t.bools.find(false) == 1 && t.bools.detach() == (std::vector<bool>{true, false}));
    });

    suite.run("arguments of other types", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        db.write([&] {
            t.ints.push_back(uint64_t(1));
            t.ints.push_back(2);
            t.strings.push_back("text");
            t.mixeds.push_back("text");
            t.mixeds.push_back(int64_t(3));
            t.optionals.push_back(std::nullopt);
            t.optionals.push_back(4);
            t.ints.emplace_back(3);
        });
        CHECK(t.ints.detach() == (ints{1, 2, 3}) && t.strings[0] == "text" && std::get<std::string>(t.mixeds[0]) == "text" && t.optionals[1] == 4);
        CHECK(t.strings.find("text") == 0 && t.ints.find(uint8_t(2)) == 1 && t.mixeds.find("text") == 0 && t.mixeds.find(int64_t(3)) == 1);
    });

    suite.run("positions", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        db.write([&] {
            for (int i = 0; i < 5; i++) t.ints.push_back(i);
            t.ints.move(0, 4);
            t.ints.move(3, 1);
        });
        CHECK(t.ints.detach() == (ints{1, 4, 2, 3, 0}));
        db.write([&] {
            t.ints.insert(0, 10);
            t.ints.insert(6, 11);
            t.ints.erase(1);
        });
        CHECK(t.ints.detach() == (ints{10, 4, 2, 3, 0, 11}));
        db.write([&] {
            CHECK_THROWS(std::exception, t.ints.set(6, 1));
            CHECK_THROWS(std::exception, t.ints.erase(6));
            CHECK_THROWS(std::exception, t.ints.insert(7, 1));
            t.ints.clear();
            CHECK_THROWS(std::exception, t.ints.pop_back());
        });
        CHECK_THROWS_WITH(std::exception, "Requested index 3 calling get() on list 'tree.ints' when empty", t.ints[3]);
        db.write([&] {
            t.ints.push_back(1);
            t.ints.push_back(2);
        });
        CHECK_THROWS_WITH(std::exception, "Requested index 9 calling get() on list 'tree.ints' when max is 1", t.ints[9]);
    });

    suite.run("outside of a transaction", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        const char* text = "Cannot modify managed List outside of a write transaction.";
        CHECK_THROWS_WITH(std::exception, text, t.ints.push_back(1));
        CHECK_THROWS_WITH(std::exception, text, t.ints.clear());
        try {
            db.write([&] {
                t.ints.push_back(1);
                throw std::runtime_error("undone");
            });
        } catch (const std::runtime_error&) {
        }
        CHECK_EQUAL(t.ints.size(), 0);
    });

    suite.run("long lists", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        ints wanted;
        db.write([&] {
            for (int64_t i = 0; i < 2000; i++) {
                t.ints.push_back(i * 3);
                wanted.push_back(i * 3);
            }
        });
        CHECK(t.ints.detach() == wanted && check::items(t.ints) == wanted);
        int64_t wrong = 0;
        for (size_t i = 0; i < t.ints.size(); i++) wrong += t.ints[i] != wanted[i];
        for (size_t i = wanted.size(); i-- > 0;) wrong += t.ints[i] != wanted[i];
        for (size_t i = 0; i < 500; i++) wrong += t.ints[i * 7919 % 2000] != wanted[i * 7919 % 2000];
        CHECK_EQUAL(wrong, 0);
        // Reading and changing in turn.
        db.write([&] {
            for (size_t i = 0; i < t.ints.size(); i++) t.ints.set(i, t.ints[i] + 1);
            for (size_t i = 0; i < 500; i++) {
                t.ints.insert(i * 2, int64_t(i));
                wrong += t.ints[i * 2] != int64_t(i);
            }
        });
        CHECK_EQUAL(wrong, 0);
        CHECK(t.ints.size() == 2500 && t.ints[2499] == 1999 * 3 + 1);
    });

    suite.run("sorted, and as results", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        db.write([&] {
            for (auto v: {3, 1, 2}) t.ints.push_back(v);
            for (auto v: {"b", "c", "a"}) t.strings.push_back(v);
            for (auto v: {true, false}) t.bools.push_back(v);
            t.mixeds.push_back(realm::date{1s});
            t.mixeds.push_back("text");
            t.mixeds.push_back(2.5);
            t.mixeds.push_back(int64_t(1));
        });
        auto up = t.ints.sort(true), down = t.ints.sort(false), plain = t.ints.as_results();
        CHECK(check::items(up) == (ints{1, 2, 3}) && check::items(down) == (ints{3, 2, 1}) && check::items(plain) == (ints{3, 1, 2}));
        CHECK(check::items(t.strings.sort(true)) == (texts{"a", "b", "c"}) && t.bools.sort(true)[0] == false && t.bools.sort(false)[0] == true);
        auto mixeds = t.mixeds.sort(true);
        CHECK(mixeds.size() == 4 && mixeds[0] == realm::mixed(int64_t(1)) && mixeds[1] == realm::mixed(2.5) && mixeds[2] == realm::mixed("text"));
        // They are live.
        db.write([&] { t.ints.push_back(0); });
        CHECK(up.size() == 4 && up[0] == 0 && down[3] == 0 && plain[3] == 0);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", up[4]);
        auto frozen = up.freeze();
        db.write([&] { t.ints.clear(); });
        CHECK(frozen.is_frozen() && frozen.size() == 4 && frozen[3] == 3 && up.size() == 0 && frozen.thaw().size() == 0);
    });

    suite.run("stored with the object", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto finch = check::bird(1, "finch", 10), owl = check::bird(2, "owl", 500);
        auto o = check::tree("oak");
        o.ints = {1, 2, 3};
        o.bools = {true, false, true};
        o.strings = {"a", "b"};
        o.mixeds = {int64_t(1), std::string("x"), std::monostate()};
        o.optionals = {1, std::nullopt};
        o.birds = {&finch, nullptr, &owl, &finch};
        auto t = make(db, o);
        CHECK(t.ints.detach() == o.ints && t.bools.detach() == o.bools && t.strings.detach() == o.strings && t.mixeds.detach() == o.mixeds && t.optionals.detach() == o.optionals);
        CHECK_EQUAL(t.birds.size(), 3);// the null pointer is left out
        CHECK(t.birds[0]->kind == "finch" && t.birds[1]->kind == "owl" && t.birds[2] == t.birds[0]);
        CHECK_EQUAL(db.objects<bird>().size(), 2);
        // Stored again: lists of plain values are replaced, others added to (KEEP-8).
        o.ints = {9, 2};
        o.strings = {};
        o.bools = {false};
        o.mixeds = {2.5};
        o.optionals = {3};
        o.birds = {&owl};
        owl.weight = 600;
        make(db, o);
        CHECK(t.ints.detach() == (ints{9, 2}) && t.strings.size() == 0);
        CHECK(t.bools.size() == 4 && t.mixeds.size() == 4 && t.optionals.size() == 3 && t.birds.size() == 4);
        CHECK(t.birds[1]->weight == 600 && db.objects<bird>().size() == 2 && db.objects<tree>().size() == 1);
    });

    suite.run("objects", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto robin = check::bird(3, "robin", 20);
        managed<bird> finch, owl;
        std::tie(finch, owl) = db.write([&] { return db.insert(check::bird(1, "finch", 10), check::bird(2, "owl", 500)); });
        db.write([&] {
            t.birds.push_back(finch);
            t.birds.push_back(owl);
            t.birds.push_back(&robin);
            t.owl = owl;
            t.birds.push_back(t.owl);
        });
        CHECK_EQUAL(t.birds.size(), 4);
        CHECK(t.birds[0] == finch && t.birds[1] == owl && t.birds[1] == t.owl && t.birds[1] == t.birds[3] && t.birds[0] != t.birds[1]);
        CHECK(t.birds.find(owl) == 1 && t.birds.find(t.owl) == 1 && t.birds.find(t.birds[3]) == 1 && t.birds.find(managed<bird>()) == not_in_collection);
        std::string seen;
        for (auto b: t.birds) seen += b.kind.detach() + " ";
        CHECK(seen == "finch owl robin owl ");
        // Changes through the list are changes of the objects.
        db.write([&] {
            t.birds[0]->weight += 5;
            t.birds.set(3, finch);
            t.birds.erase(1);
        });
        CHECK(finch.weight == 15 && t.birds.size() == 3 && t.birds[2] == finch && db.objects<bird>().size() == 3);
        CHECK_EQUAL(t.birds.find(owl), not_in_collection);
        // Of the list's birds, and no others.
        CHECK(t.birds.sort("weight", false)[0].kind == "robin" && t.birds.sort({{"kind", true}, {"weight", false}})[0].kind == "finch");
        CHECK_EQUAL(t.birds.as_results().size(), 3);
        // A deleted object leaves the lists.
        db.write([&] { db.remove(finch); });
        CHECK(t.birds.size() == 1 && t.birds[0]->kind == "robin");
        db.write([&] { t.birds.clear(); });
        CHECK(t.birds.size() == 0 && db.objects<bird>().size() == 2);
        CHECK_THROWS(std::exception, t.birds[0]);
        CHECK_THROWS(std::exception, db.write([&] { t.birds.push_back(static_cast<bird*>(nullptr)); }));
    });

    suite.run("objects of a list, by a query", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        db.write([&] {
            for (int i = 0; i < 10; i++) {
                auto b = db.add(check::bird(i, i % 2 ? "finch" : "owl", i));
                if (i < 6) t.birds.push_back(b);
            }
        });
        CHECK_EQUAL(t.birds.where([](auto& b) { return b.kind == "finch"; }).size(), 3);
        auto heavy = t.birds.where("weight > $0", {int64_t(3)});
        CHECK(heavy.size() == 2 && heavy[0].weight == 4 && heavy[1].weight == 5);
        CHECK(t.birds.where([](auto& b) { return b.kind == "finch"; }).sort("weight", false)[0].weight == 5);
        db.write([&] { t.birds.erase(5); });
        CHECK_EQUAL(heavy.size(), 1);
    });

    suite.run("linking objects", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<bird> finch, owl;
        std::tie(finch, owl) = db.write([&] { return db.insert(check::bird(1, "finch"), check::bird(2, "owl")); });
        CHECK(finch.trees.size() == 0 && finch.owl_of.size() == 0);
        auto oak = make(db, check::tree("oak")), elm = make(db, check::tree("elm"));
        db.write([&] {
            oak.birds.push_back(finch);
            oak.birds.push_back(owl);
            elm.birds.push_back(finch);
            elm.owl = owl;
            elm.bird_map["one"] = owl;
            elm.bird_set.insert(owl);
        });
        CHECK(finch.trees.size() == 2 && finch.trees[0] == oak && finch.trees[1] == elm && owl.trees.size() == 1 && owl.owl_of.size() == 1 && owl.owl_of[0] == elm);
        CHECK(owl.mapped_in.size() == 1 && owl.set_in.size() == 1 && finch.mapped_in.size() == 0);
        std::string seen;
        for (auto t: finch.trees) seen += t.name.detach().value + " ";
        CHECK(seen == "oak elm ");
        CHECK_THROWS(std::out_of_range, finch.trees[2]);
        db.write([&] { db.remove(oak); });
        CHECK(finch.trees.size() == 1 && owl.trees.size() == 0);
        auto frozen = finch.freeze();
        db.write([&] { elm.birds.clear(); });
        CHECK(finch.trees.size() == 0 && frozen.trees.size() == 1);
        db.write([&] { db.remove(finch); });
        CHECK_THROWS_WITH(std::logic_error, "Object has been deleted or invalidated.", finch.trees.size());
    });

    suite.run("copies and lifetimes", [] {
        check::temp_dir dir;
        std::unique_ptr<managed<ints>> kept;
        managed<tree> t;
        {
            realm::db db(dir.config());
            t = make(db, check::tree("oak"));
            auto copy = t.ints;
            db.write([&] {
                copy.push_back(1);
                t.ints.push_back(2);
            });
            CHECK(copy.size() == 2 && t.ints.detach() == copy.detach());
            auto other = t;
            CHECK_EQUAL(other.ints.size(), 2);
            auto again = copy;
            kept = std::make_unique<managed<ints>>(again);
            auto elm = make(db, check::tree("elm"));
            other = elm;// its accessors now are elm's
            CHECK(other.ints.size() == 0 && t.ints.size() == 2);
        }
        CHECK(t.ints.size() == 2 && t.ints[1] == 2);// the database handle is gone
        t = managed<tree>();
        CHECK(kept->size() == 2 && (*kept)[0] == 1);// and so is the object's
        auto first = *kept->begin();
        CHECK_EQUAL(first, 1);
        kept.reset();
    });

    suite.run("deleted owners", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = check::tree("oak");
        o.ints = {1, 2};
        auto t = make(db, o);
        auto copy = t.ints;
        CHECK_EQUAL(copy.size(), 2);
        db.write([&] { db.remove(t); });
        CHECK_THROWS(std::exception, copy.size());
        CHECK_THROWS(std::exception, copy[0]);
        CHECK_THROWS(std::exception, t.strings.size());
        CHECK_THROWS(std::exception, managed<tree>().ints.size());
    });

    suite.run("frozen, and on other threads", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = check::tree("oak");
        for (int64_t i = 0; i < 1000; i++) o.ints.push_back(i);
        auto t = make(db, o);
        auto frozen = t.freeze();
        auto list = frozen.ints;
        db.write([&] {
            t.ints.clear();
            CHECK_THROWS(std::exception, frozen.ints.push_back(1));
        });
        CHECK(t.ints.size() == 0 && frozen.ints.size() == 1000);
        std::vector<std::thread> threads;
        std::atomic<int64_t> wrong{0};
        for (int n = 0; n < 3; n++)
            threads.emplace_back([&, n] {
                for (size_t i = 0; i < 1000; i++) wrong += frozen.ints[i] != int64_t(i) || list[(i * 7 + size_t(n)) % 1000] != int64_t((i * 7 + size_t(n)) % 1000);
                wrong += int64_t(frozen.strings.size());
            });
        for (auto& thread: threads) thread.join();
        CHECK_EQUAL(wrong.load(), 0);
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<tree>()[0].ints.push_back(5); });
        });
        db.refresh();
        CHECK(t.ints.size() == 1 && t.ints[0] == 5);
    });

    suite.run("inside of where", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        CHECK_THROWS(std::logic_error, db.objects<tree>().where([](auto& o) { return o.ints.size() > 0; }));
    });

    suite.run("copied out, as JSON", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto finch = check::bird(1, "finch", 10);
        auto o = check::tree("oak");
        o.ints = {1, 2};
        o.strings = {"a\"b"};
        o.birds = {&finch};
        o.optionals = {std::nullopt};
        auto t = make(db, o);
        auto plain = t.detach();
        CHECK(plain.ints == o.ints && plain.strings == o.strings && plain.birds.size() == 1 && plain.birds[0] != &finch && plain.birds[0]->kind == "finch");
        for (auto b: plain.birds) delete b;
        auto list = t.birds.detach();
        CHECK(list.size() == 1 && list[0]->weight == 10);
        for (auto b: list) delete b;
        std::ostringstream out;
        t.to_json(out);
        CHECK(out.str().find("\"ints\":[1,2]") != std::string::npos && out.str().find("\"strings\":[\"a\\\"b\"]") != std::string::npos);
        CHECK(out.str().find("\"birds\":[1]") != std::string::npos && out.str().find("\"optionals\":[null]") != std::string::npos && out.str().find("\"int_map\":{}") != std::string::npos);
    });

    return suite.result();
}
