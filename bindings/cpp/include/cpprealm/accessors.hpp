// What the property accessors of all scalar types share: reading, storing, comparing.
#pragma once

#include <cpprealm/internal/instance.hpp>
#include <cpprealm/rbool.hpp>

namespace realm {

// A live object (generated for each class by REALM_SCHEMA) or a live property.
template <typename T, typename = void>
struct managed;

namespace internal {

enum class comparison { eq, ne, lt, le, gt, ge };

inline const char* text_of(comparison op) {
    switch (op) {
        case comparison::eq: return " == ";
        case comparison::ne: return " != ";
        case comparison::lt: return " < ";
        case comparison::le: return " <= ";
        case comparison::gt: return " > ";
        default: return " >= ";
    }
}

template <typename A, typename B>
inline bool holds(comparison op, const A& a, const B& b) {
    switch (op) {
        case comparison::eq: return a == b;
        case comparison::ne: return !(a == b);
        case comparison::lt: return a < b;
        case comparison::le: return a <= b;
        case comparison::gt: return a > b;
        default: return a >= b;
    }
}

// A null neither precedes nor follows anything.
template <typename A, typename B>
inline bool holds(comparison op, const std::optional<A>& a, const B& b) {
    return a && holds(op, *a, b);
}

// Base of an accessor whose plain C++ type is T.
template <typename T>
class scalar : public accessor {
public:
    using accessor::accessor;
    T detach() const { return persisted<T>::read(cell()); }
    operator T() const { return detach(); }

protected:
    void assign(const T& v) const { store(to_cell(v)); }

    CPPREALM_COLD std::string path() const {
        auto& c = core();
        return c.query()->prefix + c.binding().properties[m_property];
    }
    template <typename V>
    CPPREALM_COLD query_piece condition(const char* op, const V& v) const {
        query_piece out;
        out.text = path() + op + query_piece::mark;
        query_argument a;
        a.cell = to_cell(v);
        a.own();
        out.arguments.push_back(std::move(a));
        return out;
    }
    // Compares with a value of type V: a condition in a query, the truth outside.
    template <typename V>
    rbool compare(comparison op, const V& v) const {
        if (in_query()) return condition(text_of(op), v);
        return holds(op, detach(), v);
    }
    template <typename V>
    rbool equals(const V& v) const {
        if (in_query()) return condition(text_of(comparison::eq), v);
        return detach() == v;
    }
    template <typename V>
    rbool differs(const V& v) const {
        if (in_query()) return condition(text_of(comparison::ne), v);
        return !(detach() == v);
    }
};

// Comparison operators for accessors that compare with their own plain type only. Each accessor has them itself: as members of
// a base they would lose to the comparisons that the standard library has for std::optional.
#define CPPREALM_EQUALITY(T)                                              \
    rbool operator==(const T& v) const { return this->equals(v); }        \
    rbool operator!=(const T& v) const { return this->differs(v); }
#define CPPREALM_ORDER(T)                                                                                       \
    rbool operator<(const T& v) const { return this->compare(::realm::internal::comparison::lt, v); }           \
    rbool operator<=(const T& v) const { return this->compare(::realm::internal::comparison::le, v); }          \
    rbool operator>(const T& v) const { return this->compare(::realm::internal::comparison::gt, v); }           \
    rbool operator>=(const T& v) const { return this->compare(::realm::internal::comparison::ge, v); }

// Base of the accessor of std::optional<X>.
template <typename X>
class optional_scalar : public scalar<std::optional<X>> {
public:
    using scalar<std::optional<X>>::scalar;
    std::optional<X> operator*() const { return this->detach(); }

protected:
    X stored(const char* text_if_null) const {
        auto v = this->detach();
        if (!v) throw std::runtime_error(text_if_null);
        return *v;
    }
};

// The assignments and comparisons every accessor of an optional has.
#define CPPREALM_OPTIONAL(X)                                                       \
    managed& operator=(const X& v) {                                               \
        this->assign(v);                                                           \
        return *this;                                                              \
    }                                                                              \
    managed& operator=(const std::optional<X>& v) {                                \
        this->assign(v);                                                           \
        return *this;                                                              \
    }                                                                              \
    managed& operator=(std::nullopt_t) {                                           \
        this->assign(std::nullopt);                                                \
        return *this;                                                              \
    }                                                                              \
    CPPREALM_EQUALITY(std::optional<X>)

}// namespace internal
}// namespace realm
