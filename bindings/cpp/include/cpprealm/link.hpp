// Accessors of to-one links.
#pragma once

#include <cpprealm/managed_object.hpp>

namespace realm {

namespace internal {

template <typename T>
template <typename Target>
Target* copy_out<T>::detach_link(uint32_t property) {
    auto target = follow<Target>(core.owner(), core.cell(core.binding().columns[property]));
    return target ? new Target(managed<Target>(target).detach()) : nullptr;
}

inline realm_value_t link_cell(const object_core& target) {
    realm_value_t c{};
    c.type = REALM_TYPE_LINK;
    c.size = target.object()->class_key;
    c.u.link = target.object()->object_key;
    return c;
}

}// namespace internal

template <typename T>
struct managed<T*> : internal::accessor {
    using accessor::accessor;
    managed(const managed& o) : accessor(internal::bind, o.m_core, o.m_property) {}

    // What -> gives: the target, kept alive for the expression.
    class ref_type {
    public:
        explicit ref_type(internal::core_ptr core) : m_object(std::move(core)) {}
        managed<T>* operator->() { return &m_object; }
        const managed<T>* operator->() const { return &m_object; }
        managed<T>& operator*() { return m_object; }
        const managed<T>& operator*() const { return m_object; }
        rbool operator==(const managed<T>& o) const { return m_object == o; }
        rbool operator!=(const managed<T>& o) const { return m_object != o; }
        rbool operator==(const ref_type& o) const { return m_object == o.m_object; }
        rbool operator!=(const ref_type& o) const { return m_object != o.m_object; }
        rbool operator==(const managed<T*>& o) const { return internal::same_object(internal::access::pointer(m_object).get(), o.target().get()); }
        rbool operator!=(const managed<T*>& o) const { return !internal::same_object(internal::access::pointer(m_object).get(), o.target().get()); }

    private:
        managed<T> m_object;
    };

    // A deep copy on the heap, for the caller to delete; nullptr for a null link.
    T* detach() const {
        auto t = target();
        return t ? new T(managed<T>(t).detach()) : nullptr;
    }
    // The target. Reading a property through a null link throws.
    ref_type operator->() const {
        if (in_query()) {
            auto& c = core();
            auto path = std::make_unique<internal::query_path>();
            path->owner = c.owner();
            path->prefix = c.query()->prefix + c.binding().properties[m_property] + ".";
            return ref_type(internal::core_ptr(new internal::object_core(std::move(path), internal::binding_of<T>(*c.owner()))));
        }
        auto t = target();
        if (!t) throw std::runtime_error("The link '" + name() + "' is null.");
        return ref_type(std::move(t));
    }
    // Whether the link is set.
    operator bool() const { return cell().type == REALM_TYPE_LINK; }

    managed& operator=(const managed<T>& o) { return point_to(internal::access::pointer(o)); }
    managed& operator=(const managed& o) { return point_to(o.target()); }
    managed& operator=(std::nullptr_t) { return point_to(internal::core_ptr()); }
    // Stores the object (an existing one with its primary key is updated) and links to it; nullptr clears the link.
    managed& operator=(T* o) { return point_to(o ? internal::add_object(core().owner(), *o) : internal::core_ptr()); }

    rbool operator==(std::nullptr_t) const {
        if (in_query()) return condition(" == ", nullptr);
        return !bool(*this);
    }
    rbool operator!=(std::nullptr_t) const {
        if (in_query()) return condition(" != ", nullptr);
        return bool(*this);
    }
    rbool operator==(const managed<T>& o) const { return equals(internal::access::pointer(o)); }
    rbool operator==(const managed& o) const { return equals(o.target()); }
    // Outside of a query: whether this link is set, whatever the right-hand side. A test of the original demands it (KEEP-3).
    rbool operator!=(const managed<T>& o) const { return differs(internal::access::pointer(o)); }
    rbool operator!=(const managed& o) const { return differs(o.target()); }

private:
    template <typename, typename>
    friend struct managed;
    internal::core_ptr target() const { return internal::follow<T>(core().owner(), cell()); }
    std::string name() const { return core().binding().properties[m_property]; }
    managed& point_to(const internal::core_ptr& o) {
        if (o && o->owner() != core().owner() && !realm_is_same(o->owner()->get(), core().owner()->get()))
            throw std::logic_error("A link can't point to an object of another database, nor to one of the same file that is frozen or belongs to another thread.");
        store(o ? internal::link_cell(*o) : realm_value_t{});
        return *this;
    }
    CPPREALM_COLD internal::query_piece condition(const char* op, const internal::object_core* o) const {
        internal::query_piece out;
        out.text = core().query()->prefix + name() + op + (o ? std::string(1, internal::query_piece::mark) : std::string("NULL"));
        if (o) {
            out.arguments.emplace_back();
            out.arguments.back().cell = internal::link_cell(*o);
        }
        return out;
    }
    rbool equals(const internal::core_ptr& o) const {
        if (in_query()) return condition(" == ", o.get());
        auto t = target();
        return (!t && !o) || internal::same_object(t.get(), o.get());
    }
    rbool differs(const internal::core_ptr& o) const {
        if (in_query()) return condition(" != ", o.get());
        return bool(*this);
    }
};

template <typename T>
inline bool managed<T, std::enable_if_t<internal::has_schema<T>::value>>::operator==(const managed<T*>& link) const {
    auto own = internal::access::pointer(*this).get();
    if (link.in_query()) throw std::runtime_error("This comparison operator is not valid inside of `where`");
    return internal::equal_objects(own, link.target().get());
}

namespace internal {

// Fills the cells of a new object. The strings stay in the object, which outlives the call.
template <typename T>
struct fill {
    const T& object;
    const instance_ptr& owner;
    const class_binding& binding;
    realm_value_t* cells;
    template <typename Class, typename Member, typename Accessor>
    void operator()(uint32_t property, const char*, Member Class::*member, Accessor) const {
        auto column = binding.columns[property];
        if (column >= binding.row_size) {
            if constexpr (is_linking_objects<Member>::value) return;// computed: there is no column
            else
                fail_column(binding);
        }
        auto& c = cells[column];
        if constexpr (std::is_pointer_v<Member>) {
            // A null pointer leaves an existing link alone, as in the original (KEEP-8).
            if (auto target = object.*member) c = link_cell(*add_object(owner, *target));
        } else if constexpr (!is_linking_objects<Member>::value) {
            c = realm_value_t{};
            persisted<Member>::write(object.*member, c);
        }
    }
};

template <typename T>
core_ptr add_object(const instance_ptr& owner, const T& value) {
    const auto& binding = binding_of<T>(*owner);
    // Rows of usual size need no allocation.
    realm_value_t small[32];
    std::vector<realm_value_t> large;
    realm_value_t* cells = small;
    if (binding.row_size > 32) {
        large.resize(binding.row_size);
        cells = large.data();
    }
    for (uint32_t i = 0; i < binding.row_size; i++) cells[i].type = REALM_TYPE_ABSENT;
    generated<T>::cpprealm_each(fill<T>{value, owner, binding, cells});
    realm_object_t* raw = nullptr;
    call(realm_object_create, owner->get(), binding.key, cells, size_t(binding.row_size), int(REALM_CREATE_UPSERT), &raw, static_cast<bool*>(nullptr));
    return core_ptr(new object_core(owner, binding, raw));
}

}// namespace internal
}// namespace realm
