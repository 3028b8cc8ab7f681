// Observers of objects and results: what they are told, when, on which thread, and until when.
#include "check.hpp"
#include "loop.hpp"
#include "models.hpp"

#include <deque>

using realm::color;
using realm::everything;
using realm::managed;
using realm::person;

namespace {

person make(const std::string& name, int64_t age = 0) {
    person p;
    p.name = name;
    p.age = age;
    return p;
}

using change = realm::results<person>::results_change;
using positions = std::vector<uint64_t>;
static_assert(std::is_same_v<realm::object_change<managed<person>>::underlying, managed<person>>);
static_assert(!std::is_copy_constructible_v<realm::notification_token> && std::is_move_assignable_v<realm::notification_token>);

}// namespace

int main() {
    check::suite suite("observers");

    suite.run("object", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack", 1), make("Jill")); });
        std::vector<realm::object_change<managed<person>>> seen;
        const managed<person>* object = nullptr;
        auto token = jack.observe([&](auto&& c) {
            object = c.object;
            if (object) CHECK(object->name == "Jack");
            seen.push_back(std::move(c));
        });
        db.refresh();
        CHECK_EQUAL(seen.size(), 0);// no initial call
        db.write([&] {
            jack.age = 2;
            jack.nick = "J";
            jack.boss = jill;
        });
        CHECK_EQUAL(seen.size(), 0);// not by the commit
        db.refresh();
        CHECK_EQUAL(seen.size(), 1);
        if (!seen.empty()) {
            auto& c = seen[0];
            CHECK(!c.is_deleted && !c.error && object != nullptr);
            CHECK_EQUAL(c.property_changes.size(), 3);
            if (c.property_changes.size() == 3) {
                CHECK(c.property_changes[0].name == "age" && std::get<int64_t>(*c.property_changes[0].new_value) == 2);
                CHECK(c.property_changes[1].name == "nick" && std::get<std::optional<std::string>>(*c.property_changes[1].new_value) == "J");
                CHECK(c.property_changes[2].name == "boss" && std::get<managed<person*>>(*c.property_changes[2].new_value)->name == "Jill");
            }
        }
        // Others' changes don't fire.
        db.write([&] { jill.age = 9; });
        db.refresh();
        CHECK_EQUAL(seen.size(), 1);
        // Several writes are told together; the same value again is a change.
        db.write([&] { jack.age = 2; });
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<person>().where([](auto& p) { return p.name == "Jack"; })[0].nick = std::nullopt; });
        });
        db.refresh();
        CHECK_EQUAL(seen.size(), 2);
        if (seen.size() == 2) CHECK_EQUAL(seen[1].property_changes.size(), 2);
        // An empty write says nothing.
        db.write([] {});
        db.refresh();
        CHECK_EQUAL(seen.size(), 2);
        db.write([&] { db.remove(jack); });
        db.refresh();
        CHECK_EQUAL(seen.size(), 3);
        if (seen.size() == 3) CHECK(seen[2].is_deleted && seen[2].property_changes.empty() && seen[2].object == nullptr);
        db.write([&] { jill.age = 10; });
        db.refresh();
        CHECK_EQUAL(seen.size(), 3);
    });

    suite.run("old values", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        std::optional<int64_t> before, after;
        auto token = jack.observe([&](auto&& c) {
            for (auto& p: c.property_changes) {
                if (p.old_value) before = std::get<int64_t>(*p.old_value);
                after = std::get<int64_t>(*p.new_value);
            }
        });
        check::on_another_thread([&] {
            realm::db there(dir.config());
            auto mine = there.objects<person>()[0];
            there.write([&] { mine.age = 2; });
            there.write([&] { mine.age = 3; });
        });
        db.refresh();
        CHECK(before == 1 && after == 3);
    });

    suite.run("every property type", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        everything plain;
        plain._id = 1;
        auto o = db.write([&] { return db.add(std::move(plain)); });
        std::vector<std::string> names;
        auto token = o.observe([&](auto&& c) {
            for (auto& p: c.property_changes) {
                names.push_back(p.name);
                auto& v = *p.new_value;
                if (p.name == "i") CHECK(std::get<int64_t>(v) == 1);
                if (p.name == "b") CHECK(std::get<bool>(v) == true);
                if (p.name == "s") CHECK(std::get<std::string>(v) == "s");
                if (p.name == "e") CHECK(std::get<color>(v) == color::blue);
                if (p.name == "m") CHECK(std::get<realm::mixed>(v) == realm::mixed(int64_t(5)));
                if (p.name == "oi") CHECK(std::get<std::optional<int64_t>>(v) == 7);
                if (p.name == "ob") CHECK(std::get<std::optional<bool>>(v) == false);
                if (p.name == "link") CHECK(std::get<managed<everything*>>(v)->_id == 1);
            }
        });
        db.write([&] {
            o.link = o;
            o.m = int64_t(5);
            o.oi = 7;
            o.ob = false;
            o.e = color::blue;
            o.s = "s";
            o.b = true;
            o.i = 1;
        });
        db.refresh();
        CHECK(names == (std::vector<std::string>{"i", "b", "s", "e", "m", "oi", "ob", "link"}));// in schema order
    });

    suite.run("results", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto old = db.objects<person>().where([](auto& p) { return p.age >= 50; });
        std::vector<change> seen;
        auto token = old.observe([&](change c) { seen.push_back(std::move(c)); });
        CHECK_EQUAL(seen.size(), 0);
        db.write([&] { db.insert(make("Ann", 60), make("Ben", 10), make("Cid", 70)); });
        CHECK_EQUAL(seen.size(), 1);// the first call came before the write's body
        if (seen.size() == 1) CHECK(seen[0].empty() && seen[0].collection == &old && !seen[0].collection_root_was_deleted);
        db.refresh();
        CHECK_EQUAL(seen.size(), 2);
        if (seen.size() == 2) CHECK(seen[1].insertions == (positions{0, 1}) && seen[1].deletions.empty() && seen[1].modifications.empty());
        // What doesn't match is not told.
        db.write([&] { db.objects<person>().where([](auto& p) { return p.name == "Ben"; })[0].age = 11; });
        db.refresh();
        CHECK_EQUAL(seen.size(), 2);
        // Changed, left, entered.
        db.write([&] {
            old[1].nick = "C";
            auto ann = old[0];
            ann.age = 1;
            db.objects<person>().where([](auto& p) { return p.name == "Ben"; })[0].age = 90;
        });
        db.refresh();
        CHECK_EQUAL(seen.size(), 3);
        if (seen.size() == 3) CHECK(seen[2].deletions == positions{0} && seen[2].modifications == positions{1} && seen[2].insertions == positions{0});
        db.write([&] {
            for (auto p: old) db.remove(p);
        });
        db.refresh();
        CHECK_EQUAL(seen.size(), 4);
        if (seen.size() == 4) CHECK(seen[3].deletions == (positions{0, 1}));
        change copy;
        CHECK(copy.empty() && copy.collection == nullptr);
        copy = seen.back();
        CHECK(!copy.empty());
    });

    suite.run("results through links and backlinks", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        managed<person> jack, jill;
        std::tie(jack, jill) = db.write([&] { return db.insert(make("Jack", 1), make("Jill", 2)); });
        auto led = db.objects<person>().where([](auto& p) { return p.boss->age > 10; });
        auto leaders = db.objects<person>().where("@links.person.boss.@count > 0", {});
        std::vector<change> of_led, of_leaders;
        auto a = led.observe([&](change c) { of_led.push_back(std::move(c)); });
        auto b = leaders.observe([&](change c) { of_leaders.push_back(std::move(c)); });
        db.refresh();
        auto step = [&](auto&& f) {
            of_led.clear();
            of_leaders.clear();
            db.write(f);
            db.refresh();
        };
        auto only = [](const std::vector<change>& seen, positions insertions, positions modifications, positions deletions) {
            return seen.size() == 1 && seen[0].insertions == insertions && seen[0].modifications == modifications && seen[0].deletions == deletions;
        };
        step([&] { jill.age = 3; });
        CHECK(of_led.empty() && of_leaders.empty());// the original observed the whole class
        step([&] { jack.boss = jill; });
        CHECK(of_led.empty() && only(of_leaders, {0}, {}, {}));
        step([&] { jill.age = 20; });
        CHECK(only(of_led, {0}, {}, {}) && only(of_leaders, {}, {0}, {}));
        // What an object links to is part of what is observed.
        step([&] { jill.nick = "J"; });
        CHECK(only(of_led, {}, {0}, {}) && only(of_leaders, {}, {0}, {}));
        // By another thread.
        of_led.clear();
        of_leaders.clear();
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<person>().where("name == 'Jack'", {})[0].boss = nullptr; });
        });
        db.refresh();
        CHECK(only(of_led, {}, {}, {0}) && only(of_leaders, {}, {}, {0}));
        // Frozen, they keep their queries, whatever becomes of the live ones.
        db.write([&] { jack.boss = jill; });
        auto frozen_led = led.freeze(), frozen_leaders = leaders.freeze();
        db.write([&] { jill.age = 1; });
        db.write([&] { jack.boss = nullptr; });
        CHECK(led.size() == 0 && leaders.size() == 0);
        CHECK(frozen_led.is_frozen() && frozen_led.size() == 1 && frozen_led[0].name == "Jack");
        CHECK(frozen_leaders.size() == 1 && frozen_leaders[0].name == "Jill" && frozen_leaders[0].age == 20);
        CHECK_THROWS(std::exception, frozen_leaders.observe([](change) {}));
        db.write([&] { jill.boss = jack; });
        auto thawed = frozen_leaders.thaw();
        CHECK(thawed.size() == 1 && thawed[0].name == "Jack");
    });

    suite.run("tokens", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        int calls = 0;
        auto count = [&](auto&&) { calls++; };
        auto bump = [&] {
            calls = 0;
            db.write([&] { jack.age += 1; });
            db.refresh();
            return calls;
        };
        auto token = jack.observe(count);
        CHECK_EQUAL(bump(), 1);
        auto second = jack.observe(count);
        CHECK_EQUAL(bump(), 2);
        second.unregister();
        second.unregister();
        CHECK_EQUAL(bump(), 1);
        auto moved = std::move(token);
        CHECK_EQUAL(bump(), 1);
        // Assigning ends the old registration at once, whatever happens to the other token.
        auto third = jack.observe(count);
        CHECK_EQUAL(bump(), 2);
        moved = std::move(third);
        CHECK_EQUAL(bump(), 1);
        moved = realm::notification_token();
        CHECK_EQUAL(bump(), 0);
        {
            auto fourth = jack.observe(count);
            CHECK_EQUAL(bump(), 1);
        }
        CHECK_EQUAL(bump(), 0);
        // A callback may end its own registration, and others'.
        realm::notification_token own, victim;
        int own_calls = 0, victim_calls = 0;
        own = jack.observe([&](auto&&) {
            own_calls++;
            own.unregister();
            victim.unregister();
        });
        victim = jack.observe([&](auto&&) { victim_calls++; });
        bump();
        bump();
        CHECK(own_calls == 1 && victim_calls == 0);
        // Two tokens swap.
        realm::notification_token a = jack.observe(count), b;
        std::swap(a, b);
        CHECK_EQUAL(bump(), 1);
        b.unregister();
        CHECK_EQUAL(bump(), 0);
    });

    suite.run("tokens keep what they observe", [] {
        check::temp_dir dir;
        int calls = 0;
        realm::notification_token token;
        {
            realm::db db(dir.config());
            db.write([&] { db.add(make("Jack", 1)); });
            token = db.objects<person>().observe([&](change c) {
                CHECK(c.collection != nullptr);
                calls++;
            });
        }
        // The instance is still there: opening gives it again.
        realm::db db(dir.config());
        db.write([&] { db.add(make("Jill", 1)); });
        db.refresh();
        CHECK_EQUAL(calls, 2);
    });

    suite.run("callbacks that use the database", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        auto all = db.objects<person>();
        int calls = 0;
        auto token = all.observe([&](change) {
            calls++;
            CHECK_EQUAL(all.size(), db.objects<person>().size());
            if (calls == 2) db.write([&] { jack.age = 100; });// from within
        });
        db.refresh();
        db.write([&] { db.add(make("Jill")); });
        db.refresh();
        db.refresh();
        CHECK(jack.age == 100);
        CHECK_EQUAL(calls, 3);
    });

    suite.run("exceptions", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        int others = 0;
        auto token = jack.observe([&](auto&&) { throw std::runtime_error("from the observer"); });
        auto other = jack.observe([&](auto&&) {
            others++;
            db.refresh();// sees nothing of the other's exception
        });
        db.write([&] { jack.age = 2; });
        CHECK_THROWS_WITH(std::runtime_error, "from the observer", db.refresh());
        CHECK_EQUAL(others, 1);
        db.write([&] { jack.age = 3; });
        // From begin_write too, and then no transaction is open.
        CHECK_THROWS_WITH(std::runtime_error, "from the observer", db.write([&] { jack.age = 4; }));
        token.unregister();
        db.write([&] { jack.age = 5; });
        CHECK(jack.age == 5);
    });

    suite.run("when not to observe", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        auto all = db.objects<person>();
        const char* text = "Cannot create asynchronous query after making changes in a write transaction.";
        db.write([&] {
            auto fine = jack.observe([](auto&&) {});// nothing changed yet
            jack.age = 2;
            CHECK_THROWS_WITH(std::exception, text, jack.observe([](auto&&) {}));
            CHECK_THROWS_WITH(std::exception, text, all.observe([](change) {}));
        });
        check::on_another_thread([&] { CHECK_THROWS_WITH(std::exception, "Realm accessed from incorrect thread.", all.observe([](change) {})); });
        CHECK_THROWS(std::exception, managed<person>().observe([](auto&&) {}));
    });

    suite.run("scheduler", [] {
        check::temp_dir dir;
        auto events = std::make_shared<check::loop>();
        realm::db_config config(dir.file("test.realm"), events);
        CHECK(config.scheduler() == events);
        realm::db db(config);
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        auto people = db.objects<person>();
        auto self = std::this_thread::get_id();
        int objects = 0, collections = 0;
        auto token = jack.observe([&](auto&&) {
            objects++;
            CHECK(std::this_thread::get_id() == self);
        });
        auto token2 = people.observe([&](change) {
            collections++;
            CHECK(std::this_thread::get_id() == self);
        });
        CHECK(events->run_until([&] { return collections == 1; }));// the first call comes by the loop
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<person>()[0].age = 2; });
        });
        CHECK(jack.age == 1);
        CHECK(events->run_until([&] { return objects == 1 && collections == 2; }));
        CHECK(jack.age == 2);
        // Own commits come by the loop too.
        db.write([&] { jack.age = 3; });
        CHECK(events->run_until([&] { return objects == 2; }));
        // Closed meanwhile: what is still queued does nothing.
        db.write([&] { jack.age = 4; });
        db.close();
        std::deque<std::function<void()>> left;
        {
            std::lock_guard<std::mutex> lock(events->mutex);
            left.swap(events->tasks);
        }
        for (auto& task: left) task();
        CHECK_EQUAL(objects, 2);
    });

    suite.run("default scheduler", [] {
        int made = 0;
        realm::default_scheduler::set_default_factory([&] {
            made++;
            return std::make_shared<check::loop>();
        });
        realm::db_config config;
        CHECK(made == 1 && config.scheduler()->can_invoke());
        realm::default_scheduler::set_default_factory([] { return realm::default_scheduler::make_platform_default(); });
        CHECK(!realm::default_scheduler::make_default()->can_invoke());
        CHECK(realm::default_scheduler::make_default()->is_same_as(config.scheduler().get()) == false);
        auto mine = realm::default_scheduler::make_default();
        CHECK(mine->is_on_thread() && mine->is_same_as(realm::default_scheduler::make_default().get()));
        check::on_another_thread([&] {
            // A configuration made on one thread opens on another.
            check::temp_dir dir;
            CHECK(!mine->is_on_thread());
            realm::db_config there(dir.file("test.realm"), mine);
            realm::db db(there);
            db.write([&] { db.add(make("Jack")); });
            CHECK_EQUAL(db.objects<person>().size(), 1);
        });
    });

    suite.run("many observers and threads", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] {
            for (int i = 0; i < 50; i++) db.add(make("p" + std::to_string(i), 0));
        });
        std::vector<realm::notification_token> tokens;
        std::vector<int> seen(50);
        std::vector<managed<person>> people;
        for (auto p: db.objects<person>()) people.push_back(p);
        for (size_t i = 0; i < people.size(); i++) tokens.push_back(people[i].observe([&seen, i](auto&&) { seen[i]++; }));
        std::vector<std::thread> writers;
        for (int t = 0; t < 3; t++)
            writers.emplace_back([&dir, t] {
                realm::db there(dir.config());
                for (int i = 0; i < 10; i++) there.write([&] { there.objects<person>()[size_t(t * 10 + i)].age += 1; });
            });
        for (auto& w: writers) w.join();
        db.refresh();
        int total = 0;
        for (auto n: seen) total += n;
        CHECK_EQUAL(total, 30);
        CHECK(seen[0] == 1 && seen[29] == 1 && seen[30] == 0);
    });

    return suite.result();
}
