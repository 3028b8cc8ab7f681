// Configuration of a database.
#pragma once

#include <cpprealm/internal/bridge/sync_session.hpp>
#include <cpprealm/internal/callback.hpp>
#include <cpprealm/internal/network.hpp>
#include <cpprealm/schedulers/default_scheduler.hpp>
#include <cpprealm/schema.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>

namespace realm {
namespace internal::bridge {

enum class client_reset_mode : uint8_t { manual, discard_unsynced, recover, recover_or_discard };

// What the modes of realm::client_reset have in common. T is db.
template <typename T>
struct client_reset_mode_base {
    client_reset_mode m_mode = client_reset_mode::manual;
    std::function<void(T)> m_before;
    std::function<void(T, T)> m_after;
};

struct realm {
    // By which rules concurrent changes are merged, the same for all clients of an app and its server. Not in the original.
    enum class merge_rules : uint8_t { compatible, strict };

    enum class sync_session_stop_policy : uint8_t { immediately, live_indefinitely, after_changes_uploaded };

    // The sync part of a configuration. Copies are handles on the same state, also when the database is open already: an error
    // handler that is set later takes effect.
    class sync_config {
    public:
        struct proxy_config {
            using port_type = std::uint_fast16_t;
            std::string address;
            port_type port;
            std::optional<std::pair<std::string, std::string>> username_password;
        };

        template <typename Lazy = void>
        explicit sync_config(std::shared_ptr<user_handle> user) : m_state(std::make_shared<shared_state>()) {
            m_state->user = std::move(user);
            m_state->apply = apply_state<Lazy>;
        }

        void set_stop_policy(sync_session_stop_policy&& policy) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->stop_policy = policy;
        }
        // Default: compatible, which an app needs that clients of the original use, too. strict converges also where these don't.
        void set_merge_rules(merge_rules rules) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->rules = rules;
        }
        // Called for every error of the session, on a thread of the library. It must not throw.
        void set_error_handler(std::function<void(const sync_session&, const sync_error&)>&& handler) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->error_handler = std::move(handler);
        }

