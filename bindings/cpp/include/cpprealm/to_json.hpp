// JSON of a live object.
#pragma once

#include <cpprealm/link.hpp>

#include <cstdio>
#include <ctime>

namespace realm {
namespace internal {

inline void json_string(std::ostream& out, std::string_view s) {
    out << '"';
    for (char c: s) {
        switch (c) {
            case '"': out << "\\\""; break;
            case '\n': out << "\\n"; break;
            case '\r': out << "\\r"; break;
            case '\t': out << "\\t"; break;
            case '\f': out << "\\f"; break;
            case '\\': out << "\\\\"; break;
            case '\b': out << "\\b"; break;
            default: out << c;
        }
    }
    out << '"';
}

// A scalar cell.
inline void json_cell(std::ostream& out, const realm_value_t& c) {
    char text[64];
    switch (c.type) {
        case REALM_TYPE_INT: out << c.u.integer; break;
        case REALM_TYPE_BOOL: out << (c.u.integer ? "true" : "false"); break;
        case REALM_TYPE_STRING: json_string(out, {c.u.data, c.size}); break;
        case REALM_TYPE_BINARY: out << '"' << base64(reinterpret_cast<const unsigned char*>(c.u.data), c.size) << '"'; break;
        case REALM_TYPE_FLOAT:
        case REALM_TYPE_DOUBLE:
            std::snprintf(text, sizeof text, "%.16e", c.type == REALM_TYPE_FLOAT ? double(c.u.fnum) : c.u.dnum);
            out << text;
            break;
        case REALM_TYPE_TIMESTAMP: {
            // A negative fraction counts down from the next second.
            auto seconds = static_cast<std::time_t>(c.u.timestamp.seconds);
            auto nanoseconds = c.u.timestamp.nanoseconds;
            if (nanoseconds < 0) {
                seconds--;
                nanoseconds += 1000000000;
            }
            std::tm parts{};
            gmtime_r(&seconds, &parts);
            out << '"';
            out.write(text, static_cast<std::streamsize>(std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)));
            if (nanoseconds) {
                std::snprintf(text, sizeof text, ".%09d", nanoseconds);
                out << text;
            }
            out << '"';
            break;
        }
        case REALM_TYPE_DECIMAL128: out << '"' << persisted<decimal128>::read(c).to_string() << '"'; break;
        case REALM_TYPE_OBJECT_ID: out << '"' << persisted<object_id>::read(c).to_string() << '"'; break;
        case REALM_TYPE_UUID: out << '"' << persisted<uuid>::read(c).to_string() << '"'; break;
        default: out << "null";
    }
}

struct json_properties {
    std::ostream& out;
    object_core& core;
    bool first;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char* name, Member Class::*, Accessor) {
        if constexpr (!is_linking_objects<Member>::value) {
            if (!first) out << ',';
            first = false;
            json_string(out, name);
            out << ':';
            if constexpr (is_collection<Member>) write_collection<Member>(*open_collection(core, property));
            else {
                const auto& c = core.cell(core.binding().columns[property]);
                if constexpr (std::is_pointer_v<Member>) {
                    using Target = std::remove_pointer_t<Member>;
                    write_object<Target>(follow<Target>(core.owner(), c));
                } else
                    write_value(c);
            }
        }
    }
    template <typename Member>
    void write_collection(collection_core& c) {
        using E = typename collection_type<Member>::element;
        constexpr bool keyed = collection_type<Member>::kind == REALM_COLLECTION_DICTIONARY;
        out << (keyed ? '{' : '[');
        c.expect_walk();
        size_t n = c.size();
        for (size_t i = 0; i < n; i++) {
            if (i) out << ',';
            c.read(i, [&](const realm_value_t& cell, std::string&& key) {
                if constexpr (keyed) {
                    json_string(out, key);
                    out << ':';
                }
                if constexpr (!std::is_pointer_v<E>) write_value(cell);
                return true;
            });
            if constexpr (std::is_pointer_v<E>) {
                using Target = std::remove_pointer_t<E>;
                write_object<Target>(c.object(i, binding_of<Target>(*c.owner())));
            }
        }
        out << (keyed ? '}' : ']');
    }
    template <typename Target>
    void write_object(const core_ptr& target) {
        if (!target) out << "null";
        else if constexpr (is_embedded<Target>())
            managed<Target>(target).to_json(out);
        else
            write_key<Target>(*target);
    }
    // A link in a mixed value names its class.
    void write_value(const realm_value_t& c) {
        if (c.type != REALM_TYPE_LINK) return json_cell(out, c);
        realm_class_info_t target;
        call(realm_get_class, core.owner()->get(), c.size, &target);
        out << "{ \"$link\": {\"table\": ";
        json_string(out, {target.name.data, target.name.size});
        out << ", \"key\": " << c.u.link << "}}";
    }
    // A linked object is its primary key, or its number when its class has none.
    template <typename Target>
    void write_key(object_core& target) {
        bool found = false;
        generated<Target>::cpprealm_each([&](uint32_t property, const char*, auto member, auto) {
            using M = typename member_type<decltype(member)>::type;
            if constexpr (is_persisted<M>) {
                if constexpr (persisted<M>::key) {
                    json_cell(out, target.cell(target.binding().columns[property]));
                    found = true;
                }
            }
        });
        if (!found) out << target.object()->object_key;
    }
    template <typename>
    struct member_type;
    template <typename Class, typename Member>
    struct member_type<Member Class::*> {
        using type = Member;
    };
};

}// namespace internal

template <typename T>
void managed<T, std::enable_if_t<internal::has_schema<T>::value>>::to_json(std::ostream& out) const noexcept {
    try {
        auto& core = internal::access::core(*this);
        out << '{';
        bool first = true;
        if constexpr (!schema.HasPrimaryKeyProperty && cpprealm_base::object_type != ObjectType::Embedded) {
            out << "\"_key\":" << core.object()->object_key;
            first = false;
        }
        cpprealm_base::cpprealm_each(internal::json_properties{out, core, first});
        out << '}';
    } catch (...) {
        try {
            out.setstate(std::ios_base::failbit);
        } catch (...) {// the stream is set to throw; noexcept is part of the interface
        }
    }
}

}// namespace realm
