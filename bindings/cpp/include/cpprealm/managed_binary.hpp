// Accessors of byte strings.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <>
struct managed<std::vector<uint8_t>> : internal::scalar<std::vector<uint8_t>> {
    using scalar::scalar;
    std::vector<uint8_t> operator*() const { return detach(); }
    managed& operator=(const std::vector<uint8_t>& v) {
        assign(v);
        return *this;
    }
    managed& operator=(std::initializer_list<uint8_t> v) { return *this = std::vector<uint8_t>(v); }
    size_t size() const { return cell().size; }
    uint8_t operator[](size_t i) const { return detach().at(i); }
    void push_back(uint8_t v) {
        auto bytes = detach();
        bytes.push_back(v);
        assign(bytes);
    }
    CPPREALM_EQUALITY(std::vector<uint8_t>)
};

template <>
struct managed<std::optional<std::vector<uint8_t>>> : internal::scalar<std::optional<std::vector<uint8_t>>> {
    using scalar::scalar;
    // What *a and a-> give: the bytes that are stored.
    class proxy {
    public:
        explicit proxy(const managed* owner) : m_owner(owner) {}
        std::vector<uint8_t> operator*() const { return bytes(); }
        size_t size() const { return bytes().size(); }
        uint8_t operator[](size_t i) const { return bytes().at(i); }
        void push_back(uint8_t v) const {
            auto stored = m_owner->detach();
            if (!stored) return;
            stored->push_back(v);
            m_owner->assign(stored);
        }
        const proxy* operator->() const { return this; }

    private:
        std::vector<uint8_t> bytes() const { return m_owner->detach().value_or(std::vector<uint8_t>()); }
        const managed* m_owner;
    };
    proxy operator*() const { return proxy(this); }
    proxy operator->() const { return proxy(this); }
    CPPREALM_OPTIONAL(std::vector<uint8_t>)
};

}// namespace realm
