// Accessors of strings.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

namespace internal {

// One character of a stored string; assigning writes the whole string.
template <typename Owner>
class char_reference {
public:
    char_reference(Owner* owner, size_t index) : m_owner(owner), m_index(index) {}
    char_reference& operator=(char c) {
        auto s = m_owner->text();
        s.at(m_index) = c;
        m_owner->set_text(s);
        return *this;
    }
    operator char() const { return m_owner->text().at(m_index); }

private:
    Owner* m_owner;
    size_t m_index;
};

// Pointer-like view of the characters.
template <typename Owner>
class char_pointer {
public:
    explicit char_pointer(Owner* owner) : m_owner(owner) {}
    char_reference<Owner> operator[](size_t i) const { return {m_owner, i}; }

private:
    Owner* m_owner;
};

// The string interface over an accessor whose text() reads (null as "") and set_text() writes.
template <typename T>
class text_accessor : public scalar<T> {
    using self = text_accessor;

public:
    using scalar<T>::scalar;
    using reference = char_reference<self>;

    reference at(size_t i) { return {this, i}; }
    reference operator[](size_t i) { return {this, i}; }
    reference front() { return {this, 0}; }
    reference back() { return {this, size() ? size() - 1 : 0}; }
    char_pointer<self> data() { return char_pointer<self>(this); }
    char_pointer<self> c_str() { return char_pointer<self>(this); }
    size_t size() const noexcept { return text().size(); }
    void clear() noexcept { set_text({}); }
    void push_back(char c) { set_text(text() + c); }
    void pop_back() {
        auto s = text();
        if (s.empty()) throw std::out_of_range("pop_back() on an empty string.");
        s.pop_back();
        set_text(s);
    }
    rbool contains(const std::string& s, bool case_sensitive = true) const noexcept {
        if (this->in_query()) return this->condition(case_sensitive ? " CONTAINS " : " CONTAINS[c] ", s);
        return text().find(s) != std::string::npos;
    }
    rbool empty() const noexcept {
        if (this->in_query()) return this->condition(" == ", std::string());
        return text().empty();
    }

    std::string text() const { return persisted<std::string>::read(this->cell()); }
    void set_text(const std::string& s) const { this->store(to_cell(s)); }
};

}// namespace internal

template <>
struct managed<std::string> : internal::text_accessor<std::string> {
    using text_accessor::text_accessor;
    operator std::string_view() const = delete;
    managed& operator=(const std::string& v) {
        set_text(v);
        return *this;
    }
    managed& operator=(const char* v) {
        set_text(v);
        return *this;
    }
    managed& append(const std::string& s) {
        set_text(text() + s);
        return *this;
    }
    managed& operator+=(const std::string& s) { return append(s); }
    CPPREALM_EQUALITY(std::string)
    rbool operator==(const char* v) const { return equals(std::string(v)); }
    rbool operator!=(const char* v) const { return differs(std::string(v)); }
};

template <>
struct managed<std::optional<std::string>> : internal::text_accessor<std::optional<std::string>> {
    using text_accessor::text_accessor;
    std::optional<std::string> operator*() const { return detach(); }
    CPPREALM_OPTIONAL(std::string)
    managed& operator=(const char* v) {
        set_text(v);
        return *this;
    }
    managed& append(const std::string& s) {
        set_text(text() + s);
        return *this;
    }
    managed& operator+=(const std::string& s) { return append(s); }
};

}// namespace realm
