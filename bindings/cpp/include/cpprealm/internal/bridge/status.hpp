// The outcome of a sync operation.
#pragma once

#include <cpprealm/internal/abi.hpp>

namespace realm {
namespace internal::bridge {

class status {
public:
    static status ok() { return status(); }
    bool is_ok() const noexcept { return m_code == "OK"; }
    const std::string& reason() const noexcept { return m_reason; }
    // Identifier of the error, such as "OperationAborted" or "SyncCompensatingWrite".
    std::string_view code_string() const noexcept { return m_code; }

    status() = default;
    status(std::string code, std::string reason) : m_code(std::move(code)), m_reason(std::move(reason)) {}
    static status of(realm_status_t s, const realm_error_t* e) {
        if (s == REALM_OK) return ok();
        if (!e) return status("RuntimeError", "");
        return status(*e->name ? e->name : "RuntimeError", e->message);
    }

private:
    std::string m_code = "OK";
    std::string m_reason;
};

}// namespace internal::bridge
namespace networking {
using status = internal::bridge::status;
}
}// namespace realm
