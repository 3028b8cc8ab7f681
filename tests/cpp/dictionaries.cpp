// Dictionaries: entries by key, in order of key; of values and of objects.
#include "check.hpp"
#include "collections.hpp"

using realm::bird;
using realm::managed;
using realm::tree;

namespace {

using ints = std::map<std::string, int64_t>;
template <typename M>
constexpr bool hidden = !std::is_default_constructible_v<managed<M>> && !std::is_constructible_v<managed<M>, M>;
static_assert(hidden<ints> && hidden<std::map<std::string, std::string>> && hidden<std::map<std::string, bird*>> && hidden<std::map<std::string, realm::mixed>>);
static_assert(std::is_same_v<decltype(*std::declval<managed<ints>&>().begin()), std::pair<std::string, int64_t>>);

managed<tree> make(realm::db& db, tree t) {
    return db.write([&] { return db.add(std::move(t)); });
}

}// namespace

int main() {
    check::suite suite("dictionaries");

    suite.run("entries", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto& map = t.int_map;
        CHECK(map.size() == 0 && map.empty() && map.begin() == map.end() && map.find("a") == map.end() && !map.contains_key("a"));
        db.write([&] {
            map["b"] = 2;
            map["a"] = 1;
            map["c"] = 3;
            map["b"] = 4;
            (void) map["nothing"];
        });
        CHECK(map.detach() == (ints{{"a", 1}, {"b", 4}, {"c", 3}}));
        std::string seen;
        for (auto [key, value]: map) seen += key + std::to_string(value);
        CHECK(seen == "a1b4c3");
        CHECK(*map["b"] == 4 && map["b"] == 4 && map["b"] != 5 && map["b"] > 3 && map["b"] >= 4 && map["b"] < 5 && map["b"] <= 4);
        CHECK((*map.find("c")).first == "c" && (*map.find("c")).second == 3 && map.find("d") == map.end() && map.contains_key("a"));
        // A view stays live.
        auto view = map["a"];
        auto copy = view;
        db.write([&] { map["a"] = 10; });
        CHECK(view == 10 && copy.detach() == 10);
        db.write([&] {
            map["d"] = map["c"];
            copy = 11;
        });
        CHECK(map["d"] == 3 && view == 11);
        db.write([&] { map.erase("a"); });
        CHECK(map.size() == 3);
        CHECK_THROWS_SAYING(std::exception, "Dictionary::get", *view);
        CHECK_THROWS_SAYING(std::exception, "Dictionary::get", map["a"] == 1);
        db.write([&] { CHECK_THROWS_WITH(std::exception, "Cannot remove key \"nope\" from dictionary: key not found", map.erase("nope")); });
        db.write([&] { map.clear(); });
        CHECK(map.size() == 0);
        CHECK_THROWS_WITH(std::exception, "Trying to modify database while in read transaction", map["a"] = 1);
    });

    suite.run("keys", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto& map = t.int_map;
        db.write([&] {
            CHECK_THROWS_SAYING(std::exception, "key must not contain '.'", map["a.b"] = 1);
            CHECK_THROWS_SAYING(std::exception, "key must not start with '$'", map["$a"] = 1);
            map["a%2Eb"] = 1;
            map["a$"] = 2;
            map[""] = 3;
            map["\xc3\xa4 '\""] = 4;
        });
        CHECK(map.size() == 4 && map[""] == 3 && map["a%2Eb"] == 1 && map["a$"] == 2 && map["\xc3\xa4 '\""] == 4);
        CHECK((*map.begin()).first.empty());
        auto o = check::tree("elm");
        o.int_map = {{"x.y", 1}};
        CHECK_THROWS(std::exception, make(db, o));
        CHECK_EQUAL(db.objects<tree>().size(), 1);
    });

    suite.run("element types", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        db.write([&] {
            t.string_map["a"] = "text";
            t.optional_map["a"] = 1.5;
            t.optional_map["b"] = std::nullopt;
            t.season_map["a"] = realm::season::summer;
            t.mixed_map["a"] = "text";
            t.mixed_map["b"] = realm::mixed(int64_t(3));
            t.mixed_map["c"] = std::monostate();
        });
        CHECK(t.string_map["a"] == "text" && t.string_map["a"].contains("ex") && !t.string_map["a"].contains("none"));
        CHECK(t.optional_map["a"] == 1.5 && t.optional_map["b"] == std::nullopt && *t.optional_map["b"] == std::nullopt && t.season_map["a"] == realm::season::summer);
        CHECK(t.mixed_map["a"] == realm::mixed("text") && t.mixed_map["b"] == realm::mixed(int64_t(3)) && t.mixed_map["c"] == realm::mixed());
        CHECK(t.optional_map.detach() == (std::map<std::string, std::optional<double>>{{"a", 1.5}, {"b", std::nullopt}}));
    });

    suite.run("many entries", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        ints wanted;
        db.write([&] {
            for (int64_t i = 0; i < 1000; i++) {
                auto key = "key " + std::to_string(i * 7919 % 1000);
                t.int_map[key] = i;
                wanted[key] = i;
            }
        });
        CHECK(t.int_map.detach() == wanted && t.int_map.size() == 1000);
        auto at = wanted.begin();
        int wrong = 0;
        for (auto entry: t.int_map) wrong += entry.first != at->first || entry.second != (at++)->second;
        CHECK_EQUAL(wrong, 0);
    });

    suite.run("objects", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = make(db, check::tree("oak"));
        auto& map = t.bird_map;
        auto robin = check::bird(3, "robin");
        auto [finch, owl] = db.write([&] { return db.insert(check::bird(1, "finch"), check::bird(2, "owl")); });
        db.write([&] {
            map["f"] = finch;
            t.owl = owl;
            map["o"] = t.owl;
            map["r"] = &robin;
            map["n"] = nullptr;
        });
        CHECK_EQUAL(map.size(), 4);
        CHECK(map["f"] == finch && map["o"] == t.owl && map["f"] != owl && map["o"] != map["f"] && map["r"]->kind == "robin" && map["n"] == nullptr && map["f"] != nullptr);
        CHECK((*map["f"])->operator*() == finch && !*map["n"] && !*map["nothing"] && map["f"] && !map["n"]);
        CHECK_THROWS(std::exception, map["n"]->kind.detach());
        std::string seen;
        for (auto [key, b]: map) seen += key + "=" + (b.is_invalidated() ? "null" : b.kind.detach()) + " ";
        CHECK(seen == "f=finch n=null o=owl r=robin ");
        db.write([&] { map["f"]->weight += 7; });
        CHECK(finch.weight == 7);
        auto plain = map.detach();
        CHECK(plain.size() == 4 && plain["n"] == nullptr && plain["f"]->weight == 7);
        for (auto& [key, p]: plain) delete p;
        // A deleted object's entry stays, with a null.
        db.write([&] { db.remove(finch); });
        CHECK(map.size() == 4 && map["f"] == nullptr);
        db.write([&] {
            map["f"] = map["o"];
            map.erase("n");
        });
        CHECK(map.size() == 3 && map["f"] == owl && map["f"] == map["o"]);
    });

    suite.run("inside of where", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        make(db, check::tree("oak"));
        auto trees = db.objects<tree>();
        CHECK_THROWS_WITH(std::runtime_error, "`find` is not available in Type Safe Queries, use `contains_key` instead.", trees.where([](auto& t) {
            (void) t.int_map.find("a");
            return realm::rbool(true);
        }));
        CHECK_THROWS(std::logic_error, trees.where([](auto& t) { return *t.int_map["a"] == 1; }));
    });

    suite.run("conditions on entries", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto finch = check::bird(1, "finch", 3);
        auto oak = check::tree("oak"), elm = check::tree("elm"), ash = check::tree("ash");
        oak.int_map = {{"a", 1}, {"b", 5}};
        oak.string_map = {{"k", "hello"}, {"it's", "quoted"}};
        oak.optional_map = {{"d", 1.5}, {"n", std::nullopt}};
        oak.season_map = {{"s", realm::season::summer}};
        oak.mixed_map = {{"m", realm::mixed("v")}};
        oak.bird_map = {{"one", &finch}, {"none", nullptr}};
        elm.int_map = {{"a", 3}, {"ab", 0}};
        db.write([&] { db.insert(std::move(oak), std::move(elm), std::move(ash)); });
        auto found = [&](std::function<realm::rbool(managed<tree>&)> condition) {
            std::string out;
            for (auto t: db.objects<tree>().where(std::move(condition))) out += t.name.detach().value + " ";
            return out;
        };
        CHECK_EQUAL(found([](auto& t) { return t.int_map["a"] == 1; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.int_map["a"] > 1; }), std::string("elm "));
        CHECK_EQUAL(found([](auto& t) { return t.int_map["a"] <= 3 && t.int_map["a"] >= 1 && t.int_map["a"] < 4; }), std::string("oak elm "));
        // A key that is missing is null where there are others, and nothing in an empty dictionary, as in query texts.
        CHECK_EQUAL(found([](auto& t) { return t.int_map["b"] != 4; }), std::string("oak elm "));
        CHECK_EQUAL(found([](auto& t) { return t.int_map["b"] < 9; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.string_map["k"] == "hello"; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.string_map["it's"] == "quoted"; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.string_map["k"].contains("ell") && !t.string_map["k"].contains("ELL"); }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.string_map["k"].contains("ELL", false); }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.optional_map["d"] == 1.5; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.season_map["s"] == realm::season::summer; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.mixed_map["m"] == "v"; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.int_map.contains_key("b"); }), std::string("oak "));// not a part of "ab"
        CHECK_EQUAL(found([](auto& t) { return !t.int_map.contains_key("b"); }), std::string("elm ash "));
        CHECK_THROWS_SAYING(std::logic_error, "cannot stand in a condition", found([](auto& t) { return t.int_map["back\\slash"] == 1; }));
        CHECK_EQUAL(db.objects<tree>().where("string_map[$0] == $1", {std::string("it's"), std::string("quoted")}).size(), 1);
        // Through a link in a dictionary it is still the tree that is asked.
        auto bird = db.objects<realm::bird>()[0];
        CHECK_EQUAL(found([](auto& t) { return t.bird_map["one"]->weight == 3; }), std::string("oak "));
        CHECK_EQUAL(found([](auto& t) { return t.bird_map["one"]->kind.contains("inc") && t.int_map["b"] == 5; }), std::string("oak "));
        CHECK_EQUAL(found([&](auto& t) { return t.bird_map["one"] == bird; }), std::string("oak "));
    });

    suite.run("stored with the object, frozen, copied out", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto finch = check::bird(1, "finch");
        auto o = check::tree("oak");
        o.int_map = {{"a", 1}, {"b", 2}};
        o.string_map = {{"a", "x"}};
        o.optional_map = {{"a", std::nullopt}};
        o.mixed_map = {{"a", int64_t(1)}};
        o.bird_map = {{"f", &finch}, {"n", nullptr}};
        auto t = make(db, o);
        auto frozen = t.freeze();
        CHECK(t.int_map.detach() == o.int_map && t.string_map.detach() == o.string_map && t.optional_map.detach() == o.optional_map && t.mixed_map.detach() == o.mixed_map);
        CHECK(t.bird_map.size() == 2 && t.bird_map["f"]->kind == "finch" && t.bird_map["n"] == nullptr);
        o.int_map = {{"b", 3}, {"c", 4}};
        make(db, o);// merged
        CHECK(t.int_map.detach() == (ints{{"a", 1}, {"b", 3}, {"c", 4}}) && frozen.int_map["b"] == 2 && frozen.int_map.size() == 2);
        auto plain = t.detach();
        CHECK(plain.int_map.size() == 3 && plain.bird_map["f"]->kind == "finch");
        delete plain.bird_map["f"];
        std::ostringstream out;
        t.to_json(out);
        CHECK(out.str().find("\"int_map\":{\"a\":1,\"b\":3,\"c\":4}") != std::string::npos && out.str().find("\"bird_map\":{\"f\":1,\"n\":null}") != std::string::npos);
    });

    return suite.result();
}
