// What the sync tests share: they run as NAME URL APP_ID, against a development server.
#pragma once

#include "check.hpp"

#include <map>
#include <string>

namespace realm {

struct Item {
    primary_key<object_id> _id{object_id::generate()};
    std::string owner;
    std::string text;
    int64_t count = 0;
    std::optional<double> weight;
    Item* next = nullptr;
};
REALM_SCHEMA(Item, _id, owner, text, count, weight, next)

struct Other {
    primary_key<std::string> _id;
    int64_t n = 0;
};
REALM_SCHEMA(Other, _id, n)

}// namespace realm

namespace check {

using session_state = enum realm::sync_session::state;
using connection = enum realm::sync_session::connection_state;

struct server {
    std::string url, app_id;
};

// The server of the command line; ends the program when there is none.
inline server server_of(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s URL APP_ID\n", argv[0]);
        std::exit(2);
    }
    return {argv[1], argv[2]};
}

inline realm::App app_at(const std::string& url, const std::string& id, const std::string& folder) {
    realm::App::configuration c;
    c.app_id = id;
    c.base_url = url;
    c.path = folder;
    c.enable_caching = false;
    std::filesystem::create_directories(folder);
    return realm::App(c);
}
inline realm::App app_of(const server& s, const std::string& folder) { return app_at(s.url, s.app_id, folder); }

// A text that nobody else uses, so that tests share a server without seeing each other's objects.
inline std::string unique(const std::string& prefix) { return prefix + "-" + realm::object_id::generate().to_string(); }

// For what only polling can tell; events are waited for with check::event.
inline bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 12000; i++) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

inline realm::Item item(const std::string& owner, const std::string& text, int64_t count = 0) {
    realm::Item i;
    i.owner = owner;
    i.text = text;
    i.count = count;
    return i;
}

// A device: a folder, an anonymous user, and the user's database open.
struct device {
    realm::App app;
    realm::user user;
    realm::db_config config;
    realm::db db;

    device(const server& s, const std::string& folder, realm::merge_rules rules = realm::merge_rules::compatible)
        : app(app_of(s, folder)), user(app.login(realm::App::credentials::anonymous()).get()), config(configuration(user, rules)), db(config) {}

    static realm::db_config configuration(const realm::user& user, realm::merge_rules rules) {
        auto config = user.flexible_sync_configuration();
        config.sync_config().set_merge_rules(rules);
        return config;
    }

    realm::sync_session session() { return *db.get_sync_session(); }
    // Everything of one owner.
    bool subscribe(const std::string& owner) {
        return told(db.subscriptions().update([&](realm::mutable_sync_subscription_set& subs) { subs.add<realm::Item>("items", [&](auto& o) { return o.owner == owner; }); }));
    }
    void upload() { told(session().wait_for_upload_completion()); }
    void download() {
        told(session().wait_for_download_completion());
        db.refresh();
    }
    realm::managed<realm::Item> add(realm::Item i) {
        return db.write([&] { return db.add(std::move(i)); });
    }
    realm::results<realm::Item> items() { return db.objects<realm::Item>(); }
    // The items by id, as text that can be compared.
    std::map<std::string, std::string> content() {
        std::map<std::string, std::string> out;
        for (auto i: items()) out[(*i._id).to_string()] = i.text.detach() + "|" + std::to_string(*i.count) + "|" + (i.next ? (*i.next->_id).to_string() : "");
        return out;
    }
};

// Whether all devices have the same content, once everything is exchanged.
inline bool converge(std::initializer_list<device*> devices) {
    return eventually([&] {
        for (auto d: devices) d->upload();
        for (auto d: devices) d->download();
        auto first = (*devices.begin())->content();
        for (auto d: devices)
            if (d->content() != first) return false;
        return true;
    });
}

}// namespace check
