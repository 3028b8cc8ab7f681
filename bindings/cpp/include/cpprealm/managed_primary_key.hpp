// Accessors of primary keys: they read and compare, and never assign.
#pragma once

#include <cpprealm/managed_numeric.hpp>

namespace realm {

namespace internal {

// X is the key's type, optional or not; comparisons go by X and not by primary_key<X>.
template <typename X>
class key_accessor : public scalar<X> {
public:
    using scalar<X>::scalar;
    // As in the original: the key type, but the bare value for optional object ids.
    auto detach() const {
        if constexpr (std::is_same_v<X, std::optional<object_id>>) return scalar<X>::detach();
        else
            return primary_key<X>(scalar<X>::detach());
    }
};

}// namespace internal

template <>
struct managed<primary_key<int64_t>> : internal::key_accessor<int64_t> {
    using key_accessor::key_accessor;
    int64_t operator*() const { return scalar::detach(); }
    CPPREALM_NUMBER_COMPARISONS(int64_t, internal::if_integral)
};

template <>
struct managed<primary_key<std::string>> : internal::key_accessor<std::string> {
    using key_accessor::key_accessor;
    CPPREALM_EQUALITY(std::string)
    rbool operator==(const char* v) const { return equals(std::string(v)); }
    rbool operator!=(const char* v) const { return differs(std::string(v)); }
};

template <>
struct managed<primary_key<uuid>> : internal::key_accessor<uuid> {
    using key_accessor::key_accessor;
    uuid operator*() const { return scalar::detach(); }
    CPPREALM_EQUALITY(uuid)
};

template <>
struct managed<primary_key<object_id>> : internal::key_accessor<object_id> {
    using key_accessor::key_accessor;
    object_id operator*() const { return scalar::detach(); }
    CPPREALM_EQUALITY(object_id)
};

template <typename E>
struct managed<primary_key<E>, std::enable_if_t<std::is_enum_v<E>>> : internal::key_accessor<E> {
    using internal::key_accessor<E>::key_accessor;
    CPPREALM_EQUALITY(E)
};

template <typename X>
struct managed<primary_key<std::optional<X>>> : internal::key_accessor<std::optional<X>> {
    using internal::key_accessor<std::optional<X>>::key_accessor;
    std::optional<X> operator*() const { return internal::scalar<std::optional<X>>::detach(); }
    CPPREALM_EQUALITY(std::optional<X>)
    template <typename V, std::enable_if_t<std::is_integral_v<V> && std::is_same_v<X, int64_t>, int> = 0>
    rbool operator<(V v) const { return this->compare(internal::comparison::lt, static_cast<X>(v)); }
    template <typename V, std::enable_if_t<std::is_integral_v<V> && std::is_same_v<X, int64_t>, int> = 0>
    rbool operator<=(V v) const { return this->compare(internal::comparison::le, static_cast<X>(v)); }
    template <typename V, std::enable_if_t<std::is_integral_v<V> && std::is_same_v<X, int64_t>, int> = 0>
    rbool operator>(V v) const { return this->compare(internal::comparison::gt, static_cast<X>(v)); }
    template <typename V, std::enable_if_t<std::is_integral_v<V> && std::is_same_v<X, int64_t>, int> = 0>
    rbool operator>=(V v) const { return this->compare(internal::comparison::ge, static_cast<X>(v)); }
};

}// namespace realm
