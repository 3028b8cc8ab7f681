// How a C++ member type is stored: property type, nullability, and the conversions from and to a cell.
#pragma once

#include <cpprealm/types.hpp>

#include <type_traits>

namespace realm::internal {

using time_point = std::chrono::time_point<std::chrono::system_clock>;

// persisted<T> has: type, nullable, key (is a primary key), write(value, cell), read(cell). A written cell borrows the strings of the value.
template <typename T, typename = void>
struct persisted;

template <typename T, typename = void>
inline constexpr bool is_persisted = false;
template <typename T>
inline constexpr bool is_persisted<T, std::void_t<decltype(persisted<T>::type)>> = true;

struct required {
    static constexpr bool nullable = false;
    static constexpr bool key = false;
};

template <>
struct persisted<int64_t> : required {
    static constexpr uint8_t type = REALM_TYPE_INT;
    static void write(int64_t v, realm_value_t& c) {
        c.type = type;
        c.u.integer = v;
    }
    static int64_t read(const realm_value_t& c) { return c.u.integer; }
};

template <>
struct persisted<bool> : required {
    static constexpr uint8_t type = REALM_TYPE_BOOL;
    // Members that a program left uninitialized may hold any byte; all but 0 are true then.
    static void write(const bool& v, realm_value_t& c) {
        unsigned char byte;
        std::memcpy(&byte, &v, 1);
        c.type = type;
        c.u.integer = byte != 0;
    }
    static bool read(const realm_value_t& c) { return c.u.integer != 0; }
};

template <>
struct persisted<double> : required {
    static constexpr uint8_t type = REALM_TYPE_DOUBLE;
    static void write(double v, realm_value_t& c) {
        c.type = type;
        c.u.dnum = v;
    }
    static double read(const realm_value_t& c) { return c.u.dnum; }
};

template <typename E>
struct persisted<E, std::enable_if_t<std::is_enum_v<E>>> : required {
    static constexpr uint8_t type = REALM_TYPE_INT;
    static void write(E v, realm_value_t& c) { persisted<int64_t>::write(static_cast<int64_t>(v), c); }
    static E read(const realm_value_t& c) { return static_cast<E>(c.u.integer); }
};

template <>
struct persisted<std::string> : required {
    static constexpr uint8_t type = REALM_TYPE_STRING;
    static void write(std::string_view v, realm_value_t& c) {
        c.type = type;
        c.size = static_cast<uint32_t>(v.size());
        c.u.data = v.data();
    }
    static std::string read(const realm_value_t& c) { return c.type == type ? std::string(c.u.data, c.size) : std::string(); }
};

template <>
struct persisted<std::vector<uint8_t>> : required {
    static constexpr uint8_t type = REALM_TYPE_BINARY;
    static void write(const std::vector<uint8_t>& v, realm_value_t& c) {
        c.type = type;
        c.size = static_cast<uint32_t>(v.size());
        c.u.data = reinterpret_cast<const char*>(v.data());
    }
    static std::vector<uint8_t> read(const realm_value_t& c) {
        if (c.type != type) return {};
        auto data = reinterpret_cast<const uint8_t*>(c.u.data);
        return std::vector<uint8_t>(data, data + c.size);
    }
};

template <>
struct persisted<time_point> : required {
    static constexpr uint8_t type = REALM_TYPE_TIMESTAMP;
    static void write(time_point v, realm_value_t& c) {
        // Both parts carry the sign of the whole: integer division truncates towards zero.
        auto since = v.time_since_epoch();
        auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
        c.type = type;
        c.u.timestamp.seconds = seconds.count();
        c.u.timestamp.nanoseconds = static_cast<int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count());
    }
    static time_point read(const realm_value_t& c) {
        if (c.type != type) return {};
        // A stored date may lie beyond what the clock's type can say (1677 to 2262): the nearest that it can is read.
        using std::chrono::seconds;
        constexpr auto most = std::chrono::duration_cast<seconds>(time_point::duration::max()), least = std::chrono::duration_cast<seconds>(time_point::duration::min());
        if (c.u.timestamp.seconds >= most.count()) return time_point::max();
        if (c.u.timestamp.seconds <= least.count()) return time_point::min();
        return time_point(std::chrono::duration_cast<time_point::duration>(seconds(c.u.timestamp.seconds)) +
                          std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(c.u.timestamp.nanoseconds)));
    }
};

