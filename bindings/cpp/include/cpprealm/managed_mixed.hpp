// Accessors of properties that hold a value of any type.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <typename... Ts>
struct managed<std::variant<Ts...>> : internal::scalar<std::variant<Ts...>> {
    using variant = std::variant<Ts...>;
    using internal::scalar<variant>::scalar;
    // What is stored. The numbers are those of the original.
    enum stored_type { Int = 0, Bool = 1, String = 2, Binary = 4, Mixed = 6, Timestamp = 8, Float = 9, Double = 10, Decimal = 11,
                       Link = 12, LinkList = 13, ObjectId = 15, TypedLink = 16, UUID = 17, Null = 18 };

    variant operator*() const { return this->detach(); }
    managed& operator=(const variant& v) {
        this->assign(v);
        return *this;
    }
    template <typename U, typename = std::enable_if_t<!std::is_same_v<std::decay_t<U>, variant> && std::is_constructible_v<variant, const U&>>>
    managed& operator=(const U& v) {
        this->assign(variant(v));
        return *this;
    }
    stored_type get_stored_type() const {
        switch (this->cell().type) {
            case REALM_TYPE_INT: return Int;
            case REALM_TYPE_BOOL: return Bool;
            case REALM_TYPE_STRING: return String;
            case REALM_TYPE_BINARY: return Binary;
            case REALM_TYPE_TIMESTAMP: return Timestamp;
            case REALM_TYPE_FLOAT: return Float;
            case REALM_TYPE_DOUBLE: return Double;
            case REALM_TYPE_DECIMAL128: return Decimal;
            case REALM_TYPE_LINK: return TypedLink;
            case REALM_TYPE_OBJECT_ID: return ObjectId;
            case REALM_TYPE_UUID: return UUID;
            default: return Null;
        }
    }
    bool has_link() const { return this->cell().type == REALM_TYPE_LINK; }
    CPPREALM_EQUALITY(variant)
    rbool operator==(const std::nullopt_t&) const noexcept { return this->equals(variant(std::monostate())); }
    rbool operator!=(const std::nullopt_t&) const noexcept { return this->differs(variant(std::monostate())); }
};

// Whether a Mixed property holds a value of type X (std::monostate: null).
template <typename X, typename... Ts>
bool holds_alternative(const managed<std::variant<Ts...>>& property) noexcept {
    auto stored = property.get_stored_type();
    using M = managed<std::variant<Ts...>>;
    if constexpr (std::is_same_v<X, std::monostate>) return stored == M::Null;
    else if constexpr (std::is_same_v<X, double>)
        return stored == M::Double || stored == M::Float;
    else {
        constexpr auto type = internal::persisted<X>::type;
        return (type == REALM_TYPE_INT && stored == M::Int) || (type == REALM_TYPE_BOOL && stored == M::Bool) || (type == REALM_TYPE_STRING && stored == M::String) ||
               (type == REALM_TYPE_BINARY && stored == M::Binary) || (type == REALM_TYPE_TIMESTAMP && stored == M::Timestamp) || (type == REALM_TYPE_DECIMAL128 && stored == M::Decimal) ||
               (type == REALM_TYPE_OBJECT_ID && stored == M::ObjectId) || (type == REALM_TYPE_UUID && stored == M::UUID);
    }
}

}// namespace realm
