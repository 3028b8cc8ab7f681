// The database handle.
#pragma once

#include <cpprealm/flex_sync.hpp>
#include <cpprealm/internal/bridge/config.hpp>
#include <cpprealm/results.hpp>

#include <tuple>

namespace realm {

// An object handed to another thread: made on the thread of its database, resolved with db::resolve on the other.
template <typename T>
struct thread_safe_reference {
    explicit thread_safe_reference(const managed<T>& object) : m_core(internal::access::pointer(object)) {
        (void) internal::access::core(object);
    }
    thread_safe_reference(thread_safe_reference&&) noexcept = default;
    thread_safe_reference& operator=(thread_safe_reference&&) noexcept = default;

private:
    friend struct db;
    internal::core_ptr m_core;
};

// A handle on a database. Opening the same file again on the same thread gives a handle on the same instance, which lives as long
// as anything that came from it. It belongs to the thread that opened it, unless it is frozen. One that was moved from is empty: it is
// closed, and everything else throws std::logic_error.
struct db {
    // Every class that has a REALM_SCHEMA in the program.
    static inline std::vector<internal::bridge::object_schema> schemas;

    // Opens or creates the file, and starts syncing when the configuration is a synced one.
    explicit db(db_config config) : db(open(config, schemas)) {}

    // Delivers pending notifications first. When an observer throws, the exception comes out here and no transaction is open.
    void begin_write() const {
        auto realm = raw();
        internal::call_and_deliver_or([realm] { realm_cancel_write(realm, nullptr); }, realm_begin_write, realm);
    }
    void commit_write() const { internal::call(realm_commit, raw()); }
    // Runs the callback in a write transaction and commits it; when the callback throws, nothing is changed. Waits for other
    // writers. Returns what the callback returns.
    template <typename Fn>
    std::invoke_result_t<Fn> write(Fn&& f) const {
        const db kept(*this);// an observer or the callback may let go of this handle
        kept.begin_write();
        rollback guard{kept.raw()};
        if constexpr (std::is_void_v<std::invoke_result_t<Fn>>) {
            f();
            guard.realm = nullptr;
            kept.commit_write();
        } else {
            std::invoke_result_t<Fn> out = f();
            guard.realm = nullptr;
            kept.commit_write();
            return out;
        }
    }

    // Stores an object and what it links to. One with a primary key that exists is updated.
    template <typename U>
    managed<std::decay_t<U>> add(U&& object) {
        using T = std::decay_t<U>;
        return managed<T>(internal::add_object<T>(live(), object));
    }
    // Deletes an object; links to it become null.
    template <typename T>
    void remove(T& object) { internal::call(realm_object_delete, internal::access::core(object).object()); }
    template <typename T>
    void remove(T&& object) { internal::call(realm_object_delete, internal::access::core(object).object()); }
    // Stores several objects; the handles are in the order of the arguments.
    template <typename... Ts, typename = std::enable_if_t<(internal::has_schema<std::decay_t<Ts>>::value && ...)>>
    std::tuple<managed<std::decay_t<Ts>>...> insert(Ts&&... objects) {
        return std::tuple<managed<std::decay_t<Ts>>...>{managed<std::decay_t<Ts>>(internal::add_object<std::decay_t<Ts>>(live(), objects))...};
    }
    template <typename T>
    void insert(const std::vector<T>& objects) {
        for (auto& o: objects) (void) internal::add_object<T>(live(), o);
    }
    // All objects of a class, live.
    template <typename T>
    results<T> objects() {
        internal::results_handle h;
        internal::call(realm_results_all, raw(), internal::binding_of<T>(*live()).key, h.out());
        return results<T>(internal::bind, live(), std::move(h), is_frozen());
    }

    // Moves to the newest version and delivers notifications; whether the version changed.
    bool refresh() {
        bool changed = false;
        internal::call_and_deliver(realm_refresh, raw(), &changed);
        return changed;
    }
    // The active subscriptions. std::logic_error for a database that isn't synced.
    sync_subscription_set subscriptions() {
        internal::subscription_set_handle set;
        internal::call(realm_get_active_subscription_set, raw(), set.out());
        return sync_subscription_set(internal::bind, m_instance, std::move(set));
    }
    // The sync session; empty for a database that isn't synced.
    std::optional<sync_session> get_sync_session() const {
        internal::session_handle session;
        realm_error_t e;
        auto status = realm_get_sync_session(raw(), session.out(), &e);
        if (status == REALM_ERR_NOT_SYNCED) return std::nullopt;
        if (status != REALM_OK) internal::fail(e);
        return sync_session(std::move(session));
    }
    template <typename T>
    managed<T> resolve(thread_safe_reference<T>&& reference) {
        auto core = std::exchange(reference.m_core, internal::core_ptr());
        if (!core) throw std::logic_error("This thread-safe reference has been resolved already.");
        auto out = resolve_in<T>(live(), *core);
        if (!out) throw std::runtime_error("The object of this thread-safe reference was deleted.");
        return managed<T>(std::move(out));
    }

    bool is_frozen() const { return realm_is_frozen(raw()); }
    // The same snapshot for good, usable on every thread.
    db freeze() {
        internal::realm_handle h;
        internal::call(realm_freeze, raw(), h.out());
        return db(std::move(h));
    }
    // The live instance of the calling thread.
    db thaw() {
        internal::realm_handle h;
        internal::call(realm_thaw, raw(), h.out());
        return db(std::move(h));
    }
    void invalidate() { internal::call(realm_invalidate, raw()); }
    // Closes the instance for all handles.
    void close() { internal::call(realm_close, raw()); }
    bool is_closed() { return !m_instance || realm_is_closed(raw()); }

