// Subscriptions: which objects a synced database holds.
#pragma once

#include <cpprealm/results.hpp>

#include <future>

namespace realm {

// One subscription of a set.
struct sync_subscription {
    std::string identifier;
    std::optional<std::string> name;
    internal::time_point created_at;
    internal::time_point updated_at;
    std::string query_string;
    std::string object_class_name;
};

namespace internal {

template <typename Lazy = void>
sync_subscription to_subscription(const realm_subscription_t& s) {
    sync_subscription out;
    std::array<uint8_t, 12> id;
    std::memcpy(id.data(), s.id, 12);
    out.identifier = object_id(id).to_string();
    if (s.has_name) out.name = from_abi(s.name);
    out.created_at = persisted<time_point>::read(s.created_at);
    out.updated_at = persisted<time_point>::read(s.updated_at);
    out.query_string = from_abi(s.query);
    out.object_class_name = from_abi(s.class_name);
    return out;
}
template <typename Lazy = void>
std::optional<sync_subscription> find_subscription(const realm_subscription_set_t* set, const std::string& name) {
    auto index = realm_subscription_set_find(set, to_abi(name));
    if (index == SIZE_MAX) return std::nullopt;
    realm_subscription_t s;
    call(realm_subscription_set_get, set, index, &s);
    return to_subscription(s);
}

}// namespace internal

// The set being changed inside sync_subscription_set::update.
struct mutable_sync_subscription_set {
    // Subscribes to the objects of T that meet the condition (all of them without one), under a name. An existing subscription of
    // that name gets the new query.
    template <typename T>
    void add(const std::string& name, std::optional<std::function<rbool(managed<T>&)>>&& condition = std::nullopt) {
        const auto& binding = internal::binding_of<T>(*m_owner);
        internal::query_text q;
        if (condition) q = results<T>::template query_of<T>(m_owner, binding, *condition);
        q.finish();
        internal::call(realm_subscription_set_add, m_set, true, internal::to_abi(name), internal::to_abi(binding.name), internal::to_abi(q.text), q.cells.data(), q.cells.size());
    }
    // std::logic_error when there is no subscription of that name.
    void remove(const std::string& name) { internal::call(realm_subscription_set_remove, m_set, internal::to_abi(name)); }
    template <typename Lazy = void>
    std::optional<sync_subscription> find(const std::string& name) { return internal::find_subscription(m_set, name); }
    // Replaces a subscription by a new one of that name.
    template <typename T>
    void update_subscription(const std::string& name, std::optional<std::function<rbool(managed<T>&)>>&& condition = std::nullopt) {
        remove(name);
        add<T>(name, std::move(condition));
    }
    void clear() { internal::call(realm_subscription_set_clear, m_set); }

    mutable_sync_subscription_set(internal::bind_t, internal::instance_ptr owner, realm_subscription_set_t* set) : m_owner(std::move(owner)), m_set(set) {}

private:
    internal::instance_ptr m_owner;
    realm_subscription_set_t* m_set;
};

// The subscriptions that the data of a synced database reflects.
struct sync_subscription_set {
    size_t size() const { return realm_subscription_set_size(m_set.get()); }
    template <typename Lazy = void>
    std::optional<sync_subscription> find(const std::string& name) { return internal::find_subscription(m_set.get(), name); }

    // Runs the callback on a changeable copy and commits it. The future becomes true when the server has accepted the new set and
    // its data is here, false when the server refuses it, a later set replaces it, or the session stops. An exception of the
    // callback is thrown on, and nothing changes. Not within a write transaction.
    template <typename Lazy = void>
    std::future<bool> update(std::function<void(mutable_sync_subscription_set&)>&& change) {
        internal::subscription_set_handle next;
        internal::call(realm_subscription_set_make_mutable, m_set.get(), next.out());
        mutable_sync_subscription_set subscriptions(internal::bind, m_owner, next.get());
        change(subscriptions);
        internal::call(realm_subscription_set_commit, next.get());
        m_set = std::move(next);

        // The promise answers false if nothing else did, also when the wait can't be registered: the set is committed either way.
        struct answer {
            std::promise<bool> promise;
            bool given = false;
            void give(bool v) {
                if (!std::exchange(given, true)) promise.set_value(v);
            }
            ~answer() { give(false); }
        };
        auto pending = std::make_unique<answer>();
        auto future = pending->promise.get_future();
        realm_subscription_set_wait(
                m_set.get(),
                [](void* p, realm_status_t status, realm_subscription_state_t state, const realm_error_t*) noexcept {
                    internal::userdata<answer>(p).give(status == REALM_OK && state == REALM_SUBSCRIPTIONS_COMPLETE);
                },
                internal::released(pending.release()), internal::free_userdata<answer>, nullptr);
        return future;
    }

    sync_subscription_set(internal::bind_t, internal::instance_ptr owner, internal::subscription_set_handle&& set) : m_owner(std::move(owner)), m_set(std::move(set)) {}
    sync_subscription_set(const sync_subscription_set&) = delete;
    sync_subscription_set& operator=(const sync_subscription_set&) = delete;

private:
    internal::instance_ptr m_owner;
    internal::subscription_set_handle m_set;
};

}// namespace realm
