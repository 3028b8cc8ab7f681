// Schemas: what REALM_SCHEMA generates for a class, and what the database is told about it.
#pragma once

#include <cpprealm/accessors.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace realm {

enum class ObjectType { None,
                        TopLevel,
                        Embedded,
                        Asymmetric };

// Found by argument-dependent lookup beside a class, wherever its REALM_SCHEMA stands.
struct schema_tag {};

namespace internal {
namespace bridge {

// Description of a property.
struct property {
    std::string name;
    uint8_t type = REALM_TYPE_NULL;
    uint8_t collection = REALM_COLLECTION_NONE;
    bool nullable = false;
    bool primary_key = false;
    std::string target;         // class of a link, or of linking objects
    std::string origin_property;// linking objects only
};

// Description of a class.
struct object_schema {
    std::string name;
    uint8_t kind = REALM_CLASS_TOP_LEVEL;
    std::vector<property> properties;
};

struct schema {
    std::vector<object_schema> classes;
};

}// namespace bridge

// The struct that REALM_SCHEMA(T, ...) generated: names, accessors, a visitor of the properties.
template <typename T>
using generated = std::remove_pointer_t<decltype(cpprealm_schema_of(static_cast<const T*>(nullptr), schema_tag()))>;

template <typename T, typename = void>
struct has_schema : std::false_type {};
template <typename T>
struct has_schema<T, std::void_t<generated<T>>> : std::true_type {};

template <typename M>
struct is_linking_objects : std::false_type {};
template <auto ptr>
struct is_linking_objects<linking_objects<ptr>> : std::true_type {};

// What kind of collection a member type is, and of what.
template <typename M>
struct collection_type {
    static constexpr uint8_t kind = REALM_COLLECTION_NONE;
    using element = M;
};
template <typename X>
struct collection_type<std::vector<X>> {
    static constexpr uint8_t kind = REALM_COLLECTION_LIST;
    using element = X;
};
template <>
struct collection_type<std::vector<uint8_t>> {// a value: bytes
    static constexpr uint8_t kind = REALM_COLLECTION_NONE;
    using element = std::vector<uint8_t>;
};
template <typename X>
struct collection_type<std::set<X>> {
    static constexpr uint8_t kind = REALM_COLLECTION_SET;
    using element = X;
};
template <typename X>
struct collection_type<std::map<std::string, X>> {
    static constexpr uint8_t kind = REALM_COLLECTION_DICTIONARY;
    using element = X;
};
template <typename M>
inline constexpr bool is_collection = collection_type<M>::kind != REALM_COLLECTION_NONE;

// Whether a class has a REALM_EMBEDDED_SCHEMA. Only where its schema is known.
template <typename T>
constexpr bool is_embedded() {
    return generated<T>::object_type == ObjectType::Embedded;
}

template <typename M>
CPPREALM_COLD inline bridge::property describe(const char* name) {
    using E = typename collection_type<M>::element;
    bridge::property p;
    p.name = name;
    p.collection = collection_type<M>::kind;
    if constexpr (std::is_pointer_v<E>) {
        using G = generated<std::remove_pointer_t<E>>;
        static_assert(G::object_type != ObjectType::Asymmetric, "A property cannot be a link to an asymmetric object.");
        static_assert(G::object_type != ObjectType::Embedded || collection_type<M>::kind != REALM_COLLECTION_SET, "A set cannot hold embedded objects: use a list.");
        p.type = REALM_TYPE_LINK;
        p.nullable = p.collection == REALM_COLLECTION_NONE || p.collection == REALM_COLLECTION_DICTIONARY;
        p.target = G::cpprealm_name;
    } else {
        p.type = persisted<E>::type;
        p.nullable = persisted<E>::nullable;
        p.primary_key = persisted<E>::key;
    }
    return p;
}

struct describe_properties {
    std::vector<bridge::property>& out;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t, const char* name, Member Class::*, Accessor) {
        if constexpr (!is_linking_objects<Member>::value) out.push_back(describe<Member>(name));
    }
};

template <typename T>
CPPREALM_COLD inline bridge::object_schema schema_of() {
    using G = generated<T>;
    bridge::object_schema s;
    s.name = G::cpprealm_name;
    s.kind = G::object_type == ObjectType::Embedded ? REALM_CLASS_EMBEDDED : G::object_type == ObjectType::Asymmetric ? REALM_CLASS_ASYMMETRIC
                                                                                                                      : REALM_CLASS_TOP_LEVEL;
    G::cpprealm_each(describe_properties{s.properties});
    return s;
}

template <typename... Ts>
struct type_list {};

template <typename M>
inline constexpr bool key_member = false;
template <typename X>
inline constexpr bool key_member<primary_key<X>> = true;

// The binding of a class in an instance: made at the first use, by name.
template <typename T>
inline const class_binding& binding_of(const instance& owner) {
    using G = generated<T>;
    return owner.binding(G::cpprealm_name, G::cpprealm_names, std::size(G::cpprealm_names));
}

}// namespace internal
}// namespace realm
