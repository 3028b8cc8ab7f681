// Objects of every scalar type: created, read, changed, compared, copied out, deleted.
#include "check.hpp"
#include "models.hpp"

using namespace std::chrono_literals;
using realm::color;
using realm::decimal128;
using realm::everything;
using realm::managed;
using realm::object_id;
using realm::uuid;

namespace {

const realm::tp some_date{1577934245s + 123456789ns};
const uuid some_uuid("68b696c9-320b-4402-a412-d9cee10fc6a5");
const object_id some_id("0123456789abcdefabcdef01");

everything sample(int64_t id) {
    everything o;
    o._id = id;
    o.i = 42;
    o.b = true;
    o.d = 1.25;
    o.s = "text with ä and \"quotes\"";
    o.bin = {1, 0, 255};
    o.date = some_date;
    o.u = some_uuid;
    o.oid = some_id;
    o.dec = decimal128("123.456");
    o.e = color::green;
    o.p = everything::two;
    o.m = std::string("mixed");
    return o;
}

everything full(int64_t id) {
    auto o = sample(id);
    o.oi = -1;
    o.ob = false;
    o.od = -2.5;
    o.os = "";
    o.obin = std::vector<uint8_t>{};
    o.odate = some_date;
    o.ou = some_uuid;
    o.ooid = some_id;
    o.odec = decimal128("-1E+10");
    o.oe = color::blue;
    return o;
}

// The types that accessors give, and how they can't be made or assigned.
template <typename T>
constexpr bool hidden = !std::is_default_constructible_v<managed<T>> && !std::is_constructible_v<managed<T>, T>;
static_assert(hidden<int64_t> && hidden<bool> && hidden<double> && hidden<std::string> && hidden<std::vector<uint8_t>> && hidden<realm::tp>);
static_assert(hidden<uuid> && hidden<object_id> && hidden<decimal128> && hidden<color> && hidden<realm::mixed>);
static_assert(hidden<std::optional<int64_t>> && hidden<std::optional<bool>> && hidden<std::optional<double>> && hidden<std::optional<std::string>>);
static_assert(hidden<std::optional<uuid>> && hidden<std::optional<object_id>> && hidden<std::optional<decimal128>> && hidden<std::optional<color>>);
static_assert(hidden<std::optional<realm::tp>> && hidden<std::optional<std::vector<uint8_t>>>);
static_assert(hidden<everything*> && !std::is_default_constructible_v<managed<everything*>::ref_type>);

template <typename T>
using detached = decltype(std::declval<const managed<T>&>().detach());
static_assert(std::is_same_v<detached<int64_t>, int64_t> && std::is_same_v<detached<color>, color> && std::is_same_v<detached<std::string>, std::string>);
static_assert(std::is_same_v<detached<std::optional<realm::tp>>, std::optional<realm::tp>> && std::is_same_v<detached<realm::mixed>, realm::mixed>);
static_assert(std::is_same_v<detached<everything*>, everything*> && std::is_same_v<detached<everything>, everything>);
static_assert(std::is_same_v<decltype(managed<everything>::os), managed<std::optional<std::string>>>);
static_assert(managed<everything>::is_object);

// A class may have properties with names that the library uses inside.
struct names {
    realm::primary_key<int64_t> _id;
    std::string core, o, generated, value, owner, name, text, visitor, state, cell, p, core_ptr, class_type;
};
REALM_SCHEMA(names, _id, core, o, generated, value, owner, name, text, visitor, state, cell, p, core_ptr, class_type)

void compare_required(const managed<everything>& o) {
    CHECK(o._id == 1 && o._id == 1LL && o._id == int64_t(1) && o._id != 2 && o._id < 2 && o._id <= 1 && o._id > 0 && o._id >= 1u);
    CHECK(o.i == 42 && o.i != 41LL && o.i < 43u && o.i <= uint8_t(42) && o.i > 41 && o.i >= 42);
    CHECK(o.b == true && o.b != false);
    CHECK(o.d == 1.25 && o.d != 2 && o.d < 2 && o.d <= 1.25f && o.d > 1 && o.d >= 1L);
    CHECK(o.s == "text with ä and \"quotes\"" && o.s != std::string("x") && o.s.contains("ä") && !o.s.empty());
    CHECK(o.bin == std::vector<uint8_t>{1, 0, 255} && o.bin != std::vector<uint8_t>{});
    CHECK(o.date == some_date && o.date != realm::tp() && o.date > realm::tp() && o.date >= some_date && o.date <= some_date && o.date < some_date + 1ns);
    CHECK(o.u == some_uuid && o.u != uuid());
    CHECK(o.oid == some_id && o.oid != object_id());
    CHECK(o.dec == decimal128("123.456") && o.dec != decimal128("1") && o.dec < decimal128("124") && o.dec >= decimal128("123.456"));
    CHECK(o.e == color::green && o.e != color::red && o.e < color::blue && o.e > color::red && o.e <= color::green && o.e >= color::green);
    CHECK(o.p == everything::two && o.p != everything::one);
    CHECK(o.m == realm::mixed(std::string("mixed")) && o.m != realm::mixed(int64_t(1)) && o.m != std::nullopt);
}

void compare_null(const managed<everything>& o) {
    CHECK(o.oi == std::nullopt && o.oi != 1 && !(o.oi < 1) && !(o.oi > 1));
    CHECK(o.ob == std::nullopt && o.ob != true);
    CHECK(o.od == std::nullopt && o.od != 1.0);
    CHECK(o.os == std::nullopt && o.os != "x" && o.os.empty());
    CHECK(o.obin == std::nullopt && o.obin != std::vector<uint8_t>{1});
    CHECK(o.odate == std::nullopt && o.odate != some_date);
    CHECK(o.ou == std::nullopt && o.ou != some_uuid);
    CHECK(o.ooid == std::nullopt && o.ooid != some_id);
    CHECK(o.odec == std::nullopt && o.odec != decimal128("1"));
    CHECK(o.oe == std::nullopt && o.oe != color::red);
    CHECK(o.link == nullptr && !o.link);
    CHECK(!o.oi.detach() && !*o.ob && !*o.od && !*o.os && !o.obin.detach() && !o.odate.detach() && !*o.ou && !*o.ooid && !*o.odec && !*o.oe);
}

void compare_full(const managed<everything>& o) {
    CHECK(o.oi == -1 && o.oi == std::optional<int64_t>(-1) && o.oi != std::nullopt && o.oi < 0 && o.oi >= -1);
    CHECK(o.ob == false && o.ob != std::nullopt);
    CHECK(o.od == -2.5 && o.od < 0 && o.od != std::nullopt);
    CHECK(o.os == "" && o.os == std::string() && o.os != std::nullopt);
    CHECK(o.obin == std::vector<uint8_t>{} && o.obin != std::nullopt);
    CHECK(o.odate == some_date && o.odate > realm::tp());
    CHECK(o.ou == some_uuid && o.ooid == some_id);
    CHECK(o.odec == decimal128("-1E+10") && o.odec < decimal128("0") && o.odec <= decimal128("0") && !(o.odec > decimal128("0")));
    CHECK(o.oe == color::blue && o.oe > color::red && o.oe >= color::blue);
}

void conversions(const managed<everything>& o) {
    int64_t i = o.i;
    bool b = o.b;
    double d = o.d;
    std::string s = o.s;
    std::string s2(o.s);
    std::vector<uint8_t> bin = o.bin;
    realm::tp date = o.date;
    uuid u = o.u;
    object_id oid = o.oid;
    decimal128 dec = o.dec;
    color e = o.e;
    realm::mixed m = *o.m;
    CHECK(i == 42 && b && d == 1.25 && s == s2 && bin.size() == 3 && date == some_date && u == some_uuid && oid == some_id && dec == decimal128("123.456") && e == color::green);
    CHECK(std::get<std::string>(m) == "mixed");
    CHECK(*o.i == 42 && *o.b && *o.d == 1.25 && (*o.bin)[2] == 255 && *o.u == some_uuid && *o.oid == some_id && (*o.dec).to_string() == "123.456" && *o.e == color::green);
    CHECK(o.date.time_since_epoch() == some_date.time_since_epoch());
    CHECK(o.bin.size() == 3 && o.bin[0] == 1);
    std::optional<int64_t> oi = o.oi;
    CHECK(!oi);
}

}// namespace

