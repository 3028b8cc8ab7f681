// BSON values: arguments and results of functions, custom user data. Any thread may use them; they are plain values.
#pragma once

#include <cpprealm/types.hpp>

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <unordered_map>

namespace realm {

// A BSON value. Values of different types are never equal: the int32 123 differs from the int64 123.
struct bsoncxx {
    using array = std::vector<bsoncxx>;
    using time_point = std::chrono::time_point<std::chrono::system_clock>;

    enum class type {
        b_null,
        b_int32,
        b_int64,
        b_bool,
        b_double,
        b_string,
        b_binary,
        b_timestamp,
        b_datetime,
        b_objectId,
        b_decimal128,
        b_regular_expression,
        b_max_key,
        b_min_key,
        b_document,
        b_array,
        b_uuid
    };

    // Orders before, or after, every other value.
    struct min_key {};
    struct max_key {};

    // The time of an operation of the server, in seconds since 1970, with a number within the second.
    struct timestamp {
        explicit timestamp(uint32_t seconds, uint32_t increment) : m_seconds(seconds), m_increment(increment) {}
        uint32_t get_seconds() const { return m_seconds; }
        uint32_t get_increment() const { return m_increment; }

    private:
        uint32_t m_seconds, m_increment;
    };

    // A point of time. Text has milliseconds.
    struct date {
        explicit date(const time_point& t) : m_time(t) {}
        time_point get_date() const noexcept { return m_time; }

    private:
        time_point m_time;
    };

    struct regular_expression {
        // Letters in text: i, m, s, x.
        enum class option : uint8_t {
            none = 0,
            ignore_case = 1,
            multiline = 2,
            dotall = 4,
            extended = 8
        };
        regular_expression() = default;
        // std::runtime_error for a letter that is no option.
        regular_expression(const std::string& pattern, const std::string& options) : m_pattern(pattern), m_options(options_of(options)) {}
        regular_expression(const std::string& pattern, option options) : m_pattern(pattern), m_options(options) {}
        option get_options() const { return m_options; }
        std::string get_pattern() const { return m_pattern; }

        friend option operator|(option a, option b) { return static_cast<option>(static_cast<unsigned>(a) | static_cast<unsigned>(b)); }
        friend option operator&(option a, option b) { return static_cast<option>(static_cast<unsigned>(a) & static_cast<unsigned>(b)); }
        friend bool operator==(const regular_expression& a, const regular_expression& b) { return a.m_pattern == b.m_pattern && a.m_options == b.m_options; }
        friend bool operator!=(const regular_expression& a, const regular_expression& b) { return !(a == b); }

    private:
        CPPREALM_COLD static option options_of(const std::string& letters) {
            auto out = option::none;
            for (char c: letters) {
                auto at = std::string_view("imsx").find(c);
                if (at == std::string_view::npos) throw std::runtime_error("invalid regex option type");
                out = out | static_cast<option>(1u << at);
            }
            return out;
        }
        std::string m_pattern;
        option m_options = option::none;
    };

    // Named values in the order in which they were inserted.
    struct document {
        using entry = std::pair<std::string, bsoncxx>;
        // A named value of a document, which must outlive it.
        struct value {
            const std::string key;
            // Stores the value under the key.
            value& operator=(const bsoncxx& v) {
                m_owner.insert(key, v);
                return *this;
            }
            value& operator=(const value& v) { return *this = static_cast<bsoncxx>(v); }
            value(const value&) = default;
            operator bsoncxx() const { return m_owner.at(key); }

            // The conversion alone would leave the choice between these two to the compiler, which differs between versions of C++.
            friend bool operator==(const value& a, const bsoncxx& b) { return static_cast<bsoncxx>(a).equals(b); }
            friend bool operator!=(const value& a, const bsoncxx& b) { return !static_cast<bsoncxx>(a).equals(b); }
            friend bool operator==(const bsoncxx& a, const value& b) { return static_cast<bsoncxx>(b).equals(a); }
            friend bool operator!=(const bsoncxx& a, const value& b) { return !static_cast<bsoncxx>(b).equals(a); }
            friend bool operator==(const value& a, const value& b) { return static_cast<bsoncxx>(a).equals(b); }
            friend bool operator!=(const value& a, const value& b) { return !static_cast<bsoncxx>(a).equals(b); }

        private:
            friend struct document;
            value(document& owner, std::string k) : key(std::move(k)), m_owner(owner) {}
            document& m_owner;
        };
        using iterator = std::vector<entry>::const_iterator;

