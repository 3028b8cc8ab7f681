// Accessors of properties that hold a value of any type.
#pragma once

#include <cpprealm/link.hpp>

namespace realm {

template <typename... Ts>
struct managed<std::variant<Ts...>> : internal::scalar<std::variant<Ts...>> {
    using variant = std::variant<Ts...>;
    using internal::scalar<variant>::scalar;
    // What is stored. The numbers are those of the original.
    enum stored_type { Int = 0,
                       Bool = 1,
                       String = 2,
                       Binary = 4,
                       Mixed = 6,
                       Timestamp = 8,
                       Float = 9,
                       Double = 10,
                       Decimal = 11,
                       Link = 12,
                       LinkList = 13,
                       ObjectId = 15,
                       TypedLink = 16,
                       UUID = 17,
                       Null = 18 };

    variant operator*() const { return this->detach(); }
    managed& operator=(const variant& v) {
        this->assign(v);
        return *this;
    }
    template <typename U, typename = std::enable_if_t<!std::is_same_v<std::decay_t<U>, variant> && std::is_constructible_v<variant, const U&>>>
    managed& operator=(const U& v) {
        this->assign(variant(v));
        return *this;
    }
    stored_type get_stored_type() const {
        switch (this->cell().type) {
            case REALM_TYPE_INT: return Int;
            case REALM_TYPE_BOOL: return Bool;
            case REALM_TYPE_STRING: return String;
            case REALM_TYPE_BINARY: return Binary;
            case REALM_TYPE_TIMESTAMP: return Timestamp;
            case REALM_TYPE_FLOAT: return Float;
            case REALM_TYPE_DOUBLE: return Double;
            case REALM_TYPE_DECIMAL128: return Decimal;
            case REALM_TYPE_LINK: return TypedLink;
            case REALM_TYPE_OBJECT_ID: return ObjectId;
            case REALM_TYPE_UUID: return UUID;
            case REALM_TYPE_LIST:
            case REALM_TYPE_DICTIONARY: return Mixed;// a collection, which this surface has no accessor for
            default: return Null;
        }
    }
    bool has_link() const { return this->cell().type == REALM_TYPE_LINK; }
    // The object that is linked to. U is T*; throws when there is no link, or one to another class.
    template <typename U>
    typename managed<U>::ref_type get_stored_link() const {
        using T = std::remove_pointer_t<U>;
        auto& owner = this->core().owner();
        auto& cell = this->cell();
        if (cell.type != REALM_TYPE_LINK) throw std::runtime_error("There is no link stored in the mixed property.");
        if (cell.size != internal::binding_of<T>(*owner).key) {
            realm_class_info_t stored;
            internal::call(realm_get_class, owner->get(), cell.size, &stored);
            throw std::runtime_error("Different link type stored in mixed type. Stored type: " + internal::from_abi(stored.name));
        }
        return typename managed<U>::ref_type(internal::follow<T>(owner, cell));
    }
    // Links to an object of the database.
    template <typename T>
    void set_link(managed<T>& o) { link_to(o); }
    template <typename T>
    void set_link(const managed<T>& o) { link_to(o); }
    template <typename T>
    void set_link(managed<T>&& o) { link_to(o); }
    // Stores an object, as db::add does, and links to it. Takes the object or a pointer to it.
    template <typename U, typename T = std::remove_pointer_t<std::decay_t<U>>, typename = std::enable_if_t<internal::has_schema<T>::value>>
    void set_link(U&& o) {
        static_assert(!internal::is_embedded<T>(), "A mixed value cannot hold an embedded object.");
        auto& owner = this->core().owner();
        if constexpr (std::is_pointer_v<std::decay_t<U>>) this->store(internal::link_cell(*internal::add_object<T>(owner, *o)));
        else
            this->store(internal::link_cell(*internal::add_object<T>(owner, o)));
    }
    CPPREALM_EQUALITY(variant)
    rbool operator==(const std::nullopt_t&) const noexcept { return this->equals(variant(std::monostate())); }
    rbool operator!=(const std::nullopt_t&) const noexcept { return this->differs(variant(std::monostate())); }

private:
    template <typename T>
    void link_to(const managed<T>& o) {
        static_assert(!internal::is_embedded<T>(), "A mixed value cannot hold an embedded object.");
        this->store(internal::link_within(this->core().owner(), internal::access::pointer(o)));
    }
    template <typename X, typename... Us>
    friend bool holds_alternative(const managed<std::variant<Us...>>&) noexcept;
};

// Whether a Mixed property holds a value of type X (std::monostate: null; T*: a link to an object of class T).
template <typename X, typename... Ts>
bool holds_alternative(const managed<std::variant<Ts...>>& property) noexcept {
    auto stored = property.get_stored_type();
    using M = managed<std::variant<Ts...>>;
    if constexpr (std::is_same_v<X, std::monostate>) return stored == M::Null;
    else if constexpr (std::is_same_v<X, double>)
        return stored == M::Double || stored == M::Float;
    else if constexpr (std::is_pointer_v<X>) {
        // A link, and one to this class.
        auto& cell = property.cell();
        return cell.type == REALM_TYPE_LINK && cell.size == internal::binding_of<std::remove_pointer_t<X>>(*property.core().owner()).key;
    } else {
        constexpr auto type = internal::persisted<X>::type;
        return (type == REALM_TYPE_INT && stored == M::Int) || (type == REALM_TYPE_BOOL && stored == M::Bool) || (type == REALM_TYPE_STRING && stored == M::String) ||
                (type == REALM_TYPE_BINARY && stored == M::Binary) || (type == REALM_TYPE_TIMESTAMP && stored == M::Timestamp) || (type == REALM_TYPE_DECIMAL128 && stored == M::Decimal) ||
                (type == REALM_TYPE_OBJECT_ID && stored == M::ObjectId) || (type == REALM_TYPE_UUID && stored == M::UUID);
    }
}

}// namespace realm
