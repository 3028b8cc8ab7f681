// What import_json.cpp reads: JSON, and from it the C++ types of properties as to_json() writes them.
#pragma once

#include <cpprealm/sdk.hpp>

#include <cctype>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

// A JSON value. Numbers keep their text: a double would not hold every 64-bit integer.
struct json {
    enum kind { null, boolean, number, text, array, object } is = null;
    bool truth = false;
    std::string string;// of numbers and texts
    std::vector<json> items;
    std::map<std::string, json> members;

    // The member of that name; a null when there is none.
    const json& operator[](const std::string& name) const {
        static const json none;
        auto at = members.find(name);
        return at == members.end() ? none : at->second;
    }
    static json parse(const std::string& s) {
        size_t at = 0;
        json out = value(s, at, 0);
        skip(s, at);
        if (at != s.size()) fail(at, "something follows the value");
        return out;
    }

private:
    [[noreturn]] static void fail(size_t at, const char* what) { throw std::runtime_error("JSON, byte " + std::to_string(at) + ": " + what); }
    static void skip(const std::string& s, size_t& at) {
        while (at < s.size() && (s[at] == ' ' || s[at] == '\t' || s[at] == '\n' || s[at] == '\r')) at++;
    }
    static bool take(const std::string& s, size_t& at, char c) {
        skip(s, at);
        if (at >= s.size() || s[at] != c) return false;
        at++;
        return true;
    }
    static void expect(const std::string& s, size_t& at, char c) {
        if (!take(s, at, c)) fail(at, (std::string("expected ") + c).c_str());
    }
    static bool word(const std::string& s, size_t& at, const char* w) {
        if (s.compare(at, std::char_traits<char>::length(w), w) != 0) return false;
        at += std::char_traits<char>::length(w);
        return true;
    }
    static json value(const std::string& s, size_t& at, int depth) {
        if (depth > 100) fail(at, "too deep");
        skip(s, at);
        json out;
        if (take(s, at, '{')) {
            out.is = object;
            if (take(s, at, '}')) return out;
            do {
                skip(s, at);
                auto name = quoted(s, at);
                expect(s, at, ':');
                out.members[name] = value(s, at, depth + 1);
            } while (take(s, at, ','));
            expect(s, at, '}');
        } else if (take(s, at, '[')) {
            out.is = array;
            if (take(s, at, ']')) return out;
            do out.items.push_back(value(s, at, depth + 1));
            while (take(s, at, ','));
            expect(s, at, ']');
        } else if (at < s.size() && s[at] == '"') {
            out.is = text;
            out.string = quoted(s, at);
        } else if (word(s, at, "true")) {
            out.is = boolean;
            out.truth = true;
        } else if (word(s, at, "false")) {
            out.is = boolean;
        } else if (!word(s, at, "null")) {
            auto begin = at;
            while (at < s.size() && (std::isalnum(static_cast<unsigned char>(s[at])) || s[at] == '+' || s[at] == '-' || s[at] == '.')) at++;
            if (at == begin) fail(at, "expected a value");
            out.is = number;
            out.string = s.substr(begin, at - begin);
        }
        return out;
    }
    // A text as to_json() writes it: these escapes and no others, all else as it is.
    static std::string quoted(const std::string& s, size_t& at) {
        expect(s, at, '"');
        std::string out;
        for (;; at++) {
            if (at >= s.size()) fail(at, "the text does not end");
            if (s[at] == '"') break;
            if (s[at] != '\\') {
                out += s[at];
                continue;
            }
            if (++at >= s.size()) fail(at, "the text does not end");
            static const std::string escapes = "\"\\/nrtfb", meant = "\"\\/\n\r\t\f\b";
            auto which = escapes.find(s[at]);
            if (which == std::string::npos) fail(at, "an unknown escape");
            out += meant[which];
        }
        at++;
        return out;
    }
};

// read(j, v) stores what j says of a property of v's type. A null, or a member that is missing, leaves v as it is.
inline void read(const json& j, int64_t& v) {
    if (j.is == json::number) v = std::strtoll(j.string.c_str(), nullptr, 10);
}
inline void read(const json& j, bool& v) {
    if (j.is == json::boolean) v = j.truth;
}
inline void read(const json& j, double& v) {
    if (j.is == json::number) v = std::strtod(j.string.c_str(), nullptr);
}
inline void read(const json& j, std::string& v) {
    if (j.is == json::text) v = j.string;
}
inline void read(const json& j, realm::uuid& v) {
    if (j.is == json::text) v = realm::uuid(j.string);
}
inline void read(const json& j, realm::object_id& v) {
    if (j.is == json::text) v = realm::object_id(j.string);
}
inline void read(const json& j, realm::decimal128& v) {
    if (j.is == json::text) v = realm::decimal128(j.string);
}
// Base64.
inline void read(const json& j, std::vector<uint8_t>& v) {
    if (j.is != json::text) return;
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, n = 0;
    v.clear();
    for (char c: j.string) {
        auto digit = digits.find(c);
        if (digit == std::string::npos) break;// padding
        bits = bits << 6 | static_cast<unsigned>(digit);
        n += 6;
        if (n >= 8) v.push_back(static_cast<uint8_t>(bits >> (n -= 8)));
    }
}
// "2020-01-02 03:04:05.123456789", in UTC.
inline void read(const json& j, std::chrono::time_point<std::chrono::system_clock>& v) {
    if (j.is != json::text) return;
    int year, month, day, hour, minute, second, end = 0;
    if (std::sscanf(j.string.c_str(), "%d-%d-%d %d:%d:%d%n", &year, &month, &day, &hour, &minute, &second, &end) != 6) throw std::runtime_error("'" + j.string + "' is no date");
    // Days since 1970, counted in years that begin in March.
    int y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719468;
    auto fraction = (j.string.substr(static_cast<size_t>(end)) + "000000000").substr(j.string.size() > static_cast<size_t>(end) ? 1 : 0, 9);
    auto since = std::chrono::seconds(((days * 24 + hour) * 60 + minute) * 60 + second) + std::chrono::nanoseconds(std::strtoll(fraction.c_str(), nullptr, 10));
    v = std::chrono::time_point<std::chrono::system_clock>(std::chrono::duration_cast<std::chrono::system_clock::duration>(since));
}
template <typename E, std::enable_if_t<std::is_enum_v<E>, int> = 0>
void read(const json& j, E& v) {
    if (j.is == json::number) v = static_cast<E>(std::strtoll(j.string.c_str(), nullptr, 10));
}
template <typename X>
void read(const json& j, realm::primary_key<X>& v) {
    read(j, v.value);
}
template <typename X>
void read(const json& j, std::optional<X>& v) {
    if (j.is == json::null) return;
    X value{};
    read(j, value);
    v = std::move(value);
}
// Lists and sets of values.
template <typename X>
void read(const json& j, std::vector<X>& v) {
    for (auto& item: j.items) {
        X value{};
        read(item, value);
        v.push_back(std::move(value));
    }
}
template <typename X>
void read(const json& j, std::set<X>& v) {
    for (auto& item: j.items) {
        X value{};
        read(item, value);
        v.insert(std::move(value));
    }
}
template <typename X>
void read(const json& j, std::map<std::string, X>& v) {
    for (auto& [key, item]: j.members) read(item, v[key]);
}
