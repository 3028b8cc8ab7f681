// Accessors of to-one links; storing objects with all that hangs on them.
#pragma once

#include <cpprealm/managed_object.hpp>

namespace realm {

namespace internal {

template <typename T>
template <typename Target>
Target* copy_out<T>::detach_link(uint32_t property) {
    auto target = follow<Target>(core.owner(), core.cell(core.binding().columns[property]));
    return target ? new Target(managed<Target>(target).detach()) : nullptr;
}

inline realm_value_t link_cell(const object_core& target) {
    realm_value_t c{};
    c.type = REALM_TYPE_LINK;
    c.size = target.object()->class_key;
    c.u.link = target.object()->object_key;
    return c;
}

// The link that stands for an object of the same instance.
inline realm_value_t link_within(const instance_ptr& owner, const core_ptr& target) {
    if (!target) throw std::runtime_error("This object handle is empty: assign an object of a database first.");
    if (target->owner() != owner && !realm_is_same(target->owner()->get(), owner->get()))
        throw std::logic_error("A link can't point to an object of another database, nor to one of the same file that is frozen or belongs to another thread.");
    return link_cell(*target);
}

// Fills a new embedded object.
template <typename T>
core_ptr fill_embedded(const instance_ptr& owner, realm_object_t* made, const T& value);

}// namespace internal

template <typename T>
struct managed<T*> : internal::accessor {
    using accessor::accessor;
    managed(const managed& o) : accessor(internal::bind, o.m_core, o.m_property) {}

    // What -> gives: the target, kept alive for the expression.
    class ref_type {
    public:
        explicit ref_type(internal::core_ptr core) : m_object(std::move(core)) {}
        managed<T>* operator->() { return &m_object; }
        const managed<T>* operator->() const { return &m_object; }
        managed<T>& operator*() { return m_object; }
        const managed<T>& operator*() const { return m_object; }
        rbool operator==(const managed<T>& o) const { return m_object == o; }
        rbool operator!=(const managed<T>& o) const { return m_object != o; }
        rbool operator==(const ref_type& o) const { return m_object == o.m_object; }
        rbool operator!=(const ref_type& o) const { return m_object != o.m_object; }
        rbool operator==(const managed<T*>& o) const { return internal::same_object(internal::access::pointer(m_object).get(), o.target().get()); }
        rbool operator!=(const managed<T*>& o) const { return !internal::same_object(internal::access::pointer(m_object).get(), o.target().get()); }

    private:
        managed<T> m_object;
    };

    // A deep copy on the heap, for the caller to delete; nullptr for a null link.
    T* detach() const {
        auto t = target();
        return t ? new T(managed<T>(t).detach()) : nullptr;
    }
    // The target. Reading a property through a null link throws.
    ref_type operator->() const {
        if (in_query()) {
            auto& c = core();
            auto path = std::make_unique<internal::query_path>();
            path->owner = c.owner();
            path->prefix = c.query()->prefix + c.binding().properties[m_property] + ".";
            return ref_type(internal::core_ptr(new internal::object_core(std::move(path), internal::binding_of<T>(*c.owner()))));
        }
        auto t = target();
        if (!t) throw std::runtime_error("The link '" + name() + "' is null.");
        return ref_type(std::move(t));
    }
    // Whether the link is set.
    operator bool() const { return cell().type == REALM_TYPE_LINK; }

    managed& operator=(const managed<T>& o) { return point_to(internal::access::pointer(o)); }
    managed& operator=(const managed& o) { return point_to(o.target()); }
    managed& operator=(std::nullptr_t) { return point_to(internal::core_ptr()); }
    // Stores the object (an existing one with its primary key is updated) and links to it; nullptr clears the link. An embedded object
    // is new each time, and replaces the one that was there, which is deleted.
    managed& operator=(T* o) {
        if constexpr (internal::is_embedded<T>()) {
            if (!o) return point_to(internal::core_ptr());
            auto& c = core();
            realm_object_t* made = nullptr;
            internal::call(realm_object_set_embedded, c.object(), column(), &made);
            (void) internal::fill_embedded(c.owner(), made, *o);
            return *this;
        } else
            return point_to(o ? internal::add_object(core().owner(), *o) : internal::core_ptr());
    }

