// Realm Core's base64, as far as realm-cpp's own tests use it.
#pragma once

#include <cpprealm/types.hpp>

namespace realm::util {

// Length of the base64 text of n bytes.
inline size_t base64_encoded_size(size_t n) { return (n + 2) / 3 * 4; }
// Writes it to `out`, which must be that long; returns its length.
inline size_t base64_encode(const std::string& bytes, std::string& out) {
    auto text = internal::base64(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    if (out.size() < text.size()) throw std::invalid_argument("The buffer is too small for the base64 text.");
    std::copy(text.begin(), text.end(), out.begin());
    return text.size();
}

}// namespace realm::util
