// Accessors of dictionaries.
#pragma once

#include <cpprealm/managed_list.hpp>

namespace realm {

namespace internal {

// The path of a dictionary's entry in a query text.
CPPREALM_COLD inline std::string entry_path(const std::string& dictionary, const std::string& key) {
    // Quotes take everything literally but themselves and the backslash.
    const char quote = key.find('\'') == std::string::npos ? '\'' : '"';
    if (key.find(quote) != std::string::npos || key.find('\\') != std::string::npos || key.find(query_piece::mark) != std::string::npos)
        throw std::logic_error("The key '" + key + "' cannot stand in a condition: use a query text that has it as an argument, as in " + dictionary + "[$0].");
    return dictionary + "[" + quote + key + quote + "]";
}

// One entry of a dictionary, or in a query callback its path. What is common to values and links.
class entry {
public:
    entry(collection_ptr c, std::string key) : m_collection(std::move(c)), m_key(std::move(key)) {}
    entry(instance_ptr owner, std::string path) : m_key(std::move(path)), m_owner(std::move(owner)) {}

protected:
    bool in_query() const noexcept { return !m_collection; }
    collection_core& collection() const {
        if (in_query()) throw std::logic_error("A dictionary's entry cannot be read inside of `where`; compare it with a value instead.");
        return *m_collection;
    }
    template <typename Fn>
    bool read(Fn&& f) const { return collection().read_key(m_key, std::forward<Fn>(f)); }
    void store(const realm_value_t& cell) const { collection().change_somehow(realm_dictionary_put, to_abi(m_key), &cell); }
    CPPREALM_COLD query_piece condition(const char* op, const realm_value_t& cell) const {
        query_piece out;
        out.text = m_key + op + query_piece::mark;
        query_argument a;
        a.cell = cell;
        a.own();
        out.arguments.push_back(std::move(a));
        return out;
    }

    collection_ptr m_collection;// empty in a query
    std::string m_key;          // in a query: the path
    instance_ptr m_owner;       // in a query
};

}// namespace internal

// One key of a live dictionary, whether the dictionary has it or not. Reading a key that is missing throws; assigning adds it.
template <typename X>
class box : internal::entry {
public:
    using entry::entry;
    box(const box&) = default;

    X detach() const {
        std::optional<X> out;
        if (!this->read([&](const realm_value_t& cell) { out.emplace(internal::persisted<X>::read(cell)); })) throw std::out_of_range("Dictionary::get: there is no key '" + m_key + "'.");
        return std::move(*out);
    }
    X operator*() const { return detach(); }
    box& operator=(const X& v) {
        store(internal::to_cell<X>(v));
        return *this;
    }
    // The value of the other entry, not the entry itself.
    box& operator=(const box& o) { return *this = o.detach(); }

    rbool operator==(const X& v) const {
        if (in_query()) return condition(" == ", internal::to_cell<X>(v));
        return detach() == v;
    }
    rbool operator!=(const X& v) const {
        if (in_query()) return condition(" != ", internal::to_cell<X>(v));
        return !(detach() == v);
    }
    rbool operator<(const X& v) const { return compare(internal::comparison::lt, v); }
    rbool operator<=(const X& v) const { return compare(internal::comparison::le, v); }
    rbool operator>(const X& v) const { return compare(internal::comparison::gt, v); }
    rbool operator>=(const X& v) const { return compare(internal::comparison::ge, v); }
    // Strings only.
    rbool contains(const std::string& s, bool case_sensitive = true) const {
        if (in_query()) return condition(case_sensitive ? " CONTAINS " : " CONTAINS[c] ", internal::to_cell(s));
        if constexpr (std::is_same_v<X, std::string>) return detach().find(s) != std::string::npos;
        else {
            static_assert(std::is_same_v<X, std::optional<std::string>>, "contains() is for dictionaries of strings.");
            auto v = detach();
            return v && v->find(s) != std::string::npos;
        }
    }

private:
    rbool compare(internal::comparison op, const X& v) const {
        if (in_query()) return condition(internal::text_of(op), internal::to_cell<X>(v));
        return internal::holds(op, detach(), v);
    }
};

// The same for dictionaries of links and of embedded objects.
template <typename T>
class box<managed<T*>> : internal::entry {
public:
    using entry::entry;
    box(const box&) = default;
    using ref_type = typename managed<T*>::ref_type;

    // The object. Reading a property of a null or of a missing key throws.
    ref_type operator->() const {
        if (in_query()) {
            auto path = std::make_unique<internal::query_path>();
            path->owner = m_owner;
            path->prefix = m_key + ".";
            return ref_type(internal::core_ptr(new internal::object_core(std::move(path), internal::binding_of<T>(*m_owner))));
        }
        auto o = target();
        if (!o) throw std::runtime_error("There is no object under the key '" + m_key + "' of the dictionary.");
        return ref_type(std::move(o));
    }
    // Empty for a null and for a key that is missing.
    std::optional<ref_type> operator*() const {
        auto o = target();
        return o ? std::optional<ref_type>(ref_type(std::move(o))) : std::nullopt;
    }
    operator bool() const { return bool(target()); }

    // Stores the object (an existing one with its primary key is updated; an embedded one is new) and puts it under the key.
    box& operator=(T* o) {
        auto& c = collection();
        internal::collection_writer<std::map<std::string, T*>>{c, false}.put(m_key, o);
        return *this;
    }
    box& operator=(std::nullptr_t) {
        store(realm_value_t{});
        return *this;
    }
    box& operator=(const managed<T>& o) { return point_to(internal::access::pointer(o)); }
    box& operator=(const managed<T*>& o) { return point_to(internal::access::target(o)); }
    box& operator=(const box& o) { return point_to(o.target()); }

