// managed<T> of a class with a schema: a live object.
#pragma once

#include <cpprealm/internal/collection.hpp>
#include <cpprealm/notifications.hpp>
#include <cpprealm/schema.hpp>

#include <iostream>

namespace realm {

struct db;
template <typename T>
struct thread_safe_reference;
template <typename T, typename = void>
struct results;

namespace internal {

// Stores an unmanaged object and, recursively, what it links to (link.hpp). made: it has just been created, with nothing but its key.
template <typename T>
core_ptr add_object(const instance_ptr& owner, const T& value, bool made = false);

// Base of every generated accessor struct. Its members have names that no property has: a property hides what it is named after.
class object_base {
public:
    object_base() = default;
    explicit object_base(core_ptr core) noexcept : cpprealm_core(std::move(core)) {}

protected:
    core_ptr cpprealm_core;
    friend struct access;
};

// The one door through which the library gets at the insides of handles.
struct access {
    static const core_ptr& pointer(const object_base& o) noexcept { return o.cpprealm_core; }
    // Throws when the handle is empty.
    static object_core& core(const object_base& o) {
        if (!o.cpprealm_core) throw std::runtime_error("This object handle is empty: assign an object of a database first.");
        return *o.cpprealm_core;
    }
    // The target of a managed<T*>; empty for a null link.
    template <typename Link>
    static core_ptr target(const Link& link) { return link.target(); }
};

// A plain copy of a collection (link.hpp). Linked objects are copied to the heap, for the caller to delete.
template <typename M>
M detach_collection(collection_core& c);

template <typename T>
struct copy_out {
    T& out;
    object_core& core;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) {
        if constexpr (std::is_pointer_v<Member>) out.*member = detach_link<std::remove_pointer_t<Member>>(property);
        else if constexpr (is_collection<Member>)
            out.*member = detach_collection<Member>(*open_collection(core, property));
        else if constexpr (!is_linking_objects<Member>::value)
            out.*member = persisted<Member>::read(core.cell(core.binding().columns[property]));
    }
    template <typename Target>
    Target* detach_link(uint32_t property);
};

inline bool same_object(const object_core* a, const object_core* b) {
    if (!a || !b || a->query() || b->query()) return false;
    return a->object()->class_key == b->object()->class_key && a->object()->object_key == b->object()->object_key && realm_is_same(a->owner()->get(), b->owner()->get());
}

// The == of live objects.
inline bool equal_objects(const object_core* a, const object_core* b) {
    if ((a && a->query()) || (b && b->query())) throw std::runtime_error("This comparison operator is not valid inside of `where`");
    return same_object(a, b);
}

// The object a link cell points to; empty for null.
template <typename T>
inline core_ptr follow(const instance_ptr& owner, const realm_value_t& c) {
    if (c.type != REALM_TYPE_LINK) return core_ptr();
    realm_object_t* raw = nullptr;
    call(realm_object_get, owner->get(), c.size, c.u.link, &raw);
    return core_ptr(new object_core(owner, binding_of<T>(*owner), raw));
}

// What managed<T>::schema tells of a class, in the original's words. Nothing of it is computed unless it is used.
template <typename G, typename Members>
struct class_schema;
template <typename G, typename... Members>
struct class_schema<G, type_list<Members...>> {
    static constexpr const char* name = G::cpprealm_name;
    static constexpr auto& names = G::cpprealm_names;
    static constexpr bool HasPrimaryKeyProperty = (key_member<Members> || ...);
    // The alternatives of a property's old and new value in notifications. (Not PropertyChange<G>::variant_t: that takes each file that names
    // the class as long to compile as one that observes it.)
    using variant_t = typename change_variant<type_list<Members...>>::type;
    static constexpr bool is_embedded() { return G::object_type == ObjectType::Embedded; }
    // Empty for a class without one.
    static constexpr std::string_view primary_key_name() {
        constexpr bool keys[] = {key_member<Members>...};
        for (size_t i = 0; i < sizeof...(Members); i++)
            if (keys[i]) return names[i];
        return {};
    }
};

}// namespace internal

// A live object. Reads see the snapshot of its database; writes need an open write transaction. It belongs to the thread of its
// database unless that is frozen. Copies are handles on the same object.
template <typename T>
struct managed<T, std::enable_if_t<internal::has_schema<T>::value>> : internal::generated<T> {
    using cpprealm_base = internal::generated<T>;
    static constexpr bool is_object = true;
    static constexpr internal::class_schema<cpprealm_base, typename cpprealm_base::cpprealm_types> schema{};

    managed() = default;
    explicit managed(internal::core_ptr core) : cpprealm_base(std::move(core)) {}

    // A plain copy; linked objects are copied to the heap, for the caller to delete.
    T detach() const {
        T out{};
        cpprealm_base::cpprealm_each(internal::copy_out<T>{out, internal::access::core(*this)});
        return out;
    }
    // Calls back after each change of the object, when the database advances. The callback runs on the database's thread.
    notification_token observe(std::function<void(object_change<managed>&&)>&& callback) const;
    // Whether the object was deleted or its database closed, or the handle is empty.
    bool is_invalidated() const {
        auto core = internal::access::pointer(*this).get();
        return !core || core->query() || !realm_object_is_valid(core->object());
    }
    bool is_frozen() const {
        auto core = internal::access::pointer(*this).get();
        return core && core->owner() && realm_is_frozen(core->owner()->get());
    }
    // The same object at the database's snapshot, for good, usable on every thread.
    managed freeze() const;
    // The same object in the live database of the calling thread. Throws std::runtime_error when it is gone.
    managed thaw() const;
    db get_realm() const;

    // Whether both are the same object of the same database instance: a frozen object never equals a live one. Not for `where`.
    bool operator==(const managed& o) const { return internal::equal_objects(internal::access::pointer(*this).get(), internal::access::pointer(o).get()); }
    bool operator!=(const managed& o) const { return !(*this == o); }
    bool operator==(const managed<T*>& link) const;
    bool operator!=(const managed<T*>& link) const { return !(*this == link); }
    // In the order of creation.
    bool operator<(const managed& o) const { return internal::access::core(*this).object()->object_key < internal::access::core(o).object()->object_key; }

    // Compact JSON, members in schema order. On an object that is gone the stream's failbit is set.
    void to_json(std::ostream& out) const noexcept;
};

}// namespace realm
