#include "shared.hpp"

// The same name in another translation unit's unnamed namespace is another class; it is not linked to main.cpp's.
namespace {
struct local_to_other {
    realm::primary_key<int64_t> _id;
    int64_t other = 0;
};
REALM_SCHEMA(local_to_other, _id, other)
}// namespace

void add_item(realm::db& db, int64_t id, const std::string& name) {
    shop::item i;
    i._id = id;
    i.name = name;
    db.add(std::move(i));
}

size_t count_private_things(realm::db& db) {
    local_to_other o;
    o._id = 1;
    o.other = 2;
    db.write([&] { db.add(std::move(o)); });
    return db.objects<local_to_other>().size();
}
