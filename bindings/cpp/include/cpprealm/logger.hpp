// Logging of the library.
#pragma once

#include <cpprealm/internal/abi.hpp>

#include <atomic>
#include <memory>

namespace realm {

// Receives the library's log. do_log may run on any thread.
struct logger {
    enum class level { all = 0, trace = 1, debug = 2, detail = 3, info = 4, warn = 5, error = 6, fatal = 7, off = 8 };
    virtual void do_log(level, const std::string&) = 0;
    virtual ~logger() noexcept = default;
    void set_level_threshold(level l) { m_level_threshold = l; }
    level get_level_threshold() const { return m_level_threshold; }

protected:
    level m_level_threshold = level::info;
};

// The least level that reaches loggers.
inline void set_default_level_threshold(logger::level level) { internal::call(realm_set_log_level, static_cast<realm_log_level_t>(level)); }

namespace internal {

// Whether the application has set a logger of its own.
inline std::atomic<bool>& application_logs() {
    static std::atomic<bool> set{false};
    return set;
}

CPPREALM_COLD inline void install_logger(std::shared_ptr<logger> l) {
    if (!l) {
        call(realm_set_logger, realm_log_callback_t(nullptr), static_cast<void*>(nullptr), realm_free_userdata_t(nullptr), REALM_LOG_OFF);
        return;
    }
    using shared = std::shared_ptr<logger>;
    auto threshold = static_cast<realm_log_level_t>(l->get_level_threshold());
    call(
            realm_set_logger,
            [](void* p, realm_log_level_t level, realm_string_t message) noexcept {
                internal::userdata<shared>(p)->do_log(static_cast<logger::level>(level), from_abi(message));
            },
            new_userdata(std::move(l)), free_userdata<shared>, threshold);
}

}// namespace internal

// Sets the logger of the process, with the threshold it has now; nullptr removes it. set_default_level_threshold changes the
// threshold later.
inline void set_default_logger(std::shared_ptr<logger> l) {
    internal::application_logs() = l != nullptr;
    internal::install_logger(std::move(l));
}

}// namespace realm
