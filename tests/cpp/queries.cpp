// Queries: conditions in C++, query text with arguments, and that both find the same.
#include "check.hpp"
#include "models.hpp"

#include <functional>

using namespace std::chrono_literals;
using realm::color;
using realm::decimal128;
using realm::everything;
using realm::managed;
using realm::object_id;
using realm::person;
using realm::rbool;
using realm::uuid;

namespace {

// Five objects: 1 to 4 with values that grow, and 5 with every optional null.
void fill(realm::db& db) {
    db.write([&] {
        for (int64_t i = 1; i <= 5; i++) {
            everything o;
            o._id = i;
            o.i = i * 10;
            o.b = i % 2 == 0;
            o.d = double(i) / 2;
            o.s = std::string("name ") + char('A' + i);// name B ... name F
            o.bin = {uint8_t(i)};
            o.date = realm::tp{std::chrono::seconds(i)};
            o.u = uuid("00000000-0000-0000-0000-00000000000" + std::to_string(i));
            o.oid = object_id("00000000000000000000000" + std::to_string(i));
            o.dec = decimal128(double(i));
            o.e = color(1 + i % 3);
            o.m = i % 2 ? realm::mixed(i) : realm::mixed("text " + std::to_string(i));
            if (i < 5) {
                o.oi = i;
                o.ob = i > 2;
                o.od = double(i);
                o.os = "opt" + std::to_string(i);
                o.obin = std::vector<uint8_t>{uint8_t(i), 0};
                o.odate = realm::tp{std::chrono::seconds(i)};
                o.ou = o.u;
                o.ooid = o.oid;
                o.odec = o.dec;
                o.oe = o.e;
            } else
                o.m = std::monostate();
            db.add(std::move(o));
        }
        auto all = db.objects<everything>();
        for (size_t i = 0; i + 1 < 5; i++) all[i].link = all[i + 1];
    });
}

std::string keys(realm::results<everything> found) {
    std::string out;
    for (auto o: found) out += std::to_string(*o._id);
    return out;
}

}// namespace

