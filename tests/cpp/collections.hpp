// Classes with collections and embedded objects, which several tests share.
#pragma once

#include <cpprealm/sdk.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace realm {

enum class season { spring = 1,
                    summer,
                    autumn };

using date = std::chrono::time_point<std::chrono::system_clock>;

struct vein {
    int64_t width = 0;
    std::optional<std::string> note;
};
REALM_EMBEDDED_SCHEMA(vein, width, note)

struct leaf {
    int64_t n = 0;
    std::string s;
    vein* middle = nullptr;
    std::vector<int64_t> numbers;
    std::vector<vein*> veins;
    std::map<std::string, int64_t> counts;
};
REALM_EMBEDDED_SCHEMA(leaf, n, s, middle, numbers, veins, counts)

struct bird;

// Every kind of collection, of every kind of element.
struct tree {
    primary_key<std::string> name;

    std::vector<int64_t> ints;
    std::vector<bool> bools;
    std::vector<double> doubles;
    std::vector<std::string> strings;
    std::vector<std::vector<uint8_t>> binaries;
    std::vector<date> dates;
    std::vector<uuid> uuids;
    std::vector<object_id> ids;
    std::vector<decimal128> decimals;
    std::vector<season> seasons;
    std::vector<realm::mixed> mixeds;
    std::vector<std::optional<int64_t>> optionals;
    std::vector<bird*> birds;
    std::vector<leaf*> leaves;

    std::set<int64_t> int_set;
    std::set<std::string> string_set;
    std::set<object_id> id_set;
    std::set<realm::mixed> mixed_set;
    std::set<bird*> bird_set;

    std::map<std::string, int64_t> int_map;
    std::map<std::string, std::string> string_map;
    std::map<std::string, std::optional<double>> optional_map;
    std::map<std::string, season> season_map;
    std::map<std::string, realm::mixed> mixed_map;
    std::map<std::string, bird*> bird_map;
    std::map<std::string, leaf*> leaf_map;

    bird* owl = nullptr;
    leaf* top = nullptr;
    realm::mixed any;
    int64_t age = 0;
};
REALM_SCHEMA(tree, name, ints, bools, doubles, strings, binaries, dates, uuids, ids, decimals, seasons, mixeds, optionals, birds, leaves, int_set, string_set, id_set, mixed_set, bird_set,
             int_map, string_map, optional_map, season_map, mixed_map, bird_map, leaf_map, owl, top, any, age)

struct bird {
    primary_key<int64_t> _id;
    std::string kind;
    int64_t weight = 0;
    linking_objects<&tree::birds> trees;
    linking_objects<&tree::owl> owl_of;
    linking_objects<&tree::bird_map> mapped_in;
    linking_objects<&tree::bird_set> set_in;
};
REALM_SCHEMA(bird, _id, kind, weight, trees, owl_of, mapped_in, set_in)

}// namespace realm

namespace check {

inline realm::bird bird(int64_t id, const std::string& kind, int64_t weight = 0) {
    realm::bird b;
    b._id = id;
    b.kind = kind;
    b.weight = weight;
    return b;
}
inline realm::tree tree(const std::string& name) {
    realm::tree t;
    t.name = name;
    return t;
}

// What a live collection yields, as a vector.
template <typename C>
auto items(C&& c) {
    std::vector<std::decay_t<decltype(*c.begin())>> out;
    for (auto&& v: c) out.push_back(v);
    return out;
}

}// namespace check
