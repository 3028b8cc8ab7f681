// Frozen databases, objects and results; thread-safe references.
#include "check.hpp"
#include "models.hpp"

using realm::managed;
using realm::person;

namespace {

person make(const std::string& name, int64_t age = 0) {
    person p;
    p.name = name;
    p.age = age;
    return p;
}

const char* frozen_write = "Can't perform transactions on a frozen Realm";
const char* frozen_observe = "Notifications are not available on frozen collections since they do not change.";
const char* frozen_change = "Trying to modify database while in read transaction";

static_assert(!std::is_copy_constructible_v<realm::thread_safe_reference<person>> && std::is_move_constructible_v<realm::thread_safe_reference<person>>);

}// namespace

int main() {
    check::suite suite("frozen");

    suite.run("database", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        auto frozen = db.freeze();
        CHECK(frozen.is_frozen() && !db.is_frozen() && frozen != db);
        CHECK(db.freeze() == frozen && frozen.freeze() == frozen);
        CHECK(frozen.thaw() == db && db.thaw() == db);
        CHECK(!frozen.refresh());
        CHECK_THROWS_WITH(std::exception, frozen_write, frozen.write([] {}));
        CHECK_THROWS_WITH(std::exception, frozen_write, frozen.begin_write());
        db.write([&] { jack.age = 2; });
        CHECK(frozen.objects<person>()[0].age == 1 && jack.age == 2);
        auto later = db.freeze();
        CHECK(later != frozen && later.objects<person>()[0].age == 2);
        CHECK(frozen.objects<person>()[0].age == 1);
    });

    suite.run("objects", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack", 1), make("Jill", 2)); });
        db.write([&] { jack.boss = jill; });
        auto frozen = jack.freeze();
        CHECK(frozen.is_frozen() && !jack.is_frozen() && frozen != jack);
        CHECK(frozen.freeze() == frozen && frozen.thaw() == jack && jack.thaw() == jack);
        CHECK(frozen.get_realm().is_frozen() && !jack.get_realm().is_frozen());
        db.write([&] {
            jack.age = 10;
            jill.age = 20;
            CHECK_THROWS_WITH(std::exception, frozen_change, frozen.age = 5);
        });
        CHECK(frozen.age == 1 && frozen.boss->age == 2 && frozen.boss->is_frozen());
        CHECK_THROWS_WITH(std::exception, frozen_observe, frozen.observe([](auto&&) {}));
        CHECK_THROWS(std::exception, frozen.age = 5);
        db.write([&] { db.remove(jack); });
        CHECK(frozen.age == 1 && !frozen.is_invalidated());
        CHECK_THROWS_WITH(std::runtime_error, "Invalid objects cannot be thawed.", jack.thaw());
        CHECK_THROWS_WITH(std::runtime_error, "Invalid objects cannot be thawed.", frozen.thaw());
    });

    suite.run("results", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] {
            for (int i = 0; i < 300; i++) db.add(make("p" + std::to_string(i), i));
        });
        auto old = db.objects<person>().where([](auto& p) { return p.age >= 100; }).sort("age", false);
        auto frozen = old.freeze();
        CHECK(frozen.is_frozen() && !old.is_frozen());
        db.write([&] {
            for (auto p: db.objects<person>()) p.age = 0;
        });
        CHECK_EQUAL(old.size(), 0);
        // The filter and the order are kept.
        CHECK_EQUAL(frozen.size(), 200);
        CHECK(frozen[0].age == 299 && frozen[199].age == 100 && frozen[5].is_frozen());
        auto copy = frozen;
        CHECK(copy.is_frozen() && copy.size() == 200);
        int n = 0;
        for (auto p: frozen) n += p.is_frozen();
        CHECK_EQUAL(n, 200);
        CHECK_EQUAL(frozen.where([](auto& p) { return p.age == 7; }).size(), 1);
        CHECK_EQUAL(frozen.thaw().size(), 0);
        CHECK(!frozen.thaw().is_frozen());
        CHECK_THROWS_WITH(std::exception, frozen_observe, frozen.observe([](auto) {}));
        CHECK_THROWS(std::out_of_range, frozen[200]);
    });

    suite.run("on other threads", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] {
            auto boss = make("Boss", 1000);
            for (int i = 0; i < 300; i++) {
                auto p = make("p" + std::to_string(i), i);
                p.boss = &boss;
                db.add(std::move(p));
            }
        });
        auto frozen = db.freeze();
        auto all = db.objects<person>().where([](auto& p) { return p.age < 300; }).freeze();
        auto one = db.objects<person>()[2].freeze();// the boss is the second: a new object comes before those that it links to
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; t++)
            threads.emplace_back([&] {
                for (int round = 0; round < 3; round++) {
                    int64_t sum = 0;
                    for (auto p: all) sum += *p.age + (p.boss->age == 1000 ? 1 : 0);
                    if (sum != 299 * 300 / 2 + 300) wrong++;
                    if (all.size() != 300 || !(all[7].age == all[7].age.detach()) || !(one.boss->name == "Boss")) wrong++;
                    auto copy = all;
                    if (copy.size() != 300) wrong++;
                    if (frozen.objects<person>().where([](auto& p) { return p.boss->age == 1000; }).size() != 300) wrong++;
                }
            });
        for (auto& t: threads) t.join();
        CHECK_EQUAL(wrong.load(), 0);
        check::on_another_thread([&] {
            auto live = frozen.thaw();
            CHECK(!live.is_frozen() && live != db);
            auto mine = one.thaw();
            CHECK(!mine.is_frozen() && mine.get_realm() == live);
            live.write([&] { mine.age = -1; });
        });
        db.refresh();
        CHECK(db.objects<person>().where([](auto& p) { return p.age == -1; }).size() == 1);
        // The live one may go; what is frozen stays.
        db.close();
        CHECK(one.age == 0 || one.age > 0);
        CHECK_EQUAL(all.size(), 300);
    });

    suite.run("thread-safe references", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        realm::thread_safe_reference<person> reference(jack);
        check::on_another_thread([reference = std::move(reference), &dir]() mutable {
            realm::db there(dir.config());
            auto mine = there.resolve(std::move(reference));
            CHECK(mine.name == "Jack" && mine.get_realm() == there);
            there.write([&] { mine.age = 2; });
            CHECK_THROWS(std::logic_error, there.resolve(std::move(reference)));
        });
        db.refresh();
        CHECK(jack.age == 2);

        // A target that lags behind moves on to where the object is.
        check::event opened, referred;
        std::optional<realm::thread_safe_reference<person>> sent;
        std::thread other([&] {
            try {
                realm::db there(dir.config());
                CHECK_EQUAL(there.objects<person>().size(), 1);
                opened.set();
                CHECK(referred.wait());
                auto mine = there.resolve(std::move(*sent));
                CHECK(mine.name == "Joe");
                CHECK_EQUAL(there.objects<person>().size(), 2);
            } catch (const std::exception& e) { check::fail(__FILE__, __LINE__, e.what()); }
        });
        CHECK(opened.wait());
        sent.emplace(db.write([&] { return db.add(make("Joe")); }));
        referred.set();
        other.join();

        std::optional<realm::thread_safe_reference<person>> late;
        auto jill = db.write([&] { return db.add(make("Jill", 5)); });
        late.emplace(jill);
        check::on_another_thread([&] {
            realm::db there(dir.config());
            auto mine = there.resolve(std::move(*late));
            CHECK(mine.age == 5);
            there.write([&] { there.remove(mine); });
        });
        realm::thread_safe_reference<person> gone(jill);
        check::on_another_thread([&] {
            realm::db there(dir.config());
            CHECK_THROWS(std::exception, there.resolve(std::move(gone)));
        });
        db.refresh();
        CHECK(jill.is_invalidated());
        CHECK_THROWS(std::exception, realm::thread_safe_reference<person>(managed<person>()));
    });

    return suite.result();
}
