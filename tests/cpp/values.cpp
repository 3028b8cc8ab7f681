// The value types: uuid, object_id, decimal128, mixed, primary_key.
#include "check.hpp"

#include <cmath>

using realm::decimal128;
using realm::object_id;
using realm::uuid;

namespace {
enum class color { red, green };

// What converts to what, and what does not.
static_assert(std::is_same_v<realm::mixed, std::variant<std::monostate, int64_t, bool, std::string, double, std::vector<uint8_t>, std::chrono::time_point<std::chrono::system_clock>, uuid, object_id, decimal128>>);
static_assert(std::is_convertible_v<int, realm::primary_key<int64_t>>);
static_assert(std::is_convertible_v<long long, realm::primary_key<int64_t>>);
static_assert(std::is_convertible_v<realm::primary_key<int64_t>, int64_t>);
static_assert(std::is_convertible_v<const char*, realm::primary_key<std::string>>);
static_assert(std::is_convertible_v<std::nullopt_t, realm::primary_key<std::optional<uuid>>>);
static_assert(std::is_convertible_v<uuid, realm::primary_key<std::optional<uuid>>>);
static_assert(std::is_convertible_v<int, realm::primary_key<std::optional<int64_t>>>);
static_assert(std::is_convertible_v<std::optional<int>, realm::primary_key<std::optional<int64_t>>>);
static_assert(std::is_convertible_v<const char*, realm::primary_key<std::optional<std::string>>>);
static_assert(std::is_convertible_v<color, realm::primary_key<color>>);
static_assert(std::is_convertible_v<std::optional<color>, realm::primary_key<std::optional<color>>>);
static_assert(!std::is_convertible_v<color, realm::primary_key<std::optional<color>>>);
static_assert(!std::is_convertible_v<std::string, uuid>);
static_assert(!std::is_convertible_v<std::string, object_id>);
static_assert(realm::not_in_collection == SIZE_MAX);
}// namespace

int main() {
    check::suite suite("values");

    suite.run("uuid", [] {
        CHECK_EQUAL(uuid().to_string(), std::string("00000000-0000-0000-0000-000000000000"));
        uuid a("68B696C9-320B-4402-A412-D9CEE10FC6A5");
        CHECK_EQUAL(a.to_string(), std::string("68b696c9-320b-4402-a412-d9cee10fc6a5"));
        CHECK(uuid(a.to_bytes()) == a);
        CHECK_EQUAL(a.to_base64(), std::string("aLaWyTILRAKkEtnO4Q/GpQ=="));
        uuid b("68b696c9-320b-4402-a412-d9cee10fc6a6");
        CHECK(a != b);
        CHECK(a < b && a <= b && b > a && b >= a && !(b < a));
        CHECK_THROWS_WITH(std::logic_error, "Invalid string format encountered when constructing a UUID: 'zz'.", uuid("zz"));
        CHECK_THROWS(std::logic_error, uuid("68b696c9-320b-4402-a412-d9cee10fc6a"));
        CHECK_THROWS(std::logic_error, uuid("68b696c9x320b-4402-a412-d9cee10fc6a5"));
    });

    suite.run("object_id", [] {
        CHECK_EQUAL(object_id().to_string(), std::string("000000000000000000000000"));
        object_id a("0123456789abcdefABCDEF01");
        CHECK_EQUAL(a.to_string(), std::string("0123456789abcdefabcdef01"));
        auto b = object_id::generate(), c = object_id::generate();
        CHECK(b != c);
        CHECK(b < c || c < b);
        CHECK(object_id(b.to_string()) == b);
        CHECK_THROWS(std::invalid_argument, object_id("0123"));
        CHECK_THROWS(std::invalid_argument, object_id("g123456789abcdefabcdef01"));
    });

    suite.run("decimal128", [] {
        CHECK_EQUAL(decimal128("1.50").to_string(), std::string("1.50"));
        CHECK_EQUAL(decimal128(123.456).to_string(), std::string("123.456"));
        CHECK_EQUAL(decimal128(10).to_string(), std::string("10"));
        CHECK_EQUAL(decimal128(-0.25).to_string(), std::string("-2.5E-1"));
        CHECK_EQUAL(decimal128(100).to_string(), std::string("100"));
        CHECK(decimal128(0.1) <= decimal128("0.1") && decimal128(0.1) >= decimal128("0.1"));
        CHECK(decimal128(1e300) >= decimal128("1E300") && decimal128(1e300) <= decimal128("1E300"));
        CHECK(decimal128(std::nan("")).is_NaN() && decimal128(HUGE_VAL) > decimal128("1E6000"));
        CHECK_EQUAL(decimal128().to_string(), std::string("0E-6176"));
        CHECK(decimal128("no number").is_NaN());
        CHECK(decimal128("NaN").is_NaN());
        CHECK(decimal128("NaN") == decimal128("NaN"));
        CHECK(decimal128("1.0") != decimal128("1.00"));// bits, as in the original
        CHECK(decimal128("1.0") <= decimal128("1.00") && decimal128("1.0") >= decimal128("1.00"));
        CHECK(decimal128("9.9") < decimal128("10") && decimal128("10") > decimal128("9.9"));
        CHECK_EQUAL((decimal128("10") + decimal128("20")).to_string(), std::string("30"));
        CHECK_EQUAL((decimal128("20") - decimal128("10")).to_string(), std::string("10"));
        CHECK_EQUAL((decimal128("5") * decimal128("3")).to_string(), std::string("15"));
        CHECK_EQUAL((decimal128("5") / decimal128("2")).to_string(), std::string("2.5"));
        decimal128 d("1");
        d += decimal128("2");
        CHECK_EQUAL(d.to_string(), std::string("3"));
        d *= decimal128("4");
        CHECK_EQUAL(d.to_string(), std::string("12"));
        d *= decimal128("-2");
        CHECK_EQUAL(d.to_string(), std::string("-24"));
        d -= decimal128("24");
        CHECK_EQUAL(d.to_string(), std::string("-48"));
        d /= decimal128("-48");
        CHECK_EQUAL(d.to_string(), std::string("1"));
        CHECK((decimal128("0") / decimal128("0")).is_NaN());
    });

    suite.run("mixed", [] {
        CHECK(std::holds_alternative<std::string>(realm::mixed("text")));
        CHECK(std::holds_alternative<std::monostate>(realm::mixed()));
        std::set<realm::mixed> set{int64_t(1), std::string("a"), int64_t(1)};
        CHECK_EQUAL(set.size(), 2);
        auto list = std::vector<realm::mixed>({int64_t(42), std::string("x"), 1.5, true});
        CHECK_EQUAL(std::get<double>(list[2]), 1.5);
    });

    suite.run("primary_key", [] {
        realm::primary_key<int64_t> i = 5;
        CHECK_EQUAL(i.value, 5);
        CHECK_EQUAL(int64_t(i), 5);
        i = 7LL;
        CHECK_EQUAL(i.value, 7);
        realm::primary_key<std::string> s = "key";
        CHECK_EQUAL(s.value, std::string("key"));
        realm::primary_key<std::optional<std::string>> os;
        CHECK(!os.value);
        os = "key";
        CHECK(os.value == "key");
        realm::primary_key<std::optional<int64_t>> oi = std::nullopt;
        CHECK(!oi.value);
        oi = 3;
        CHECK(oi.value == 3);
        realm::primary_key<object_id> id{object_id::generate()};
        CHECK(object_id(id) == id.value);
    });

    return suite.result();
}