    rbool operator==(const managed<T>& o) const { return equals(internal::access::pointer(o)); }
    rbool operator==(const managed<T*>& o) const { return equals(internal::access::target(o)); }
    rbool operator==(const box& o) const { return equals(o.target()); }
    rbool operator==(std::nullptr_t) const { return equals({}); }
    rbool operator!=(const managed<T>& o) const { return differs(internal::access::pointer(o)); }
    rbool operator!=(const managed<T*>& o) const { return differs(internal::access::target(o)); }
    rbool operator!=(const box& o) const { return differs(o.target()); }
    rbool operator!=(std::nullptr_t) const { return differs({}); }

private:
    internal::core_ptr target() const {
        internal::core_ptr out;
        this->read([&](const realm_value_t& cell) { out = internal::follow<T>(m_collection->owner(), cell); });
        return out;
    }
    box& point_to(const internal::core_ptr& o) {
        store(o ? internal::link_within(collection().owner(), o) : realm_value_t{});
        return *this;
    }
    CPPREALM_COLD internal::query_piece link_condition(const char* op, const internal::core_ptr& o) const {
        if (o) return condition(op, internal::link_cell(*o));
        internal::query_piece out;
        out.text = m_key + op + "NULL";
        return out;
    }
    rbool equals(const internal::core_ptr& o) const {
        if (in_query()) return link_condition(" == ", o);
        auto t = target();
        return (!t && !o) || internal::same_object(t.get(), o.get());
    }
    rbool differs(const internal::core_ptr& o) const {
        if (in_query()) return link_condition(" != ", o);
        return !equals(o);
    }
};

namespace internal {

// What going through a dictionary yields: pairs of key and value, in ascending order of the keys.
template <typename E>
struct keyed_element {
    using type = std::pair<std::string, typename element<E>::type>;
    static type get(collection_core& c, size_t index) {
        if constexpr (std::is_pointer_v<E>) {
            auto key = c.read(index, [](const realm_value_t&, std::string&& k) { return std::move(k); });
            return {std::move(key), element<E>::get(c, index)};
        } else
            return c.read(index, [](const realm_value_t& cell, std::string&& k) { return type(std::move(k), persisted<E>::read(cell)); });
    }
};

template <typename E>
struct boxed {
    using type = box<E>;
};
template <typename T>
struct boxed<T*> {
    using type = box<managed<T*>>;
};

}// namespace internal

// A live dictionary of values, links or embedded objects. It borrows from the object it is a member of; copies stand alone. Keys may not contain '.'
// nor begin with '$'.
template <typename E>
struct managed<std::map<std::string, E>> : internal::collection_accessor {
    using collection_accessor::collection_accessor;
    using iterator = internal::collection_iterator<internal::keyed_element<E>, std::forward_iterator_tag>;
    using mapped_box = typename internal::boxed<E>::type;

    size_t size() const { return opened().size(); }
    bool empty() const { return size() == 0; }
    iterator begin() const {
        auto c = shared();
        c->expect_walk();
        return iterator(internal::bind, std::move(c), 0);
    }
    iterator end() const {
        auto c = shared();
        auto n = c->size();
        return iterator(internal::bind, std::move(c), n);
    }
    // The entry with that key, or end().
    iterator find(const std::string& key) const {
        if (in_query()) throw std::runtime_error("`find` is not available in Type Safe Queries, use `contains_key` instead.");
        auto c = shared();
        size_t position = 0;
        internal::call(realm_dictionary_find_key, c->get(), internal::to_abi(key), &position);
        return position == not_in_collection ? end() : iterator(internal::bind, std::move(c), position);
    }
    // A view of the key, which adds nothing by itself.
    mapped_box operator[](const std::string& key) const {
        if (in_query()) return mapped_box(core().owner(), internal::entry_path(path(), key));
        return mapped_box(shared(), key);
    }
    // Throws std::out_of_range when there is no such key.
    void erase(const std::string& key) {
        bool removed = false;
        opened().change_somehow(realm_dictionary_remove, internal::to_abi(key), &removed);
        if (!removed) throw std::out_of_range("Cannot remove key \"" + key + "\" from dictionary: key not found");
    }
    void clear() { opened().change_somehow(realm_collection_clear); }
    rbool contains_key(const std::string& key) const {
        if (in_query()) {
            internal::query_piece out;
            out.text = path() + ".@keys == " + internal::query_piece::mark;
            out.arguments.emplace_back();
            out.arguments.back().cell = internal::to_cell(key);
            out.arguments.back().own();
            return out;
        }
        size_t position = 0;
        internal::call(realm_dictionary_find_key, opened().get(), internal::to_abi(key), &position);
        return position != not_in_collection;
    }
    // A plain copy; linked objects are copied to the heap, for the caller to delete.
    std::map<std::string, E> detach() const { return internal::detach_collection<std::map<std::string, E>>(opened()); }
    // Calls back first with nothing, then after each change, with the keys, when the database advances, on its thread.
    notification_token observe(std::function<void(dictionary_collection_change)>&& callback) {
        return internal::observe_collection<dictionary_collection_change>(shared(), std::move(callback));
    }

private:
    CPPREALM_COLD std::string path() const {
        auto& c = core();
        return c.query()->prefix + c.binding().properties[m_property];
    }
};

}// namespace realm
