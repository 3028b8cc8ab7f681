// What applications of the original write, beyond what the other tests happen to use: nothing but sdk.hpp is included, and classes of every
// member type stand in a namespace of the application's own.
#include <cpprealm/sdk.hpp>

// The standard headers that sdk.hpp brings, as the documentation relies on them.
namespace standard {
std::array<char, 2> an_array;
std::any an_any;
std::chrono::seconds a_duration;
std::filesystem::path a_path;
std::function<void()> a_function;
std::future<void> a_future;
std::ostream& a_stream = std::cout;
std::map<int, int> a_map;
std::unique_ptr<int> a_pointer;
std::mutex a_mutex;
std::optional<int> an_optional;
std::queue<int> a_queue;
std::set<int> a_set;
std::ostringstream a_text_stream;
std::string a_text;
std::string_view a_view;
std::thread a_thread;
std::tuple<int> a_tuple;
std::unordered_map<int, int> another_map;
std::variant<int> a_variant;
std::vector<int> a_vector;
}// namespace standard

#include "check.hpp"
#include "original/realm/object-store/shared_realm.hpp"
#include "original/realm/object-store/sync/app.hpp"
#include "original/realm/object-store/sync/sync_manager.hpp"
#include "original/realm/util/base64.hpp"
#include "original/realm/util/terminate.hpp"
#include "original/realm/uuid.hpp"

namespace zoo {

using tp = std::chrono::time_point<std::chrono::system_clock>;
using bytes = std::vector<uint8_t>;
enum class state { awake = 1, asleep };

struct keeper;
struct cage {// of one property
    int64_t bars = 0;
};
REALM_EMBEDDED_SCHEMA(cage, bars);

// Every element type of every kind of collection.
struct animal {
    using value = std::variant<std::monostate, int64_t, std::string>;// a Mixed of the application's own

    realm::primary_key<int64_t> _id;
    std::string name;
    state mood = state::awake;
    value own;
    keeper* fed_by = nullptr;
    cage* home = nullptr;
    std::vector<int64_t> ints;
    std::vector<bool> bools;
    std::vector<double> doubles;
    std::vector<std::string> strings;
    std::vector<bytes> binaries;
    std::vector<tp> dates;
    std::vector<realm::uuid> uuids;
    std::vector<realm::object_id> ids;
    std::vector<realm::decimal128> decimals;
    std::vector<state> moods;
    std::vector<realm::mixed> mixeds;
    std::vector<std::optional<std::string>> opt_strings;
    std::vector<keeper*> keepers;
    std::vector<cage*> cages;
    std::set<int64_t> int_set;
    std::set<bool> bool_set;
    std::set<double> double_set;
    std::set<std::string> string_set;
    std::set<bytes> binary_set;
    std::set<tp> date_set;
    std::set<realm::uuid> uuid_set;
    std::set<realm::object_id> id_set;
    std::set<realm::decimal128> decimal_set;
    std::set<state> mood_set;
    std::set<realm::mixed> mixed_set;
    std::set<keeper*> keeper_set;
    std::map<std::string, int64_t> int_map;
    std::map<std::string, bool> bool_map;
    std::map<std::string, double> double_map;
    std::map<std::string, std::string> string_map;
    std::map<std::string, bytes> binary_map;
    std::map<std::string, tp> date_map;
    std::map<std::string, realm::uuid> uuid_map;
    std::map<std::string, realm::object_id> id_map;
    std::map<std::string, realm::decimal128> decimal_map;
    std::map<std::string, state> mood_map;
    std::map<std::string, realm::mixed> mixed_map;
    std::map<std::string, std::optional<int64_t>> opt_int_map;
    std::map<std::string, std::optional<std::string>> opt_string_map;
    std::map<std::string, keeper*> keeper_map;
    std::map<std::string, cage*> cage_map;
};
REALM_SCHEMA(animal, _id, name, mood, own, fed_by, home, ints, bools, doubles, strings, binaries, dates, uuids, ids, decimals, moods, mixeds, opt_strings,
             keepers, cages, int_set, bool_set, double_set, string_set, binary_set, date_set, uuid_set, id_set,
             decimal_set, mood_set, mixed_set, keeper_set, int_map, bool_map, double_map, string_map, binary_map, date_map, uuid_map, id_map, decimal_map, mood_map, mixed_map,
             opt_int_map, opt_string_map, keeper_map, cage_map)

struct keeper {
    realm::primary_key<int64_t> _id;
    std::string name;
    realm::linking_objects<&animal::fed_by> feeds;
};
REALM_SCHEMA(keeper, _id, name, feeds)

struct note {// a class without a link, as short as the documentation's
    realm::primary_key<int64_t> _id;
    std::string str_col;
};
REALM_SCHEMA(note, _id, str_col)

// What managed<T>::schema says.
static_assert(std::string_view(realm::managed<animal>::schema.name) == "animal" && !realm::managed<animal>::schema.is_embedded() && realm::managed<cage>::schema.is_embedded());
static_assert(realm::managed<animal>::schema.primary_key_name() == "_id" && realm::managed<cage>::schema.primary_key_name().empty());
static_assert(realm::managed<animal>::schema.HasPrimaryKeyProperty && !realm::managed<cage>::schema.HasPrimaryKeyProperty && std::size(realm::managed<note>::schema.names) == 2);
static_assert(std::is_same_v<decltype(realm::managed<note>::schema)::variant_t, std::variant<std::monostate, realm::primary_key<int64_t>, std::string>>);
static_assert(realm::managed<animal>::is_object && realm::managed<animal>::object_type == realm::ObjectType::TopLevel);

// Accessors are made by the library only; sets of embedded objects can be named, though not stored.
template <typename... Ms>
constexpr bool hidden = (... && (!std::is_constructible_v<realm::managed<Ms>> && !std::is_constructible_v<realm::managed<Ms>, Ms>) );
static_assert(hidden<std::set<int64_t>, std::set<double>, std::set<bool>, std::set<std::string>, std::set<realm::uuid>, std::set<realm::object_id>, std::set<realm::decimal128>, std::set<bytes>,
                     std::set<tp>, std::set<realm::mixed>, std::set<state>, std::set<keeper*>, std::set<cage*>>);
static_assert(hidden<std::map<std::string, int64_t>, std::map<std::string, double>, std::map<std::string, bool>, std::map<std::string, std::string>, std::map<std::string, realm::uuid>,
                     std::map<std::string, realm::object_id>, std::map<std::string, realm::decimal128>, std::map<std::string, bytes>, std::map<std::string, tp>, std::map<std::string, realm::mixed>,
                     std::map<std::string, state>, std::map<std::string, keeper*>, std::map<std::string, cage*>>);
static_assert(!std::is_constructible_v<realm::managed<keeper*>::ref_type>);

}// namespace zoo

