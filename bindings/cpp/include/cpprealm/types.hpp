// Value types of the surface: uuid, object_id, decimal128, mixed, primary_key, linking_objects.
#pragma once

#include <cpprealm/internal/abi.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace realm {

const size_t not_in_collection = static_cast<size_t>(-1);

namespace internal {
inline char hex_digit(unsigned v) { return "0123456789abcdef"[v & 15]; }
inline int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
inline std::string base64(const unsigned char* data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((size + 2) / 3 * 4);
    for (size_t i = 0; i < size; i += 3) {
        unsigned v = unsigned(data[i]) << 16;
        if (i + 1 < size) v |= unsigned(data[i + 1]) << 8;
        if (i + 2 < size) v |= unsigned(data[i + 2]);
        out += digits[v >> 18 & 63];
        out += digits[v >> 12 & 63];
        out += i + 1 < size ? digits[v >> 6 & 63] : '=';
        out += i + 2 < size ? digits[v & 63] : '=';
    }
    return out;
}
}// namespace internal

// A 128-bit id. Text: 8-4-4-4-12 lower-case hexadecimal digits. Default: all zero.
struct uuid {
    uuid() = default;
    uuid(const std::array<uint8_t, 16>& bytes) : m_bytes(bytes) {}
    explicit uuid(const std::string& text) {
        size_t at = 0;
        bool ok = text.size() == 36;
        for (size_t i = 0; ok && i < 36; i++) {
            if (i == 8 || i == 13 || i == 18 || i == 23) {
                ok = text[i] == '-';
                continue;
            }
            int v = internal::hex_value(text[i]);
            ok = v >= 0;
            auto& byte = m_bytes[at / 2];
            byte = static_cast<uint8_t>(at % 2 ? (byte << 4 | v) : v);
            at++;
        }
        if (!ok) throw std::invalid_argument("Invalid string format encountered when constructing a UUID: '" + text + "'.");
    }
    std::string to_string() const {
        std::string out;
        out.reserve(36);
        for (size_t i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
            out += internal::hex_digit(m_bytes[i] >> 4);
            out += internal::hex_digit(m_bytes[i]);
        }
        return out;
    }
    std::string to_base64() const { return internal::base64(m_bytes.data(), m_bytes.size()); }
    std::array<uint8_t, 16> to_bytes() const { return m_bytes; }

private:
    std::array<uint8_t, 16> m_bytes{};
};
inline bool operator==(const uuid& a, const uuid& b) { return a.to_bytes() == b.to_bytes(); }
inline bool operator!=(const uuid& a, const uuid& b) { return a.to_bytes() != b.to_bytes(); }
inline bool operator<(const uuid& a, const uuid& b) { return a.to_bytes() < b.to_bytes(); }
inline bool operator>(const uuid& a, const uuid& b) { return a.to_bytes() > b.to_bytes(); }
inline bool operator<=(const uuid& a, const uuid& b) { return a.to_bytes() <= b.to_bytes(); }
inline bool operator>=(const uuid& a, const uuid& b) { return a.to_bytes() >= b.to_bytes(); }

// A 12-byte id. Text: 24 lower-case hexadecimal digits. Default: all zero.
struct object_id {
    object_id() = default;
    explicit object_id(const std::string& text) {
        bool ok = text.size() == 24;
        for (size_t i = 0; ok && i < 24; i++) {
            int v = internal::hex_value(text[i]);
            ok = v >= 0;
            auto& byte = m_bytes[i / 2];
            byte = static_cast<uint8_t>(i % 2 ? (byte << 4 | v) : v);
        }
        if (!ok) throw std::invalid_argument("An object id has 24 hexadecimal digits: '" + text + "'.");
    }
    explicit object_id(const std::array<uint8_t, 12>& bytes) : m_bytes(bytes) {}
    static object_id generate() {
        object_id id;
        auto v = realm_object_id_generate();
        std::memcpy(id.m_bytes.data(), v.u.bytes, 12);
        return id;
    }
    std::string to_string() const {
        std::string out;
        out.reserve(24);
        for (auto byte: m_bytes) {
            out += internal::hex_digit(byte >> 4);
            out += internal::hex_digit(byte);
        }
        return out;
    }
    const std::array<uint8_t, 12>& to_bytes() const { return m_bytes; }

private:
    std::array<uint8_t, 12> m_bytes{};
};
inline bool operator==(const object_id& a, const object_id& b) { return a.to_bytes() == b.to_bytes(); }
inline bool operator!=(const object_id& a, const object_id& b) { return a.to_bytes() != b.to_bytes(); }
inline bool operator<(const object_id& a, const object_id& b) { return a.to_bytes() < b.to_bytes(); }
inline bool operator>(const object_id& a, const object_id& b) { return a.to_bytes() > b.to_bytes(); }
inline bool operator<=(const object_id& a, const object_id& b) { return a.to_bytes() <= b.to_bytes(); }
inline bool operator>=(const object_id& a, const object_id& b) { return a.to_bytes() >= b.to_bytes(); }

// IEEE 754-2008 decimal128. == and != compare the bits (NaN equals NaN, 1.0 differs from 1.00), as in the original; the
// ordering operators are numeric.
struct decimal128 {
    decimal128() = default;
    explicit decimal128(const std::string& text) : m_value(words(realm_decimal128_parse(internal::to_abi(text)))) {}
    // To 15 digits; what a double can't hold is not made up: 123.456 is 123.456.
    decimal128(const double& v) : m_value(words(realm_decimal128_from_double(v))) { drop_trailing_zeros(); }
    decimal128(uint64_t lo, uint64_t hi) : m_value{lo, hi} {}

