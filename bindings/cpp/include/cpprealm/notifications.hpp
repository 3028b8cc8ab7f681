// Notifications: what changed, and the token that keeps the callback registered.
#pragma once

#include <cpprealm/internal/instance.hpp>
#include <cpprealm/schema.hpp>

#include <exception>

namespace realm {

// Keeps a callback registered, and the observed things alive. Destroying it ends the callbacks at once. It belongs to the thread of its database.
struct notification_token {
    notification_token() = default;
    notification_token(notification_token&&) noexcept = default;
    notification_token& operator=(notification_token&&) noexcept = default;
    void unregister() {
        m_handle.reset();
        m_kept.reset();
    }

    notification_token(internal::bind_t, internal::token_handle&& h, std::shared_ptr<const void> kept) : m_kept(std::move(kept)), m_handle(std::move(h)) {}

private:
    std::shared_ptr<const void> m_kept;
    internal::token_handle m_handle;// released first
};

namespace internal {

// The variant over the distinct types of a class's properties, in schema order.
template <typename Out, typename... Ts>
struct distinct {
    using type = Out;
};
template <typename M>
using change_type = std::conditional_t<std::is_pointer_v<M>, managed<M>, M>;
template <typename... Have, typename T, typename... Rest>
struct distinct<std::variant<Have...>, T, Rest...>
    : std::conditional_t<(std::is_same_v<Have, T> || ...), distinct<std::variant<Have...>, Rest...>, distinct<std::variant<Have..., T>, Rest...>> {};
template <typename List>
struct change_variant;
template <typename... Ms>
struct change_variant<type_list<Ms...>> : distinct<std::variant<std::monostate>, change_type<Ms>...> {};

}// namespace internal

// One property of an object that changed. T is managed<Class>.
template <typename T>
struct PropertyChange {
    using variant_t = typename internal::change_variant<typename T::cpprealm_types>::type;
    std::string name;
    std::optional<variant_t> old_value;// what the observing database saw before
    std::optional<variant_t> new_value;// std::monostate for collections
};

// A change of an object. T is managed<Class>.
template <typename T>
struct object_change {
    using underlying = T;
    const T* object = nullptr;// null once it is deleted
    bool is_deleted = false;
    std::exception_ptr error;
    std::vector<PropertyChange<T>> property_changes;// in schema order
};

// A change of a collection. deletions and modifications are positions before it, insertions positions after it.
struct collection_change {
    std::vector<uint64_t> deletions;
    std::vector<uint64_t> insertions;
    std::vector<uint64_t> modifications;
    bool collection_root_was_deleted = false;
    bool empty() const noexcept { return deletions.empty() && insertions.empty() && modifications.empty() && !collection_root_was_deleted; }
};

// A change of a dictionary, by keys.
struct dictionary_collection_change {
    std::vector<std::string> insertions;
    std::vector<std::string> modifications;
    std::vector<std::string> deletions;
    bool collection_root_was_deleted = false;
    bool empty() const noexcept { return deletions.empty() && insertions.empty() && modifications.empty() && !collection_root_was_deleted; }
};

}// namespace realm
