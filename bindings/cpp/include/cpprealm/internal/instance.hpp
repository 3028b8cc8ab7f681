// A database instance as the C++ layer holds it: the handle, and what is looked up once per class.
#pragma once

#include <cpprealm/internal/abi.hpp>
#include <cpprealm/scheduler.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace realm::internal {

inline constexpr uint32_t no_column = static_cast<uint32_t>(-1);

// One class of an instance: its key and, for each property of the C++ class in declaration order, the index in a row.
struct class_binding {
    realm_class_key_t key = REALM_NO_CLASS;
    const char* name = nullptr;
    const char* const* properties = nullptr;// names, in declaration order
    std::vector<uint32_t> columns;
    uint32_t row_size = 0;// properties of the class in the file; at least as many as the C++ class declares
};

[[noreturn]] CPPREALM_COLD inline void fail_column(const class_binding& binding) {
    throw std::logic_error(std::string("This database has no such property of class '") + binding.name + "': its schema differs from the program's.");
}

class instance : public std::enable_shared_from_this<instance> {
public:
    explicit instance(realm_handle&& h) : m_handle(std::move(h)), m_stamp(realm_get_stamp(m_handle.get())) {}
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;

    realm_t* get() const noexcept { return m_handle.get(); }
    // Changes whenever something in the snapshot may have changed.
    uint64_t stamp() const noexcept { return m_stamp ? *m_stamp : 0; }

    // The binding of a C++ class, made at the first use; `properties` are its names, in an array that no other class has.
    // A frozen instance is used by several threads, hence the lock; live handles keep the reference, so it is rarely taken.
    const class_binding& binding(const char* name, const char* const* properties, size_t n_properties) const {
        std::lock_guard<std::mutex> lock(m_mutex);
        auto& slot = m_bindings[properties];
        if (!slot) slot = bind(name, properties, n_properties);
        return *slot;
    }

private:
    CPPREALM_COLD std::unique_ptr<class_binding> bind(const char* name, const char* const* properties, size_t n_properties) const {
        auto b = std::make_unique<class_binding>();
        b->name = name;
        b->properties = properties;
        call(realm_find_class, get(), to_abi(name), &b->key);
        realm_class_info_t info;
        call(realm_get_class, get(), b->key, &info);
        b->row_size = static_cast<uint32_t>(info.n_properties);
        b->columns.reserve(n_properties);
        for (size_t i = 0; i < n_properties; i++) {
            uint32_t column = 0;
            // Computed properties have no column; one that is missing is an error when it is used.
            if (realm_find_property(get(), b->key, to_abi(properties[i]), &column, nullptr) != REALM_OK) column = no_column;
            b->columns.push_back(column);
        }
        return b;
    }

    realm_handle m_handle;
    const uint64_t* m_stamp;
    mutable std::mutex m_mutex;
    mutable std::unordered_map<const void*, std::unique_ptr<class_binding>> m_bindings;
};
using instance_ptr = std::shared_ptr<const instance>;

// The type that tells overloads of the library from the user's: constructors and accessors of generated members take it.
struct bind_t {
    explicit bind_t() = default;
};
inline constexpr bind_t bind{};

// While a query callback runs, the prototype object stands for "any object reached by this key path".
struct query_path {
    instance_ptr owner;
    std::string prefix;// "" or "link." or "a.b."
};

// A live object, shared by the handle and its copies. Reading a property compares two numbers and reads a cell.
class object_core {
public:
    object_core(instance_ptr owner, const class_binding& binding, realm_object_t* object) noexcept
        : m_object(object), m_owner(std::move(owner)), m_binding(&binding) {}
    object_core(std::unique_ptr<query_path> path, const class_binding& binding) noexcept : m_object(&nowhere()), m_binding(&binding), m_query(std::move(path)) {}
    object_core(const object_core&) = delete;
    object_core& operator=(const object_core&) = delete;
    ~object_core() {
        if (!m_query) realm_object_release(m_object);
    }