        document() = default;
        document(const std::initializer_list<entry>& entries);
        document(const document&) = default;
        document(document&&) noexcept = default;
        document& operator=(const document&) = default;
        document& operator=(document&&) noexcept = default;
        ~document() = default;

        // The value of a key; one that is missing is entered, as null.
        value operator[](const std::string& key);
        // A key that is there keeps its place.
        void insert(const std::string& key, const bsoncxx& v);
        bool empty() const { return m_entries.empty(); }
        size_t size() const;
        iterator begin() const;
        iterator end() const;

        // For the library: the last of several entries of one name counts, in the place of the first.
        static document of(std::vector<entry>&& entries);

        friend bool operator==(const document& a, const document& b) { return a.m_entries == b.m_entries; }
        friend bool operator!=(const document& a, const document& b) { return !(a == b); }

    private:
        bsoncxx at(const std::string& key) const;
        std::vector<entry> m_entries;
    };

    bsoncxx() noexcept = default;
    bsoncxx(int32_t v) noexcept : m_type(type::b_int32), m_number(v) {}
    bsoncxx(int64_t v) noexcept : m_type(type::b_int64), m_number(v) {}
    bsoncxx(bool v) noexcept : m_type(type::b_bool), m_number(v) {}
    bsoncxx(double v) noexcept : m_type(type::b_double), m_double(v) {}
    bsoncxx(min_key) noexcept : m_type(type::b_min_key) {}
    bsoncxx(max_key) noexcept : m_type(type::b_max_key) {}
    bsoncxx(const timestamp& v) noexcept : m_type(type::b_timestamp), m_number(static_cast<int64_t>(uint64_t(v.get_seconds()) << 32 | v.get_increment())) {}
    bsoncxx(const date& v) noexcept : m_type(type::b_datetime), m_number(v.get_date().time_since_epoch().count()) {}
    bsoncxx(const decimal128& v) noexcept : m_type(type::b_decimal128), m_decimal(v) {}
    bsoncxx(const object_id& v) noexcept : m_type(type::b_objectId), m_object_id(v) {}
    bsoncxx(const uuid& v) noexcept : m_type(type::b_uuid), m_uuid(v) {}
    bsoncxx(const regular_expression& v) noexcept : m_type(type::b_regular_expression), m_number(static_cast<int64_t>(v.get_options())), m_text(v.get_pattern()) {}
    bsoncxx(const std::vector<uint8_t>& v) noexcept : m_type(type::b_binary), m_text(v.begin(), v.end()) {}
    bsoncxx(const std::string& v) noexcept : m_type(type::b_string), m_text(v) {}
    bsoncxx(const char* v) noexcept : m_type(type::b_string), m_text(v) {}
    bsoncxx(const document& v) noexcept;
    bsoncxx(const array& v) noexcept;

    type get_type() const { return m_type; }

    // Canonical extended JSON.
    std::string to_string() const;
    std::string to_json() const { return to_string(); }

    // The value as what it is; as another type: std::runtime_error, where the original ends the program.
    operator std::nullopt_t() const { return is(type::b_null), std::nullopt; }
    operator int32_t() const { return is(type::b_int32), static_cast<int32_t>(m_number); }
    operator int64_t() const { return is(type::b_int64), m_number; }
    operator bool() const { return is(type::b_bool), m_number != 0; }
    operator double() const { return is(type::b_double), m_double; }
    operator min_key() const { return is(type::b_min_key), min_key{}; }
    operator max_key() const { return is(type::b_max_key), max_key{}; }
    operator timestamp() const { return is(type::b_timestamp), timestamp(static_cast<uint32_t>(m_number >> 32), static_cast<uint32_t>(m_number)); }
    operator date() const { return is(type::b_datetime), date(time_point(time_point::duration(m_number))); }
    operator decimal128() const { return is(type::b_decimal128), m_decimal; }
    operator object_id() const { return is(type::b_objectId), m_object_id; }
    operator uuid() const { return is(type::b_uuid), m_uuid; }
    operator regular_expression() const { return is(type::b_regular_expression), regular_expression(m_text, static_cast<regular_expression::option>(m_number)); }
    operator std::vector<uint8_t>() const { return is(type::b_binary), std::vector<uint8_t>(m_text.begin(), m_text.end()); }
    operator std::string() const { return is(type::b_string), m_text; }
    operator document() const { return is(type::b_document), *m_document; }
    operator array() const { return is(type::b_array), *m_array; }

