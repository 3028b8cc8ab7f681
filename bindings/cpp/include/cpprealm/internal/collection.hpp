// Live collections as the C++ layer holds them: the handle, and the elements that were read last.
#pragma once

#include <cpprealm/internal/instance.hpp>

#include <algorithm>
#include <atomic>

namespace realm::internal {

using collection_handle = handle<realm_collection_t, realm_collection_release>;

// A collection of an instance, shared by accessors, iterators and observers. Elements are read a page at a time: while the instance's
// stamp stands, going through a collection enters the library once per 256 elements. Of a frozen instance several threads may use it.
class collection_core {
public:
    static constexpr size_t page_size = 256;

    collection_core(instance_ptr owner, collection_handle&& h, std::string name)
        : m_owner(std::move(owner)), m_handle(std::move(h)), m_name(std::move(name)), m_frozen(realm_is_frozen(m_owner->get())),
          m_kind(realm_collection_get_kind(m_handle.get())), m_keyed(m_kind == REALM_COLLECTION_DICTIONARY) {}
    collection_core(const collection_core&) = delete;
    collection_core& operator=(const collection_core&) = delete;

    realm_collection_t* get() const noexcept { return m_handle.get(); }
    const instance_ptr& owner() const noexcept { return m_owner; }
    bool is_frozen() const noexcept { return m_frozen; }
    const std::string& name() const noexcept { return m_name; }// Class.property

    size_t size() {
        guard lock(*this);
        return count();
    }
    // What f(cell, key) makes of the element at a position; the key is empty unless it is a dictionary. The cell's strings are good within
    // f. std::out_of_range beyond the end.
    template <typename Fn>
    auto read(size_t index, Fn&& f) {
        guard lock(*this);
        auto i = cell_at(index);
        return f(m_cells[i], m_keyed ? from_abi(m_keys[i]) : std::string());
    }
    // The object that the element at a position links to or is; empty for a null.
    core_ptr object(size_t index, const class_binding& binding) {
        guard lock(*this);
        prepare();
        if (index - m_objects_first >= m_objects.size()) load_objects(index, binding);
        return m_objects[index - m_objects_first];
    }
    // Position of a value, not_found when there is none.
    size_t find(const realm_value_t& v) {
        size_t out = 0;
        call(realm_collection_find, get(), &v, &out);
        return out;
    }
    // What f(cell) makes of the value of a key; false when there is no such key.
    template <typename Fn>
    bool read_key(const std::string& key, Fn&& f) {
        guard lock(*this);
        m_loaded = 0;// the strings of what was read before end here
        realm_value_t cell{};
        bool found = false;
        call(realm_dictionary_get, get(), to_abi(key), &cell, &found);
        if (found) f(cell);
        return found;
    }
    // Runs a change f(handle, args..., error) that makes the collection longer by `more`, so that appending need not ask for the length.
    template <typename Fn, typename... Args>
    void change(std::ptrdiff_t more, Fn&& f, Args&&... args) {
        bool counted = m_counted && m_count_stamp == m_owner->stamp();
        change_somehow(std::forward<Fn>(f), std::forward<Args>(args)...);
        if (!counted) return;
        m_counted = true;
        m_count += static_cast<size_t>(more);
        m_count_stamp = m_owner->stamp();
    }
    // For changes after which the length is not known.
    template <typename Fn, typename... Args>
    void change_somehow(Fn&& f, Args&&... args) {
        realm_error_t e;
        if (f(get(), std::forward<Args>(args)..., &e) != REALM_OK) fail_change(e);
        forget();
    }
    // The next element that is asked for begins a walk through the collection: load many.
    void expect_walk() noexcept {
        if (!m_frozen) m_batch = page_size;
    }
    [[noreturn]] CPPREALM_COLD void fail_index(const char* operation, size_t index) {
        size_t n = 0;
        call(realm_collection_count, get(), &n);
        throw std::out_of_range("Requested index " + std::to_string(index) + " calling " + operation + "() on " + (m_keyed ? "dictionary" : "list") + " '" + m_name +
                                (n ? "' when max is " + std::to_string(n - 1) : "' when empty"));
    }

private:
    template <typename>
    friend class counted_ptr;

    struct guard {
        explicit guard(collection_core& c) : m_mutex(c.m_frozen ? &c.m_mutex : nullptr) {
            if (m_mutex) m_mutex->lock();
        }
        ~guard() {
            if (m_mutex) m_mutex->unlock();
        }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        std::mutex* m_mutex;
    };

