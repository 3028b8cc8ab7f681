// Accessors of integers, doubles, booleans and enumerations, and of their optionals.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

namespace internal {
template <typename V>
using if_integral = std::enable_if_t<std::is_integral_v<V> && !std::is_same_v<V, bool>, int>;
template <typename V>
using if_arithmetic = std::enable_if_t<std::is_arithmetic_v<V> && !std::is_same_v<V, bool>, int>;

// All six comparisons with any number type that passes Filter, done in T.
#define CPPREALM_NUMBER_COMPARISONS(T, Filter)                                                                                 \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator==(V v) const { return this->equals(static_cast<T>(v)); }                                                    \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator!=(V v) const { return this->differs(static_cast<T>(v)); }                                                   \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator<(V v) const { return this->compare(::realm::internal::comparison::lt, static_cast<T>(v)); }                 \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator<=(V v) const { return this->compare(::realm::internal::comparison::le, static_cast<T>(v)); }                \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator>(V v) const { return this->compare(::realm::internal::comparison::gt, static_cast<T>(v)); }                 \
    template <typename V, Filter<V> = 0>                                                                                       \
    rbool operator>=(V v) const { return this->compare(::realm::internal::comparison::ge, static_cast<T>(v)); }
}// namespace internal

template <>
struct managed<int64_t> : internal::scalar<int64_t> {
    using scalar::scalar;
    int64_t operator*() const { return detach(); }
    template <typename V, internal::if_integral<V> = 0>
    managed& operator=(V v) {
        assign(static_cast<int64_t>(v));
        return *this;
    }
    // These add instead of setting, so that additions made on several devices all count.
    managed& operator+=(int64_t v) {
        add(v);
        return *this;
    }
    managed& operator-=(int64_t v) {
        add(static_cast<int64_t>(0 - static_cast<uint64_t>(v)));
        return *this;
    }
    managed& operator*=(int64_t v) {
        assign(static_cast<int64_t>(static_cast<uint64_t>(detach()) * static_cast<uint64_t>(v)));
        return *this;
    }
    void operator++() { add(1); }
    void operator++(int) { add(1); }
    void operator--() { add(-1); }
    void operator--(int) { add(-1); }
    CPPREALM_NUMBER_COMPARISONS(int64_t, internal::if_integral)

private:
    void add(int64_t amount) { internal::call(realm_object_add_int, core().object(), column(), amount); }
};

template <>
struct managed<double> : internal::scalar<double> {
    using scalar::scalar;
    double operator*() const { return detach(); }
    template <typename V, internal::if_arithmetic<V> = 0>
    managed& operator=(V v) {
        assign(static_cast<double>(v));
        return *this;
    }
    managed& operator+=(double v) { return *this = detach() + v; }
    managed& operator-=(double v) { return *this = detach() - v; }
    managed& operator*=(double v) { return *this = detach() * v; }
    void operator++() { *this += 1; }
    void operator++(int) { *this += 1; }
    void operator--() { *this -= 1; }
    void operator--(int) { *this -= 1; }
    CPPREALM_NUMBER_COMPARISONS(double, internal::if_arithmetic)
};

template <>
struct managed<bool> : internal::scalar<bool> {
    using scalar::scalar;
    bool operator*() const { return detach(); }
    managed& operator=(bool v) {
        assign(v);
        return *this;
    }
    CPPREALM_EQUALITY(bool)
};

template <typename E>
struct managed<E, std::enable_if_t<std::is_enum_v<E>>> : internal::scalar<E> {
    using internal::scalar<E>::scalar;
    E operator*() const { return this->detach(); }
    managed& operator=(E v) {
        this->assign(v);
        return *this;
    }
    CPPREALM_EQUALITY(E)
    CPPREALM_ORDER(E)
};

template <>
struct managed<std::optional<int64_t>> : internal::optional_scalar<int64_t> {
    using optional_scalar::optional_scalar;
    CPPREALM_OPTIONAL(int64_t)
    managed& operator=(int v) { return *this = int64_t(v); }
    managed& operator+=(int64_t v) { return add(v); }
    managed& operator-=(int64_t v) { return add(static_cast<int64_t>(0 - static_cast<uint64_t>(v))); }
    managed& operator*=(int64_t v) {
        assign(static_cast<int64_t>(static_cast<uint64_t>(number()) * static_cast<uint64_t>(v)));
        return *this;
    }
    void operator++() { add(1); }
    void operator++(int) { add(1); }
    void operator--() { add(-1); }
    void operator--(int) { add(-1); }
    CPPREALM_ORDER(int64_t)

private:
    int64_t number() const { return stored("Cannot perform arithmetic on null value."); }
    managed& add(int64_t amount) {
        (void) number();
        internal::call(realm_object_add_int, core().object(), column(), amount);
        return *this;
    }
};

template <>
struct managed<std::optional<double>> : internal::optional_scalar<double> {
    using optional_scalar::optional_scalar;
    CPPREALM_OPTIONAL(double)
    managed& operator=(int v) { return *this = double(v); }
    managed& operator+=(double v) { return *this = number() + v; }
    managed& operator-=(double v) { return *this = number() - v; }
    managed& operator*=(double v) { return *this = number() * v; }
    void operator++() { *this += 1; }
    void operator++(int) { *this += 1; }
    void operator--() { *this -= 1; }
    void operator--(int) { *this -= 1; }
    CPPREALM_ORDER(double)

private:
    double number() const { return stored("Cannot perform arithmetic on null value."); }
};

template <>
struct managed<std::optional<bool>> : internal::optional_scalar<bool> {
    using optional_scalar::optional_scalar;
    CPPREALM_OPTIONAL(bool)
};

template <typename E>
struct managed<std::optional<E>, std::enable_if_t<std::is_enum_v<E>>> : internal::optional_scalar<E> {
    using internal::optional_scalar<E>::optional_scalar;
    CPPREALM_OPTIONAL(E)
    CPPREALM_ORDER(E)
};

}// namespace realm