    rbool operator==(std::nullptr_t) const {
        if (in_query()) return condition(" == ", nullptr);
        return !bool(*this);
    }
    rbool operator!=(std::nullptr_t) const {
        if (in_query()) return condition(" != ", nullptr);
        return bool(*this);
    }
    rbool operator==(const managed<T>& o) const { return equals(internal::access::pointer(o)); }
    rbool operator==(const managed& o) const { return equals(o.target()); }
    // Outside of a query: whether this link is set, whatever the right-hand side. A test of the original demands it (KEEP-3).
    rbool operator!=(const managed<T>& o) const { return differs(internal::access::pointer(o)); }
    rbool operator!=(const managed& o) const { return differs(o.target()); }

private:
    template <typename, typename>
    friend struct managed;
    friend struct internal::access;
    internal::core_ptr target() const { return internal::follow<T>(core().owner(), cell()); }
    std::string name() const { return core().binding().properties[m_property]; }
    managed& point_to(const internal::core_ptr& o) {
        store(o ? internal::link_within(core().owner(), o) : realm_value_t{});
        return *this;
    }
    CPPREALM_COLD internal::query_piece condition(const char* op, const internal::object_core* o) const {
        internal::query_piece out;
        out.text = core().query()->prefix + name() + op + (o ? std::string(1, internal::query_piece::mark) : std::string("NULL"));
        if (o) {
            out.arguments.emplace_back();
            out.arguments.back().cell = internal::link_cell(*o);
        }
        return out;
    }
    rbool equals(const internal::core_ptr& o) const {
        if (in_query()) return condition(" == ", o.get());
        auto t = target();
        return (!t && !o) || internal::same_object(t.get(), o.get());
    }
    rbool differs(const internal::core_ptr& o) const {
        if (in_query()) return condition(" != ", o.get());
        return bool(*this);
    }
};

template <typename T>
inline bool managed<T, std::enable_if_t<internal::has_schema<T>::value>>::operator==(const managed<T*>& link) const {
    auto own = internal::access::pointer(*this).get();
    if (link.in_query()) throw std::runtime_error("This comparison operator is not valid inside of `where`");
    return internal::equal_objects(own, link.target().get());
}

namespace internal {

// Writes what an unmanaged object has into a collection. `fresh`: it is known to be empty. Otherwise, as in the original (KEEP-8), a
// list of plain values is replaced, lists of booleans, optionals, mixed values and objects are added to, sets and dictionaries merged.
template <typename M>
struct collection_writer {
    using E = typename collection_type<M>::element;
    static constexpr uint8_t kind = collection_type<M>::kind;
    collection_core& c;
    bool fresh;

    void write(const M& values) {
        if constexpr (kind == REALM_COLLECTION_DICTIONARY) {
            for (auto& [key, v]: values) put(key, v);
        } else if constexpr (kind == REALM_COLLECTION_SET) {
            for (auto& v: values) add(v);
        } else if constexpr (std::is_pointer_v<E>) {
            for (auto v: values)
                if (v) append(v);
        } else if (fresh || replaces<E>)
            assign(values);
        else
            for (size_t i = 0; i < values.size(); i++) append(values[i]);
    }
    void append(const E& v) { insert(c.size(), v); }
    // A pointer stores its object, and may not be null.
    void insert(size_t index, const E& v) {
        if constexpr (std::is_pointer_v<E>) {
            using T = std::remove_pointer_t<E>;
            if (!v) throw std::invalid_argument("A list cannot hold a null pointer.");
            if constexpr (is_embedded<T>()) {
                realm_object_t* made = nullptr;
                c.change(1, realm_list_insert_embedded, index, &made);
                (void) fill_embedded(c.owner(), made, *v);
            } else {
                auto cell = link_cell(*add_object(c.owner(), *v));
                c.change(1, realm_list_insert, index, &cell);
            }
        } else {
            auto cell = to_cell<E>(v);
            c.change(1, realm_list_insert, index, &cell);
        }
    }
    void add(const E& v) {
        if constexpr (std::is_pointer_v<E>) {
            if (!v) return;
            auto cell = link_cell(*add_object(c.owner(), *v));
            c.change_somehow(realm_set_add, &cell, nullptr, nullptr);
        } else {
            auto cell = to_cell<E>(v);
            c.change_somehow(realm_set_add, &cell, nullptr, nullptr);
        }
    }
    void put(const std::string& key, const E& v) {
        realm_value_t cell{};
        if constexpr (std::is_pointer_v<E>) {
            using T = std::remove_pointer_t<E>;
            if (v) {
                if constexpr (is_embedded<T>()) {
                    realm_object_t* made = nullptr;
                    c.change_somehow(realm_dictionary_put_embedded, to_abi(key), &made);
                    (void) fill_embedded(c.owner(), made, *v);
                    return;
                } else
                    cell = link_cell(*add_object(c.owner(), *v));
            }
        } else
            cell = to_cell<E>(v);
        c.change_somehow(realm_dictionary_put, to_abi(key), &cell);
    }

private:
    template <typename X>
    static constexpr bool replaces = !std::is_same_v<X, bool> && !persisted<X>::nullable;
    void assign(const M& values) {
        std::vector<realm_value_t> cells(values.size());
        for (size_t i = 0; i < cells.size(); i++) {
            if constexpr (std::is_same_v<E, bool>) persisted<E>::write(values[i], cells[i]);// not a reference
            else {
                const E& v = values[i];
                persisted<E>::write(v, cells[i]);
            }
        }
        c.change_somehow(realm_list_assign, cells.data(), cells.size());
    }
};

// Fills the cells of a new object. The strings stay in the object, which outlives the call.
template <typename T>
struct fill {
    const T& object;
    const instance_ptr& owner;
    const class_binding& binding;
    realm_value_t* cells;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) const {
        if constexpr (!is_collection<Member> && !is_linking_objects<Member>::value) {
            auto column = binding.columns[property];
            if (column >= binding.row_size) fail_column(binding);
            auto& c = cells[column];
            if constexpr (std::is_pointer_v<Member>) {
                // A null pointer leaves an existing link alone, as in the original (KEEP-8).
                if constexpr (!is_embedded<std::remove_pointer_t<Member>>())
                    if (auto target = object.*member) c = link_cell(*add_object(owner, *target));
            } else {
                c = realm_value_t{};
                persisted<Member>::write(object.*member, c);
            }
        }
    }
};

// Sets the properties of a new embedded object, which has no row to be created with.
template <typename T>
struct set_values {
    const T& object;
    object_core& core;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) const {
        if constexpr (!is_collection<Member> && !is_linking_objects<Member>::value) {
            auto column = core.binding().columns[property];
            realm_value_t c{};
            if constexpr (std::is_pointer_v<Member>) {
                if constexpr (!is_embedded<std::remove_pointer_t<Member>>())
                    if (auto target = object.*member) core.set(column, link_cell(*add_object(core.owner(), *target)));
            } else {
                persisted<Member>::write(object.*member, c);
                core.set(column, c);
            }
        }
    }
};

