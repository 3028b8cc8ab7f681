// Property types of the surface that this version of the library does not store: the compiler says so where a class declares one.
#pragma once

#include <cpprealm/accessors.hpp>

#include <map>
#include <set>

namespace realm {
namespace internal {
// False, but only once X is known: for assertions about the use of a template.
template <typename X>
inline constexpr bool available = false;
}// namespace internal

template <typename X>
struct managed<std::vector<X>> : internal::accessor {
    using accessor::accessor;
    static_assert(internal::available<X>, "Lists (std::vector<T>) are not available in this version of librealm_sync.");
};
template <typename X>
struct managed<std::set<X>> : internal::accessor {
    using accessor::accessor;
    static_assert(internal::available<X>, "Sets (std::set<T>) are not available in this version of librealm_sync.");
};
template <typename X>
struct managed<std::map<std::string, X>> : internal::accessor {
    using accessor::accessor;
    static_assert(internal::available<X>, "Dictionaries (std::map<std::string, T>) are not available in this version of librealm_sync.");
};
template <auto ptr>
struct managed<linking_objects<ptr>> : internal::accessor {
    using accessor::accessor;
    static_assert(internal::available<linking_objects<ptr>>, "linking_objects are not available in this version of librealm_sync.");
};

}// namespace realm
