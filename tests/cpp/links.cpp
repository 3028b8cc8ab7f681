// To-one links: set, followed, compared, cleared, cut by deletions.
#include "check.hpp"
#include "models.hpp"

using realm::dog;
using realm::managed;
using realm::person;

namespace {

person make(const std::string& name, int64_t age = 0) {
    person p;
    p.name = name;
    p.age = age;
    return p;
}

}// namespace

int main() {
    check::suite suite("links");

    suite.run("set and follow", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack", 10), make("Jill", 20)); });
        CHECK(!jack.boss && jack.boss == nullptr && !(jack.boss != nullptr));
        CHECK_THROWS(std::runtime_error, int64_t(jack.boss->age));
        db.write([&] { jack.boss = jill; });
        CHECK(jack.boss && jack.boss != nullptr && jack.boss == jill && jill == jack.boss);
        CHECK(jack.boss->age == 20 && (*jack.boss.operator->()).name == "Jill");
        CHECK(jack.boss.operator->() == jill && jack.boss.operator->() == jack.boss && jack.boss.operator->() == jack.boss.operator->());
        // Changes through the link are changes of the object.
        db.write([&] { jack.boss->age += 5; });
        CHECK(jill.age == 25);
        db.write([&] { jill.boss = jack.boss; });// to itself
        CHECK(jill.boss == jill && jill.boss->boss->boss->age == 25);
        CHECK(jill.boss == jack.boss);
        db.write([&] { jack.boss = nullptr; });
        CHECK(!jack.boss && !(jack.boss != jill.boss));
        CHECK(!(jack.boss == jill) && !(jill == jack.boss) && jill != jack.boss);
    });

    suite.run("add with a link", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        dog rex;
        rex.name = "Rex";
        auto boss = make("Boss", 50);
        auto p = make("Jack", 10);
        p.pet = &rex;
        p.boss = &boss;
        auto jack = db.write([&] { return db.add(std::move(p)); });
        CHECK(jack.pet->name == "Rex" && jack.boss->name == "Boss" && jack.boss->age == 50);
        CHECK_EQUAL(db.objects<person>().size(), 2);
        CHECK_EQUAL(db.objects<dog>().size(), 1);
        // Keys are found again, objects without a key are new each time; a null pointer leaves the old link.
        auto q = make("Jack", 11);
        boss.age = 51;
        q.boss = &boss;
        db.write([&] { db.add(std::move(q)); });
        CHECK(jack.age == 11 && jack.boss->age == 51 && jack.pet->name == "Rex");
        CHECK_EQUAL(db.objects<person>().size(), 2);
        CHECK_EQUAL(db.objects<dog>().size(), 1);
    });

    suite.run("assign a pointer", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack")); });
        dog rex;
        rex.name = "Rex";
        auto boss = make("Boss", 1);
        db.write([&] {
            jack.pet = &rex;
            jack.boss = &boss;
        });
        CHECK(jack.pet->name == "Rex" && jack.boss->age == 1);
        boss.age = 2;
        db.write([&] {
            jack.pet = &rex;
            jack.boss = &boss;
        });
        CHECK_EQUAL(db.objects<dog>().size(), 2);
        CHECK_EQUAL(db.objects<person>().size(), 2);
        CHECK(jack.boss->age == 2);
        db.write([&] { jack.pet = static_cast<dog*>(nullptr); });
        CHECK(!jack.pet);
    });

    suite.run("classes that refer to each other", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack")); });
        dog rex;
        rex.name = "Rex";
        db.write([&] {
            jack.pet = &rex;
            jack.pet->owner = jack;
        });
        CHECK(jack.pet->owner == jack && jack.pet->owner->pet->owner->name == "Jack");
    });

    suite.run("deletions", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill, joe;
        std::tie(jack, jill, joe) = db.write([&] { return db.insert(make("Jack"), make("Jill"), make("Joe")); });
        db.write([&] {
            jack.boss = jill;
            joe.boss = jill;
        });
        db.write([&] { db.remove(jill); });
        CHECK(!jack.boss && joe.boss == nullptr && jill.is_invalidated());
        CHECK_THROWS(std::exception, db.write([&] { jack.boss = jill; }));
        CHECK(!jack.boss);
    });

    suite.run("detach", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto boss = make("Boss", 50);
        auto p = make("Jack", 10);
        p.boss = &boss;
        auto jack = db.write([&] { return db.add(std::move(p)); });
        person plain = jack.detach();
        CHECK(plain.pet == nullptr && plain.boss && plain.boss->name.value == "Boss" && plain.boss->age == 50 && plain.boss->boss == nullptr);
        delete plain.boss;
        person* copy = jack.boss.detach();
        CHECK(copy && copy->age == 50);
        delete copy;
        CHECK(jack.pet.detach() == nullptr);
    });

    suite.run("copies of a link", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack"), make("Jill", 1)); });
        db.write([&] { jack.boss = jill; });
        auto link = jack.boss;
        CHECK(link->age == 1 && link == jill);
        int calls = 0;
        auto token = link->observe([&](auto&&) { calls++; });
        db.write([&] { jill.age = 2; });
        db.refresh();
        CHECK_EQUAL(calls, 1);
    });

    suite.run("inequality", [] {
        // Outside of queries != says whether the link is set, whatever it is compared with (KEEP-3: a test of the original).
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack"), make("Jill")); });
        db.write([&] { jack.boss = jill; });
        CHECK(jack.boss != jack.boss);
        CHECK(jack.boss != jill);
        CHECK(!(jill.boss != jack.boss));
    });

    suite.run("json", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto boss = make("Boss", 50);
        auto p = make("Jack", 10);
        p.boss = &boss;
        auto jack = db.write([&] { return db.add(std::move(p)); });
        std::ostringstream out;
        jack.to_json(out);
        CHECK_EQUAL(out.str(), std::string(R"({"name":"Jack","age":10,"nick":null,"pet":null,"boss":"Boss"})"));
    });

    suite.run("other databases", [] {
        check::temp_dir dir;
        realm::db one(dir.config("one.realm")), two(dir.config("two.realm"));
        auto jack = one.write([&] { return one.add(make("Jack")); });
        auto jill = two.write([&] { return two.add(make("Jill")); });
        CHECK_THROWS(std::exception, one.write([&] { jack.boss = jill; }));
        CHECK(!jack.boss && jack != jill);
    });

    return suite.result();
}
