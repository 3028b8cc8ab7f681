// What is thrown, and with which text.
#include "check.hpp"
#include "models.hpp"

#include <fstream>

#include <csignal>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using realm::managed;
using realm::person;

namespace realm {
struct part {
    int64_t n = 0;
};
REALM_EMBEDDED_SCHEMA(part, n)
struct reading {
    primary_key<object_id> _id{object_id::generate()};
    double v = 0;
};
REALM_ASYMMETRIC_SCHEMA(reading, _id, v)
}// namespace realm

namespace {

person make(const std::string& name, int64_t age = 0) {
    person p;
    p.name = name;
    p.age = age;
    return p;
}

realm::db open(const check::temp_dir& dir) { return realm::open<person, realm::dog>(dir.config()); }

std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

}// namespace

int main() {
    check::suite suite("errors");

    suite.run("wrong thread", [] {
        check::temp_dir dir;
        auto db = open(dir);
        auto jack = db.write([&] { return db.add(make("Jack")); });
        auto all = db.objects<person>();
        check::on_another_thread([&] {
            const char* text = "Realm accessed from incorrect thread.";
            CHECK_THROWS_WITH(std::exception, text, db.write([] {}));
            CHECK_THROWS_WITH(std::exception, text, db.begin_write());
            CHECK_THROWS_WITH(std::exception, text, db.refresh());
            CHECK_THROWS_WITH(std::exception, text, db.freeze());
            CHECK_THROWS_WITH(std::exception, text, db.thaw());
            CHECK_THROWS_WITH(std::exception, text, db.invalidate());
            CHECK_THROWS_WITH(std::exception, text, db.close());
        });
        db.write([&] {
            check::on_another_thread([&] {
                CHECK_THROWS(std::exception, jack.age = 5);
                CHECK_THROWS(std::exception, db.add(make("Jill")));
                CHECK_THROWS(std::exception, db.remove(jack));
            });
        });
        CHECK(jack.age == 0 && all.size() == 1);
        // Handles may be let go of anywhere.
        auto copy = std::make_unique<managed<person>>(jack);
        auto results = std::make_unique<realm::results<person>>(all);
        auto database = std::make_unique<realm::db>(db);
        check::on_another_thread([&] {
            copy.reset();
            results.reset();
            database.reset();
        });
        CHECK(jack.age == 0);
    });

    suite.run("deleted object", [] {
        check::temp_dir dir;
        auto db = open(dir);
        auto jack = db.write([&] { return db.add(make("Jack")); });
        check::on_another_thread([&] {
            auto there = open(dir);
            there.write([&] { there.remove(there.objects<person>()[0]); });
        });
        CHECK(!jack.is_invalidated() && jack.age == 0);
        db.refresh();
        CHECK(jack.is_invalidated());
        CHECK_THROWS(std::exception, int64_t(jack.age));
        try {
            (void) jack.age.detach();
        } catch (const std::exception& e) {
            CHECK(std::string(e.what()).rfind("No object with key '", 0) == 0 && std::string(e.what()).find("' in 'class_person'") != std::string::npos);
        }
        CHECK_THROWS(std::exception, db.write([&] { jack.age = 1; }));
        CHECK_THROWS(std::exception, jack.detach());
        CHECK_THROWS(std::exception, jack.freeze());
        CHECK_THROWS(std::exception, jack.observe([](auto&&) {}));
        db.write([] {});
    });

    suite.run("moved from", [] {
        check::temp_dir dir;
        auto first = open(dir);
        auto db = std::move(first);
        const char* text = "This database handle is empty: it was moved from.";
        CHECK(first.is_closed() && first != db);
        CHECK_THROWS_WITH(std::logic_error, text, first.write([] {}));
        CHECK_THROWS_WITH(std::logic_error, text, first.commit_write());
        CHECK_THROWS_WITH(std::logic_error, text, first.refresh());
        CHECK_THROWS_WITH(std::logic_error, text, first.objects<person>());
        CHECK_THROWS_WITH(std::logic_error, text, first.add(make("Jack")));
        CHECK_THROWS_WITH(std::logic_error, text, first.freeze());
        CHECK_THROWS_WITH(std::logic_error, text, first.is_frozen());
        CHECK_THROWS_WITH(std::logic_error, text, first.get_sync_session());
        CHECK_THROWS_WITH(std::logic_error, text, first.subscriptions());
        CHECK_THROWS_WITH(std::logic_error, text, first.close());
        auto all = db.objects<person>();
        auto moved = std::move(all);
        CHECK_THROWS(std::exception, all.size());
        first = db;
        first.write([&] { db.add(make("Jack")); });
        CHECK(first == db && moved.size() == 1);

        realm::App::configuration config;
        config.app_id = "moved-from";
        config.path = dir.path().string();
        realm::App a(config);
        auto b = std::move(a);
        CHECK_THROWS_WITH(std::logic_error, "This App handle is empty: it was moved from.", a.get_base_url());
        CHECK_THROWS(std::logic_error, a.login(realm::App::credentials::anonymous()));
        CHECK_EQUAL(b.get_base_url(), "https://services.cloud.mongodb.com");
    });

    suite.run("a database let go of in its own transaction", [] {
        check::temp_dir dir;
        auto db = std::make_unique<realm::db>(open(dir));
        db->write([&] {
            db->add(make("Jack"));
            db.reset();
        });
        CHECK(open(dir).objects<person>().size() == 1);
        // The same by an observer: the transaction that was to begin goes on.
        db = std::make_unique<realm::db>(open(dir));
        auto jack = db->objects<person>()[0];
        auto token = jack.observe([&](auto&&) { db.reset(); });
        db->write([&] { jack.age = 1; });
        db->write([&] { jack.age = 2; });
        CHECK(!db && jack.age == 2);
    });

    suite.run("duplicate key", [] {
        // add() updates; the C interface can insist on a new object.
        check::temp_dir dir;
        auto db = open(dir);
        db.write([&] { db.add(make("Jack", 1)); });
        db.write([&] { db.add(make("Jack", 2)); });
        CHECK_EQUAL(db.objects<person>().size(), 1);
        auto realm = db.instance(realm::internal::bind)->get();
        db.write([&] {
            realm_class_key_t key = 0;
            CHECK(realm_find_class(realm, {"person", 6}, &key, nullptr) == REALM_OK);
            realm_class_info_t info;
            CHECK(realm_get_class(realm, key, &info, nullptr) == REALM_OK);
            std::vector<realm_value_t> values(info.n_properties);
            for (auto& v: values) v.type = REALM_TYPE_ABSENT;
            std::string name = "Jack";
            for (size_t i = 0; i < info.n_properties; i++)
                if (info.properties[i].primary_key) values[i] = realm::internal::to_cell(name);
            realm_error_t error;
            CHECK_EQUAL(realm_object_create(realm, key, values.data(), values.size(), REALM_CREATE_NEW, nullptr, nullptr, &error), REALM_ERR_KEY_EXISTS);
            CHECK(*error.message != 0);
        });
        CHECK_EQUAL(db.objects<person>().size(), 1);
    });

    suite.run("files that are no realms", [] {
        check::temp_dir dir;
        std::string text(5000, 'x');
        std::ofstream(dir.file("text")) << text;
        CHECK_THROWS(std::exception, realm::open<person, realm::dog>(dir.config("text")));
        CHECK_EQUAL(content(dir.file("text")), text);
        std::string sqlite("SQLite format 3\0", 16);
        sqlite += std::string(4080, '\0');
        std::ofstream(dir.file("broken")) << sqlite;
        CHECK_THROWS(std::exception, realm::open<person, realm::dog>(dir.config("broken")));
        CHECK_EQUAL(content(dir.file("broken")), sqlite);
        CHECK_THROWS(std::exception, realm::open<person, realm::dog>(dir.config(".")));
        CHECK_THROWS(std::exception, realm::open<person, realm::dog>(dir.config("")));
    });

    suite.run("folders", [] {
        check::temp_dir dir;
        auto missing = dir.config("missing/test.realm");
        try {
            auto db = realm::open<person, realm::dog>(missing);
            check::fail(__FILE__, __LINE__, "a folder that does not exist was opened");
        } catch (const std::exception& e) {
            CHECK(std::string(e.what()).find(missing.path()) != std::string::npos);// the path is named
        }
        CHECK(!std::filesystem::exists(dir.path() / "missing"));
        if (geteuid() == 0) return;// may write everywhere
        std::filesystem::create_directory(dir.path() / "sealed");
        chmod((dir.path() / "sealed").c_str(), 0555);
        CHECK_THROWS(std::exception, realm::open<person, realm::dog>(dir.config("sealed/test.realm")));
    });

    suite.run("full disk", [] {
        // Files may not grow beyond a limit; the system answers a write beyond it as it does when the disk is full.
        check::temp_dir dir;
        auto db = open(dir);
        auto jack = db.write([&] { return db.add(make("Jack", 1)); });
        signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        auto limited = before;
        limited.rlim_cur = 1 << 18;
        CHECK(setrlimit(RLIMIT_FSIZE, &limited) == 0);
        std::string text;
        try {
            db.write([&] {
                jack.age = 2;
                for (int i = 0; i < 1000; i++) db.add(make(std::string(2000, 'x') + std::to_string(i)));
            });
        } catch (const std::exception& e) { text = e.what(); }
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK(text.find(dir.file("test.realm")) != std::string::npos);// it says which file
        // Nothing of it is there, reading goes on, and writing too once there is room.
        CHECK(jack.age == 1 && db.objects<person>().size() == 1);
        db.write([&] {
            jack.age = 3;
            db.add(make("Jill"));
        });
        CHECK(jack.age == 3 && db.objects<person>().size() == 2);
    });

    suite.run("kinds of classes", [] {
        check::temp_dir dir;
        {
            auto db = realm::open<realm::part>(dir.config("embedded.realm"));
            CHECK_THROWS_WITH(std::exception, "Explicit creation of embedded object not allowed in: class_part", db.write([&] { db.add(realm::part{1}); }));
        }
        CHECK_THROWS_SAYING(std::exception, "'reading'", realm::open<realm::reading>(dir.config("asymmetric.realm")));
    });

    suite.run("types of exceptions", [] {
        check::temp_dir dir;
        auto db = open(dir);
        CHECK_THROWS(std::logic_error, db.subscriptions());
        CHECK_THROWS(std::out_of_range, db.objects<person>()[0]);
        try {
            (void) db.objects<person>().where("nosuch == 1", {});
        } catch (const realm::internal::error& e) {
            CHECK(e.status() == REALM_ERR_INVALID_QUERY && e.domain() == REALM_DOMAIN_LIBRARY && e.code() == REALM_ERR_INVALID_QUERY);
        }
        CHECK_THROWS(std::logic_error, realm::db_config().sync_config());
        CHECK_THROWS(std::logic_error, realm::user().identifier());
        CHECK_THROWS(std::exception, realm::open<realm::person>(dir.config()));// not with the class it links to
    });

    return suite.result();
}