template <>
struct persisted<uuid> : required {
    static constexpr uint8_t type = REALM_TYPE_UUID;
    static void write(const uuid& v, realm_value_t& c) {
        c.type = type;
        std::memcpy(c.u.bytes, v.to_bytes().data(), 16);
    }
    static uuid read(const realm_value_t& c) {
        std::array<uint8_t, 16> bytes{};
        if (c.type == type) std::memcpy(bytes.data(), c.u.bytes, 16);
        return uuid(bytes);
    }
};

template <>
struct persisted<object_id> : required {
    static constexpr uint8_t type = REALM_TYPE_OBJECT_ID;
    static void write(const object_id& v, realm_value_t& c) {
        c.type = type;
        std::memcpy(c.u.bytes, v.to_bytes().data(), 12);
    }
    static object_id read(const realm_value_t& c) {
        std::array<uint8_t, 12> bytes{};
        if (c.type == type) std::memcpy(bytes.data(), c.u.bytes, 12);
        return object_id(bytes);
    }
};

template <>
struct persisted<decimal128> : required {
    static constexpr uint8_t type = REALM_TYPE_DECIMAL128;
    static void write(const decimal128& v, realm_value_t& c) { c = v.cell(); }
    static decimal128 read(const realm_value_t& c) { return c.type == type ? decimal128(c.u.decimal.lo, c.u.decimal.hi) : decimal128(); }
};

template <typename X>
struct persisted<std::optional<X>> {
    static constexpr uint8_t type = persisted<X>::type;
    static constexpr bool nullable = true;
    static constexpr bool key = false;
    static void write(const std::optional<X>& v, realm_value_t& c) {
        if (v) persisted<X>::write(*v, c);
        else
            c.type = REALM_TYPE_NULL;
    }
    static std::optional<X> read(const realm_value_t& c) {
        if (c.type == REALM_TYPE_NULL) return std::nullopt;
        return persisted<X>::read(c);
    }
};

template <typename X>
struct persisted<primary_key<X>> {
    static constexpr uint8_t type = persisted<X>::type;
    static constexpr bool nullable = persisted<X>::nullable;
    static constexpr bool key = true;
    static void write(const primary_key<X>& v, realm_value_t& c) { persisted<X>::write(v.value, c); }
    static primary_key<X> read(const realm_value_t& c) { return primary_key<X>(persisted<X>::read(c)); }
};

// A variant is a Mixed: the alternative that is held decides the type, and reading picks the alternative of the stored type.
template <typename... Ts>
struct persisted<std::variant<Ts...>> {
    using variant = std::variant<Ts...>;
    static constexpr uint8_t type = REALM_TYPE_MIXED;
    static constexpr bool nullable = true;
    static constexpr bool key = false;
    static void write(const variant& v, realm_value_t& c) {
        std::visit([&](const auto& x) {
            using X = std::decay_t<decltype(x)>;
            if constexpr (std::is_same_v<X, std::monostate>) c.type = REALM_TYPE_NULL;
            else
                persisted<X>::write(x, c);
        },
                   v);
    }
    static variant read(const realm_value_t& c) {
        variant out;
        if (c.type == REALM_TYPE_LINK) throw std::runtime_error("Objects stored in mixed properties must be accessed via `get_object_value()`");
        if (c.type == REALM_TYPE_LIST || c.type == REALM_TYPE_DICTIONARY) throw std::runtime_error("This mixed value is a list or a dictionary, which a variant cannot hold.");
        (void) (try_read<Ts>(c, out) || ...);
        return out;
    }

private:
    template <typename X>
    static bool try_read(const realm_value_t& c, variant& out) {
        if constexpr (std::is_same_v<X, std::monostate>) {
            if (c.type != REALM_TYPE_NULL) return false;
            out = std::monostate();
            return true;
        } else if constexpr (std::is_same_v<X, double>) {
            if (c.type == REALM_TYPE_DOUBLE) out = c.u.dnum;
            else if (c.type == REALM_TYPE_FLOAT)
                out = double(c.u.fnum);
            else
                return false;
            return true;
        } else {
            if (c.type != persisted<X>::type) return false;
            out = persisted<X>::read(c);
            return true;
        }
    }
};

template <typename T>
inline realm_value_t to_cell(const T& v) {
    realm_value_t c{};
    persisted<T>::write(v, c);
    return c;
}

}// namespace realm::internal