int main() {
    check::suite suite("properties");

    suite.run("create, read, compare", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto a = db.write([&] { return db.add(sample(1)); });
        auto b = db.write([&] { return db.add(full(2)); });
        compare_required(a);
        compare_null(a);
        conversions(a);
        compare_full(b);
        CHECK_EQUAL(db.objects<everything>().size(), 2);
    });

    suite.run("detach", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto b = db.write([&] { return db.add(full(2)); });
        everything plain = b.detach();
        CHECK(plain._id.value == 2 && plain.i == 42 && plain.b && plain.d == 1.25 && plain.s == full(2).s && plain.bin == full(2).bin);
        CHECK(plain.date == some_date && plain.u == some_uuid && plain.oid == some_id && plain.dec == decimal128("123.456") && plain.e == color::green && plain.p == everything::two);
        CHECK(plain.m == full(2).m && plain.oi == -1 && plain.ob == false && plain.od == -2.5 && plain.os == "" && plain.obin->empty());
        CHECK(plain.odate == some_date && plain.ou == some_uuid && plain.ooid == some_id && plain.odec == decimal128("-1E+10") && plain.oe == color::blue);
        CHECK(plain.link == nullptr && plain.not_stored == 7);
        // And back: the same key updates.
        plain.i = 43;
        auto again = db.write([&] { return db.add(std::move(plain)); });
        CHECK(again == b);
        CHECK(b.i == 43);
        CHECK_EQUAL(db.objects<everything>().size(), 1);
    });

    suite.run("assign", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(sample(1)); });
        db.write([&] {
            o.i = 7;
            o.b = false;
            o.d = 3;
            o.s = "new";
            o.bin = {9};
            o.date = some_date + 1s;
            o.u = uuid();
            o.oid = object_id();
            o.dec = decimal128("7");
            o.e = color::blue;
            o.p = everything::one;
            o.m = int64_t(8);
            o.oi = 1;
            o.ob = true;
            o.od = 2;
            o.os = "os";
            o.obin = std::vector<uint8_t>{1};
            o.odate = some_date;
            o.ou = some_uuid;
            o.ooid = some_id;
            o.odec = decimal128("5");
            o.oe = color::red;
            // Seen at once, by every handle.
            CHECK(o.i == 7 && db.objects<everything>()[0].s == "new");
        });
        CHECK(o.i == 7 && o.b == false && o.d == 3 && o.s == "new" && o.bin == std::vector<uint8_t>{9} && o.date == some_date + 1s && o.u == uuid() && o.oid == object_id());
        CHECK(o.dec == decimal128("7") && o.e == color::blue && o.p == everything::one && o.m == realm::mixed(int64_t(8)));
        CHECK(o.oi == 1 && o.ob == true && o.od == 2.0 && o.os == "os" && o.obin == std::vector<uint8_t>{1} && o.odate == some_date);
        CHECK(o.ou == some_uuid && o.ooid == some_id && o.odec == decimal128("5") && o.oe == color::red);
        db.write([&] {
            o.oi = std::nullopt;
            o.ob = std::nullopt;
            o.od = std::nullopt;
            o.os = std::nullopt;
            o.obin = std::nullopt;
            o.odate = std::nullopt;
            o.ou = std::nullopt;
            o.ooid = std::nullopt;
            o.odec = std::nullopt;
            o.oe = std::nullopt;
        });
        compare_null(o);
        db.write([&] {
            o.oi = std::optional<int64_t>(3);
            o.os = std::optional<std::string>("x");
        });
        CHECK(o.oi == 3 && o.os == "x");
    });

    suite.run("arithmetic", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(full(1)); });
        db.write([&] {
            o.i += 8;// 50
            o.i -= 10;
            o.i *= 2;// 80
            o.i++;
            ++o.i;
            o.i--;
            --o.i;
            o.i++;
            CHECK(o.i == 81);
            o.i = std::numeric_limits<int64_t>::max();
            o.i += 1;// wraps around
            CHECK(o.i == std::numeric_limits<int64_t>::min());
            o.i -= std::numeric_limits<int64_t>::min();
            CHECK(o.i == 0);
            o.d += 1;
            o.d -= 0.25;
            o.d *= 2;
            o.d++;
            CHECK(o.d == 5);
            o.d--;
            CHECK(o.d == 4);
            o.oi += 11;
            o.oi *= 5;
            o.oi -= 8;
            o.oi++;
            CHECK(o.oi == 43);
            o.od += 3;
            CHECK(o.od == 0.5);
            o.dec += decimal128("0.004");
            CHECK(o.dec == decimal128("123.460"));
            o.odec = decimal128("2");
            o.odec *= decimal128("3");
            CHECK(o.odec == decimal128("6"));
            o.date += 1s;
            o.date += 5ms;
            CHECK(o.date == some_date + 1005ms);
            *o.odate += 2s;
            CHECK(o.odate == some_date + 2s);
            o.oi = std::nullopt;
            CHECK_THROWS_WITH(std::runtime_error, "Cannot perform arithmetic on null value.", o.oi += 1);
            o.od = std::nullopt;
            CHECK_THROWS_WITH(std::runtime_error, "Cannot perform arithmetic on null value.", o.od *= 2);
            o.odec = std::nullopt;
            CHECK_THROWS_WITH(std::runtime_error, "Optional decimal128 property has null value", o.odec += decimal128("1"));
        });
        // These give a result and store nothing.
        CHECK_EQUAL((o.dec + decimal128("1")).to_string(), std::string("124.460"));
        CHECK(o.dec == decimal128("123.460"));
        CHECK((o.dec - decimal128("0.460")) == decimal128("123.000"));
    });

    suite.run("strings", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(sample(1)); });
        db.write([&] {
            o.s = "abc";
            o.s += "def";
            o.s.append("g");
            o.s.push_back('h');
            o.s.pop_back();
            o.s[0] = 'A';
            o.s.at(1) = 'B';
            CHECK(o.s == "ABcdefg");
            CHECK(char(o.s.front()) == 'A' && char(o.s.back()) == 'g' && char(o.s.c_str()[2]) == 'c' && char(o.s.data()[3]) == 'd');
            CHECK_EQUAL(o.s.size(), 7);
            o.s.clear();
            CHECK(o.s.empty());
            o.s = std::string("with\0zero", 9);
            CHECK_EQUAL(o.s.size(), 9);
            CHECK_EQUAL(o.s.detach(), std::string("with\0zero", 9));
            o.os = "opt";
            o.os += "ional";
            CHECK(o.os.contains("tion"));
            CHECK(!o.os.contains("TION"));
        });
        std::string large(1 << 20, 'x');
        db.write([&] { o.s = large; });
        CHECK(o.s == large);
    });

    suite.run("bytes", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(full(1)); });
        db.write([&] {
            o.bin.push_back(7);
            CHECK_EQUAL(o.bin.size(), 4);
            o.obin->push_back(8);
            CHECK((*o.obin)[0] == 8 && o.obin->size() == 1 && **o.obin == std::vector<uint8_t>{8});
            o.obin = std::nullopt;
            o.obin->push_back(9);// null stays null
            CHECK(o.obin == std::nullopt);
        });
    });

    suite.run("mixed", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(sample(1)); });
        using M = managed<realm::mixed>;
        auto holds = [&](auto value, M::stored_type type) {
            using V = decltype(value);
            db.write([&] { o.m = value; });
            CHECK_EQUAL(int(o.m.get_stored_type()), int(type));
            CHECK(realm::holds_alternative<V>(o.m));
            if constexpr (!std::is_same_v<V, std::monostate>) {
                CHECK(std::get<V>(o.m.detach()) == value);
                CHECK(o.m != std::nullopt);
            } else
                CHECK(o.m == std::nullopt);
        };
        holds(int64_t(5), M::Int);
        holds(true, M::Bool);
        holds(std::string("s"), M::String);
        holds(2.5, M::Double);
        holds(std::vector<uint8_t>{1, 2}, M::Binary);
        holds(some_date, M::Timestamp);
        holds(some_uuid, M::UUID);
        holds(some_id, M::ObjectId);
        holds(decimal128("1.5"), M::Decimal);
        holds(std::monostate(), M::Null);
        db.write([&] { o.m = "literal"; });
        CHECK(realm::holds_alternative<std::string>(o.m) && !realm::holds_alternative<int64_t>(o.m) && !o.m.has_link());
    });

    suite.run("extreme values", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(sample(std::numeric_limits<int64_t>::min())); });
        for (auto i: {std::numeric_limits<int64_t>::min(), int64_t(-1), int64_t(0), std::numeric_limits<int64_t>::max()}) {
            db.write([&] { o.i = i; });
            CHECK_EQUAL(*o.i, i);
        }
        for (auto d: {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min(), -0.0}) {
            db.write([&] { o.d = d; });
            CHECK_EQUAL(*o.d, d);
        }
        db.write([&] { o.d = std::numeric_limits<double>::quiet_NaN(); });
        CHECK(*o.d != *o.d);
        for (auto t: {realm::tp::min(), realm::tp{-1ns}, realm::tp{-1500ms}, realm::tp{}, realm::tp{1ns}, realm::tp::max()}) {
            db.write([&] { o.date = t; });
            CHECK(o.date == t);
        }
        db.write([&] {
            o.s = "";
            o.bin = {};
        });
        CHECK(o.s == "" && o.bin == std::vector<uint8_t>{});
    });

    suite.run("handles", [] {
        check::temp_dir dir;
        managed<everything> empty;
        CHECK(empty.is_invalidated() && !empty.is_frozen());
        CHECK_THROWS(std::exception, int64_t(empty.i));
        CHECK_THROWS(std::exception, empty.detach());
        managed<everything> kept;
        {
            realm::db db(dir.config());
            auto o = db.write([&] { return db.add(sample(1)); });
            auto copy = o;
            db.write([&] { copy.i = 5; });
            CHECK(o.i == 5 && copy == o && !(copy != o));
            kept = copy;
            empty = std::move(copy);
            auto other = db.write([&] { return db.add(sample(2)); });
            CHECK(other != o && o < other && !(other < o));
            kept = other;
            kept = o;// accessors follow
            CHECK(kept.i == 5 && other.i == 42);
        }
        CHECK(kept.i == 5);// the handle keeps its database open
        auto db = kept.get_realm();
        db.write([&] {
            kept.i = 6;
            CHECK(kept.i == 6);
        });
        db.write([&] { db.remove(kept); });
        CHECK(kept.is_invalidated() && empty.is_invalidated());
        CHECK_THROWS(std::exception, int64_t(kept.i));
        CHECK_THROWS(std::exception, db.write([&] { kept.i = 1; }));
        CHECK_THROWS(std::exception, db.write([&] { db.remove(kept); }));
    });

    suite.run("names", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        names n;
        n._id = 1;
        n.core = "c";
        n.o = "o";
        n.generated = "g";
        auto m = db.write([&] { return db.add(std::move(n)); });
        auto copy = m;
        copy = m;
        CHECK(copy.core == "c" && copy.o == "o" && copy.generated == "g" && copy.visitor == "");
        CHECK_EQUAL(db.objects<names>().where([](auto& x) { return x.core == "c" && x.o == "o"; }).size(), 1);
        CHECK(m.detach().core == "c");
    });

    suite.run("insert", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto [a] = db.write([&] { return db.insert(sample(1)); });
        auto [b, c] = db.write([&] { return db.insert(sample(2), sample(3)); });
        CHECK(a._id == 1 && b._id == 2 && c._id == 3);
        db.write([&] { db.insert(std::vector<everything>{sample(4), sample(5)}); });
        CHECK_EQUAL(db.objects<everything>().size(), 5);
        everything lvalue = sample(6);
        auto d = db.write([&] { return db.add(lvalue); });
        CHECK(d._id == 6);
    });

    // Programs leave members uninitialized, that hold whatever was there.
    suite.run("a bool of any byte", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = full(1);
        std::memset(&o.b, 57, 1);
        std::memset(&*o.ob, 2, 1);
        auto m = db.write([&] { return db.add(std::move(o)); });
        CHECK(m.b == true && *m.ob == true);
        CHECK_EQUAL(db.objects<everything>().where([](auto& e) { return e.b == true; }).size(), 1);
    });

    suite.run("json", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto o = db.write([&] { return db.add(full(1)); });
        std::ostringstream out;
        o.to_json(out);
        CHECK_EQUAL(out.str(), std::string("{\"_id\":1,\"i\":42,\"b\":true,\"d\":1.2500000000000000e+00,\"s\":\"text with ä and \\\"quotes\\\"\",\"bin\":\"AQD/\","
                                           "\"date\":\"2020-01-02 03:04:05.123456789\",\"u\":\"68b696c9-320b-4402-a412-d9cee10fc6a5\",\"oid\":\"0123456789abcdefabcdef01\",\"dec\":\"123.456\",\"e\":2,"
                                           "\"p\":2,\"m\":\"mixed\",\"oi\":-1,\"ob\":false,\"od\":-2.5000000000000000e+00,\"os\":\"\",\"obin\":\"\",\"odate\":\"2020-01-02 03:04:05.123456789\","
                                           "\"ou\":\"68b696c9-320b-4402-a412-d9cee10fc6a5\",\"ooid\":\"0123456789abcdefabcdef01\",\"odec\":\"-1E10\",\"oe\":3,\"link\":null}"));
        realm::dog d;
        d.name = "a\tb\n";
        auto dog = db.write([&] { return db.add(std::move(d)); });
        std::ostringstream keyed;
        dog.to_json(keyed);
        CHECK(keyed.str().rfind("{\"_key\":", 0) == 0);
        CHECK(keyed.str().find(",\"name\":\"a\\tb\\n\",\"age\":0,\"owner\":null}") != std::string::npos);
        db.write([&] { db.remove(dog); });
        std::ostringstream gone;
        dog.to_json(gone);
        CHECK(gone.fail());
    });

    return suite.result();
}