namespace {

using namespace zoo;
using realm::managed;

const tp noon{std::chrono::hours(12)};
const realm::uuid an_uuid("68b696d7-320b-4402-a412-d9cee10fc6a3");

animal full(int64_t id, keeper* k, cage* c) {
    animal a;
    a._id = id;
    a.name = "Otto";
    a.own = std::string("mine");
    a.fed_by = k;
    a.home = c;
    a.ints = {1, 2};
    a.bools = {true, false};
    a.doubles = {1.5};
    a.strings = {"one"};
    a.binaries = {{1, 2}};
    a.dates = {noon};
    a.uuids = {an_uuid};
    a.ids = {realm::object_id()};
    a.decimals = {realm::decimal128("1.50")};
    a.moods = {state::asleep};
    a.mixeds = {realm::mixed("text"), int64_t(5), std::monostate()};
    a.opt_strings = {"x", std::nullopt};
    a.keepers = {k, nullptr, k};
    a.cages = {c};
    a.int_set = {3, 1};
    a.bool_set = {true};
    a.double_set = {0.5};
    a.string_set = {"b", "a"};
    a.binary_set = {{2}, {1}};
    a.date_set = {noon};
    a.uuid_set = {an_uuid};
    a.id_set = {realm::object_id()};
    a.decimal_set = {realm::decimal128("10"), realm::decimal128("9")};
    a.mood_set = {state::asleep, state::awake};
    a.mixed_set = {realm::mixed("text"), realm::mixed(int64_t(1))};
    a.keeper_set = {k};
    a.int_map = {{"k", 1}};
    a.bool_map = {{"k", true}};
    a.double_map = {{"k", 1.5}};
    a.string_map = {{"k", "v"}};
    a.binary_map = {{"k", {1}}};
    a.date_map = {{"k", noon}};
    a.uuid_map = {{"k", an_uuid}};
    a.id_map = {{"k", realm::object_id()}};
    a.decimal_map = {{"k", realm::decimal128("NaN")}};
    a.mood_map = {{"k", state::asleep}};
    a.mixed_map = {{"k", realm::mixed("v")}};
    a.opt_int_map = {{"k", 1}, {"n", std::nullopt}};
    a.opt_string_map = {{"k", "v"}, {"n", std::nullopt}};
    a.keeper_map = {{"k", k}, {"n", nullptr}};
    a.cage_map = {{"k", c}};
    return a;
}

// Pointers to members as template arguments.
template <auto Plain, auto Live>
bool same(const animal& plain, managed<animal>& live) {
    return (live.*Live).detach() == plain.*Plain;
}

// What the documentation calls an object with notifications: it owns its database and observes results that nobody keeps.
struct observer {
    explicit observer(const realm::db_config& c) : m_db(std::make_unique<realm::db>(c)) {}
    auto notes() const {
        return m_db->objects<note>().where([](auto& n) { return n.str_col == "a"; });
    }
    void start() {
        m_token = notes().observe([this](auto&& change) { calls += change.collection != nullptr; });
    }
    int calls = 0;
    std::unique_ptr<realm::db> m_db;
    realm::notification_token m_token;
};

note make_note(int64_t id, std::string text) {
    note n;
    n._id = id;
    n.str_col = std::move(text);
    return n;
}

}// namespace

