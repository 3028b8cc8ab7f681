// REALM_SCHEMA and its kin: from a list of member names to a live class.
#pragma once

#include <cpprealm/internal/map_macros.hpp>
#include <cpprealm/link.hpp>

#define CPPREALM_STRING(cls, p) #p
#define CPPREALM_TYPE(cls, p) decltype(cls::p)
#define CPPREALM_MEMBER(cls, p) ::realm::managed<decltype(cls::p)> p{::realm::internal::bind, this->cpprealm_core.get(), cpprealm_index::p};
#define CPPREALM_REBIND(cls, p) this->p.rebind(::realm::internal::bind, this->cpprealm_core.get());
#define CPPREALM_VISIT(cls, p) visitor(cpprealm_index::p, #p, &cls::p, &cpprealm_generated_##cls::p);

#define CPPREALM_DECLARE(kind, cls, ...)                                                                        \
    struct cpprealm_generated_##cls : ::realm::internal::object_base {                                          \
        static constexpr const char* cpprealm_name = #cls;                                                      \
        static constexpr ::realm::ObjectType object_type = ::realm::ObjectType::kind;                           \
        static constexpr const char* cpprealm_names[] = {CPPREALM_MAP_COMMA(CPPREALM_STRING, cls, __VA_ARGS__)}; \
        using cpprealm_types = ::realm::internal::type_list<CPPREALM_MAP_COMMA(CPPREALM_TYPE, cls, __VA_ARGS__)>; \
        struct cpprealm_index {                                                                                 \
            enum : uint32_t { __VA_ARGS__ };                                                                    \
        };                                                                                                      \
        cpprealm_generated_##cls() = default;                                                                   \
        explicit cpprealm_generated_##cls(::realm::internal::core_ptr core) : object_base(::std::move(core)) {} \
        cpprealm_generated_##cls(const cpprealm_generated_##cls& o) : object_base(o) {}                         \
        cpprealm_generated_##cls& operator=(const cpprealm_generated_##cls& o) {                                \
            object_base::operator=(o);                                                                          \
            CPPREALM_MAP(CPPREALM_REBIND, cls, __VA_ARGS__)                                                     \
            return *this;                                                                                       \
        }                                                                                                       \
        template <typename Visitor>                                                                             \
        static void cpprealm_each(Visitor&& visitor) {                                                          \
            CPPREALM_MAP(CPPREALM_VISIT, cls, __VA_ARGS__)                                                      \
        }                                                                                                       \
        CPPREALM_MAP(CPPREALM_MEMBER, cls, __VA_ARGS__)                                                         \
    };                                                                                                          \
    [[maybe_unused]] inline cpprealm_generated_##cls* cpprealm_schema_of(const cls*, ::realm::schema_tag) { return nullptr; } \
    inline const bool cpprealm_registered_##cls = ::realm::internal::register_class<cls>();

// REALM_SCHEMA(Class, property, ...): a class of objects that stand on their own. At namespace scope, in any namespace, after
// the class. A semicolon after it is allowed.
#define REALM_SCHEMA(cls, ...) CPPREALM_DECLARE(TopLevel, cls, __VA_ARGS__)
// The same for objects that belong to another one.
#define REALM_EMBEDDED_SCHEMA(cls, ...) CPPREALM_DECLARE(Embedded, cls, __VA_ARGS__)
// The same for objects that are only uploaded.
#define REALM_ASYMMETRIC_SCHEMA(cls, ...) CPPREALM_DECLARE(Asymmetric, cls, __VA_ARGS__)
