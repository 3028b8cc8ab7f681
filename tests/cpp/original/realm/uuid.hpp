// Realm Core's UUID, as far as realm-cpp's own tests use it. With -I tests/cpp/original they find the Realm Core headers they include.
#pragma once

#include <cpprealm/types.hpp>

namespace realm {

class UUID {
public:
    explicit UUID(const char* text) : m_value(text) {}
    std::array<uint8_t, 16> to_bytes() const { return m_value.to_bytes(); }

private:
    uuid m_value;
};

}// namespace realm
