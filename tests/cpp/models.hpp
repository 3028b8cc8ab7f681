// Classes that the local tests share.
#pragma once

#include <cpprealm/sdk.hpp>

#include <string>
#include <vector>

namespace realm {

enum class color { red = 1, green, blue };

using tp = std::chrono::time_point<std::chrono::system_clock>;

// Every scalar type, required and optional.
struct everything {
    enum plain { zero, one, two };

    primary_key<int64_t> _id;
    int64_t i = 0;
    bool b = false;
    double d = 0;
    std::string s;
    std::vector<uint8_t> bin;
    tp date;
    realm::uuid u;
    object_id oid;
    decimal128 dec;
    color e = color::red;
    plain p = zero;
    realm::mixed m;

    std::optional<int64_t> oi;
    std::optional<bool> ob;
    std::optional<double> od;
    std::optional<std::string> os;
    std::optional<std::vector<uint8_t>> obin;
    std::optional<tp> odate;
    std::optional<realm::uuid> ou;
    std::optional<object_id> ooid;
    std::optional<decimal128> odec;
    std::optional<color> oe;

    everything* link = nullptr;
    int not_stored = 7;// not in the schema
};
REALM_SCHEMA(everything, _id, i, b, d, s, bin, date, u, oid, dec, e, p, m, oi, ob, od, os, obin, odate, ou, ooid, odec, oe, link)

struct person;

struct dog {
    std::string name;
    int64_t age = 0;
    person* owner = nullptr;
};

// Links to a class that has its schema below.
struct person {
    primary_key<std::string> name;
    int64_t age = 0;
    std::optional<std::string> nick;
    dog* pet = nullptr;
    person* boss = nullptr;
};
REALM_SCHEMA(person, name, age, nick, pet, boss);
REALM_SCHEMA(dog, name, age, owner);

}// namespace realm