    // Lists and sets have texts of their own for changes outside of a transaction, as in the original.
    [[noreturn]] CPPREALM_COLD void fail_change(const realm_error_t& e) const {
        if (e.status == REALM_ERR_NOT_IN_TRANSACTION && !m_keyed)
            throw std::runtime_error(std::string("Cannot modify managed ") + (m_kind == REALM_COLLECTION_SET ? "Set" : "List") + " outside of a write transaction.");
        fail(e);
    }
    size_t count() {
        auto stamp = m_owner->stamp();
        if (m_counted && m_count_stamp == stamp) return m_count;
        m_counted = false;
        call(realm_collection_count, get(), &m_count);
        m_counted = true;
        m_count_stamp = m_owner->stamp();
        return m_count;
    }
    void forget() noexcept {
        m_counted = false;
        m_loaded = 0;
        m_objects.clear();
    }
    // Drops what was read when the instance has moved on.
    void prepare() {
        if (m_page_stamp == m_owner->stamp()) return;
        m_page_stamp = m_owner->stamp();
        m_loaded = 0;
        m_objects.clear();
        m_next = 0;
    }
    // How many to load from a position on: going on where the last page ended asks for many, jumping about for one.
    size_t batch(size_t index) {
        m_batch = index == m_next ? std::min(m_batch * 4, page_size) : 1;
        return m_batch;
    }
    size_t cell_at(size_t index) {
        prepare();
        if (index - m_first < m_loaded) return index - m_first;
        auto wanted = batch(index);
        m_loaded = 0;
        if (m_cells.size() < wanted) m_cells.resize(wanted);
        if (m_keyed && m_keys.size() < wanted) m_keys.resize(wanted);
        size_t n = 0;
        if (index < count()) call(realm_collection_load, get(), index, wanted, m_cells.data(), m_keyed ? m_keys.data() : nullptr, &n);
        if (!n) fail_index("get", index);
        m_first = index;
        m_loaded = n;
        m_next = index + n;
        return 0;
    }
    void load_objects(size_t index, const class_binding& binding) {
        auto wanted = batch(index);
        m_objects.clear();
        realm_object_t* raw[page_size];
        size_t n = 0;
        if (index < count()) call(realm_collection_load_objects, get(), index, wanted, raw, &n);
        if (!n) fail_index("get", index);
        m_objects_first = index;
        m_objects.reserve(n);
        for (size_t i = 0; i < n; i++) m_objects.push_back(raw[i] ? core_ptr(new object_core(m_owner, binding, raw[i])) : core_ptr());
        m_next = index + n;
    }

    instance_ptr m_owner;
    collection_handle m_handle;
    std::string m_name;
    const bool m_frozen;
    const int m_kind;
    const bool m_keyed;
    std::mutex m_mutex;// taken when frozen
    bool m_counted = false;
    size_t m_count = 0;
    uint64_t m_count_stamp = 0;
    // The page: values (and keys), or objects. Good while the stamp stands.
    uint64_t m_page_stamp = 0;
    std::vector<realm_value_t> m_cells;
    std::vector<realm_string_t> m_keys;
    size_t m_first = 0;
    size_t m_loaded = 0;
    std::vector<core_ptr> m_objects;
    size_t m_objects_first = 0;
    size_t m_next = 0;
    size_t m_batch = 1;
    uint32_t m_references = 0;// of counted_ptr
};
using collection_ptr = counted_ptr<collection_core>;

// The collection in a property of an object.
CPPREALM_COLD inline collection_ptr open_collection(object_core& o, uint32_t property) {
    auto& binding = o.binding();
    std::string name = std::string(binding.name) + "." + binding.properties[property];
    if (o.query()) throw std::logic_error("The collection '" + name + "' cannot be used inside of `where`; use a query text instead.");
    auto column = binding.columns[property];
    if (column == no_column) fail_column(binding);
    collection_handle h;
    call(realm_object_get_collection, o.object(), column, h.out());
    return collection_ptr(new collection_core(o.owner(), std::move(h), std::move(name)));
}

// Base of the accessors of collections. The collection is opened at the first use. A copy stands alone: it stays good when the object
// handle that it was taken from is gone.
class collection_accessor : public accessor {
public:
    collection_accessor(bind_t b, object_core* core, uint32_t property) noexcept : accessor(b, core, property) {}
    collection_accessor(const collection_accessor& o) : accessor(bind, o.in_query() ? o.m_core : nullptr, o.m_property) {
        if (o.m_core && !o.in_query()) adopt(o.shared());
        else if (auto c = o.m_opened.load(std::memory_order_acquire))
            adopt(collection_ptr(c));
    }
    collection_accessor& operator=(const collection_accessor&) = delete;
    ~collection_accessor() { close(); }

    void rebind(bind_t b, object_core* core) noexcept {
        close();
        accessor::rebind(b, core);
    }

protected:
    collection_core& opened() const {
        if (auto c = m_opened.load(std::memory_order_acquire)) return *c;
        return *adopt(open_collection(core(), m_property));
    }
    collection_ptr shared() const { return collection_ptr(&opened()); }

private:
    // Several threads may be the first to use a frozen object's collection: one of them wins.
    collection_core* adopt(collection_ptr c) const {
        collection_core* before = nullptr;
        if (!m_opened.compare_exchange_strong(before, c.get(), std::memory_order_acq_rel, std::memory_order_acquire)) return before;
        return c.leak();
    }
    void close() noexcept { (void) collection_ptr::adopt(m_opened.exchange(nullptr, std::memory_order_acq_rel)); }

    mutable std::atomic<collection_core*> m_opened{nullptr};// with a reference
};

// A position in a collection: the element is read when it is asked for. Read gives it: Read::get(core, index).
template <typename Read, typename Category>
class collection_iterator {
public:
    using value_type = typename Read::type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = value_type;
    using iterator_category = Category;

    collection_iterator() = default;
    collection_iterator(bind_t, collection_ptr c, size_t index) : m_collection(std::move(c)), m_index(index) {}
    value_type operator*() const {
        if (!m_collection) throw std::out_of_range("This iterator belongs to no collection.");
        return Read::get(*m_collection, m_index);
    }
    collection_iterator& operator++() noexcept {
        m_index++;
        return *this;
    }
    collection_iterator operator++(int) {
        auto before = *this;
        m_index++;
        return before;
    }
    bool operator==(const collection_iterator& o) const noexcept { return m_index == o.m_index; }
    bool operator!=(const collection_iterator& o) const noexcept { return m_index != o.m_index; }
    // For the library.
    size_t index(bind_t) const noexcept { return m_index; }

private:
    collection_ptr m_collection;
    size_t m_index = 0;
};

}// namespace realm::internal