    friend bool operator==(const bsoncxx& a, const bsoncxx& b) { return a.equals(b); }
    friend bool operator!=(const bsoncxx& a, const bsoncxx& b) { return !a.equals(b); }
    // With a plain value, which without these could as well be compared with what the BSON value converts to.
    template <typename B, typename T>
    using if_plain = std::enable_if_t<std::is_same_v<B, bsoncxx> && !std::is_same_v<T, bsoncxx> && !std::is_same_v<T, document::value> && std::is_convertible_v<const T&, bsoncxx>, bool>;
    template <typename B, typename T>
    friend if_plain<B, T> operator==(const B& a, const T& b) { return a.equals(b); }
    template <typename B, typename T>
    friend if_plain<B, T> operator!=(const B& a, const T& b) { return !a.equals(b); }
    template <typename T, typename B>
    friend if_plain<B, T> operator==(const T& a, const B& b) { return b.equals(a); }
    template <typename T, typename B>
    friend if_plain<B, T> operator!=(const T& a, const B& b) { return !b.equals(a); }

    // For the library: what the value holds, without a copy; null for other types.
    const document* as_document() const { return m_document.get(); }
    const array* as_array() const { return m_array.get(); }
    bool equals(const bsoncxx& o) const;

private:
    void is(type t) const {
        if (m_type != t) throw std::runtime_error("This BSON value has another type.");
    }

    // Members side by side, and not a variant: that over 17 types costs every includer of sdk.hpp half a second of compilation.
    type m_type = type::b_null;
    int64_t m_number = 0;// int32, int64, bool, date, the two halves of a timestamp, options of a regular expression
    double m_double = 0;
    decimal128 m_decimal{};
    object_id m_object_id{};
    uuid m_uuid{};
    std::string m_text;// string, binary, pattern of a regular expression
    // Documents and arrays don't change once they are values, so copies share them.
    std::shared_ptr<const document> m_document;
    std::shared_ptr<const array> m_array;
};

inline bsoncxx::bsoncxx(const document& v) noexcept : m_type(type::b_document), m_document(std::make_shared<const document>(v)) {}
inline bsoncxx::bsoncxx(const array& v) noexcept : m_type(type::b_array), m_array(std::make_shared<const array>(v)) {}

inline bsoncxx::document::document(const std::initializer_list<entry>& entries) {
    for (auto& e: entries) insert(e.first, e.second);
}
inline bsoncxx::document::value bsoncxx::document::operator[](const std::string& key) {
    for (auto& e: m_entries)
        if (e.first == key) return value(*this, key);
    m_entries.emplace_back(key, bsoncxx());
    return value(*this, key);
}
inline void bsoncxx::document::insert(const std::string& key, const bsoncxx& v) {
    for (auto& e: m_entries)
        if (e.first == key) {
            e.second = v;
            return;
        }
    m_entries.emplace_back(key, v);
}
inline size_t bsoncxx::document::size() const { return m_entries.size(); }
inline bsoncxx::document::iterator bsoncxx::document::begin() const { return m_entries.begin(); }
inline bsoncxx::document::iterator bsoncxx::document::end() const { return m_entries.end(); }
inline bsoncxx bsoncxx::document::at(const std::string& key) const {
    for (auto& e: m_entries)
        if (e.first == key) return e.second;
    return bsoncxx();
}

CPPREALM_COLD inline bsoncxx::document bsoncxx::document::of(std::vector<entry>&& entries) {
    document out;
    std::unordered_map<std::string, size_t> places;
    for (auto& e: entries) {
        auto place = places.emplace(e.first, out.m_entries.size());
        if (place.second) out.m_entries.push_back(std::move(e));
        else
            out.m_entries[place.first->second].second = std::move(e.second);
    }
    return out;
}

// Doubles compare as doubles do: a NaN equals nothing.
CPPREALM_COLD inline bool bsoncxx::equals(const bsoncxx& o) const {
    if (m_type != o.m_type) return false;
    switch (m_type) {
        case type::b_double: return m_double == o.m_double;
        case type::b_decimal128: return m_decimal == o.m_decimal;
        case type::b_objectId: return m_object_id == o.m_object_id;
        case type::b_uuid: return m_uuid == o.m_uuid;
        case type::b_document: return *m_document == *o.m_document;
        case type::b_array: return *m_array == *o.m_array;
        default: return m_number == o.m_number && m_text == o.m_text;
    }
}

}// namespace realm

#include <cpprealm/internal/extended_json.hpp>

namespace realm {
CPPREALM_COLD inline std::string bsoncxx::to_string() const {
    std::string out;
    internal::extended_json::write(out, *this);
    return out;
}
}// namespace realm