    const realm_value_t& cell(uint32_t column) {
        if (m_object->stamp != *m_object->current) load();
        if (column >= m_object->n_values) fail_column(*m_binding);
        return m_object->values[column];
    }
    void set(uint32_t column, const realm_value_t& v) { call(realm_object_set, m_object, column, &v); }

    realm_object_t* object() const noexcept { return m_object; }
    const instance_ptr& owner() const noexcept { return m_query ? m_query->owner : m_owner; }
    const class_binding& binding() const noexcept { return *m_binding; }
    const query_path* query() const noexcept { return m_query.get(); }

private:
    template <typename>
    friend class counted_ptr;

    void load() {
        if (m_query) throw std::logic_error("A property cannot be read inside of `where`; compare it with a value instead.");
        call(realm_object_load, m_object);
    }
    // What the prototype of a query points to: never current, so that every read ends in load().
    static realm_object_t& nowhere() {
        static const uint64_t one = 1;
        static realm_object_t o = [] {
            realm_object_t v{};
            v.current = &one;
            return v;
        }();
        return o;
    }

    realm_object_t* m_object;
    instance_ptr m_owner;
    const class_binding* m_binding;
    std::unique_ptr<query_path> m_query;
    uint32_t m_references = 0;// of counted_ptr
};

// Reference to an object_core or a collection_core. The count is atomic because frozen objects may be copied on several threads.
template <typename T>
class counted_ptr {
public:
    counted_ptr() noexcept = default;
    explicit counted_ptr(T* c) noexcept : m_core(c) { retain(); }
    counted_ptr(const counted_ptr& o) noexcept : m_core(o.m_core) { retain(); }
    counted_ptr(counted_ptr&& o) noexcept : m_core(std::exchange(o.m_core, nullptr)) {}
    counted_ptr& operator=(counted_ptr o) noexcept {
        std::swap(m_core, o.m_core);
        return *this;
    }
    ~counted_ptr() { release(); }
    T* get() const noexcept { return m_core; }
    T* operator->() const noexcept { return m_core; }
    T& operator*() const noexcept { return *m_core; }
    explicit operator bool() const noexcept { return m_core != nullptr; }
    // Gives up the pointer with its reference, and takes one over.
    T* leak() noexcept { return std::exchange(m_core, nullptr); }
    static counted_ptr adopt(T* c) noexcept {
        counted_ptr out;
        out.m_core = c;
        return out;
    }

private:
    void retain() noexcept {
        if (m_core) __atomic_fetch_add(&m_core->m_references, 1, __ATOMIC_RELAXED);
    }
    void release() noexcept {
        if (m_core && __atomic_sub_fetch(&m_core->m_references, 1, __ATOMIC_ACQ_REL) == 0) delete m_core;
    }
    T* m_core = nullptr;
};
using core_ptr = counted_ptr<object_core>;

// The base of all property accessors: which object, which column. It borrows the object from the managed<Class> it is a member of.
class accessor {
public:
    accessor(bind_t, object_core* core, uint32_t property) noexcept : m_core(core), m_property(property) {}
    accessor(const accessor&) = delete;
    accessor& operator=(const accessor&) = delete;

    // For the generated classes: point to another object's property.
    void rebind(bind_t, object_core* core) noexcept { m_core = core; }

protected:
    object_core& core() const {
        if (!m_core) throw std::runtime_error("This object handle is empty: assign an object of a database first.");
        return *m_core;
    }
    // Columns are looked up at use and not at construction: most accessors of a handle are never used.
    uint32_t column() const { return m_core->binding().columns[m_property]; }
    const realm_value_t& cell() const {
        auto& c = core();
        return c.cell(column());
    }
    void store(const realm_value_t& v) const {
        auto& c = core();
        c.set(column(), v);
    }
    bool in_query() const noexcept { return m_core && m_core->query(); }

    object_core* m_core;
    uint32_t m_property;
};

}// namespace realm::internal