    // For the library.
    db(internal::bind_t, internal::instance_ptr instance) : m_instance(std::move(instance)) {}
    const internal::instance_ptr& instance(internal::bind_t) const { return m_instance; }
    // A handle of its own on an instance that a callback is lent.
    static db lent(internal::bind_t, realm_t* borrowed) {
        internal::realm_handle h;
        internal::call(realm_retain, borrowed, h.out());
        return db(std::move(h));
    }
    template <typename T>
    static internal::core_ptr resolve_in(const internal::instance_ptr& target, const internal::object_core& object) {
        realm_object_t* raw = nullptr;
        internal::call(realm_object_resolve, object.object(), target->get(), &raw);
        if (!raw) return internal::core_ptr();
        return internal::core_ptr(new internal::object_core(target, internal::binding_of<T>(*target), raw));
    }

private:
    struct rollback {
        realm_t* realm;
        ~rollback() {
            if (realm) realm_cancel_write(realm, nullptr);
        }
    };
    const internal::instance_ptr& live() const {
        if (!m_instance) throw std::logic_error("This database handle is empty: it was moved from.");
        return m_instance;
    }
    realm_t* raw() const { return live()->get(); }
    explicit db(internal::realm_handle&& h) : m_instance(std::make_shared<internal::instance>(std::move(h))) {}
    static internal::realm_handle open(const db_config& config, const std::vector<internal::bridge::object_schema>& classes);

    internal::instance_ptr m_instance;
};

CPPREALM_COLD inline internal::realm_handle db::open(const db_config& config, const std::vector<internal::bridge::object_schema>& classes) {
    auto abi = config.to_abi_config(classes);
    // A scheduler of another thread is left out: the database belongs to the thread that opens it, and that loop can't serve it.
    if (auto loop = config.scheduler(); loop && loop->can_invoke() && loop->is_on_thread()) {
        using shared = std::shared_ptr<scheduler>;
        internal::call(
                realm_config_set_scheduler, abi.get(),
                [](void* p, uint64_t instance) noexcept {
                    // What an observer throws ends the event loop's turn, as it would with any callback of the loop.
                    internal::userdata<shared>(p)->invoke([instance] { internal::call_and_deliver(realm_process_notifications, instance); });
                },
                [](void* p) noexcept -> bool { return internal::userdata<shared>(p)->is_on_thread(); },
                internal::new_userdata(shared(loop)), internal::free_userdata<shared>);
    }
    internal::realm_handle out;
    internal::call_and_deliver_or([&] { out.reset(); }, realm_open, abi.get(), out.out());// what should_compact_on_launch threw comes out here
    return out;
}

// Opens a database that holds the named classes only; all registered ones without any.
template <typename... Ts>
inline db open(const db_config& config) {
    auto with_schema = config;
    if constexpr (sizeof...(Ts) > 0) with_schema.set_schema({internal::schema_of<Ts>()...});
    return db(std::move(with_schema));
}
template <typename... Ts>
inline db open(const std::string& path, const std::shared_ptr<scheduler>& s = default_scheduler::make_default()) {
    return open<Ts...>(db_config(path, s));
}

inline bool operator==(const db& a, const db& b) {
    auto &x = a.instance(internal::bind), &y = b.instance(internal::bind);
    return x && y ? realm_is_same(x->get(), y->get()) : x == y;
}
inline bool operator!=(const db& a, const db& b) { return !(a == b); }

template <typename T>
auto managed<T, std::enable_if_t<internal::has_schema<T>::value>>::freeze() const -> managed {
    auto frozen = get_realm().freeze();
    auto out = db::resolve_in<T>(frozen.instance(internal::bind), internal::access::core(*this));
    if (!out) throw std::runtime_error("Invalid objects cannot be frozen.");
    return managed(std::move(out));
}

template <typename T>
auto managed<T, std::enable_if_t<internal::has_schema<T>::value>>::thaw() const -> managed {
    if (is_invalidated()) throw std::runtime_error("Invalid objects cannot be thawed.");
    if (!is_frozen()) return *this;
    auto live = get_realm().thaw();
    auto out = db::resolve_in<T>(live.instance(internal::bind), internal::access::core(*this));
    if (!out) throw std::runtime_error("Invalid objects cannot be thawed.");
    return managed(std::move(out));
}

template <typename T>
db managed<T, std::enable_if_t<internal::has_schema<T>::value>>::get_realm() const {
    return db(internal::bind, internal::access::core(*this).owner());
}

template <typename T, typename V>
results<T, V> results<T, V>::freeze() {
    auto frozen = db(internal::bind, owner()).freeze();
    return moved_to(frozen.instance(internal::bind), true);
}

template <typename T, typename V>
results<T, V> results<T, V>::thaw() {
    auto live = db(internal::bind, owner()).thaw();
    return moved_to(live.instance(internal::bind), false);
}

template <typename X>
auto results<X, std::enable_if_t<internal::is_persisted<X>>>::freeze() -> results {
    return moved_to(db(internal::bind, list().owner()).freeze().instance(internal::bind));
}

template <typename X>
auto results<X, std::enable_if_t<internal::is_persisted<X>>>::thaw() -> results {
    return moved_to(db(internal::bind, list().owner()).thaw().instance(internal::bind));
}

namespace internal {

// Called once per class by REALM_SCHEMA, before main.
template <typename T>
CPPREALM_COLD inline bool register_class() {
    for (auto& c: db::schemas)
        if (c.name == generated<T>::cpprealm_name) return true;
    db::schemas.push_back(schema_of<T>());
    return true;
}

}// namespace internal
}// namespace realm
