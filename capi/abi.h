/*
 * abi.h - what the Go files of this package need of C: the public header, names for const types, and a way to call each type of
 * callback. Userdata is a number here, see doc.go.
 */
#ifndef RS_ABI_H
#define RS_ABI_H

#include "realm_sync.h"

#include <stdlib.h>

/* cgo forgets const, and then its prototypes differ from the header's. */
typedef const realm_config_t rs_const_config_t;
typedef const realm_t rs_const_realm_t;
typedef const realm_user_t rs_const_user_t;
typedef const realm_app_t rs_const_app_t;
typedef const realm_session_t rs_const_session_t;
typedef const realm_results_t rs_const_results_t;
typedef const realm_subscription_set_t rs_const_set_t;
typedef const realm_collection_t rs_const_collection_t;
typedef const realm_value_t rs_const_value_t;
typedef const realm_class_info_t rs_const_class_info_t;
typedef const realm_sort_t rs_const_sort_t;
typedef const realm_app_config_t rs_const_app_config_t;
typedef const realm_credentials_t rs_const_credentials_t;
typedef const realm_network_config_t rs_const_network_config_t;
typedef const realm_http_request_t rs_const_http_request_t;
typedef const realm_http_response_t rs_const_http_response_t;
typedef const realm_websocket_provider_callbacks_t rs_const_provider_callbacks_t;
typedef const realm_websocket_callbacks_t rs_const_websocket_callbacks_t;
typedef const realm_client_reset_t rs_const_client_reset_t;
typedef const realm_string_t rs_const_string_t;
typedef const uint64_t rs_const_uint64_t;
typedef const char rs_const_char_t;
typedef const uint8_t rs_const_uint8_t;

static inline void rs_free_userdata(realm_free_userdata_t f, uintptr_t userdata) { f((void*) userdata); }

static inline void rs_call_log(realm_log_callback_t f, uintptr_t userdata, realm_log_level_t level, const char* data, size_t size) {
    f((void*) userdata, level, (realm_string_t){data, size});
}

static inline void rs_call_wake(realm_scheduler_wake_t f, uintptr_t userdata, uint64_t instance) { f((void*) userdata, instance); }

static inline bool rs_call_is_on_thread(realm_scheduler_is_on_thread_t f, uintptr_t userdata) { return f((void*) userdata); }

static inline bool rs_call_should_compact(realm_should_compact_t f, uintptr_t userdata, uint64_t total, uint64_t used) {
    return f((void*) userdata, total, used);
}

static inline void rs_call_object(realm_object_callback_t f, uintptr_t userdata, bool deleted, const uint32_t* properties, size_t n,
                                  const realm_value_t* old_values) {
    realm_object_changes_t changes = {deleted, properties, n, old_values};
    f((void*) userdata, &changes);
}

/* Go's slices of int: on the 64-bit systems that this library runs on they are arrays of size_t. */
_Static_assert(sizeof(size_t) == 8, "64 bits");

static inline void rs_call_collection(realm_collection_callback_t f, uintptr_t userdata, bool initial, const size_t* deletions, size_t n_deletions,
                                      const size_t* insertions, size_t n_insertions, const size_t* before, const size_t* after, size_t n_modifications,
                                      const realm_move_t* moves, size_t n_moves, bool root_deleted, const realm_key_changes_t* keys) {
    realm_collection_changes_t changes = {initial, deletions, n_deletions, insertions, n_insertions, before, n_modifications, after, moves, n_moves,
                                          root_deleted, keys};
    f((void*) userdata, &changes);
}

static inline void rs_call_text(realm_text_callback_t f, uintptr_t userdata, const char* data, size_t size) {
    f((void*) userdata, (realm_string_t){data, size});
}

static inline void rs_call_sync_error(realm_sync_error_callback_t f, uintptr_t userdata, uintptr_t session, const realm_error_t* error, bool reset,
                                      realm_string_t original, realm_string_t recovery, const realm_compensating_write_t* writes, size_t n_writes) {
    realm_sync_error_t e = {error, reset, original, recovery, writes, n_writes};
    f((void*) userdata, (realm_session_t*) session, &e);
}

static inline realm_client_reset_mode_t rs_call_reset_mode(realm_client_reset_mode_callback_t f, uintptr_t userdata) { return f((void*) userdata); }

static inline bool rs_call_before_reset(realm_before_client_reset_t f, uintptr_t userdata, uintptr_t local, realm_error_t* error) {
    return f((void*) userdata, (realm_t*) local, error);
}

static inline bool rs_call_after_reset(realm_after_client_reset_t f, uintptr_t userdata, uintptr_t local, uintptr_t remote, bool recovered,
                                       realm_error_t* error) {
    return f((void*) userdata, (realm_t*) local, (realm_t*) remote, recovered, error);
}

static inline void rs_call_wait(realm_wait_callback_t f, uintptr_t userdata, realm_status_t status, const realm_error_t* error) {
    f((void*) userdata, status, error);
}

static inline void rs_call_connection(realm_connection_callback_t f, uintptr_t userdata, realm_connection_state_t before, realm_connection_state_t now) {
    f((void*) userdata, before, now);
}

static inline void rs_call_subscription(realm_subscription_callback_t f, uintptr_t userdata, realm_status_t status, realm_subscription_state_t state,
                                        const realm_error_t* error) {
    f((void*) userdata, status, state, error);
}

static inline bool rs_call_verify(realm_verify_certificate_t f, uintptr_t userdata, realm_string_t host, uint16_t port, realm_string_t pem, bool valid,
                                  int32_t depth) {
    return f((void*) userdata, host, port, pem, valid, depth);
}

static inline void rs_call_http_send(realm_http_send_t f, uintptr_t userdata, const realm_http_request_t* request, uintptr_t exchange) {
    f((void*) userdata, request, (realm_http_exchange_t*) exchange);
}

static inline void rs_call_http_response(realm_http_response_callback_t f, uintptr_t userdata, const realm_http_response_t* response) {
    f((void*) userdata, response);
}

static inline uintptr_t rs_call_provider_connect(realm_websocket_provider_callbacks_t f, uintptr_t userdata, realm_string_t url,
                                                 const realm_string_t* protocols, size_t n_protocols, uintptr_t observer) {
    return (uintptr_t) f.connect((void*) userdata, url, protocols, n_protocols, (realm_websocket_observer_t*) observer);
}

static inline void rs_call_provider_write(realm_websocket_provider_callbacks_t f, uintptr_t userdata, uintptr_t socket, const char* data, size_t size) {
    f.write((void*) userdata, (void*) socket, (realm_string_t){data, size});
}

static inline void rs_call_provider_close(realm_websocket_provider_callbacks_t f, uintptr_t userdata, uintptr_t socket) {
    f.close((void*) userdata, (void*) socket);
}

static inline void rs_call_websocket_connected(realm_websocket_callbacks_t f, uintptr_t userdata, const char* data, size_t size) {
    f.connected((void*) userdata, (realm_string_t){data, size});
}

static inline void rs_call_websocket_received(realm_websocket_callbacks_t f, uintptr_t userdata, const char* data, size_t size) {
    f.received((void*) userdata, (realm_string_t){data, size});
}

static inline void rs_call_websocket_closed(realm_websocket_callbacks_t f, uintptr_t userdata, int32_t code, const char* data, size_t size) {
    f.closed((void*) userdata, code, (realm_string_t){data, size});
}

static inline void rs_call_websocket_written(realm_websocket_written_t f, uintptr_t userdata, bool ok) { f((void*) userdata, ok); }

#endif