    std::string to_string() const {
        char text[64];
        auto v = cell();
        return std::string(text, realm_decimal128_format(&v, text, sizeof text));
    }
    bool is_NaN() const { return (m_value.hi >> 58 & 31) == 31; }
    uint64_t lo() const { return m_value.lo; }
    uint64_t hi() const { return m_value.hi; }
    realm_value_t cell() const {
        realm_value_t v{};
        v.type = REALM_TYPE_DECIMAL128;
        v.u.decimal.lo = m_value.lo;
        v.u.decimal.hi = m_value.hi;
        return v;
    }
    decimal128 operator-(const decimal128& o) const { return calculate(o, '-'); }
    decimal128 operator+(const decimal128& o) const { return calculate(o, '+'); }
    decimal128 operator*(const decimal128& o) const { return calculate(o, '*'); }
    decimal128 operator/(const decimal128& o) const { return calculate(o, '/'); }
    decimal128& operator-=(const decimal128& o) { return *this = *this - o; }
    decimal128& operator+=(const decimal128& o) { return *this = *this + o; }
    decimal128& operator*=(const decimal128& o) { return *this = *this * o; }
    decimal128& operator/=(const decimal128& o) { return *this = *this / o; }

private:
    struct bits {
        uint64_t lo = 0, hi = 0;
    };
    static bits words(const realm_value_t& v) { return {v.u.decimal.lo, v.u.decimal.hi}; }
    // Behind the point only.
    void drop_trailing_zeros() {
        auto text = to_string();
        auto point = text.find('.');
        if (point == std::string::npos) return;
        auto end = std::min(text.find('E'), text.size());
        auto keep = end;
        while (text[keep - 1] == '0') keep--;
        if (keep - 1 == point) keep--;
        if (keep != end) m_value = decimal128(text.erase(keep, end - keep)).m_value;
    }
    decimal128 calculate(const decimal128& o, char op) const {
        auto a = cell(), b = o.cell();
        auto w = words(realm_decimal128_arithmetic(&a, &b, op));
        return decimal128(w.lo, w.hi);
    }
    bits m_value;
};
inline bool operator==(const decimal128& a, const decimal128& b) { return a.lo() == b.lo() && a.hi() == b.hi(); }
inline bool operator!=(const decimal128& a, const decimal128& b) { return !(a == b); }
namespace internal {
inline int compare(const decimal128& a, const decimal128& b) {
    auto x = a.cell(), y = b.cell();
    return realm_decimal128_compare(&x, &y);
}
}// namespace internal
inline bool operator<(const decimal128& a, const decimal128& b) { return internal::compare(a, b) < 0; }
inline bool operator>(const decimal128& a, const decimal128& b) { return internal::compare(a, b) > 0; }
inline bool operator<=(const decimal128& a, const decimal128& b) { return internal::compare(a, b) <= 0; }
inline bool operator>=(const decimal128& a, const decimal128& b) { return internal::compare(a, b) >= 0; }

// A value of any scalar type.
using mixed = std::variant<std::monostate, int64_t, bool, std::string, double, std::vector<uint8_t>,
                           std::chrono::time_point<std::chrono::system_clock>, uuid, object_id, decimal128>;

// Marks the primary key of a class.
template <typename T>
struct primary_key {
    T value{};
    primary_key() = default;
    primary_key(const T& v) : value(v) {}
    primary_key(T&& v) : value(std::move(v)) {}
    operator T() const { return value; }
};
template <>
struct primary_key<int64_t> {
    int64_t value = 0;
    primary_key() = default;
    template <typename V, typename = std::enable_if_t<std::is_integral_v<V> && !std::is_same_v<V, bool>>>
    primary_key(V v) : value(static_cast<int64_t>(v)) {}
    operator int64_t() const { return value; }
};
template <>
struct primary_key<std::string> {
    std::string value;
    primary_key() = default;
    primary_key(std::string v) : value(std::move(v)) {}
    primary_key(const char* v) : value(v) {}
    operator std::string() const { return value; }
};
template <typename X>
struct primary_key<std::optional<X>> {
    std::optional<X> value;
    primary_key() = default;
    primary_key(std::optional<X> v) : value(std::move(v)) {}
    template <typename V, typename = std::enable_if_t<!std::is_enum_v<X> && (std::is_same_v<V, X> || (std::is_same_v<X, int64_t> && std::is_same_v<V, int>) || (std::is_same_v<X, std::string> && std::is_convertible_v<V, const char*>))>>
    primary_key(const V& v) : value(X(v)) {}
    primary_key(std::nullopt_t) {}
    template <typename V, typename = std::enable_if_t<std::is_same_v<X, int64_t> && std::is_same_v<V, int>>, typename = void>
    primary_key(const std::optional<V>& v) : value(v ? std::optional<X>(*v) : std::nullopt) {}
    operator std::optional<X>() const { return value; }
};

namespace internal {
template <typename>
struct member_class;
template <typename Class, typename Member>
struct member_class<Member Class::*> {
    using type = Class;
};
}// namespace internal

// Computed: the objects whose property `ptr` links to this one. Nothing is stored.
template <auto ptr>
struct linking_objects {
    using Class = typename internal::member_class<decltype(ptr)>::type;
};

}// namespace realm
