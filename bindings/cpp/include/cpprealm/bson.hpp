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
    bsoncxx(int32_t v) noexcept : m_value(v) {}
    bsoncxx(int64_t v) noexcept : m_value(v) {}
    bsoncxx(bool v) noexcept : m_value(v) {}
    bsoncxx(double v) noexcept : m_value(v) {}
    bsoncxx(min_key v) noexcept : m_value(v) {}
    bsoncxx(max_key v) noexcept : m_value(v) {}
    bsoncxx(const timestamp& v) noexcept : m_value(v) {}
    bsoncxx(const date& v) noexcept : m_value(v) {}
    bsoncxx(const decimal128& v) noexcept : m_value(v) {}
    bsoncxx(const object_id& v) noexcept : m_value(v) {}
    bsoncxx(const uuid& v) noexcept : m_value(v) {}
    bsoncxx(const regular_expression& v) noexcept : m_value(v) {}
    bsoncxx(const std::vector<uint8_t>& v) noexcept : m_value(v) {}
    bsoncxx(const std::string& v) noexcept : m_value(v) {}
    bsoncxx(const char* v) noexcept : m_value(std::string(v)) {}
    bsoncxx(const document& v) noexcept : m_value(std::make_shared<const document>(v)) {}
    bsoncxx(const array& v) noexcept;

    type get_type() const;

    // Canonical extended JSON.
    std::string to_string() const;
    std::string to_json() const { return to_string(); }

    // The value as what it is; as another type: std::runtime_error, where the original ends the program.
    operator std::nullopt_t() const {
        get<std::monostate>();
        return std::nullopt;
    }
    operator int32_t() const { return get<int32_t>(); }
    operator int64_t() const { return get<int64_t>(); }
    operator bool() const { return get<bool>(); }
    operator double() const { return get<double>(); }
    operator min_key() const { return get<min_key>(); }
    operator max_key() const { return get<max_key>(); }
    operator timestamp() const { return get<timestamp>(); }
    operator date() const { return get<date>(); }
    operator decimal128() const { return get<decimal128>(); }
    operator object_id() const { return get<object_id>(); }
    operator uuid() const { return get<uuid>(); }
    operator regular_expression() const { return get<regular_expression>(); }
    operator std::vector<uint8_t>() const { return get<std::vector<uint8_t>>(); }
    operator std::string() const { return get<std::string>(); }
    operator document() const { return *get<std::shared_ptr<const document>>(); }
    operator array() const { return *get<std::shared_ptr<const array>>(); }

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

    // For the library.
    template <typename Visitor>
    void visit(Visitor&& visitor) const {
        std::visit(std::forward<Visitor>(visitor), m_value);
    }
    bool equals(const bsoncxx& o) const;

private:
    // Documents and arrays don't change once they are values, so copies share them.
    using storage = std::variant<std::monostate, int32_t, int64_t, bool, double, std::string, std::vector<uint8_t>, timestamp, date, object_id, decimal128,
                                 regular_expression, max_key, min_key, std::shared_ptr<const document>, std::shared_ptr<const array>, uuid>;

    template <typename T>
    const T& get() const {
        if (auto v = std::get_if<T>(&m_value)) return *v;
        throw std::runtime_error("This BSON value has another type.");
    }
    storage m_value;
};

inline bsoncxx::bsoncxx(const array& v) noexcept : m_value(std::make_shared<const array>(v)) {}
inline bsoncxx::type bsoncxx::get_type() const { return static_cast<type>(m_value.index()); }

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

// Bits, where values have some: of NaNs, too.
CPPREALM_COLD inline bool bsoncxx::equals(const bsoncxx& o) const {
    if (m_value.index() != o.m_value.index()) return false;
    return std::visit(
            [&](const auto& a) {
                using T = std::decay_t<decltype(a)>;
                const auto& b = std::get<T>(o.m_value);
                if constexpr (std::is_same_v<T, std::monostate> || std::is_same_v<T, min_key> || std::is_same_v<T, max_key>) return true;
                else if constexpr (std::is_same_v<T, timestamp>)
                    return a.get_seconds() == b.get_seconds() && a.get_increment() == b.get_increment();
                else if constexpr (std::is_same_v<T, date>)
                    return a.get_date() == b.get_date();
                else if constexpr (std::is_same_v<T, std::shared_ptr<const document>> || std::is_same_v<T, std::shared_ptr<const array>>)
                    return *a == *b;
                else
                    return a == b;
            },
            m_value);
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