int main() {
    check::suite suite("surface");

    suite.run("every member type", [] {
        check::temp_dir dir;
        realm::db db = realm::open(dir.file("test.realm"));
        keeper k;
        k._id = 1;
        k.name = "Kim";
        cage c;
        c.bars = 20;
        const animal plain = full(1, &k, &c);
        auto o = db.write([&] { return db.add(plain); });
std::string others;
#define SAME(p) \
    if (!same<&animal::p, &managed<animal>::p>(plain, o)) others += #p " ";
        SAME(name) SAME(mood)
        SAME(own) SAME(ints) SAME(bools) SAME(doubles) SAME(strings) SAME(binaries) SAME(dates) SAME(uuids) SAME(ids) SAME(decimals) SAME(moods) SAME(mixeds)
        SAME(opt_strings)
        SAME(int_set) SAME(bool_set) SAME(double_set) SAME(string_set) SAME(binary_set) SAME(date_set) SAME(uuid_set) SAME(id_set) SAME(decimal_set) SAME(mood_set) SAME(mixed_set)
        SAME(int_map) SAME(bool_map) SAME(double_map) SAME(string_map) SAME(binary_map) SAME(date_map) SAME(uuid_map) SAME(id_map) SAME(decimal_map)
        SAME(mood_map) SAME(mixed_map) SAME(opt_int_map) SAME(opt_string_map)
#undef SAME
        CHECK_EQUAL(others, std::string());
        CHECK(o.keepers.size() == 2 && o.keeper_set.size() == 1 && o.keeper_map.size() == 2 && o.keepers[0] == o.fed_by && o.cages[0]->bars == 20);
        CHECK(o.fed_by->feeds.size() == 1 && o.fed_by->feeds[0] == o && db.objects<keeper>().size() == 1);

        auto copy = o.detach();
        CHECK(copy.fed_by->name == "Kim" && copy.home->bars == 20 && copy.keepers.size() == 2 && copy.keeper_map.at("n") == nullptr && copy.cage_map.at("k")->bars == 20 && copy.opt_int_map == plain.opt_int_map);
        for (auto p: {copy.fed_by, copy.keepers[0], copy.keepers[1], *copy.keeper_set.begin(), copy.keeper_map["k"]}) delete p;
        for (auto p: {copy.home, copy.cages[0], copy.cage_map["k"]}) delete p;
    });

    suite.run("maps as the original's tests use them", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        keeper k, k2;
        k._id = 1;
        k2._id = 2;
        k2.name = "Lee";
        cage c;
        c.bars = 20;
        auto o = db.write([&] { return db.add(full(1, &k, &c)); });
        auto same = db.objects<animal>()[0];
        CHECK(o.int_map["k"] == 1 && o.bool_map["k"] == true && o.string_map["k"] == "v" && o.mood_map["k"] == state::asleep && o.uuid_map["k"] == an_uuid);
        CHECK(o.mixed_map["k"] == "v" && o.mixed_map["k"] == realm::mixed("v") && o.decimal_map["k"] == realm::decimal128("NaN") && o.date_map["k"] <= noon && o.double_map["k"] == 1.5);
        CHECK(o.binary_map["k"] == bytes{1} && o.opt_int_map["k"] == 1 && o.opt_int_map["n"] == std::nullopt && o.opt_string_map["k"] == "v");
        CHECK(o.cage_map["k"] == same.cage_map["k"] && o.keeper_map["k"] == db.objects<keeper>()[0] && o.cage_map["k"]->bars == 20);
        db.write([&] {
            o.mixed_map["new"] = "text";
            o.opt_int_map["new"] = std::nullopt;
            o.string_map["new"] = o.string_map["k"];
            o.keeper_map["new"] = &k2;
            o.keeper_map["again"] = o.fed_by;
            o.cage_map["k"] = nullptr;
        });
        CHECK(o.keeper_map["new"]->name == "Lee" && o.keeper_map["again"] == o.fed_by && !*o.cage_map["k"] && !*o.keeper_map["nobody"] && o.opt_int_map["new"] == std::nullopt);
        managed<keeper> kept;
        {
            auto boxed = *o.keeper_map["new"];
            auto ref = *boxed;
            kept = *ref;
        }
        CHECK(kept.name == "Lee");
    });

    suite.run("stale set iterators", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] {
            animal a;
            a._id = 1;
            a.int_set = {10, 20, 30};
            return db.add(std::move(a));
        });
        auto it = o.int_set.find(20);
        db.write([&] {
            o.int_set.erase(o.int_set.find(20));
            o.int_set.erase(it);// what is there now
        });
        CHECK(o.int_set.detach() == std::set<int64_t>{10});
        db.write([&] { std::set_union(o.int_set.begin(), o.int_set.end(), o.int_set.begin(), o.int_set.end(), std::inserter(o.int_set, o.int_set.begin())); });
        CHECK(o.int_set.detach() == std::set<int64_t>{10});
        CHECK((*o.int_set.begin() == 10) && o._id.operator int64_t() == 1);
    });

    suite.run("an upsert", [] {
        // What add does to an object that exists (KEEP-8).
        check::temp_dir dir;
        realm::db db(dir.config());
        keeper k;
        k._id = 1;
        cage c;
        auto o = db.write([&] { return db.add(full(1, &k, &c)); });
        animal again;
        again._id = 1;
        again.ints = {9};
        again.bools = {false};
        again.keepers = {&k};
        again.int_set = {7};
        again.int_map = {{"l", 2}};
        db.write([&] { db.add(std::move(again)); });
        CHECK_EQUAL(db.objects<animal>().size(), 1);
        CHECK(o.name == "" && o.fed_by->_id == 1 && o.ints.detach() == std::vector<int64_t>{9});
        CHECK(o.keepers.size() == 3 && o.int_set.detach() == (std::set<int64_t>{1, 3, 7}) && o.int_map.size() == 2 && o.bools.size() == 3);
    });

    suite.run("results of a temporary, observed", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] { db.insert(make_note(1, "a"), make_note(2, "b")); });
        observer by(dir.config());
        by.start();
        auto notes = by.notes();
        CHECK_EQUAL(notes.size(), 1);
        for (int i = 0; i < 2; i++) {
            db.write([&] { notes[0].str_col = "a"; });// the same value is a change (KEEP-2)
            db.refresh();
        }
        CHECK_EQUAL(by.calls, 3);
        by.m_token.unregister();
        db.write([&] { notes[0].str_col = "a"; });
        db.refresh();
        CHECK_EQUAL(by.calls, 3);
        realm::results<note>::results_change change;
        auto all = db.objects<note>();
        auto token = all.observe([&](auto&& c) { change = std::move(c); });
        db.write([&] { db.add(make_note(3, "c")); });
        db.write([] {});
        CHECK(change.collection == &all && change.insertions == std::vector<uint64_t>{2} && change.collection->size() == 3);
    });

    suite.run("many changes, one call", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] {
            animal a;
            a._id = 1;
            return db.add(std::move(a));
        });
        int calls = 0;
        std::vector<std::string> changed;
        size_t values = 0;
        auto token = o.observe([&](auto change) {
            calls++;
            for (auto& p: change.property_changes) {
                changed.push_back(p.name);
                if (p.name == "fed_by") CHECK(std::get<managed<keeper*>>(*p.new_value)->name == "Kim");
                if (p.name == "home") CHECK(std::get<managed<cage*>>(*p.new_value)->bars == 3);
                if (p.name == "own") CHECK(std::get<std::string>(std::get<animal::value>(*p.new_value)) == "mine");
                values += !std::holds_alternative<std::monostate>(*p.new_value);
            }
        });
        keeper k;
        k._id = 1;
        k.name = "Kim";
        cage c;
        c.bars = 3;
        db.write([&] {
            o.cage_map["k"] = &c, o.keeper_map["k"] = &k, o.mixed_map["k"] = "v", o.mood_map["k"] = state::awake, o.decimal_map["k"] = realm::decimal128(1), o.id_map["k"] = realm::object_id();
            o.uuid_map["k"] = an_uuid, o.date_map["k"] = noon, o.binary_map["k"] = bytes{1}, o.string_map["k"] = "v", o.double_map["k"] = 1.5, o.bool_map["k"] = true, o.int_map["k"] = 1;
            o.keeper_set.insert(&k), o.mixed_set.insert("v"), o.date_set.insert(noon), o.string_set.insert("v"), o.int_set.insert(1);
            o.cages.push_back(&c), o.keepers.push_back(&k), o.mixeds.push_back("v"), o.moods.push_back(state::awake), o.decimals.push_back(realm::decimal128(1)), o.ids.push_back(realm::object_id());
            o.uuids.push_back(an_uuid), o.dates.push_back(noon), o.binaries.push_back({1}), o.strings.push_back("v"), o.doubles.push_back(1), o.bools.push_back(true), o.ints.push_back(1);
            o.home = &c, o.fed_by = &k, o.own = "mine", o.name = "Otto";
        });
        db.refresh();
        db.write([&] { db.remove(o); });
        db.refresh();
        CHECK(calls == 2 && changed.size() == 35 && values == 4);
        CHECK(changed.front() == "name" && changed.back() == "cage_map");
    });

    suite.run("compact on launch, nothing deleted", [] {
        check::temp_dir dir;
        int calls = 0;
        auto config = dir.config();
        config.should_compact_on_launch([&](uint64_t, uint64_t) {
            calls++;
            return true;
        });
        {
            realm::db db(config);
            db.write([&] {
                for (int64_t i = 0; i < 200; i++) {
                    animal a;
                    a._id = i;
                    db.add(std::move(a));
                }
            });
        }
        auto before = std::filesystem::file_size(dir.file("test.realm"));
        CHECK_EQUAL(calls, 1);
        check::on_another_thread([&] { realm::db db(config); });
        CHECK_EQUAL(calls, 2);
        CHECK(std::filesystem::file_size(dir.file("test.realm")) < before);
    });

    suite.run("names of Realm Core that the original's tests use", [] {
        CHECK(realm::UUID("68b696d7-320b-4402-a412-d9cee10fc6a3").to_bytes() == an_uuid.to_bytes());
        std::string bytes = "any carnal pleas", text(realm::util::base64_encoded_size(bytes.size()), ' ');
        CHECK_EQUAL(realm::util::base64_encode(bytes, text), 24);
        CHECK_EQUAL(text, std::string("YW55IGNhcm5hbCBwbGVhcw=="));
        CHECK_EQUAL(realm::util::format("%2/%1?%3 %% %9", std::string("apps"), "http://host", 7), std::string("http://host/apps?7 % "));
    });

    suite.run("BSON of Realm Core as the original's tests use it", [] {
        using namespace realm::bson;
        BsonDocument body{{"name", "test"}, {"private", false}, {"can_evaluate", {}}, {"secret_config", BsonDocument{{"signingKeys", BsonArray{"key"}}}}};
        body["type"] = std::string("mongodb");
        std::ostringstream out;
        out << body;
        CHECK_EQUAL(out.str(), std::string(R"({"name":"test","private":false,"can_evaluate":null,"secret_config":{"signingKeys":["key"]},"type":"mongodb"})"));

        auto answer = parse(R"({"_id":"5f","n":{"$numberInt":"3"},"providers":[{"type":"anon-user"},{"type":"api-key","_id":"60"}]})");
        BsonDocument info(answer);
        CHECK_EQUAL(static_cast<std::string>(info["_id"]), std::string("5f"));
        CHECK(*static_cast<std::optional<std::string>>(info["_id"]) == "5f");
        CHECK(info["n"] == 3 && info["n"] != int64_t(3) && info["none"] == Bson());
        auto providers = static_cast<BsonArray>(info["providers"]);
        CHECK_EQUAL(providers.size(), 2);
        CHECK(static_cast<BsonDocument>(providers[1])["type"] == "api-key");
        CHECK_THROWS(std::bad_cast, static_cast<BsonArray>(info["_id"]));
        CHECK_THROWS(std::exception, parse("{"));
    });

    suite.run("json of an object with a key", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(make_note(123, "test")); });
        std::ostringstream out;
        o.to_json(out);
        CHECK_EQUAL(out.str(), std::string("{\"_id\":123,\"str_col\":\"test\"}"));
    });

    return suite.result();
}
