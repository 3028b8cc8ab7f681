/*
 * userdata.c - the exports with a userdata. To Go it is a number: a pointer that is none, such as (void*) 1, must not get onto a
 * stack of Go's.
 */
#include "_cgo_export.h"

realm_status_t realm_set_logger(realm_log_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_log_level_t level, realm_error_t* error) {
    return rsSetLogger(callback, (uintptr_t) userdata, free_userdata, level, error);
}

realm_status_t realm_config_set_scheduler(realm_config_t* config, realm_scheduler_wake_t wake, realm_scheduler_is_on_thread_t is_on_thread, void* userdata,
                                          realm_free_userdata_t free_userdata, realm_error_t* error) {
    return rsConfigSetScheduler(config, wake, is_on_thread, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_config_set_should_compact(realm_config_t* config, realm_should_compact_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                               realm_error_t* error) {
    return rsConfigSetShouldCompact(config, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_config_set_sync_error_handler(realm_config_t* config, realm_sync_error_callback_t callback, void* userdata,
                                                   realm_free_userdata_t free_userdata, realm_error_t* error) {
    return rsConfigSetSyncErrorHandler(config, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_config_set_client_reset(realm_config_t* config, const realm_client_reset_t* reset, void* userdata, realm_free_userdata_t free_userdata,
                                             realm_error_t* error) {
    return rsConfigSetClientReset(config, reset, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_results_observe(realm_results_t* results, realm_collection_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                     realm_token_t** out, realm_error_t* error) {
    return rsResultsObserve(results, callback, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_collection_observe(realm_collection_t* collection, realm_collection_callback_t callback, void* userdata,
                                        realm_free_userdata_t free_userdata, realm_token_t** out, realm_error_t* error) {
    return rsCollectionObserve(collection, callback, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_user_call_function(realm_user_t* user, realm_string_t name, realm_string_t arguments_json, realm_text_callback_t callback,
                                        void* userdata, realm_error_t* error) {
    return rsUserCallFunction(user, name, arguments_json, callback, (uintptr_t) userdata, error);
}

realm_status_t realm_wait_for_upload(realm_session_t* session, realm_wait_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                     realm_error_t* error) {
    return rsWaitForUpload(session, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_wait_for_download(realm_session_t* session, realm_wait_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                       realm_error_t* error) {
    return rsWaitForDownload(session, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_session_observe_connection(realm_session_t* session, realm_connection_callback_t callback, void* userdata,
                                                realm_free_userdata_t free_userdata, uint64_t* token, realm_error_t* error) {
    return rsSessionObserveConnection(session, callback, (uintptr_t) userdata, free_userdata, token, error);
}

realm_status_t realm_session_set_error_handler(realm_session_t* session, realm_sync_error_callback_t callback, void* userdata,
                                               realm_free_userdata_t free_userdata, realm_error_t* error) {
    return rsSessionSetErrorHandler(session, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_subscription_set_wait(realm_subscription_set_t* set, realm_subscription_callback_t callback, void* userdata,
                                           realm_free_userdata_t free_userdata, realm_error_t* error) {
    return rsSubscriptionSetWait(set, callback, (uintptr_t) userdata, free_userdata, error);
}

realm_status_t realm_http_transport_create(realm_http_send_t send, void* userdata, realm_free_userdata_t free_userdata, realm_http_transport_t** out,
                                           realm_error_t* error) {
    return rsHTTPTransportCreate(send, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_http_send(const realm_network_config_t* config, const realm_http_request_t* request, realm_http_response_callback_t callback,
                               void* userdata, realm_error_t* error) {
    return rsHTTPSend(config, request, callback, (uintptr_t) userdata, error);
}

realm_status_t realm_websocket_provider_create(const realm_websocket_provider_callbacks_t* callbacks, void* userdata, realm_free_userdata_t free_userdata,
                                               realm_websocket_provider_t** out, realm_error_t* error) {
    return rsWebSocketProviderCreate(callbacks, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_websocket_open(const realm_network_config_t* config, realm_string_t url, const realm_string_t* protocols, size_t n_protocols,
                                    const realm_websocket_callbacks_t* callbacks, void* userdata, realm_free_userdata_t free_userdata,
                                    realm_websocket_t** out, realm_error_t* error) {
    return rsWebSocketOpen(config, url, protocols, n_protocols, callbacks, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_websocket_write(realm_websocket_t* socket, realm_string_t message, realm_websocket_written_t callback, void* userdata,
                                     realm_free_userdata_t free_userdata, realm_error_t* error) {
    return rsWebSocketWrite(socket, message, callback, (uintptr_t) userdata, free_userdata, error);
}
