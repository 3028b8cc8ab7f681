// Accessors of object ids.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <>
struct managed<object_id> : internal::scalar<object_id> {
    using scalar::scalar;
    object_id operator*() const { return detach(); }
    managed& operator=(const object_id& v) {
        assign(v);
        return *this;
    }
    CPPREALM_EQUALITY(object_id)
};

template <>
struct managed<std::optional<object_id>> : internal::optional_scalar<object_id> {
    using optional_scalar::optional_scalar;
    CPPREALM_OPTIONAL(object_id)
};

}// namespace realm
