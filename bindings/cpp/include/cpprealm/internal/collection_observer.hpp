// Observing collections.
#pragma once

#include <cpprealm/internal/callback.hpp>
#include <cpprealm/internal/collection.hpp>
#include <cpprealm/notifications.hpp>

namespace realm::internal {

inline std::vector<uint64_t> positions(const size_t* data, size_t n) { return std::vector<uint64_t>(data, data + n); }
inline std::vector<std::string> texts(const realm_string_t* data, size_t n) {
    std::vector<std::string> out;
    out.reserve(n);
    for (size_t i = 0; i < n; i++) out.push_back(from_abi(data[i]));
    return out;
}

inline void convert(const realm_collection_changes_t& in, collection_change& out) {
    out.deletions = positions(in.deletions, in.n_deletions);
    out.insertions = positions(in.insertions, in.n_insertions);
    out.modifications = positions(in.modifications, in.n_modifications);
    out.collection_root_was_deleted = in.root_deleted;
}
inline void convert(const realm_collection_changes_t& in, dictionary_collection_change& out) {
    if (in.keys) {
        out.deletions = texts(in.keys->deletions, in.keys->n_deletions);
        out.insertions = texts(in.keys->insertions, in.keys->n_insertions);
        out.modifications = texts(in.keys->modifications, in.keys->n_modifications);
    }
    out.collection_root_was_deleted = in.root_deleted;
}

// Has f called with the changes as the library tells them. f and what it holds live as long as the registration.
template <typename Fn>
inline notification_token observe_raw(const collection_ptr& c, Fn&& f) {
    struct observer {
        collection_ptr collection;
        std::decay_t<Fn> callback;
    };
    auto shared = std::make_shared<observer>(observer{c, std::forward<Fn>(f)});
    token_handle token;
    call(
            realm_collection_observe, c->get(),
            [](void* p, const realm_collection_changes_t* changes) {
                auto kept = *static_cast<std::shared_ptr<observer>*>(p);// the callback may drop the token
                guarded([&] { kept->callback(*changes); });
            },
            new_userdata(shared), free_userdata<std::shared_ptr<observer>>, token.out());
    return notification_token(bind, std::move(token), shared);
}

template <typename Change>
inline notification_token observe_collection(const collection_ptr& c, std::function<void(Change)>&& callback) {
    return observe_raw(c, [callback = std::move(callback)](const realm_collection_changes_t& changes) {
        Change out;
        convert(changes, out);
        callback(std::move(out));
    });
}

}// namespace realm::internal
