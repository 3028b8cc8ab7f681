// Observing single objects.
#pragma once

#include <cpprealm/internal/callback.hpp>
#include <cpprealm/link.hpp>

namespace realm {
namespace internal {

// Everything an object observer needs; owned by the library through its userdata, and by the token.
template <typename T>
struct object_observer {
    managed<T> object;
    std::function<void(object_change<managed<T>>&&)> callback;

    // Fills the changed properties in schema order.
    struct collect {
        object_observer& self;
        const realm_object_changes_t& changes;
        object_change<managed<T>>& out;
        template <typename Class, typename Member, typename Accessor>
        void operator()(uint32_t property, const char* name, Member Class::*, Accessor member) {
            if constexpr (!is_linking_objects<Member>::value) {
                auto& core = access::core(self.object);
                auto column = core.binding().columns[property];
                auto end = changes.properties + changes.n_properties;
                auto at = std::lower_bound(changes.properties, end, column);
                if (at == end || *at != column) return;
                PropertyChange<managed<T>> change;
                change.name = name;
                constexpr std::in_place_type_t<change_type<Member>> as{};
                if constexpr (std::is_pointer_v<Member>) change.new_value.emplace(as, self.object.*member);
                else if constexpr (is_collection<Member>)
                    change.new_value.emplace(std::in_place_type<std::monostate>);
                else {
                    change.new_value.emplace(as, persisted<Member>::read(core.cell(column)));
                    if (changes.old_values) change.old_value.emplace(as, persisted<Member>::read(changes.old_values[at - changes.properties]));
                }
                out.property_changes.push_back(std::move(change));
            }
        }
    };

    void deliver(const realm_object_changes_t& changes) {
        object_change<managed<T>> out;
        out.is_deleted = changes.deleted;
        if (!changes.deleted) {
            out.object = &object;
            managed<T>::cpprealm_base::cpprealm_each(collect{*this, changes, out});
        }
        callback(std::move(out));
    }
};

}// namespace internal

template <typename T>
notification_token managed<T, std::enable_if_t<internal::has_schema<T>::value>>::observe(std::function<void(object_change<managed>&&)>&& callback) const {
    using observer = internal::object_observer<T>;
    auto shared = std::make_shared<observer>(observer{*this, std::move(callback)});
    auto object = internal::access::core(*this).object();
    internal::token_handle token;
    internal::call(
            realm_object_observe, object,
            [](void* p, const realm_object_changes_t* changes) {
                auto kept = *static_cast<std::shared_ptr<observer>*>(p);// the callback may drop the token
                internal::guarded([&] { kept->deliver(*changes); });
            },
            internal::new_userdata(shared), internal::free_userdata<std::shared_ptr<observer>>, token.out());
    return notification_token(internal::bind, std::move(token), shared);
}

}// namespace realm
