// Realm Core's BSON values, as far as realm-cpp's own tests use them: to write bodies of an administrator's requests, and to read the answers.
// They are bsoncxx values whose documents and arrays can be changed in place.
#pragma once

#include <cpprealm/bson.hpp>

#include <ostream>

namespace realm::bson {

class Bson;
class BsonDocument;

struct BsonArray : std::vector<Bson> {
    using std::vector<Bson>::vector;
};

class Bson {
public:
    Bson() = default;
    Bson(int32_t v) : m_plain(v) {}
    Bson(int64_t v) : m_plain(v) {}
    Bson(bool v) : m_plain(v) {}
    Bson(double v) : m_plain(v) {}
    Bson(const char* v) : m_plain(v) {}
    Bson(const std::string& v) : m_plain(v) {}
    Bson(const BsonDocument& v);
    Bson(const BsonArray& v) : m_array(std::make_shared<BsonArray>(v)) {}
    explicit Bson(const bsoncxx& v);

    explicit operator std::string() const { return static_cast<std::string>(m_plain); }
    explicit operator bool() const { return static_cast<bool>(m_plain); }
    // std::bad_cast for another type than stored, as for the types above.
    explicit operator BsonDocument() const;
    explicit operator BsonArray() const {
        if (!m_array) throw std::bad_cast();
        return *m_array;
    }

    bsoncxx plain() const;
    // Canonical extended JSON.
    std::string to_string() const { return plain().to_string(); }

    friend bool operator==(const Bson& a, const Bson& b) { return a.plain() == b.plain(); }
    friend bool operator!=(const Bson& a, const Bson& b) { return !(a == b); }

private:
    bsoncxx m_plain;// of every other type than the two below
    std::shared_ptr<const BsonDocument> m_document;
    std::shared_ptr<const BsonArray> m_array;
};

// Entries in the order in which they were made.
class BsonDocument {
public:
    using entry = std::pair<std::string, Bson>;
    BsonDocument() = default;
    BsonDocument(std::initializer_list<entry> entries) {
        for (auto& e: entries) (*this)[e.first] = e.second;
    }

    // The value of a name; a name that is missing is entered, as null.
    Bson& operator[](const std::string& name) {
        for (auto& e: m_entries)
            if (e.first == name) return e.second;
        return m_entries.emplace_back(name, Bson()).second;
    }
    bool empty() const { return m_entries.empty(); }
    size_t size() const { return m_entries.size(); }
    std::vector<entry>::const_iterator begin() const { return m_entries.begin(); }
    std::vector<entry>::const_iterator end() const { return m_entries.end(); }

private:
    std::vector<entry> m_entries;
};

inline Bson::Bson(const BsonDocument& v) : m_document(std::make_shared<BsonDocument>(v)) {}
inline Bson::Bson(const bsoncxx& v) {
    if (auto d = v.as_document()) {
        BsonDocument out;
        for (auto& [name, value]: *d) out[name] = Bson(value);
        m_document = std::make_shared<BsonDocument>(std::move(out));
    } else if (auto a = v.as_array()) {
        BsonArray out;
        for (auto& value: *a) out.push_back(Bson(value));
        m_array = std::make_shared<BsonArray>(std::move(out));
    } else {
        m_plain = v;
    }
}
inline Bson::operator BsonDocument() const {
    if (!m_document) throw std::bad_cast();
    return *m_document;
}
inline bsoncxx Bson::plain() const {
    if (m_document) {
        bsoncxx::document out;
        for (auto& [name, value]: *m_document) out.insert(name, value.plain());
        return out;
    }
    if (m_array) {
        bsoncxx::array out;
        for (auto& value: *m_array) out.push_back(value.plain());
        return out;
    }
    return m_plain;
}

inline std::ostream& operator<<(std::ostream& out, const Bson& v) { return out << v.to_string(); }
inline std::ostream& operator<<(std::ostream& out, const BsonDocument& v) { return out << Bson(v).to_string(); }
inline std::ostream& operator<<(std::ostream& out, const BsonArray& v) { return out << Bson(v).to_string(); }

// Reads extended JSON; std::runtime_error for anything else.
inline Bson parse(const std::string& text) { return Bson(internal::extended_json::parse(text)); }

}// namespace realm::bson
