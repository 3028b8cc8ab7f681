// A class that two translation units declare alike, and what the second one offers the first.
#pragma once

#include <cpprealm/sdk.hpp>

#include <string>

namespace shop {

struct item {
    realm::primary_key<int64_t> _id;
    std::string name;
};
REALM_SCHEMA(item, _id, name)

}// namespace shop

// In other.cpp.
void add_item(realm::db& db, int64_t id, const std::string& name);
size_t count_private_things(realm::db& db);