int main() {
    check::suite suite("queries");
    check::temp_dir dir;
    {
        realm::db db(dir.config());
        fill(db);
    }
    // Finds with a condition, and with the text that says the same; both must give these keys.
    auto both = [&](const char* wanted, std::function<rbool(managed<everything>&)> condition, const std::string& text, const std::vector<realm::mixed>& arguments = {}) {
        realm::db db(dir.config());
        CHECK_EQUAL(keys(db.objects<everything>().where(std::move(condition))), std::string(wanted));
        auto by_text = keys(db.objects<everything>().where(text, arguments));
        if (by_text != wanted) check::fail(__FILE__, __LINE__, text + " finds " + by_text + " and not " + wanted);
    };

    suite.run("numbers", [&] {
        both("3", [](auto& o) { return o.i == 30; }, "i == 30");
        both("1245", [](auto& o) { return o.i != 30; }, "i != $0", {int64_t(30)});
        both("12", [](auto& o) { return o.i < 30; }, "i < 30");
        both("123", [](auto& o) { return o.i <= 30; }, "i <= 30");
        both("45", [](auto& o) { return o.i > 30; }, "i > 30");
        both("345", [](auto& o) { return o.i >= 30; }, "i >= 30");
        both("3", [](auto& o) { return o.d == 1.5; }, "d == 1.5");
        both("12", [](auto& o) { return o.d < 1.5; }, "d < $0", {1.5});
        both("345", [](auto& o) { return o.d >= 1.5f; }, "d >= 1.5");
        both("24", [](auto& o) { return o.b == true; }, "b == true");
        both("135", [](auto& o) { return o.b != true; }, "b == $0", {false});
        both("2", [](auto& o) { return o.dec == decimal128("2"); }, "dec == $0", {decimal128("2.0")});
        both("345", [](auto& o) { return o.dec > decimal128("2.00"); }, "dec > 2");
        both("12", [](auto& o) { return o._id < 3; }, "_id < 3");
    });

    suite.run("strings", [&] {
        both("2", [](auto& o) { return o.s == "name C"; }, "s == 'name C'");
        both("1345", [](auto& o) { return o.s != std::string("name C"); }, "s != \"name C\"");
        both("3", [](auto& o) { return o.s.contains("e D"); }, "s CONTAINS 'e D'");
        both("", [](auto& o) { return o.s.contains("e d"); }, "s CONTAINS $0", {std::string("e d")});
        both("3", [](auto& o) { return o.s.contains("e d", false); }, "s CONTAINS[c] 'e d'");
        both("", [](auto& o) { return o.s.empty(); }, "s == ''");
        both("12345", [](auto& o) { return !o.s.empty(); }, "NOT s == ''");
        both("1", [](auto& o) { return o.os == "opt1"; }, "os == 'opt1'");
        both("1234", [](auto& o) { return o.os.contains("opt"); }, "os CONTAINS 'opt'");
        both("12", [&](auto& o) { return o.s == "name B" || o.s == "name C"; }, "s IN {'name B', 'name C'}");
        both("1234", [](auto& o) { return o.os != std::nullopt; }, "os BEGINSWITH 'opt'");
        both("1", [](auto& o) { return o.os == "opt1"; }, "os ENDSWITH '1'");
        both("1", [](auto& o) { return o.os == "opt1"; }, "os LIKE 'o*1'");
    });

    suite.run("other types", [&] {
        both("3", [](auto& o) { return o.bin == std::vector<uint8_t>{3}; }, "bin == $0", {std::vector<uint8_t>{3}});
        both("3", [](auto& o) { return o.date == realm::tp{3s}; }, "date == $0", {realm::tp{3s}});
        both("45", [](auto& o) { return o.date > realm::tp{3s}; }, "date > $0", {realm::tp{3s}});
        both("3", [](auto& o) { return o.u == uuid("00000000-0000-0000-0000-000000000003"); }, "u == uuid(00000000-0000-0000-0000-000000000003)");
        both("1245", [](auto& o) { return o.oid != object_id("000000000000000000000003"); }, "oid != oid(000000000000000000000003)");
        both("14", [](auto& o) { return o.e == color::green; }, "e == 2");
        both("3", [](auto& o) { return o.e < color::green; }, "e < 2");
        both("1245", [](auto& o) { return o.e >= color::green; }, "e >= $0", {int64_t(2)});
        both("3", [](auto& o) { return o.m == realm::mixed(int64_t(3)); }, "m == 3");
        both("4", [](auto& o) { return o.m == realm::mixed(std::string("text 4")); }, "m == 'text 4'");
        both("5", [](auto& o) { return o.m == std::nullopt; }, "m == NULL");
    });

    suite.run("optionals", [&] {
        both("5", [](auto& o) { return o.oi == std::nullopt; }, "oi == NULL");
        both("1234", [](auto& o) { return o.oi != std::nullopt; }, "oi != nil");
        both("3", [](auto& o) { return o.oi == 3; }, "oi == 3");
        std::optional<int64_t> three = 3, none;
        both("3", [=](auto& o) { return o.oi == three; }, "oi == 3");
        both("5", [=](auto& o) { return o.oi == none; }, "oi == NULL");
        both("34", [](auto& o) { return o.oi > 2; }, "oi > 2");
        both("34", [](auto& o) { return o.ob == true; }, "ob == true");
        both("1", [](auto& o) { return o.od < 2.0; }, "od < 2");
        both("2", [](auto& o) { return o.obin == std::vector<uint8_t>{2, 0}; }, "obin == $0", {std::vector<uint8_t>{2, 0}});
        both("34", [](auto& o) { return o.odate >= realm::tp{3s}; }, "odate >= $0", {realm::tp{3s}});
        both("2", [](auto& o) { return o.ou == uuid("00000000-0000-0000-0000-000000000002"); }, "ou == $0", {uuid("00000000-0000-0000-0000-000000000002")});
        both("2", [](auto& o) { return o.ooid == object_id("000000000000000000000002"); }, "ooid == $0", {object_id("000000000000000000000002")});
        both("12", [](auto& o) { return o.odec < decimal128("3"); }, "odec < 3");
        both("5", [](auto& o) { return o.odec == std::nullopt; }, "odec == null");
        both("14", [](auto& o) { return o.oe == color::green; }, "oe == 2");
        both("5", [](auto& o) { return o.oe == std::nullopt; }, "oe == NULL");
    });

    suite.run("boolean algebra", [&] {
        both("23", [](auto& o) { return o.i > 10 && o.i < 40; }, "i > 10 && i < 40");
        both("145", [](auto& o) { return !(o.i > 10 && o.i < 40); }, "NOT (i > 10 AND i < 40)");
        both("15", [](auto& o) { return o.i == 10 || o.i == 50; }, "i == 10 OR i == 50");
        both("234", [](auto& o) { return !(o.i == 10 || o.i == 50); }, "!(i == 10 || i == 50)");
        both("2", [](auto& o) { return (o.i == 20 || o.i == 50) && o.b == true; }, "(i == 20 || i == 50) && b == true");
        both("245", [](auto& o) { return o.i == 50 || (o.b == true && o.i > 0); }, "i == 50 || b == true && i > 0");
        both("25", [](auto& o) { return (o.i == 50 || o.b == true) && (o.i < 30 || o.i > 40); }, "(i == 50 or b == true) and (i < 30 or i > 40)");
        both("1245", [](auto& o) { return o.i == 10 || o.i == 20 || o.i == 40 || o.i == 50; }, "i != 30");
        both("3", [](auto& o) { return !!(o.i == 30); }, "NOT NOT i == 30");
        both("3", [](auto& o) { return o.i == 30 && true; }, "i == 30 && TRUEPREDICATE");
        both("12345", [](auto& o) { return false || (o.i > 0); }, "FALSEPREDICATE || i > 0");
        both("", [](auto& o) { return o.i == 30 && false; }, "i == 30 && FALSEPREDICATE");
        both("12345", [](auto&) { return true; }, "TRUEPREDICATE");
        both("", [](auto&) { return false; }, "FALSEPREDICATE");
        both("12345", [](auto& o) { return realm::truepredicate(o); }, "TRUEPREDICATE");
        both("", [](auto& o) { return realm::falsepredicate(o); }, "FALSEPREDICATE");
        // Conditions built before and not used have no effect.
        both("3", [](auto& o) {
            auto unused = o.i == 10;
            auto wanted = o.i == 30;
            return wanted; }, "i == 30");
    });

    suite.run("links", [&] {
        realm::db db(dir.config());
        auto all = db.objects<everything>();
        auto third = all[2];
        both("5", [](auto& o) { return o.link == nullptr; }, "link == NULL");
        both("1234", [](auto& o) { return o.link != nullptr; }, "link != NULL");
        both("2", [](auto& o) { return o.link->i == 30; }, "link.i == 30");
        both("1", [](auto& o) { return o.link->link->s == "name D"; }, "link.link.s == $0", {std::string("name D")});
        both("2", [](auto& o) { return o.link->s.contains("D"); }, "link.s CONTAINS 'D'");
        // What lies behind a null link is null.
        both("1345", [](auto& o) { return o.link->s != "name D"; }, "link.s != 'name D'");
        both("45", [](auto& o) { return o.link->oi == std::nullopt; }, "link.oi == NULL");
        CHECK_EQUAL(keys(db.objects<everything>().where([&](auto& o) { return o.link == third; })), std::string("2"));
        auto second = all[1];
        CHECK_EQUAL(keys(db.objects<everything>().where([&](auto& o) { return o.link == second.link; })), std::string("2"));
        CHECK_EQUAL(keys(db.objects<everything>().where([&](auto& o) { return o.link != third; })), std::string("1345"));
    });

    suite.run("forms of callbacks", [&] {
        realm::db db(dir.config());
        auto all = db.objects<everything>();
        int calls = 0;
        auto by_reference = all.where([&](auto& o) {
            calls++;
            return o.i == 10;
        });
        CHECK_EQUAL(calls, 1);
        auto by_const = all.where([](auto const& o) { return o.i == 10; });
        auto by_forward = all.where([](auto&& o) { return o.i == 10; });
        auto typed = all.where([](managed<everything>& o) -> rbool { return o.i == 10; });
        CHECK(keys(by_reference) == "1" && keys(by_const) == "1" && keys(by_forward) == "1" && keys(typed) == "1");
        // Captured values are taken when the query is made.
        int64_t wanted = 10;
        auto captured = all.where([&](auto& o) { return o.i == wanted; });
        wanted = 20;
        CHECK_EQUAL(keys(captured), std::string("1"));
    });

    suite.run("where starts again", [&] {
        realm::db db(dir.config());
        auto one = db.objects<everything>().where([](auto& o) { return o.i == 10; });
        CHECK_EQUAL(one.size(), 1);
        CHECK_EQUAL(one.where([](auto& o) { return realm::truepredicate(o); }).size(), 5);
        CHECK_EQUAL(one.where("i > 10", {}).size(), 4);
        CHECK_EQUAL(keys(one.where("i > 20", {}).sort("i", false)), std::string("543"));
    });

    suite.run("live", [] {
        check::temp_dir own;
        realm::db db(own.config());
        fill(db);
        auto big = db.objects<everything>().where([](auto& o) { return o.i > 30; });
        CHECK_EQUAL(big.size(), 2);
        db.write([&] {
            db.objects<everything>()[0].i = 100;
            CHECK_EQUAL(big.size(), 3);
            auto last = big[2];
            db.remove(last);
            CHECK_EQUAL(big.size(), 2);
        });
        CHECK_EQUAL(big.size(), 2);
    });

    suite.run("special text", [] {
        check::temp_dir own;
        realm::db db(own.config());
        std::vector<std::string> texts{"plain", "with \"quotes\"", "with 'single'", "back\\slash", "line\nbreak", "ünïcode 日本", std::string("zero\0byte", 9), "$0", "\x1a", "%@", ""};
        db.write([&] {
            for (size_t i = 0; i < texts.size(); i++) {
                everything o;
                o._id = int64_t(i);
                o.s = texts[i];
                db.add(std::move(o));
            }
        });
        for (size_t i = 0; i < texts.size(); i++) {
            auto found = db.objects<everything>().where([&](auto& o) { return o.s == texts[i]; });
            CHECK(found.size() == 1 && found[0]._id == i);
            CHECK_EQUAL(db.objects<everything>().where("s == $0", {texts[i]}).size(), 1);
            CHECK_EQUAL(db.objects<everything>().where([&](auto& o) { return o.s == texts[i] && o._id == i && o.i == 0; }).size(), 1);
        }
    });

    suite.run("errors", [&] {
        realm::db db(dir.config());
        auto all = db.objects<everything>();
        CHECK_THROWS_SAYING(std::exception, "'everything' has no property 'nosuch'", all.where("nosuch == 1", {}));
        CHECK_THROWS(std::exception, all.where("i ==", {}));
        CHECK_THROWS(std::exception, all.where("i == 'text'", {}));
        CHECK_THROWS(std::exception, all.where("i == $1", {int64_t(1)}));
        CHECK_THROWS_SAYING(std::exception, "Request for argument at index 0 but no arguments are provided", all.where("i == $0", {}));
        CHECK_THROWS(std::exception, all.where("", {}));
        auto one = all[0];
        CHECK_THROWS_WITH(std::runtime_error, "This comparison operator is not valid inside of `where`", all.where([&](auto& o) { return rbool(o == one); }));
        CHECK_THROWS_WITH(std::runtime_error, "Managed object is not used in a query context", realm::truepredicate(one));
        CHECK_THROWS_WITH(std::runtime_error, "Managed object is not used in a query context", realm::falsepredicate(one));
        CHECK_THROWS(std::logic_error, all.where([](auto& o) { return int64_t(o.i) == 10; }));
        struct boom {};
        CHECK_THROWS(boom, all.where([](auto&) -> rbool { throw boom(); }));
    });

    suite.run("outside of queries", [] {
        rbool t = true, f = false;
        CHECK((t || f) && !(t && f) && (f || t) && !f && !(f || f) && (t && t));
        CHECK((t || false) && (true && t) && !(f && true) && (false || t));
    });

    return suite.result();
}
