// Accessors of UUIDs.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <>
struct managed<uuid> : internal::scalar<uuid> {
    using scalar::scalar;
    uuid operator*() const { return detach(); }
    managed& operator=(const uuid& v) {
        assign(v);
        return *this;
    }
    CPPREALM_EQUALITY(uuid)
};

template <>
struct managed<std::optional<uuid>> : internal::optional_scalar<uuid> {
    using optional_scalar::optional_scalar;
    CPPREALM_OPTIONAL(uuid)
};

}// namespace realm