// What hangs on an object that is stored: embedded objects and collections, in schema order.
template <typename T>
struct fill_in {
    const T& object;
    object_core& core;
    bool fresh;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) const {
        if constexpr (is_collection<Member>) {
            const Member& values = object.*member;
            if (fresh && values.empty()) return;
            auto c = open_collection(core, property);
            collection_writer<Member>{*c, fresh}.write(values);
        } else if constexpr (std::is_pointer_v<Member>) {
            if constexpr (is_embedded<std::remove_pointer_t<Member>>()) {
                auto value = object.*member;
                if (!value) return;
                realm_object_t* made = nullptr;
                call(realm_object_set_embedded, core.object(), core.binding().columns[property], &made);
                (void) fill_embedded(core.owner(), made, *value);
            }
        }
    }
};

template <typename T>
core_ptr fill_embedded(const instance_ptr& owner, realm_object_t* made, const T& value) {
    core_ptr core(new object_core(owner, binding_of<T>(*owner), made));
    generated<T>::cpprealm_each(set_values<T>{value, *core});
    generated<T>::cpprealm_each(fill_in<T>{value, *core, true});
    return core;
}

template <typename T>
core_ptr add_object(const instance_ptr& owner, const T& value) {
    const auto& binding = binding_of<T>(*owner);
    // Rows of usual size need no allocation.
    realm_value_t small[32];
    std::vector<realm_value_t> large;
    realm_value_t* cells = small;
    if (binding.row_size > 32) {
        large.resize(binding.row_size);
        cells = large.data();
    }
    for (uint32_t i = 0; i < binding.row_size; i++) cells[i].type = REALM_TYPE_ABSENT;
    generated<T>::cpprealm_each(fill<T>{value, owner, binding, cells});
    realm_object_t* raw = nullptr;
    bool created = false;
    call(realm_object_create, owner->get(), binding.key, cells, size_t(binding.row_size), int(REALM_CREATE_UPSERT), &raw, &created);
    core_ptr core(new object_core(owner, binding, raw));
    generated<T>::cpprealm_each(fill_in<T>{value, *core, created});
    return core;
}

template <typename M>
M detach_collection(collection_core& c) {
    using E = typename collection_type<M>::element;
    M out;
    c.expect_walk();
    size_t n = c.size();
    for (size_t i = 0; i < n; i++) {
        std::string key;
        E value{};
        if constexpr (std::is_pointer_v<E>) {
            using T = std::remove_pointer_t<E>;
            if constexpr (collection_type<M>::kind == REALM_COLLECTION_DICTIONARY) key = c.read(i, [](const realm_value_t&, std::string&& k) { return std::move(k); });
            auto target = c.object(i, binding_of<T>(*c.owner()));
            value = target ? new T(managed<T>(target).detach()) : nullptr;
        } else
            value = c.read(i, [&](const realm_value_t& cell, std::string&& k) {
                key = std::move(k);
                return persisted<E>::read(cell);
            });
        if constexpr (collection_type<M>::kind == REALM_COLLECTION_DICTIONARY) out.emplace_hint(out.end(), std::move(key), std::move(value));
        else if constexpr (collection_type<M>::kind == REALM_COLLECTION_SET)
            out.insert(out.end(), std::move(value));
        else
            out.push_back(std::move(value));
    }
    return out;
}

}// namespace internal
}// namespace realm
