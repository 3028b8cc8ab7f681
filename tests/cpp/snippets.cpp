// The way applications and the documentation write it: classes in namespace realm, variables that are called realm, and the
// names of the surface under both of their spellings.
#include "check.hpp"

// Designated initialisers are C++20's; the documentation uses them with C++17, where compilers take them too.
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wc++20-extensions"

static const char* where = nullptr;

// As documented: the namespace is opened in the middle of a file, with and without a semicolon after the macro.
namespace realm {
struct Dog {
    primary_key<int64_t> _id;
    std::string name;
    int64_t age = 0;
};
REALM_SCHEMA(Dog, _id, name, age)

struct Person {
    enum class Role { guest, member, admin };
    primary_key<int64_t> _id;
    std::string name;
    int64_t age;
    Role role = Role::guest;
    // An optional and a link.
    std::optional<std::string> nickname = {};
    Dog* dog;
};
REALM_SCHEMA(Person, _id, name, age, role, nickname, dog);

// Many properties in one class: as many as the macros take.
struct Wide {
    primary_key<int64_t> _id;
#define TEN(p) int64_t p##0 = 0, p##1 = 1, p##2 = 2, p##3 = 3, p##4 = 4, p##5 = 5, p##6 = 6, p##7 = 7, p##8 = 8, p##9 = 9;
    TEN(a)
    TEN(b) TEN(c) TEN(d) TEN(e) TEN(f) TEN(g) TEN(h) TEN(i) TEN(j) TEN(k) TEN(l) TEN(m) TEN(n) TEN(o) TEN(p) TEN(q) TEN(r) TEN(s)
            int64_t t0 = 0,
                    t1 = 1, t2 = 2, t3 = 3, t4 = 4, t5 = 5, t6 = 6, t7 = 7;
};
#define NAMES(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9
#define EXPANDED(...) REALM_SCHEMA(__VA_ARGS__)
EXPANDED(Wide, _id, NAMES(a), NAMES(b), NAMES(c), NAMES(d), NAMES(e), NAMES(f), NAMES(g), NAMES(h), NAMES(i), NAMES(j), NAMES(k), NAMES(l), NAMES(m), NAMES(n), NAMES(o), NAMES(p), NAMES(q),
         NAMES(r), NAMES(s), t0, t1, t2, t3, t4, t5, t6, t7)
}// namespace realm

namespace {

// Both spellings name the same type.
static_assert(std::is_same_v<realm::db_config, realm::internal::bridge::realm::config>);
static_assert(std::is_same_v<realm::sync_config, realm::internal::bridge::realm::sync_config>);
static_assert(std::is_same_v<realm::proxy_config, realm::internal::bridge::realm::sync_config::proxy_config>);
static_assert(std::is_same_v<realm::sync_session, realm::internal::bridge::sync_session>);
static_assert(std::is_same_v<realm::sync_error, realm::internal::bridge::sync_error>);
static_assert(std::is_same_v<realm::sort_descriptor, realm::internal::bridge::sort_descriptor>);
static_assert(std::is_same_v<realm::networking::status, realm::internal::bridge::status>);
static_assert(std::is_same_v<decltype(std::declval<realm::App>().get_sync_manager()), realm::internal::bridge::sync_manager>);
static_assert(int(realm::sync_session::state::paused) == 4 && int(realm::sync_session::connection_state::connected) == 2);
static_assert(int(realm::user::state::logged_in) == 1 && int(realm::user::state::removed) == 2);
static_assert(std::string_view(REALMCXX_VERSION_STRING) == "2.2.0" && REALMCXX_VERSION_MAJOR == 2);
static_assert(sizeof(realm::internal::bridge::compensating_write_error_info::primary_key) > 0);
static_assert(!std::is_copy_constructible_v<realm::sync_subscription_set> && !std::is_move_constructible_v<realm::sync_subscription_set>);

using realm::Dog;
using realm::Person;

// A global handle and token, assigned later.
realm::managed<Person> global_person;
realm::notification_token global_token;

}// namespace

