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

// Stores an object as add_object does, and lets link(cell) put the link to it where it belongs as soon as the object exists, before its properties
// are set: the order in which the original records them.
template <typename T, typename Link>
core_ptr add_linked(const instance_ptr& owner, const T& value, Link&& link);

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
        if (!o) return point_to(internal::core_ptr());
        auto& c = core();
        if constexpr (internal::is_embedded<T>()) {
            realm_object_t* made = nullptr;
            internal::call(realm_object_set_embedded, c.object(), column(), &made);
            (void) internal::fill_embedded(c.owner(), made, *o);
        } else
            (void) internal::add_linked(c.owner(), *o, [&](const realm_value_t& link) { store(link); });
        return *this;
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
            for (auto& [key, v]: values) put(key, v, true);
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
    // whole: the whole dictionary is stored. Then the original sets a link again behind the properties of its object.
    void put(const std::string& key, const E& v, bool whole = false) {
        if constexpr (std::is_pointer_v<E>) {
            using T = std::remove_pointer_t<E>;
            if (!v) return put_cell(key, realm_value_t{});
            if constexpr (is_embedded<T>()) {
                realm_object_t* made = nullptr;
                c.change_somehow(realm_dictionary_put_embedded, to_abi(key), &made);
                (void) fill_embedded(c.owner(), made, *v);
            } else {
                auto o = add_linked(c.owner(), *v, [&](const realm_value_t& link) { put_cell(key, link); });
                if (whole) put_cell(key, link_cell(*o));
            }
        } else
            put_cell(key, to_cell<E>(v));
    }

private:
    void put_cell(const std::string& key, const realm_value_t& cell) { c.change_somehow(realm_dictionary_put, to_abi(key), &cell); }
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

// Fills the cells of an object to be stored: of its key, and of the values in front of the first property that takes more than a cell, which is a
// link or a collection that isn't empty. The strings stay in the object, which outlives the call.
template <typename T>
struct fill_row {
    const T& object;
    const class_binding& binding;
    realm_value_t* cells;
    uint32_t end; // the first property that isn't filled
    bool keyed = false;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) {
        if constexpr (is_collection<Member>) {
            if (property < end && !(object.*member).empty()) end = property;
        } else if constexpr (std::is_pointer_v<Member>) {
            if (property < end && object.*member) end = property;
        } else if constexpr (!is_linking_objects<Member>::value) {
            keyed = keyed || persisted<Member>::key;
            if (property >= end && !persisted<Member>::key) return;
            auto column = binding.columns[property];
            if (column >= binding.row_size) fail_column(binding);
            auto& c = cells[column];
            c = realm_value_t{};
            persisted<Member>::write(object.*member, c);
        }
    }
};

// Stores the properties from `first` on, in schema order, one by one: the order in which the original records them. Those in front of it have
// been stored with the row; an object that isn't new may have to lose the elements of collections among them.
template <typename T>
struct put_in {
    const T& object;
    object_core& core;
    bool fresh;
    uint32_t first;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) const {
        if constexpr (is_collection<Member>) {
            const Member& values = object.*member;
            if (fresh && values.empty()) return;
            auto c = open_collection(core, property);
            collection_writer<Member>{*c, fresh}.write(values);
        } else if constexpr (std::is_pointer_v<Member>) {
            // A null pointer leaves an existing link alone, as in the original (KEEP-8).
            auto value = object.*member;
            if (!value) return;
            auto column = core.binding().columns[property];
            if constexpr (is_embedded<std::remove_pointer_t<Member>>()) {
                realm_object_t* made = nullptr;
                call(realm_object_set_embedded, core.object(), column, &made);
                (void) fill_embedded(core.owner(), made, *value);
            } else
                (void) add_linked(core.owner(), *value, [&](const realm_value_t& link) { core.set(column, link); });
        } else if constexpr (!is_linking_objects<Member>::value) {
            if constexpr (!persisted<Member>::key)
                if (property >= first) core.set(core.binding().columns[property], to_cell<Member>(object.*member));
        }
    }
};

template <typename T>
core_ptr fill_embedded(const instance_ptr& owner, realm_object_t* made, const T& value) {
    core_ptr core(new object_core(owner, binding_of<T>(*owner), made));
    generated<T>::cpprealm_each(put_in<T>{value, *core, true, 0});
    return core;
}

// The cells of a row, all absent. Rows of usual size need no allocation.
class row_cells {
public:
    explicit row_cells(uint32_t size) {
        if (size > std::size(m_small)) {
            m_large.resize(size);
            m_cells = m_large.data();
        }
        for (uint32_t i = 0; i < size; i++) m_cells[i].type = REALM_TYPE_ABSENT;
    }
    row_cells(const row_cells&) = delete;
    row_cells& operator=(const row_cells&) = delete;
    realm_value_t* get() { return m_cells; }

private:
    realm_value_t m_small[32];
    std::vector<realm_value_t> m_large;
    realm_value_t* m_cells = m_small;
};

// Creates an object, or finds the one with its key and sets what the cells hold.
inline core_ptr upsert(const instance_ptr& owner, const class_binding& binding, const realm_value_t* cells, bool& created) {
    realm_object_t* raw = nullptr;
    call(realm_object_create, owner->get(), binding.key, cells, size_t(binding.row_size), int(REALM_CREATE_UPSERT), &raw, &created);
    return core_ptr(new object_core(owner, binding, raw));
}

template <typename T>
core_ptr add_object(const instance_ptr& owner, const T& value, bool made) {
    const auto& binding = binding_of<T>(*owner);
    row_cells cells(binding.row_size);
    fill_row<T> row{value, binding, cells.get(), UINT32_MAX};
    generated<T>::cpprealm_each(row);
    bool created = false;
    auto core = upsert(owner, binding, cells.get(), created);
    generated<T>::cpprealm_each(put_in<T>{value, *core, created || made, row.end});
    return core;
}

template <typename T, typename Link>
core_ptr add_linked(const instance_ptr& owner, const T& value, Link&& link) {
    const auto& binding = binding_of<T>(*owner);
    row_cells cells(binding.row_size);
    fill_row<T> row{value, binding, cells.get(), 0};
    generated<T>::cpprealm_each(row);
    bool created = false;
    auto core = row.keyed ? upsert(owner, binding, cells.get(), created) : add_object(owner, value);
    link(link_cell(*core));
    if (row.keyed) core = add_object(owner, value, created);
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
