// Accessors of decimals.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <>
struct managed<decimal128> : internal::scalar<decimal128> {
    using scalar::scalar;
    decimal128 operator*() const { return detach(); }
    managed& operator=(const decimal128& v) {
        assign(v);
        return *this;
    }
    decimal128 operator+(const decimal128& v) const { return detach() + v; }
    decimal128 operator-(const decimal128& v) const { return detach() - v; }
    decimal128 operator*(const decimal128& v) const { return detach() * v; }
    decimal128 operator/(const decimal128& v) const { return detach() / v; }
    managed& operator+=(const decimal128& v) { return *this = detach() + v; }
    managed& operator-=(const decimal128& v) { return *this = detach() - v; }
    managed& operator*=(const decimal128& v) { return *this = detach() * v; }
    managed& operator/=(const decimal128& v) { return *this = detach() / v; }
    CPPREALM_EQUALITY(decimal128)
    CPPREALM_ORDER(decimal128)
};

// operator* gives the value here, so that (*o.price)->is_NaN() works as with the original.
template <>
struct managed<std::optional<decimal128>> : internal::scalar<std::optional<decimal128>> {
    using scalar::scalar;
    std::optional<decimal128> operator*() const { return detach(); }
    CPPREALM_OPTIONAL(decimal128)
    decimal128 operator+(const decimal128& v) const { return number() + v; }
    decimal128 operator-(const decimal128& v) const { return number() - v; }
    decimal128 operator*(const decimal128& v) const { return number() * v; }
    decimal128 operator/(const decimal128& v) const { return number() / v; }
    managed& operator+=(const decimal128& v) { return *this = number() + v; }
    managed& operator-=(const decimal128& v) { return *this = number() - v; }
    managed& operator*=(const decimal128& v) { return *this = number() * v; }
    managed& operator/=(const decimal128& v) { return *this = number() / v; }
    CPPREALM_ORDER(decimal128)

private:
    decimal128 number() const {
        auto v = detach();
        if (!v) throw std::runtime_error("Optional decimal128 property has null value");
        return *v;
    }
};

}// namespace realm
