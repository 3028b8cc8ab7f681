// Accessors of points in time. Nanoseconds are stored.
#pragma once

#include <cpprealm/accessors.hpp>

namespace realm {

template <>
struct managed<internal::time_point> : internal::scalar<internal::time_point> {
    using scalar::scalar;
    managed& operator=(const internal::time_point& v) {
        assign(v);
        return *this;
    }
    auto time_since_epoch() const { return detach().time_since_epoch(); }
    template <typename Rep, typename Period>
    managed& operator+=(const std::chrono::duration<Rep, Period>& d) {
        return *this = detach() + std::chrono::duration_cast<internal::time_point::duration>(d);
    }
    CPPREALM_EQUALITY(internal::time_point)
    CPPREALM_ORDER(internal::time_point)
};

template <>
struct managed<std::optional<internal::time_point>> : internal::scalar<std::optional<internal::time_point>> {
    using scalar::scalar;
    // What *a and a-> give: the point in time that is stored.
    class proxy {
    public:
        explicit proxy(const managed* owner) : m_owner(owner) {}
        template <typename Rep, typename Period>
        const proxy& operator+=(const std::chrono::duration<Rep, Period>& d) const {
            m_owner->store(internal::to_cell(value() + std::chrono::duration_cast<internal::time_point::duration>(d)));
            return *this;
        }
        auto time_since_epoch() const { return value().time_since_epoch(); }
        const proxy* operator->() const { return this; }

    private:
        internal::time_point value() const {
            auto v = m_owner->detach();
            if (!v) throw std::runtime_error("Optional date property has null value");
            return *v;
        }
        const managed* m_owner;
    };
    proxy operator*() const { return proxy(this); }
    proxy operator->() const { return proxy(this); }
    CPPREALM_OPTIONAL(internal::time_point)
    CPPREALM_ORDER(internal::time_point)
};

}// namespace realm
