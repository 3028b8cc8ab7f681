// Write transactions, snapshots, instances, and how files are opened.
#include "check.hpp"
#include "models.hpp"

#include <array>
#include <fstream>
#include <iterator>

using realm::everything;
using realm::managed;
using realm::person;

namespace realm {
// Three versions of one class, as three versions of a program would have it.
namespace v1 {
struct Versioned {
    primary_key<int64_t> _id;
    int64_t a = 0;
};
REALM_SCHEMA(Versioned, _id, a)
}// namespace v1
namespace v2 {
struct Versioned {
    primary_key<int64_t> _id;
    int64_t a = 0;
    int64_t b = 0;
};
REALM_SCHEMA(Versioned, _id, a, b)
}// namespace v2
namespace v3 {
struct Versioned {
    primary_key<int64_t> _id;
    std::string a;
};
REALM_SCHEMA(Versioned, _id, a)
}// namespace v3
}// namespace realm

namespace {

person make(const std::string& name, int64_t age = 0) {
    person p;
    p.name = name;
    p.age = age;
    return p;
}

}// namespace

int main() {
    check::suite suite("transactions");

    suite.run("what write returns", [] {
        check::temp_dir dir;
        const realm::db db(dir.config());
        realm::db own = db;
        static_assert(std::is_void_v<decltype(db.write(std::declval<void (*)()>()))>);
        static_assert(std::is_same_v<decltype(db.write(std::declval<int (*)()>())), int>);
        CHECK_EQUAL(db.write([] { return 5; }), 5);
        CHECK_EQUAL(db.write([] { return std::string("text"); }), std::string("text"));
        std::tuple<managed<person>, managed<person>> two = db.write([&] { return own.insert(make("A"), make("B")); });
        CHECK(std::get<1>(two).name == "B");
        auto unique = db.write([] { return std::make_unique<int>(6); });
        CHECK_EQUAL(*unique, 6);
        db.begin_write();
        std::get<0>(two).age = 1;
        db.commit_write();
        CHECK(std::get<0>(two).age == 1);
    });

    suite.run("exceptions undo", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        CHECK_THROWS_WITH(std::runtime_error, "changed my mind", db.write([&] {
            jack.age = 2;
            db.add(make("Jill"));
            CHECK(jack.age == 2);
            throw std::runtime_error("changed my mind");
        }));
        CHECK(jack.age == 1);
        CHECK_EQUAL(db.objects<person>().size(), 1);
        CHECK_THROWS(int, db.write([&]() -> int { db.remove(jack); throw 5; }));
        CHECK(!jack.is_invalidated());
        // And the next one works.
        db.write([&] { jack.age = 3; });
        CHECK(jack.age == 3);
    });

    suite.run("wrong order", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        CHECK_THROWS_WITH(std::exception, "Can't commit a non-existing write transaction", db.commit_write());
        db.write([&] {
            CHECK_THROWS_WITH(std::exception, "The Realm is already in a write transaction", db.begin_write());
            jack.age = 2;
        });
        CHECK(jack.age == 2);// the inner failure did not end the outer transaction
        CHECK_THROWS_WITH(std::exception, "Trying to modify database while in read transaction", jack.age = 3);
        CHECK_THROWS_WITH(std::exception, "Trying to modify database while in read transaction", jack.age += 3);
        CHECK_THROWS_WITH(std::exception, "Trying to modify database while in read transaction", jack.nick = std::nullopt);
        CHECK_THROWS_WITH(std::exception, "Trying to modify database while in read transaction", jack.boss = nullptr);
        CHECK_THROWS(std::exception, db.add(make("Jill")));
        CHECK_THROWS(std::exception, db.remove(jack));
        CHECK(jack.age == 2);
    });

    suite.run("one instance per thread", [] {
        check::temp_dir dir;
        realm::db one(dir.config()), two(dir.config());
        CHECK(one == two && !(one != two));
        auto jack = one.write([&] { return one.add(make("Jack", 1)); });
        CHECK_EQUAL(two.objects<person>().size(), 1);
        one.begin_write();
        jack.age = 2;
        CHECK_THROWS_WITH(std::exception, "The Realm is already in a write transaction", two.begin_write());
        two.commit_write();
        CHECK(jack.age == 2);
        realm::db other(dir.config("other.realm"));
        CHECK(one != other);
        realm::db copy = one;
        CHECK(copy == one);
        copy = other;
        CHECK(copy == other);
        check::on_another_thread([&] {
            realm::db there(dir.config());
            CHECK(there != one);
        });
    });

    suite.run("refresh", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        CHECK(!db.refresh());// own writes are seen already
        auto people = db.objects<person>();
        check::on_another_thread([&] {
            realm::db there(dir.config());
            CHECK_EQUAL(there.objects<person>().size(), 1);
            there.write([&] {
                there.add(make("Jill"));
                auto j = there.objects<person>()[0];
                j.age = 2;
            });
        });
        CHECK(people.size() == 1 && jack.age == 1);// the snapshot stands
        CHECK(db.refresh());
        CHECK(people.size() == 2 && jack.age == 2);
        CHECK(!db.refresh());
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<person>()[0].age = 3; });
        });
        db.write([&] { CHECK(jack.age == 3); });// a write sees the newest
        CHECK(!db.refresh());
    });

    suite.run("writers wait for each other", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto counter = db.write([&] { return db.add(make("counter", 0)); });
        std::vector<std::thread> threads;
        std::atomic<int> errors{0};
        for (int t = 0; t < 4; t++)
            threads.emplace_back([&] {
                try {
                    realm::db there(dir.config());
                    auto mine = there.objects<person>()[0];
                    for (int i = 0; i < 25; i++) there.write([&] { mine.age = *mine.age + 1; });
                } catch (const std::exception& e) {
                    errors++;
                    std::fprintf(stderr, "writer: %s\n", e.what());
                }
            });
        for (auto& t: threads) t.join();
        db.refresh();
        CHECK_EQUAL(errors.load(), 0);
        CHECK_EQUAL(*counter.age, 100);
    });

    suite.run("close", [] {
        check::temp_dir dir;
        realm::db db(dir.config()), copy = db;
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        auto people = db.objects<person>();
        auto kept = people[0];
        CHECK(!db.is_closed());
        db.close();
        db.close();
        CHECK(db.is_closed() && copy.is_closed() && jack.is_invalidated() && kept.is_invalidated());
        const char* closed = "Cannot access realm that has been closed.";
        CHECK_THROWS_WITH(std::exception, closed, db.begin_write());
        CHECK_THROWS_WITH(std::exception, closed, db.refresh());
        CHECK_THROWS_WITH(std::exception, closed, db.write([] {}));
        CHECK_THROWS_WITH(std::exception, closed, db.freeze());
        CHECK_THROWS_WITH(std::exception, closed, db.objects<person>());
        CHECK_THROWS_WITH(std::exception, closed, people.size());
        CHECK_THROWS_WITH(std::exception, closed, people[0]);
        CHECK_THROWS_WITH(std::exception, closed, int64_t(jack.age));
        realm::db again(dir.config());
        CHECK_EQUAL(again.objects<person>().size(), 1);
        CHECK(jack.is_invalidated());
    });

    suite.run("invalidate", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        db.invalidate();
        CHECK(jack.age == 1);// the next read moves on
        db.invalidate();
        CHECK_EQUAL(db.objects<person>().size(), 1);
        auto frozen = db.freeze();
        frozen.invalidate();
    });

    suite.run("configurations", [] {
        check::temp_dir dir;
        realm::db_config c;
        CHECK(std::filesystem::path(c.path()) == std::filesystem::current_path() / "default.realm");
        c.set_path(dir.path() / "no extension");
        CHECK_EQUAL(c.path(), (dir.path() / "no extension").string());
        {
            realm::db db(c);
            db.write([&] { db.add(make("Jack")); });
        }
        CHECK(std::filesystem::exists(dir.path() / "no extension"));
        CHECK(std::filesystem::file_size(dir.path() / "no extension") > 0);
        CHECK_THROWS(std::exception, realm::db(dir.config("missing/folder.realm")));
        auto direct = realm::open<person, realm::dog>(dir.file("direct"), realm::default_scheduler::make_default());
        CHECK_EQUAL(direct.objects<person>().size(), 0);
        CHECK(!direct.get_sync_session());
        CHECK_THROWS_WITH(std::logic_error, "Flexible sync is not enabled", direct.subscriptions());
        CHECK_THROWS(std::exception, direct.objects<everything>());// not a class of this database
    });

    suite.run("schema changes", [] {
        check::temp_dir dir;
        auto config = dir.config();
        {
            auto db = realm::open<realm::v1::Versioned>(config);
            db.write([&] {
                realm::v1::Versioned o;
                o._id = 1;
                o.a = 5;
                db.add(std::move(o));
            });
        }
        // A property more needs a higher version.
        CHECK_THROWS_SAYING(std::exception, "Migration is required due to the following errors:\n- Property 'Versioned.b' has been added.", realm::open<realm::v2::Versioned>(config));
        config.set_schema_version(1);
        {
            auto db = realm::open<realm::v2::Versioned>(config);
            auto all = db.objects<realm::v2::Versioned>();
            CHECK(all.size() == 1 && all[0].a == 5 && all[0].b == 0);
            db.write([&] { all[0].b = 6; });
            CHECK(all[0].b == 6);
            // Another schema, or another version, while it is open on this thread.
            auto at = "Realm at path '" + config.path() + "' already opened ";
            CHECK_THROWS_WITH(std::exception, (at + "on current thread with different schema.").c_str(), realm::open<realm::v2::Versioned, person, realm::dog>(config));
            auto other = config;
            other.set_schema_version(2);
            CHECK_THROWS_WITH(std::exception, (at + "with different schema version.").c_str(), realm::open<realm::v2::Versioned>(other));
            other.set_schema_version(1);
            other.set_schema_mode(realm::db_config::schema_mode::additive_explicit);
            CHECK_THROWS_WITH(std::exception, (at + "with a different schema mode.").c_str(), realm::open<realm::v2::Versioned>(other));
        }
        // A lower version than the file's.
        CHECK_THROWS_WITH(std::exception, "Provided schema version 0 is less than last set version 1.", realm::open<realm::v1::Versioned>(dir.config()));
        // Another type of the property is refused; the file stays as it is.
        config.set_schema_version(2);
        CHECK_THROWS(std::exception, realm::open<realm::v3::Versioned>(config));
        config.set_schema_version(1);
        {
            // A class more needs nothing.
            auto db = realm::open<realm::v2::Versioned, person, realm::dog>(config);
            auto all = db.objects<realm::v2::Versioned>();
            CHECK(all.size() == 1 && all[0].a == 5);
            db.write([&] { db.add(make("Jack")); });
        }
    });

    suite.run("additive schema mode", [] {
        check::temp_dir dir;
        auto config = dir.config();
        config.set_schema_mode(realm::db_config::schema_mode::additive_discovered);
        {
            auto db = realm::open<realm::v1::Versioned>(config);
            db.write([&] {
                realm::v1::Versioned o;
                o._id = 1;
                db.add(std::move(o));
            });
        }
        auto db = realm::open<realm::v2::Versioned>(config);
        CHECK_EQUAL(db.objects<realm::v2::Versioned>().size(), 1);
    });

    suite.run("properties that the file does not have", [] {
        // The class of another version of the program: what is missing is named, nothing else happens.
        check::temp_dir dir;
        auto db = realm::open<realm::v1::Versioned>(dir.config());
        realm::v2::Versioned o;
        o._id = 1;
        CHECK_THROWS(std::logic_error, db.write([&] { db.add(std::move(o)); }));
        auto old = db.write([&] {
            realm::v1::Versioned v;
            v._id = 1;
            return db.add(std::move(v));
        });
        auto newer = db.objects<realm::v2::Versioned>()[0];
        CHECK(newer.a == 0);
        CHECK_THROWS(std::logic_error, int64_t(newer.b));
    });

    suite.run("encryption", [] {
        check::temp_dir dir;
        auto config = dir.config();
        auto plain = config, wrong = config;
        std::array<char, 64> key;
        key.fill('k');
        config.set_encryption_key(key);
        key[63] = 'l';
        wrong.set_encryption_key(key);
        auto message = [](const realm::db_config& c) -> std::string {
            try {
                realm::db db(c);
                return "";
            } catch (const std::exception& e) {
                return e.what();
            }
        };
        auto says = [&](const realm::db_config& c, const char* text) { return message(c).find(text) != std::string::npos; };
        {
            realm::db db(config);
            db.write([&] { db.add(make("a name in secret")); });
            auto frozen = db.freeze();
            CHECK(realm::db(config) == db);
            CHECK(says(wrong, "already opened with a different encryption key."));
            CHECK(says(plain, "already opened with a different encryption key."));
            db.write([&] { db.add(make("another")); });
            CHECK_EQUAL(frozen.objects<person>().size(), 1);
        }
        CHECK(says(wrong, "the encryption key is not the one of the file"));
        CHECK(says(plain, "it is encrypted, and no encryption key was given"));
        std::ifstream in(dir.file("test.realm"), std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        CHECK(bytes.size() > 4096 && bytes.find("a name in secret") == std::string::npos && bytes.find("person") == std::string::npos);
        {
            realm::db db(config);
            CHECK_EQUAL(db.objects<person>().size(), 2);
        }
        std::filesystem::remove(dir.file("test.realm"));
        { realm::db db(plain); }
        CHECK(says(config, "it is not encrypted, and an encryption key was given"));
    });

    suite.run("compact on launch", [] {
        check::temp_dir dir;
        int calls = 0;
        uint64_t total = 0, used = 0;
        auto config = dir.config();
        config.should_compact_on_launch([&](uint64_t t, uint64_t u) {
            calls++;
            total = t;
            used = u;
            return true;
        });
        {
            realm::db db(config);
            CHECK_EQUAL(calls, 1);
            db.write([&] {
                for (int i = 0; i < 500; i++) db.add(make("person " + std::to_string(i) + std::string(500, 'x')));
            });
            db.write([&] {
                for (auto p: db.objects<person>().where("age == 0 LIMIT(450)", {})) db.remove(p);
            });
            realm::db again(config);// open already: not asked
            CHECK_EQUAL(calls, 1);
        }
        auto before = std::filesystem::file_size(dir.file("test.realm"));
        {
            realm::db db(config);
            CHECK_EQUAL(calls, 2);
            CHECK(total >= used && used > 0);
            CHECK_EQUAL(db.objects<person>().size(), 50);
        }
        CHECK(std::filesystem::file_size(dir.file("test.realm")) < before);
    });

    suite.run("compact on launch throws", [] {
        check::temp_dir dir;
        auto config = dir.config();
        config.should_compact_on_launch([](uint64_t, uint64_t) -> bool { throw std::runtime_error("mine"); });
        CHECK_THROWS_WITH(std::runtime_error, "mine", realm::db(config));
        realm::db db(dir.config());// nothing of it is left
        db.write([&] { db.add(make("Jack")); });
        CHECK_EQUAL(db.objects<person>().size(), 1);
    });

    return suite.result();
}
