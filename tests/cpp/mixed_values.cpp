// Mixed properties: every type that they can hold, links among them.
#include "check.hpp"
#include "collections.hpp"

using realm::bird;
using realm::managed;
using realm::mixed;
using realm::tree;

namespace realm {
struct stone {
    primary_key<int64_t> _id;
};
REALM_SCHEMA(stone, _id)
}// namespace realm

int main() {
    check::suite suite("mixed_values");

    suite.run("values", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = db.write([&] { return db.add(check::tree("oak")); });
        using M = managed<mixed>;
        CHECK(t.any.get_stored_type() == M::Null && realm::holds_alternative<std::monostate>(t.any) && t.any == std::nullopt);
        auto set = [&](auto&& v) { db.write([&] { t.any = v; }); };
        set(int64_t(5));
        CHECK(t.any.get_stored_type() == M::Int && realm::holds_alternative<int64_t>(t.any) && t.any == mixed(int64_t(5)) && !t.any.has_link());
        set("text");
        CHECK(t.any.get_stored_type() == M::String && std::get<std::string>(*t.any) == "text");
        set(true);
        CHECK(t.any.get_stored_type() == M::Bool);
        set(2.5);
        CHECK(t.any.get_stored_type() == M::Double && t.any == mixed(2.5) && t.any != mixed(int64_t(2)));
        set(std::vector<uint8_t>{1, 2});
        CHECK(t.any.get_stored_type() == M::Binary);
        set(realm::decimal128("1.5"));
        CHECK(t.any.get_stored_type() == M::Decimal);
        set(std::monostate());
        CHECK(t.any == std::nullopt);
    });

    suite.run("links", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto t = db.write([&] { return db.add(check::tree("oak")); });
        auto finch = db.write([&] { return db.add(check::bird(1, "finch", 3)); });
        db.write([&] { t.any.set_link(finch); });
        CHECK(t.any.has_link() && t.any.get_stored_type() == managed<mixed>::TypedLink && realm::holds_alternative<bird*>(t.any) && !realm::holds_alternative<realm::stone*>(t.any));
        CHECK(t.any.get_stored_link<bird*>() == finch && t.any.get_stored_link<bird*>()->kind == "finch");
        CHECK_THROWS_WITH(std::runtime_error, "Different link type stored in mixed type. Stored type: bird", t.any.get_stored_link<realm::stone*>());
        CHECK_THROWS_WITH(std::runtime_error, "Objects stored in mixed properties must be accessed via `get_object_value()`", t.any.detach());
        db.write([&] { t.any.get_stored_link<bird*>()->weight += 2; });
        CHECK(finch.weight == 5);
        // Objects are stored as db::add does.
        auto again = check::bird(1, "finch", 9), owl = check::bird(2, "owl");
        db.write([&] { t.any.set_link(again); });
        CHECK(t.any.get_stored_link<bird*>() == finch && finch.weight == 9);
        db.write([&] { t.any.set_link(&owl); });
        CHECK(t.any.get_stored_link<bird*>()->kind == "owl" && db.objects<bird>().size() == 2);
        db.write([&] { t.any.set_link(check::bird(3, "robin")); });
        CHECK(t.any.get_stored_link<bird*>()->kind == "robin");
        std::ostringstream out;
        t.to_json(out);
        CHECK(out.str().find("\"any\":{ \"$link\": {\"table\": \"bird\", \"key\": ") != std::string::npos);
        // A deleted target leaves a null.
        db.write([&] { db.objects<bird>().where([](auto& b) { return b.kind == "robin"; })[0].weight = 1; });
        db.write([&] {
            auto target = *t.any.get_stored_link<bird*>();
            db.remove(target);
        });
        CHECK(!t.any.has_link() && t.any == std::nullopt);
        CHECK_THROWS(std::runtime_error, t.any.get_stored_link<bird*>());
    });

    return suite.result();
}