        // How the session's connection is made, unless the App has a provider of its own.
        void set_custom_http_headers(const std::map<std::string, std::string>& headers) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->headers = headers;
        }
        void set_proxy_config(const proxy_config& proxy) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->proxy = proxy;
        }

        // For the library.
        void set_reset(client_reset_mode mode, std::function<void(realm_t*)>&& before, std::function<void(realm_t*, realm_t*)>&& after) {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            m_state->reset_mode = mode;
            m_state->before_reset = std::move(before);
            m_state->after_reset = std::move(after);
        }
        client_reset_mode reset_mode() const {
            std::lock_guard<std::mutex> lock(m_state->mutex);
            return m_state->reset_mode;
        }
        // Applies this to a configuration of the C ABI.
        void apply(realm_config_t* config) const { m_state->apply(m_state, config); }
        const std::shared_ptr<user_handle>& user() const { return m_state->user; }

    private:
        struct shared_state {
            std::mutex mutex;
            std::shared_ptr<user_handle> user;
            sync_session_stop_policy stop_policy = sync_session_stop_policy::after_changes_uploaded;
            merge_rules rules = merge_rules::compatible;
            std::map<std::string, std::string> headers;
            std::optional<proxy_config> proxy;
            client_reset_mode reset_mode = client_reset_mode::manual;
            std::function<void(realm_t*)> before_reset;
            std::function<void(realm_t*, realm_t*)> after_reset;
            std::function<void(const sync_session&, const sync_error&)> error_handler;
            // Called through a pointer, so that only files that make synced configurations compile what it needs.
            void (*apply)(const std::shared_ptr<shared_state>&, realm_config_t*) = nullptr;

            template <typename Lazy = void>
            CPPREALM_COLD void report(realm_session_t* session, const realm_sync_error_t& e) {
                auto handler = current(error_handler);
                sync_error error(e);
                if (!handler) {
                    std::cerr << "ADS C++ SDK: Sync Error: " << error.message() << std::endl;
                    return;
                }
                session_handle kept;
                realm_session_retain(session, kept.out(), nullptr);// when it fails, the session is gone, and says so when used
                handler(sync_session(std::move(kept)), error);
            }
            // What is set now.
            template <typename T>
            T current(const T& setting) {
                std::lock_guard<std::mutex> lock(mutex);
                return setting;
            }
        };
        // Calls a handler of a client reset; what it throws is why the reset fails.
        template <typename Fn, typename... Realms>
        static bool tell_reset(realm_error_t* error, const Fn& handler, Realms... realms) noexcept {
            if (!handler) return true;
            try {
                handler(realms...);
                return true;
            } catch (const std::exception& e) {
                std::snprintf(error->message, sizeof error->message, "%s", e.what());
            } catch (...) {
                std::snprintf(error->message, sizeof error->message, "a client reset handler has thrown something that is no std::exception");
            }
            return false;
        }
        template <typename Lazy = void>
        CPPREALM_COLD static void apply_state(const std::shared_ptr<shared_state>& state, realm_config_t* config) {
            using shared = std::shared_ptr<shared_state>;
            call(realm_config_set_sync_user, config, state->user->get());
            call(realm_config_set_stop_policy, config, static_cast<realm_stop_policy_t>(state->stop_policy));
            call(realm_config_set_merge_rules, config, static_cast<realm_merge_rules_t>(state->rules));
            if (std::lock_guard<std::mutex> lock(state->mutex); state->proxy || !state->headers.empty()) {
                network_config network;
                network.set_headers(state->headers);
                if (state->proxy) network.set_proxy(*state->proxy);
                call(realm_config_set_sync_network, config, network.get());
            }
            call(
                    realm_config_set_sync_error_handler, config,
                    [](void* p, realm_session_t* session, const realm_sync_error_t* error) noexcept { userdata<shared>(p)->template report<Lazy>(session, *error); },
                    new_userdata(shared(state)), free_userdata<shared>);
            // The mode is asked for when a reset begins: it may be set after the database was opened.
            realm_client_reset_t reset{};
            reset.get_mode = [](void* p) noexcept {
                auto& s = *userdata<shared>(p);
                return static_cast<realm_client_reset_mode_t>(s.current(s.reset_mode));
            };
            reset.before = [](void* p, realm_t* local, realm_error_t* error) noexcept {
                auto& s = *userdata<shared>(p);
                return tell_reset(error, s.current(s.before_reset), local);
            };
            reset.after = [](void* p, realm_t* local, realm_t* remote, bool, realm_error_t* error) noexcept {
                auto& s = *userdata<shared>(p);
                return tell_reset(error, s.current(s.after_reset), local, remote);
            };
            call(realm_config_set_client_reset, config, &reset, new_userdata(shared(state)), free_userdata<shared>);
        }
        std::shared_ptr<shared_state> m_state;
    };

    enum class config_schema_mode : uint8_t { automatic, immutable, read_only, soft_reset_file, hard_reset_file, additive_discovered, additive_explicit, manual };

    // Where a database is and how it is opened. Copies have their own values but share the sync state.
    class config {
    public:
        using schema_mode = config_schema_mode;

        CPPREALM_COLD config() : config((std::filesystem::current_path() / "default.realm").string(), default_scheduler::make_default()) {}
        config(const std::string& path, const std::shared_ptr<::realm::scheduler>& s) : m_path(path), m_scheduler(s) {}

        std::string path() const { return m_path; }
        // The file has exactly this name; its directory must exist.
        void set_path(const std::string& path) { m_path = path; }
        // The classes of the database; without them it has every class that has a REALM_SCHEMA in the program.
        void set_schema(const std::vector<object_schema>& classes) { m_schema = schema{classes}; }
        std::optional<schema> get_schema() { return m_schema; }
        void set_schema_mode(schema_mode mode) { m_schema_mode = mode; }
        void set_schema_version(uint64_t version) { m_schema_version = version; }
        std::shared_ptr<::realm::scheduler> scheduler() const { return m_scheduler; }
        void set_scheduler(const std::shared_ptr<::realm::scheduler>& s) { m_scheduler = s; }
        class sync_config sync_config() const {
            if (!m_sync) throw std::logic_error("This configuration is not one of a synced Realm.");
            return *m_sync;
        }
        void set_sync_config(const std::optional<class sync_config>& c) { m_sync = c; }
        // Headers and proxy of the session's connection; a connection that several databases of a user share has those of one of them. Without use when the
        // App has a provider of WebSockets. Both need a synced configuration, else std::logic_error.
        void set_custom_http_headers(const std::map<std::string, std::string>& headers) {
            if (!m_sync) throw std::logic_error("HTTP headers can only be set on a config for a synced Realm.");
            m_sync->set_custom_http_headers(headers);
        }
        void set_proxy_config(const sync_config::proxy_config& proxy) {
            if (!m_sync) throw std::logic_error("Proxy configuration can only be set on a config for a synced Realm.");
            m_sync->set_proxy_config(proxy);
        }
        // Encrypts the file. A file keeps the key that it was made with, and every opener needs it: db throws without, and with another.
        void set_encryption_key(const std::array<char, 64>& key) { m_encryption_key = key; }
        // A file of a synced database, opened without a user: changes are recorded all the same, and uploaded when it is next opened with a synced
        // configuration; the server takes back what it does not want. There is no session.
        void enable_forced_sync_history() { m_forced_sync_history = true; }
        // What happens when the server wants the file reset: one of realm::client_reset; without, client_reset::manual. It counts at the moment when a reset
        // begins, also for databases that were opened with this configuration before. Needs a synced configuration, else std::logic_error.
        template <typename T>
        void set_client_reset_handler(const client_reset_mode_base<T>& handler) {
            if (!m_sync) throw std::logic_error("Client reset handlers can only be set on a config for a synced Realm.");
            std::function<void(realm_t*)> before;
            std::function<void(realm_t*, realm_t*)> after;
            if (handler.m_before) before = [f = handler.m_before](realm_t* local) { f(T::lent(internal::bind, local)); };
            if (handler.m_after) after = [f = handler.m_after](realm_t* local, realm_t* remote) { f(T::lent(internal::bind, local), T::lent(internal::bind, remote)); };
            m_sync->set_reset(handler.m_mode, std::move(before), std::move(after));
        }
        enum client_reset_mode get_client_reset_mode() const { return m_sync ? m_sync->reset_mode() : client_reset_mode::manual; }
        // Called on the first open in the process with the file's size and the bytes in use; true compacts. What it throws, opening throws.
        void should_compact_on_launch(std::function<bool(uint64_t total_bytes, uint64_t used_bytes)>&& f) { m_should_compact = std::move(f); }

        // For the library: the same as a configuration of the C ABI.
        CPPREALM_COLD config_handle to_abi_config(const std::vector<object_schema>& default_schema) const {
            config_handle out;
            call(realm_config_create, to_abi(m_path), out.out());
            const auto& classes = m_schema ? m_schema->classes : default_schema;
            std::vector<realm_class_info_t> infos;
            std::vector<std::vector<realm_property_info_t>> properties(classes.size());
            for (size_t i = 0; i < classes.size(); i++) {
                for (auto& p: classes[i].properties) {
                    realm_property_info_t info{};
                    info.name = to_abi(p.name);
                    info.type = p.type;
                    info.collection = p.collection;
                    info.nullable = p.nullable;
                    info.primary_key = p.primary_key;
                    info.link_target = to_abi(p.target);
                    info.link_origin_property = to_abi(p.origin_property);
                    properties[i].push_back(info);
                }
                infos.push_back({to_abi(classes[i].name), classes[i].kind, properties[i].data(), properties[i].size()});
            }
            call(realm_config_set_schema, out.get(), infos.data(), infos.size());
            call(realm_config_set_schema_version, out.get(), m_schema_version);
            call(realm_config_set_schema_mode, out.get(), static_cast<realm_schema_mode_t>(m_schema_mode));
            if (m_encryption_key)
                call(realm_config_set_encryption_key, out.get(), reinterpret_cast<const uint8_t*>(m_encryption_key->data()), m_encryption_key->size());
            if (m_should_compact) {
                using fn = std::function<bool(uint64_t, uint64_t)>;
                call(
                        realm_config_set_should_compact, out.get(),
                        [](void* p, uint64_t total, uint64_t used) noexcept {
                            bool yes = false;
                            guarded([&] { yes = (*static_cast<fn*>(p))(total, used); });
                            return yes;
                        },
                        new_userdata(fn(m_should_compact)), free_userdata<fn>);
            }
            if (m_sync) m_sync->apply(out.get());
            else if (m_forced_sync_history)
                call(realm_config_set_forced_sync_history, out.get(), true);
            return out;
        }

    private:
        std::string m_path;
        std::shared_ptr<::realm::scheduler> m_scheduler;
        std::optional<schema> m_schema;
        schema_mode m_schema_mode = schema_mode::automatic;
        uint64_t m_schema_version = 0;
        bool m_forced_sync_history = false;
        std::optional<class sync_config> m_sync;
        std::optional<std::array<char, 64>> m_encryption_key;
        std::function<bool(uint64_t, uint64_t)> m_should_compact;
    };
};

}// namespace internal::bridge

using client_reset_mode = internal::bridge::client_reset_mode;
using db_config = internal::bridge::realm::config;
using sync_config = internal::bridge::realm::sync_config;
using proxy_config = sync_config::proxy_config;
using merge_rules = internal::bridge::realm::merge_rules;
using sync_session_stop_policy = internal::bridge::realm::sync_session_stop_policy;

}// namespace realm
