// Results: sizes, positions, orders, loops, also loops that change what they iterate.
#include "check.hpp"
#include "models.hpp"

#include <algorithm>
#include <set>

using realm::dog;
using realm::everything;
using realm::managed;
using realm::person;

namespace {

void add_numbers(realm::db& db, int64_t n) {
    db.write([&] {
        for (int64_t i = 0; i < n; i++) {
            everything o;
            o._id = i;
            o.i = i;
            o.b = i % 2 == 0;
            db.add(std::move(o));
        }
    });
}

std::string names(realm::results<person> found) {
    std::string out;
    for (auto p: found) out += (out.empty() ? "" : " ") + p.name.detach().value;
    return out;
}

}// namespace

int main() {
    check::suite suite("results");

    suite.run("size and positions", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto all = db.objects<everything>();
        CHECK_EQUAL(all.size(), 0);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[0]);
        add_numbers(db, 1000);
        CHECK_EQUAL(all.size(), 1000);
        for (int64_t i: {0, 1, 2, 3, 254, 255, 256, 257, 999, 0, 500, 499}) CHECK(all[size_t(i)].i == i);
        int64_t sum = 0;
        for (size_t i = 0; i < all.size(); i++) sum += *all[i].i;
        CHECK_EQUAL(sum, 999 * 1000 / 2);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[1000]);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[size_t(-1)]);
    });

    suite.run("positions here and there", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        const int64_t n = 2000;
        add_numbers(db, n);
        auto all = db.objects<everything>();
        // Every object several times, in an order that never goes on where it was: pages come to be kept, the last one shorter than the others.
        for (int64_t i = 0; i < 3 * n; i++) CHECK(all[size_t(i * 797 % n)].i == i * 797 % n);
        auto copy = all;
        CHECK(copy[500].i == 500);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[size_t(n)]);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[size_t(-1)]);
        // What is kept is of one state of the data: objects move up when one goes, and values change.
        auto held = all[700];
        db.write([&] {
            auto first = all[0];
            db.remove(first);
            for (int64_t i = 0; i < n - 1; i += 100) all[size_t(i)].i = -i;
            for (int64_t i = 0; i < n; i++) {
                auto at = i * 797 % (n - 1);
                CHECK(all[size_t(at)].i == (at % 100 ? at + 1 : -at));
            }
        });
        CHECK(held.i == 700);
        CHECK_THROWS_WITH(std::out_of_range, "Index out of range.", all[size_t(n - 1)]);
        // Also in an order, of which the positions change with the values.
        auto sorted = all.sort("i", false);
        std::vector<int64_t> values;
        for (auto o: sorted) values.push_back(int64_t(o.i));
        for (int64_t i = 0; i < n; i++) CHECK(sorted[size_t(i * 797 % (n - 1))].i == values[size_t(i * 797 % (n - 1))]);
        db.write([&] { sorted[999].i = 5 * n; });
        CHECK(sorted[0].i == 5 * n);
        CHECK(sorted[1].i == values[0]);
        // Objects outlive the results.
        auto one = [&] { return db.objects<everything>()[40]; }();
        CHECK(one.i == 41);
    });

    suite.run("loops", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto all = db.objects<everything>();
        for (auto o: all) {
            (void) o;
            check::fail(__FILE__, __LINE__, "an empty result has no objects");
        }
        add_numbers(db, 600);
        int64_t next = 0;
        for (auto o: all) CHECK(o.i == next++);
        CHECK_EQUAL(next, 600);
        next = 0;
        for (auto&& o: all) {
            CHECK(o._id == next++);
            if (next == 300) break;
        }
        auto it = all.begin();
        CHECK((*it).i == 0 && (*it++).i == 0 && (*it).i == 1 && (*++it).i == 2);
        CHECK(it != all.end() && it == it);
        CHECK_EQUAL(std::count_if(all.begin(), all.end(), [](auto o) { return bool(o.b == true); }), 300);
        std::vector<managed<everything>> kept(all.begin(), all.end());
        CHECK(kept.size() == 600 && kept[599].i == 599);
        CHECK_EQUAL(std::distance(all.begin(), all.end()), 600);
    });

    suite.run("loops that change what they iterate", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        add_numbers(db, 600);
        // Out of the condition, one by one: each is visited once.
        auto even = db.objects<everything>().where([](auto& o) { return o.b == true; });
        int visited = 0;
        db.write([&] {
            for (auto o: even) {
                o.b = false;
                visited++;
            }
        });
        CHECK(visited == 300 && even.size() == 0);
        // New objects are not visited.
        auto all = db.objects<everything>();
        visited = 0;
        db.write([&] {
            for (auto o: all) {
                everything copy;
                copy._id = *o.i + 1000;
                db.add(std::move(copy));
                visited++;
            }
        });
        CHECK(visited == 600 && all.size() == 1200);
        // Deleting within the loop.
        db.write([&] {
            for (auto o: all)
                if (*o._id % 2 == 1) db.remove(o);
        });
        CHECK_EQUAL(all.size(), 600);
        // Objects deleted ahead of the loop are seen as gone.
        int gone = 0;
        db.write([&] {
            bool first = true;
            for (auto o: all) {
                if (first) {
                    auto last = all[all.size() - 1];
                    db.remove(last);
                    first = false;
                }
                if (o.is_invalidated()) gone++;
            }
        });
        CHECK(gone == 1 && all.size() == 599);
        // From the end.
        db.write([&] {
            while (all.size() > 0) {
                auto last = all[all.size() - 1];
                db.remove(last);
            }
        });
        CHECK_EQUAL(all.size(), 0);
    });

    suite.run("positions within a write", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        add_numbers(db, 10);
        auto all = db.objects<everything>();
        db.write([&] {
            CHECK_EQUAL(all.size(), 10);
            auto second = all[1];
            auto third = all[2];
            db.remove(second);
            CHECK(all.size() == 9 && all[1] == third && all[8].i == 9);
            everything o;
            o._id = 100;
            db.add(std::move(o));
            CHECK(all.size() == 10 && all[9]._id == 100);
        });
        CHECK_EQUAL(all.size(), 10);
    });

    suite.run("sort", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto make = [](const char* name, int64_t age, std::optional<std::string> nick) {
            person p;
            p.name = name;
            p.age = age;
            p.nick = std::move(nick);
            return p;
        };
        managed<person> ann, ben, cid, dan;
        std::tie(ann, ben, cid, dan) = db.write([&] { return db.insert(make("Ann", 30, "x"), make("Ben", 20, std::nullopt), make("Cid", 30, "a"), make("Dan", 10, "A")); });
        db.write([&] {
            ann.boss = dan;
            ben.boss = ann;
            cid.boss = ben;
        });
        auto all = db.objects<person>();
        CHECK_EQUAL(names(all.sort("age", true)), std::string("Dan Ben Ann Cid"));
        CHECK_EQUAL(names(all.sort("name", false)), std::string("Dan Cid Ben Ann"));
        CHECK_EQUAL(names(all.sort({{"age", false}, {"name", false}})), std::string("Cid Ann Ben Dan"));
        CHECK_EQUAL(names(all.sort({{"age", false}, {"nick", true}})), std::string("Cid Ann Ben Dan"));
        CHECK_EQUAL(names(all.sort({{"name", false}})), std::string("Dan Cid Ben Ann"));
        CHECK_EQUAL(names(all.sort("nick", true)), std::string("Ben Dan Cid Ann"));    // null first, then by bytes
        CHECK_EQUAL(names(all.sort("boss.age", true)), std::string("Ann Cid Ben Dan"));// null links last, and first the other way
        CHECK_EQUAL(names(all.sort("boss.age", false)), std::string("Dan Ben Cid Ann"));
        CHECK_EQUAL(names(all.where([](auto& p) { return p.age > 10; }).sort("age", true)), std::string("Ben Ann Cid"));
        // Sorting what is sorted: the new order comes first.
        CHECK_EQUAL(names(all.sort("name", false).sort("age", true)), std::string("Dan Ben Cid Ann"));
        auto sorted = all.sort("age", true);
        db.write([&] { dan.age = 99; });
        CHECK_EQUAL(names(sorted), std::string("Ben Ann Cid Dan"));
        CHECK(sorted[3] == dan && sorted[0].name == "Ben");
        CHECK_THROWS_WITH(std::exception, "Cannot sort on key path 'nosuch': property 'person.nosuch' does not exist.", all.sort("nosuch", true));
        CHECK_EQUAL(names(all.where("age > 10 SORT(age DESC, name ASC)", {})), std::string("Dan Ann Cid Ben"));
    });

    suite.run("copies", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        add_numbers(db, 10);
        auto all = db.objects<everything>();
        CHECK_EQUAL(all.size(), 10);
        auto copy = all;
        auto moved = std::move(copy);
        copy = moved;
        auto found = all.where([](auto& o) { return o.i > 7; });
        all = found;
        CHECK(all.size() == 2 && copy.size() == 10 && moved.size() == 10 && found[0].i == 8);
        all = db.objects<everything>();
        CHECK_EQUAL(all.size(), 10);
    });

    suite.run("outlive their database", [] {
        check::temp_dir dir;
        auto make = [&] {
            realm::db db(dir.config());
            add_numbers(db, 3);
            return db.objects<everything>();
        };
        auto all = make();
        CHECK_EQUAL(all.size(), 3);
        int64_t sum = 0;
        for (auto o: all) sum += *o.i;
        CHECK_EQUAL(sum, 3);
    });

    suite.run("several classes", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        db.write([&] {
            dog d;
            d.name = "Rex";
            db.add(std::move(d));
        });
        CHECK(db.objects<dog>().size() == 1 && db.objects<person>().size() == 0);
    });

    suite.run("without a database", [] {
        realm::results<everything> none;
        CHECK_THROWS(std::exception, none.size());
        CHECK_THROWS(std::exception, none[0]);
        CHECK_THROWS(std::exception, none.begin());
    });

    return suite.result();
}
