// BSON values as text: writes canonical extended JSON and reads what servers send (app-services 10).
#pragma once

#include <cpprealm/bson.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace realm::internal::extended_json {

// How deep a text may nest: the parser is recursive, and texts come from outside.
constexpr int max_depth = 100;

inline void write_string(std::string& out, std::string_view s) {
    out += '"';
    for (char c: s) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    char text[8];
                    std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
                    out += text;
                } else
                    out += c;
        }
    }
    out += '"';
}

// The shortest of 1 to 17 digits that reads back as the same number.
inline std::string double_text(double d) {
    if (d != d) return "NaN";
    if (d - d != 0) return d < 0 ? "-Infinity" : "Infinity";
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        std::snprintf(text, sizeof text, "%.*g", digits, d);
        if (std::strtod(text, nullptr) == d) break;
    }
    return text;
}

inline void write_binary(std::string& out, const uint8_t* data, size_t size, const char* subtype) {
    out += R"({"$binary":{"base64":")" + base64(data, size) + R"(","subType":")" + subtype + "\"}}";
}

CPPREALM_COLD inline void write(std::string& out, const bsoncxx& v) {
    using type = bsoncxx::type;
    switch (v.get_type()) {
        case type::b_null: out += "null"; break;
        case type::b_int32: out += "{\"$numberInt\":\"" + std::to_string(static_cast<int32_t>(v)) + "\"}"; break;
        case type::b_int64: out += "{\"$numberLong\":\"" + std::to_string(static_cast<int64_t>(v)) + "\"}"; break;
        case type::b_bool: out += static_cast<bool>(v) ? "true" : "false"; break;
        case type::b_double: out += "{\"$numberDouble\":\"" + double_text(static_cast<double>(v)) + "\"}"; break;
        case type::b_string: write_string(out, static_cast<std::string>(v)); break;
        case type::b_binary: {
            auto bytes = static_cast<std::vector<uint8_t>>(v);
            write_binary(out, bytes.data(), bytes.size(), "00");
            break;
        }
        case type::b_uuid: write_binary(out, static_cast<uuid>(v).to_bytes().data(), 16, "04"); break;
        case type::b_timestamp: {
            auto t = static_cast<bsoncxx::timestamp>(v);
            out += "{\"$timestamp\":{\"t\":" + std::to_string(t.get_seconds()) + ",\"i\":" + std::to_string(t.get_increment()) + "}}";
            break;
        }
        case type::b_datetime: {
            auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(static_cast<bsoncxx::date>(v).get_date().time_since_epoch()).count();
            out += "{\"$date\":{\"$numberLong\":\"" + std::to_string(ms) + "\"}}";
            break;
        }
        case type::b_objectId: out += "{\"$oid\":\"" + static_cast<object_id>(v).to_string() + "\"}"; break;
        case type::b_decimal128: out += "{\"$numberDecimal\":\"" + static_cast<decimal128>(v).to_string() + "\"}"; break;
        case type::b_regular_expression: {
            auto x = static_cast<bsoncxx::regular_expression>(v);
            out += R"({"$regularExpression":{"pattern":)";
            write_string(out, x.get_pattern());
            out += ",\"options\":\"";
            for (unsigned i = 0; i < 4; i++)
                if (static_cast<unsigned>(x.get_options()) >> i & 1) out += "imsx"[i];
            out += "\"}}";
            break;
        }
        case type::b_max_key: out += "{\"$maxKey\":1}"; break;
        case type::b_min_key: out += "{\"$minKey\":1}"; break;
        case type::b_array: {
            const char* before = "";
            out += '[';
            for (auto& e: *v.as_array()) {
                out += std::exchange(before, ",");
                write(out, e);
            }
            out += ']';
            break;
        }
        case type::b_document: {
            const char* before = "";
            out += '{';
            for (auto& e: *v.as_document()) {
                out += std::exchange(before, ",");
                write_string(out, e.first);
                out += ':';
                write(out, e.second);
            }
            out += '}';
            break;
        }
    }
}

// Reads one value. Canonical and relaxed numbers are understood; a $date is milliseconds, never ISO text. An object is of a special type when
// its only member has the type's name. Throws std::invalid_argument that says where.
class parser {
public:
    explicit parser(std::string_view text) : m_text(text) {}
    bsoncxx parse() {
        auto v = value(0);
        space();
        if (m_at != m_text.size()) fail("something follows the value");
        return v;
    }

private:
    [[noreturn]] CPPREALM_COLD void fail(const char* why) const {
        throw std::invalid_argument("This is not extended JSON: " + std::string(why) + " at byte " + std::to_string(m_at) + ".");
    }
    void space() {
        while (m_at < m_text.size() && std::string_view(" \t\r\n").find(m_text[m_at]) != std::string_view::npos) m_at++;
    }
    char peek() {
        space();
        if (m_at == m_text.size()) fail("it ends too early");
        return m_text[m_at];
    }
    bool take(char c) {
        if (peek() != c) return false;
        m_at++;
        return true;
    }
    void expect(char c, const char* why) {
        if (!take(c)) fail(why);
    }
    void word(std::string_view w) {
        if (m_text.substr(m_at, w.size()) != w) fail("an unknown word is");
        m_at += w.size();
    }

