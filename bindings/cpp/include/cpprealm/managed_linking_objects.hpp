// Accessors of the other end of links.
#pragma once

#include <cpprealm/results.hpp>

namespace realm {

namespace internal {

// Finds the name of a member in a class's schema.
template <typename Member>
struct find_member {
    Member member;
    const char*& name;
    template <typename Class, typename M, typename Accessor>
    void operator()(uint32_t, const char* property, M Class::*candidate, Accessor) const {
        if constexpr (std::is_same_v<M Class::*, Member>)
            if (candidate == member) name = property;
    }
};

}// namespace internal

// The objects whose property `ptr` (a link, or a collection of links) refers to this object, once for each such link, in order of
// creation. Computed from the present links each time.
template <auto ptr>
struct managed<linking_objects<ptr>> : internal::accessor {
    using accessor::accessor;
    using Class = typename linking_objects<ptr>::Class;

    size_t size() const { return origins().size(); }
    managed<Class> operator[](size_t index) const { return origins()[index]; }
    auto begin() const { return origins().begin(); }
    auto end() const { return origins().end(); }
    linking_objects<ptr> detach() const { return {}; }

private:
    results<Class> origins() const {
        auto& c = core();
        if (c.query()) throw std::logic_error("linking_objects cannot be used inside of `where`; use a query text instead.");
        if (!realm_object_is_valid(c.object())) throw std::logic_error("Object has been deleted or invalidated.");
        const char* name = nullptr;
        internal::generated<Class>::cpprealm_each(internal::find_member<decltype(ptr)>{ptr, name});
        uint32_t column = 0;
        auto& origin = internal::binding_of<Class>(*c.owner());
        if (!name || realm_find_property(c.owner()->get(), origin.key, internal::to_abi(name), &column, nullptr) != REALM_OK)
            throw std::logic_error("Invalid column key for origin property.");
        internal::results_handle h;
        internal::call(realm_object_get_backlinks, c.object(), origin.key, column, h.out());
        return results<Class>(internal::bind, c.owner(), std::move(h), realm_is_frozen(c.owner()->get()));
    }
};

}// namespace realm