int main() {
    check::suite suite("snippets");
    where = "here";

    suite.run("open, write, read", [] {
        check::temp_dir dir;
        auto config = realm::db_config();
        config.set_path(dir.path() / "my.realm");
        auto realm = realm::db(std::move(config));

        auto dog = realm::Dog{._id = 1, .name = "Rex", .age = 1};
        realm.write([&] { realm.add(std::move(dog)); });
        std::cout << "  the dog's name: " << realm.objects<realm::Dog>()[0].name.detach() << '\n';
        CHECK(dog.name == "Rex");// the argument is read, not emptied

        auto dogs = realm.objects<realm::Dog>();
        auto managed_dog = dogs[0];
        realm.write([&] { managed_dog.age = 2; });
        CHECK(managed_dog.age == 2);
        realm.write([&] {
            managed_dog.name = "Wolfie";
            managed_dog.age += 2;
        });
        std::cout << "  " << managed_dog.name.detach() << " is " << *managed_dog.age << '\n';
        realm.write([&] { realm.remove(managed_dog); });
        CHECK_EQUAL(realm.objects<Dog>().size(), 0);
    });

    suite.run("designated initialisers, links, enumerations", [] {
        check::temp_dir dir;
        auto realm = realm::db(dir.config());
        auto dog = Dog{._id = 1, .name = "Bowser"};
        auto person = Person{._id = 1, .name = "Jack", .age = 27, .role = Person::Role::member, .dog = &dog};
        realm.write([&] { realm.add(std::move(person)); });
        auto person2 = Person{};
        person2._id = 2;
        person2.name = "Keith";
        realm.write([realm, &person2]() mutable { realm.add(std::move(person2)); });
        auto people = realm.objects<Person>();
        auto jack = people.where([](auto const& p) { return p.name == "Jack"; })[0];
        CHECK(jack.dog->name == "Bowser" && jack.role == Person::Role::member && jack.nickname == std::nullopt);
        CHECK(jack.role.detach() == Person::Role::member && *jack.role == Person::Role::member);
        CHECK_EQUAL(people.where([](auto& p) { return p.dog->name == "Bowser" && p.role == Person::Role::member; }).size(), 1);
        CHECK_EQUAL(people.where([](auto& p) { return p._id == static_cast<long long>(2); }).size(), 1);
        CHECK_EQUAL(people.where("name == $0 && age > $1", {std::string("Jack"), (int64_t) 20}).size(), 1);
        CHECK_EQUAL(people.where("dog.name CONTAINS 'ows'", {}).size(), 1);
        auto [a, b] = realm.write([&] { return realm.insert(Dog{._id = 2, .name = "a"}, Dog{._id = 3, .name = "b"}); });
        CHECK(a.name == "a" && b.name == "b");
        realm.write([&] { jack.dog = nullptr; });
        CHECK(!jack.dog);
    });

    suite.run("under using namespace", [] {
        using namespace realm;
        check::temp_dir dir;
        auto realm = db(dir.config());
        realm.write([&] { realm.add(Dog{._id = 1, .name = "Rex", .age = 3}); });
        const char* text = "  streamed: ";
        std::cout << text << realm.objects<Dog>()[0].age.detach() << '\n';
        auto found = realm.objects<Dog>().where([](auto&& d) { return d.age > 1 && d.age < 10; });
        CHECK_EQUAL(found.size(), 1);
        mixed m = std::string("x");
        CHECK(std::holds_alternative<std::string>(m));
    });

    suite.run("observe", [] {
        check::temp_dir dir;
        auto realm = realm::db(dir.config());
        auto person = realm.write([&] { return realm.add(Person{._id = 1, .name = "Jack", .age = 1, .dog = nullptr}); });
        std::string text;
        auto token = person.observe([&](auto&& change) {
            try {
                if (change.error) rethrow_exception(change.error);
                if (change.is_deleted) {
                    text += "deleted";
                    return;
                }
                for (auto& property: change.property_changes) text += property.name + "=" + std::to_string(std::get<int64_t>(*property.new_value)) + " ";
            } catch (std::exception const& e) { text += e.what(); }
        });
        realm.write([&] { person.age = 2; });
        realm.refresh();
        auto results = realm.objects<Person>().where([](auto& p) { return p.age > 1; });
        std::size_t insertions = 0;
        auto token2 = results.observe([&](realm::results<Person>::results_change changes) {
            insertions += changes.insertions.size();
            CHECK(changes.collection == &results);
        });
        global_person = person;
        global_token = global_person.observe([&](auto&&) { text += "global "; });
        realm.write([&] {
            realm.add(Person{._id = 2, .name = "Jill", .age = 9, .dog = nullptr});
            person.age = 3;
        });
        realm.refresh();
        CHECK_EQUAL(insertions, 1);
        token.unregister();
        token2.unregister();
        global_token.unregister();
        global_person = {};
        CHECK_EQUAL(text, std::string("age=2 age=3 global "));
    });

    suite.run("threads", [] {
        check::temp_dir dir;
        auto config = dir.config();
        auto realm = realm::db(config);
        auto managed_item = realm.write([&] { return realm.add(Dog{._id = 1, .name = "Save the cheerleader"}); });
        auto reference = realm::thread_safe_reference<Dog>(managed_item);
        std::thread([reference = std::move(reference), config]() mutable {
            auto realm = realm::db(std::move(config));
            auto item = realm.resolve(std::move(reference));
            realm.write([&] { item.name = "Save the world"; });
        }).join();
        realm.refresh();
        CHECK(managed_item.name == "Save the world");
        auto frozen_realm = realm.freeze();
        auto frozen_item = managed_item.freeze();
        CHECK(frozen_realm.is_frozen() && frozen_item.is_frozen() && frozen_item.get_realm() == frozen_realm);
        auto thawed = frozen_item.thaw();
        CHECK(!thawed.is_frozen() && thawed == managed_item);
        realm.close();
        CHECK(realm.is_closed() && managed_item.is_invalidated());
    });

    suite.run("many properties", [] {
        check::temp_dir dir;
        auto realm = realm::open<realm::Wide>(dir.config());
        auto wide = realm.write([&] {
            realm::Wide w;
            w._id = 1;
            w.s9 = 99;
            return realm.add(std::move(w));
        });
        CHECK(wide.a3 == 3 && wide.s9 == 99 && wide.t7 == 7);
        realm.write([&] { wide.t7 = 70; });
        CHECK(wide.detach().t7 == 70);
        CHECK_EQUAL(realm.objects<realm::Wide>().where([](auto& w) { return w.t7 == 70 && w.m5 == 5; }).size(), 1);
    });

    return suite.result();
}
