// Primary keys of every type: unique, found, upserted, never changed.
#include "check.hpp"

namespace realm {
enum class code { a = 1, b = 2 };

#define KEYED(name, type)      \
    struct name {              \
        primary_key<type> _id; \
        int64_t value = 0;     \
    };                         \
    REALM_SCHEMA(name, _id, value)

KEYED(by_int, int64_t)
KEYED(by_string, std::string)
KEYED(by_uuid, uuid)
KEYED(by_object_id, object_id)
KEYED(by_enum, code)
KEYED(by_optional_int, std::optional<int64_t>)
KEYED(by_optional_string, std::optional<std::string>)
KEYED(by_optional_uuid, std::optional<uuid>)
KEYED(by_optional_object_id, std::optional<object_id>)
KEYED(by_optional_enum, std::optional<code>)

// No key: objects are told apart by their place alone.
struct keyless {
    int64_t value = 0;
};
REALM_SCHEMA(keyless, value)
}// namespace realm

using namespace realm;

namespace {

template <typename K, typename V>
constexpr bool assignable = std::is_assignable_v<managed<primary_key<K>>&, V>;
static_assert(!assignable<int64_t, int64_t> && !assignable<int64_t, int> && !assignable<std::string, std::string> && !assignable<std::string, const char*>);
static_assert(!assignable<uuid, uuid> && !assignable<object_id, object_id> && !assignable<code, code>);
static_assert(!assignable<std::optional<int64_t>, std::optional<int64_t>> && !assignable<std::optional<std::string>, std::optional<std::string>>);
static_assert(!assignable<std::optional<uuid>, std::optional<uuid>> && !assignable<std::optional<object_id>, std::optional<object_id>>);
static_assert(!assignable<std::optional<code>, std::optional<code>>);
static_assert(!std::is_default_constructible_v<managed<primary_key<int64_t>>> && !std::is_constructible_v<managed<primary_key<int64_t>>, int64_t>);

template <typename K>
using detached = decltype(std::declval<const managed<primary_key<K>>&>().detach());
static_assert(std::is_same_v<detached<int64_t>, primary_key<int64_t>> && std::is_same_v<detached<std::optional<uuid>>, primary_key<std::optional<uuid>>>);
static_assert(std::is_same_v<detached<std::optional<object_id>>, std::optional<object_id>>);// as in the original

// Two objects with keys a and b.
template <typename T, typename K>
void with_keys(const K& a, const K& b) {
    check::temp_dir dir;
    db realm(dir.config());
    auto make = [](const K& key, int64_t value) {
        T o;
        o._id = key;
        o.value = value;
        return o;
    };
    auto first = realm.write([&] { return realm.add(make(a, 1)); });
    auto second = realm.write([&] { return realm.add(make(b, 2)); });
    CHECK(first != second);
    CHECK(first._id == a && first._id != b && second._id == b);
    CHECK_EQUAL(realm.objects<T>().size(), 2);

    // Adding the key again updates its object.
    auto again = realm.write([&] { return realm.add(make(a, 3)); });
    CHECK(again == first && first.value == 3);
    CHECK_EQUAL(realm.objects<T>().size(), 2);

    auto found = realm.objects<T>().where([&](auto& o) { return o._id == b; });
    CHECK_EQUAL(found.size(), 1);
    CHECK(found[0] == second);
    CHECK_EQUAL(realm.objects<T>().where([&](auto& o) { return o._id != b; }).size(), 1);

    T plain = second.detach();
    CHECK(K(plain._id) == b && plain.value == 2);
    K read = second._id;
    CHECK(read == b);

    // A key that was deleted may come back.
    realm.write([&] { realm.remove(second); });
    CHECK_EQUAL(realm.objects<T>().where([&](auto& o) { return o._id == b; }).size(), 0);
    auto back = realm.write([&] { return realm.add(make(b, 4)); });
    CHECK(back.value == 4 && back._id == b);
}

}// namespace

int main() {
    check::suite suite("primary_keys");

    suite.run("int", [] {
        with_keys<by_int, int64_t>(1, -2);
        with_keys<by_int, int64_t>(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
    });
    suite.run("string", [] {
        with_keys<by_string, std::string>("a", "A");
        with_keys<by_string, std::string>("", std::string("\0", 1));
        with_keys<by_string, std::string>(std::string(5000, 'k'), "ключ");
    });
    suite.run("uuid", [] { with_keys<by_uuid, uuid>(uuid(), uuid("68b696c9-320b-4402-a412-d9cee10fc6a5")); });
    suite.run("object_id", [] { with_keys<by_object_id, object_id>(object_id::generate(), object_id::generate()); });
    suite.run("enumeration", [] { with_keys<by_enum, code>(code::a, code::b); });
    suite.run("optional int", [] { with_keys<by_optional_int, std::optional<int64_t>>(0, std::nullopt); });
    suite.run("optional string", [] { with_keys<by_optional_string, std::optional<std::string>>("", std::nullopt); });
    suite.run("optional uuid", [] { with_keys<by_optional_uuid, std::optional<uuid>>(uuid(), std::nullopt); });
    suite.run("optional object_id", [] { with_keys<by_optional_object_id, std::optional<object_id>>(object_id(), std::nullopt); });
    suite.run("optional enumeration", [] { with_keys<by_optional_enum, std::optional<code>>(code::a, std::nullopt); });

    suite.run("order", [] {
        check::temp_dir dir;
        db realm(dir.config());
        realm.write([&] {
            for (int i: {3, 1, 2}) realm.add(by_int{i, i});
            for (int i: {3, 1, 2}) realm.add(by_optional_int{i, i});
            realm.add(by_optional_int{std::nullopt, 0});
        });
        CHECK_EQUAL(realm.objects<by_int>().where([](auto& o) { return o._id > 1; }).size(), 2);
        CHECK_EQUAL(realm.objects<by_int>().where([](auto& o) { return o._id >= 1LL && o._id <= 2u && o._id < 2; }).size(), 1);
        CHECK_EQUAL(realm.objects<by_optional_int>().where([](auto& o) { return o._id > 1; }).size(), 2);
        CHECK_EQUAL(realm.objects<by_optional_int>().where([](auto& o) { return o._id == std::nullopt; }).size(), 1);
        auto one = realm.objects<by_int>().where([](auto& o) { return o._id == static_cast<long long>(1); });
        CHECK_EQUAL(one.size(), 1);
        CHECK(one[0]._id > 0 && one[0]._id < 2 && one[0]._id == 1);
    });

    suite.run("without a key", [] {
        check::temp_dir dir;
        db realm(dir.config());
        managed<keyless> a, b;
        std::tie(a, b) = realm.write([&] { return realm.insert(keyless{1}, keyless{1}); });
        CHECK(a != b && a < b);
        CHECK_EQUAL(realm.objects<keyless>().size(), 2);
        realm.write([&] { realm.remove(a); });
        CHECK(a.is_invalidated() && !b.is_invalidated());
    });

    suite.run("many keys", [] {
        check::temp_dir dir;
        db realm(dir.config());
        realm.write([&] {
            for (int i = 0; i < 2000; i++) realm.add(by_string{"key " + std::to_string(i), i});
        });
        realm.write([&] {
            for (int i = 0; i < 2000; i += 2) realm.add(by_string{"key " + std::to_string(i), -i});
        });
        CHECK_EQUAL(realm.objects<by_string>().size(), 2000);
        auto found = realm.objects<by_string>().where([](auto& o) { return o._id == "key 1998"; });
        CHECK(found.size() == 1 && found[0].value == -1998);
    });

    return suite.result();
}