    bsoncxx value(int depth) {
        if (depth == max_depth) fail("it nests too deep");
        switch (peek()) {
            case 'n': word("null"); return bsoncxx();
            case 't': word("true"); return bsoncxx(true);
            case 'f': word("false"); return bsoncxx(false);
            case '"': return bsoncxx(string());
            case '[': {
                m_at++;
                bsoncxx::array out;
                if (take(']')) return bsoncxx(out);
                do out.push_back(value(depth + 1));
                while (take(','));
                expect(']', "a comma or bracket is missing");
                return bsoncxx(out);
            }
            case '{': return object(depth);
            default: return number();
        }
    }

    // In linear time: insert() of the document looks for the key each time.
    bsoncxx object(int depth) {
        m_at++;
        bsoncxx::document out;
        if (take('}')) return bsoncxx(out);
        std::vector<bsoncxx::document::entry> entries;
        do {
            if (peek() != '"') fail("a name is missing");
            auto name = string();
            expect(':', "a colon is missing");
            entries.emplace_back(std::move(name), value(depth + 1));
        } while (take(','));
        expect('}', "a comma or brace is missing");
        if (entries.size() == 1 && entries[0].first[0] == '$')
            if (auto v = special(entries[0].first, entries[0].second)) return *v;
        return bsoncxx(bsoncxx::document::of(std::move(entries)));
    }

    std::string string() {
        std::string out;
        for (m_at++;;) {
            if (m_at == m_text.size()) fail("a string has no end");
            char c = m_text[m_at++];
            if (c == '"') return out;
            if (static_cast<unsigned char>(c) < 0x20) fail("a string has a control character");
            if (c != '\\') {
                out += c;
                continue;
            }
            if (m_at == m_text.size()) fail("a string has no end");
            switch (c = m_text[m_at++]) {
                case '"':
                case '\\':
                case '/': out += c; break;
                case 'b': out += '\b'; break;
                case 'f': out += '\f'; break;
                case 'n': out += '\n'; break;
                case 'r': out += '\r'; break;
                case 't': out += '\t'; break;
                case 'u': unicode(out); break;
                default: fail("an unknown escape is");
            }
        }
    }
    uint32_t four_digits() {
        uint32_t v = 0;
        for (int i = 0; i < 4; i++) {
            int digit = m_at < m_text.size() ? hex_value(m_text[m_at]) : -1;
            if (digit < 0) fail("\\u needs four hexadecimal digits");
            v = v << 4 | static_cast<uint32_t>(digit);
            m_at++;
        }
        return v;
    }
    void unicode(std::string& out) {
        uint32_t c = four_digits();
        if (c >= 0xd800 && c < 0xdc00 && m_text.substr(m_at, 2) == "\\u") {
            m_at += 2;
            auto low = four_digits();
            if (low < 0xdc00 || low > 0xdfff) fail("half a character is");
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else if (c >= 0xd800 && c < 0xe000)
            fail("half a character is");
        if (c < 0x80) {
            out += static_cast<char>(c);
            return;
        }
        int more = c < 0x800 ? 1 : (c < 0x10000 ? 2 : 3);// bytes after the first
        const unsigned first[] = {0, 0xc0, 0xe0, 0xf0};
        out += static_cast<char>(first[more] | c >> (6 * more));
        while (more-- > 0) out += static_cast<char>(0x80 | (c >> (6 * more) & 0x3f));
    }

    // Integers of 64 bits are int64, everything else is double.
    bsoncxx number() {
        auto from = m_at;
        auto digits = [&] {
            auto first = m_at;
            while (m_at < m_text.size() && m_text[m_at] >= '0' && m_text[m_at] <= '9') m_at++;
            if (first == m_at) fail("no value is");
        };
        if (m_text[m_at] == '-') m_at++;
        auto first = m_at;
        digits();
        if (m_text[first] == '0' && m_at - first > 1) fail("a number begins with zero");
        bool whole = true;
        if (m_at < m_text.size() && m_text[m_at] == '.') {
            whole = false;
            m_at++;
            digits();
        }
        if (m_at < m_text.size() && (m_text[m_at] == 'e' || m_text[m_at] == 'E')) {
            whole = false;
            m_at++;
            if (m_at < m_text.size() && (m_text[m_at] == '+' || m_text[m_at] == '-')) m_at++;
            digits();
        }
        std::string text(m_text.substr(from, m_at - from));
        if (int64_t v; whole && integer(text, v)) return bsoncxx(v);
        return bsoncxx(std::strtod(text.c_str(), nullptr));
    }
    static bool integer(const std::string& text, int64_t& out) {
        if (text.empty() || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) return false;
        char* end = nullptr;
        errno = 0;
        long long v = std::strtoll(text.c_str(), &end, 10);
        out = v;
        return errno == 0 && *end == 0 && end == text.c_str() + text.size();
    }

    static const bsoncxx::document* members(const bsoncxx& v, size_t n) {
        auto d = v.as_document();
        return d && d->size() == n ? d : nullptr;
    }
    static const bsoncxx* member(const bsoncxx::document* d, std::string_view name) {
        for (auto& e: *d)
            if (e.first == name) return &e.second;
        return nullptr;
    }
    std::string text_of(const bsoncxx* v) const {
        if (!v || v->get_type() != bsoncxx::type::b_string) fail("the value of a typed object is not a string");
        return static_cast<std::string>(*v);
    }
    int64_t int_text(const bsoncxx& v, int64_t least, int64_t most) const {
        int64_t n;
        if (!integer(text_of(&v), n) || n < least || n > most) fail("an integer is no number, or out of range");
        return n;
    }
    uint32_t small(const bsoncxx* v) const {
        bool whole = v && v->get_type() == bsoncxx::type::b_int64;
        auto n = whole ? static_cast<int64_t>(*v) : -1;
        if (n < 0 || n > std::numeric_limits<uint32_t>::max()) fail("a timestamp has two numbers of 32 bits");
        return static_cast<uint32_t>(n);
    }

    // The value that {name: v} stands for; none when name is no type.
    CPPREALM_COLD std::optional<bsoncxx> special(const std::string& name, const bsoncxx& v) const {
        using limits32 = std::numeric_limits<int32_t>;
        using limits64 = std::numeric_limits<int64_t>;
        if (name == "$numberInt") return bsoncxx(static_cast<int32_t>(int_text(v, limits32::min(), limits32::max())));
        if (name == "$numberLong") return bsoncxx(int_text(v, limits64::min(), limits64::max()));
        if (name == "$numberDouble") {
            auto text = text_of(&v);
            if (text == "NaN") return bsoncxx(std::numeric_limits<double>::quiet_NaN());
            if (text == "Infinity") return bsoncxx(std::numeric_limits<double>::infinity());
            if (text == "-Infinity") return bsoncxx(-std::numeric_limits<double>::infinity());
            char* end = nullptr;
            double d = std::strtod(text.c_str(), &end);
            if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string::npos || end != text.c_str() + text.size()) fail("a double is no number");
            return bsoncxx(d);
        }
        if (name == "$numberDecimal") {
            auto text = text_of(&v);
            auto d = decimal128(text);
            if (d.is_NaN() && text != "NaN") fail("a decimal is no number");
            return bsoncxx(d);
        }
        if (name == "$oid") return bsoncxx(object_id(text_of(&v)));
        if (name == "$uuid") return bsoncxx(uuid(text_of(&v)));
        if (name == "$date") {
            if (v.get_type() != bsoncxx::type::b_int64) fail("a date is not in milliseconds");
            return bsoncxx(bsoncxx::date(bsoncxx::time_point(std::chrono::duration_cast<bsoncxx::time_point::duration>(std::chrono::milliseconds(in_range(static_cast<int64_t>(v)))))));
        }
        if (name == "$timestamp") {
            auto d = members(v, 2);
            if (!d) fail("a timestamp has two numbers of 32 bits");
            return bsoncxx(bsoncxx::timestamp(small(member(d, "t")), small(member(d, "i"))));
        }
        if (name == "$regularExpression") {
            auto d = members(v, 2);
            if (!d) fail("a regular expression has a pattern and options");
            return bsoncxx(bsoncxx::regular_expression(text_of(member(d, "pattern")), text_of(member(d, "options"))));
        }
        if (name == "$binary") return binary(v);
        if (name == "$minKey") return bsoncxx(bsoncxx::min_key());
        if (name == "$maxKey") return bsoncxx(bsoncxx::max_key());
        return std::nullopt;
    }
    // What the clock of this system can hold.
    int64_t in_range(int64_t ms) const {
        using most = std::chrono::milliseconds;
        constexpr auto limit = std::chrono::duration_cast<most>(bsoncxx::time_point::duration::max()).count();
        if (ms > limit || ms < -limit) fail("a date is out of range");
        return ms;
    }
    bsoncxx binary(const bsoncxx& v) const {
        auto d = members(v, 2);
        if (!d) fail("binary data has base64 and subType");
        auto text = text_of(member(d, "base64")), subtype = text_of(member(d, "subType"));
        std::vector<uint8_t> bytes;
        bytes.reserve(text.size() / 4 * 3);
        while (!text.empty() && text.back() == '=') text.pop_back();
        uint32_t bits = 0;
        int have = 0;
        for (char c: text) {
            auto digit = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
            if (digit == std::string_view::npos) fail("binary data is not base64");
            bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffff;
            have += 6;
            if (have >= 8) {
                have -= 8;
                bytes.push_back(static_cast<uint8_t>(bits >> have));
            }
        }
        if (have == 6) fail("binary data is not base64");
        if ((subtype == "04" || subtype == "4") && bytes.size() == 16) {
            std::array<uint8_t, 16> id;
            std::copy(bytes.begin(), bytes.end(), id.begin());
            return bsoncxx(uuid(id));
        }
        return bsoncxx(bytes);
    }

    std::string_view m_text;
    size_t m_at = 0;
};

CPPREALM_COLD inline bsoncxx parse(std::string_view text) { return parser(text).parse(); }

}// namespace realm::internal::extended_json
