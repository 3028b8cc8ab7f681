/*
 * capi_handles.c - every function of the header with NULL, with a pointer that never was a handle, with a handle of another kind, and with
 * one that was released: it says so, and does nothing else.
 *
 * Each function appears once, in a function per kind of its first handle that gets the handle to try.
 */
#include "c_test.h"

#include <stddef.h>

#define BAD(call) FAILS(REALM_ERR_INVALID_HANDLE, call)

/* Good arguments for everything but the handle. The out parameters must stay as they are. */
static realm_t* realm;
static realm_object_t* object;
static realm_config_t* config;
static realm_class_key_t person;
static realm_value_t value;
static void* const untouched = &value;
static char buffer[100];

static int freed;
static void count_free(void* userdata) {
    CHECK(userdata == (void*) 1); /* a userdata may be any number */
    freed++;
}
/* Registering functions free the userdata when they fail. */
#define BAD_CALLBACK(call)         \
    do {                           \
        int before_ = freed;       \
        BAD(call);                 \
        EQUAL(freed, before_ + 1); \
    } while (0)

static void on_object(void* u, const realm_object_changes_t* c) { (void) u, (void) c, abort(); }
static void on_results(void* u, const realm_collection_changes_t* c) { (void) u, (void) c, abort(); }
static void on_wake(void* u, uint64_t i) { (void) u, (void) i; }
static bool on_compact(void* u, uint64_t a, uint64_t b) { return (void) u, (void) a, (void) b, false; }
static void on_sync_error(void* u, realm_session_t* s, const realm_sync_error_t* e) { (void) u, (void) s, (void) e, abort(); }
static void on_text(void* u, realm_string_t s) { (void) u, (void) s, abort(); }
static void on_wait(void* u, realm_status_t s, const realm_error_t* e) { (void) u, (void) s, (void) e, abort(); }
static void on_connection(void* u, realm_connection_state_t a, realm_connection_state_t b) { (void) u, (void) a, (void) b, abort(); }
static void on_subscription(void* u, realm_status_t a, realm_subscription_state_t b, const realm_error_t* e) { (void) u, (void) a, (void) b, (void) e, abort(); }

static void try_config(void* p) {
    realm_config_t* h = p;
    realm_t* out = untouched;
    BAD(realm_config_set_schema(h, NULL, 0, &error));
    BAD(realm_config_set_schema_version(h, 1, &error));
    BAD(realm_config_set_schema_mode(h, REALM_SCHEMA_AUTOMATIC, &error));
    BAD_CALLBACK(realm_config_set_scheduler(h, on_wake, NULL, (void*) 1, count_free, &error));
    BAD(realm_config_set_encryption_key(h, NULL, 0, &error));
    BAD_CALLBACK(realm_config_set_should_compact(h, on_compact, (void*) 1, count_free, &error));
    BAD(realm_open(h, &out, &error));
    BAD(realm_config_set_stop_policy(h, REALM_STOP_IMMEDIATELY, &error));
    BAD(realm_config_set_merge_rules(h, REALM_MERGE_STRICT, &error));
    BAD_CALLBACK(realm_config_set_sync_error_handler(h, on_sync_error, (void*) 1, count_free, &error));
    realm_client_reset_t reset = {REALM_CLIENT_RESET_RECOVER, NULL, NULL, NULL};
    BAD_CALLBACK(realm_config_set_client_reset(h, &reset, (void*) 1, count_free, &error));
    CHECK(out == untouched);
    realm_config_release(h);
}

static void try_realm(void* p) {
    realm_t *h = p, *out = untouched;
    realm_class_key_t key = 4711;
    realm_class_info_t info = {{NULL, 0}, 99, NULL, 0};
    uint32_t property = 4711;
    size_t n = 4711;
    bool changed = true;
    realm_object_t* o = untouched;
    realm_results_t* r = untouched;
    realm_session_t* s = untouched;
    realm_subscription_set_t* set = untouched;
    BAD(realm_close(h, &error));
    CHECK(realm_is_closed(h));
    BAD(realm_retain(h, &out, &error));
    CHECK(!realm_is_same(h, realm) && !realm_is_same(realm, h) && !realm_is_same(h, h));
    EQUAL(realm_get_path(h).size, 0);
    EQUAL(realm_get_class_count(h), 0);
    BAD(realm_get_class_keys(h, &key, 1, &n, &error));
    BAD(realm_find_class(h, str("Person"), &key, &error));
    BAD(realm_get_class(h, person, &info, &error));
    BAD(realm_find_property(h, person, str("age"), &property, &error));
    BAD(realm_begin_write(h, &error));
    BAD(realm_commit(h, &error));
    BAD(realm_cancel_write(h, &error));
    CHECK(!realm_is_in_write(h));
    BAD(realm_refresh(h, &changed, &error));
    BAD(realm_invalidate(h, &error));
    EQUAL(realm_get_version(h), 0);
    CHECK(realm_get_stamp(h) == NULL);
    CHECK(!realm_is_frozen(h));
    BAD(realm_freeze(h, &out, &error));
    BAD(realm_thaw(h, &out, &error));
    BAD(realm_object_create(h, person, &value, 1, REALM_CREATE_NEW, &o, &changed, &error));
    BAD(realm_object_find(h, person, &value, &o, &error));
    BAD(realm_object_get(h, person, 1, &o, &error));
    BAD(realm_object_resolve(object, h, &o, &error));
    BAD(realm_results_all(h, person, &r, &error));
    BAD(realm_results_query(h, person, str("TRUEPREDICATE"), NULL, 0, &r, &error));
    realm_results_t* good = NULL;
    OK(realm_results_all(realm, person, &good, &error));
    BAD(realm_results_resolve(good, h, &r, &error));
    realm_results_release(good);
    BAD(realm_query_describe(h, person, str("TRUEPREDICATE"), NULL, 0, buffer, sizeof buffer, &n, &error));
    BAD(realm_get_sync_session(h, &s, &error));
    BAD(realm_get_active_subscription_set(h, &set, &error));
    BAD(realm_get_latest_subscription_set(h, &set, &error));
    CHECK(out == untouched && o == untouched && r == untouched && s == untouched && set == untouched);
    EQUAL(key, 4711);
    EQUAL(info.kind, 99);
    EQUAL(property, 4711);
    EQUAL(n, 4711);
    CHECK(changed);
    realm_release(h);
}

static void try_results(void* p) {
    realm_results_t *h = p, *out = untouched;
    realm_object_t* o = untouched;
    realm_token_t* token = untouched;
    size_t n = 4711;
    BAD(realm_results_sort(h, NULL, 0, &out, &error));
    BAD(realm_results_count(h, &n, &error));
    BAD(realm_results_load(h, 0, 1, &o, &n, &error));
    realm_rows_t* rows = untouched;
    BAD(realm_results_load_rows(h, 0, 1, &rows, &n, &error));
    CHECK(rows == untouched);
    BAD(realm_results_snapshot(h, &out, &error));
    BAD(realm_results_index_of(h, object, &n, &error));
    BAD(realm_results_delete_all(h, &error));
    BAD(realm_results_resolve(h, realm, &out, &error));
    BAD_CALLBACK(realm_results_observe(h, on_results, (void*) 1, count_free, &token, &error));
    CHECK(out == untouched && o == untouched && token == untouched);
    EQUAL(n, 4711);
    realm_results_release(h);
}

static void try_collection(void* p) {
    realm_collection_t *h = p, *out = untouched;
    realm_object_t* o = untouched;
    realm_results_t* r = untouched;
    realm_t* of = untouched;
    realm_token_t* token = untouched;
    realm_value_t v = of_int(4711);
    realm_string_t key = {NULL, 4711};
    size_t n = 4711;
    uint32_t property = 4711;
    bool flag = true;
    EQUAL(realm_collection_get_kind(h), REALM_COLLECTION_NONE);
    CHECK(!realm_collection_is_valid(h));
    BAD(realm_collection_clone(h, &out, &error));
    BAD(realm_collection_get_realm(h, &of, &error));
    BAD(realm_collection_get_owner(h, &o, &property, &error));
    BAD(realm_collection_resolve(h, realm, &out, &error));
    BAD(realm_collection_count(h, &n, &error));
    BAD(realm_collection_load(h, 0, 1, &v, &key, &n, &error));
    BAD(realm_collection_load_objects(h, 0, 1, &o, &n, &error));
    BAD(realm_collection_find(h, &value, &n, &error));
    BAD(realm_collection_open(h, 0, &out, &error));
    BAD(realm_collection_erase(h, 0, &error));
    BAD(realm_collection_clear(h, &error));
    BAD(realm_collection_query(h, str(""), NULL, 0, &r, &error));
    BAD(realm_collection_sort(h, true, &n, 1, &n, &error));
    BAD(realm_list_insert(h, 0, &value, &error));
    BAD(realm_list_set(h, 0, &value, &error));
    BAD(realm_list_move(h, 0, 0, &error));
    BAD(realm_list_assign(h, &value, 1, &error));
    BAD(realm_list_insert_embedded(h, 0, &o, &error));
    BAD(realm_list_set_embedded(h, 0, &o, &error));
    BAD(realm_list_insert_collection(h, 0, REALM_COLLECTION_LIST, &out, &error));
    BAD(realm_list_set_collection(h, 0, REALM_COLLECTION_LIST, &out, &error));
    BAD(realm_set_add(h, &value, &n, &flag, &error));
    BAD(realm_set_remove(h, &value, &flag, &error));
    BAD(realm_dictionary_get(h, str("k"), &v, &flag, &error));
    BAD(realm_dictionary_find_key(h, str("k"), &n, &error));
    BAD(realm_dictionary_put(h, str("k"), &value, &error));
    BAD(realm_dictionary_remove(h, str("k"), &flag, &error));
    BAD(realm_dictionary_open(h, str("k"), &out, &error));
    BAD(realm_dictionary_put_embedded(h, str("k"), &o, &error));
    BAD(realm_dictionary_put_collection(h, str("k"), REALM_COLLECTION_LIST, &out, &error));
    BAD_CALLBACK(realm_collection_observe(h, on_results, (void*) 1, count_free, &token, &error));
    CHECK(out == untouched && o == untouched && r == untouched && of == untouched && token == untouched && flag);
    EQUAL(v.u.integer, 4711);
    EQUAL(key.size, 4711);
    EQUAL(n, 4711);
    EQUAL(property, 4711);
    realm_collection_release(h);
}

static void try_token(void* p) { realm_token_release(p); }

static void try_app(void* p) {
    realm_app_t* h = p;
    realm_user_t* user = untouched;
    size_t n = 4711;
    realm_credentials_t anonymous = {REALM_CREDENTIALS_ANONYMOUS, {NULL, 0}, {NULL, 0}};
    EQUAL(realm_app_get_id(h).size, 0);
    BAD(realm_app_get_base_url(h, buffer, sizeof buffer, &n, &error));
    BAD(realm_app_update_base_url(h, str("http://localhost:1"), &error));
    BAD(realm_app_register_email(h, str("a"), str("b"), &error));
    BAD(realm_app_log_in(h, &anonymous, &user, &error));
    BAD(realm_app_get_current_user(h, &user, &error));
    BAD(realm_app_get_users(h, &user, 1, &n, &error));
    CHECK(user == untouched);
    EQUAL(n, 4711);
    realm_app_release(h);
}

static void try_user(void* p) {
    realm_user_t *h = p, *out = untouched;
    size_t n = 4711;
    BAD(realm_config_set_sync_user(config, h, &error));
    BAD(realm_user_retain(h, &out, &error));
    EQUAL(realm_user_get_id(h).size, 0);
    EQUAL(realm_user_get_state(h), REALM_USER_REMOVED);
    CHECK(!realm_user_is_same(h, h));
    BAD(realm_user_get_text(h, REALM_USER_ACCESS_TOKEN, buffer, sizeof buffer, &n, &error));
    BAD(realm_user_log_out(h, &error));
    BAD(realm_user_remove(h, &error));
    BAD(realm_user_refresh_custom_data(h, &error));
    BAD(realm_user_call_function(h, str("f"), str("[]"), on_text, NULL, &error));
    BAD(realm_user_get_realm_path(h, buffer, sizeof buffer, &n, &error));
    CHECK(out == untouched);
    EQUAL(n, 4711);
    realm_user_release(h);
}

static void try_session(void* p) {
    realm_session_t *h = p, *out = untouched;
    realm_session_state_t state = REALM_SESSION_DYING;
    realm_connection_state_t connection = REALM_CONNECTING;
    uint64_t token = 4711;
    BAD(realm_session_retain(h, &out, &error));
    BAD(realm_session_state(h, &state, &error));
    BAD(realm_session_connection_state(h, &connection, &error));
    BAD(realm_session_pause(h, &error));
    BAD(realm_session_resume(h, &error));
    BAD(realm_session_reconnect(h, &error));
    uint64_t ident = 4711;
    BAD(realm_session_get_file_ident(h, &ident, &error));
    EQUAL(ident, 4711);
    BAD(realm_session_simulate_error(h, 212, str("x"), false, str(""), &error));
    BAD_CALLBACK(realm_wait_for_upload(h, on_wait, (void*) 1, count_free, &error));
    BAD_CALLBACK(realm_wait_for_download(h, on_wait, (void*) 1, count_free, &error));
    BAD(realm_wait_for_upload_blocking(h, 100000, &error));
    BAD(realm_wait_for_download_blocking(h, 100000, &error));
    BAD_CALLBACK(realm_session_observe_connection(h, on_connection, (void*) 1, count_free, &token, &error));
    BAD(realm_session_unobserve_connection(h, 1, &error));
    BAD_CALLBACK(realm_session_set_error_handler(h, on_sync_error, (void*) 1, count_free, &error));
    CHECK(out == untouched);
    EQUAL(state, REALM_SESSION_DYING);
    EQUAL(connection, REALM_CONNECTING);
    EQUAL(token, 4711);
    realm_session_release(h);
}

static void try_set(void* p) {
    realm_subscription_set_t *h = p, *out = untouched;
    realm_subscription_t subscription;
    realm_subscription_state_t state = REALM_SUBSCRIPTIONS_BOOTSTRAPPING;
    EQUAL(realm_subscription_set_version(h), -1);
    EQUAL(realm_subscription_set_state(h), REALM_SUBSCRIPTIONS_UNCOMMITTED);
    EQUAL(realm_subscription_set_error(h).size, 0);
    EQUAL(realm_subscription_set_size(h), 0);
    BAD(realm_subscription_set_get(h, 0, &subscription, &error));
    CHECK(realm_subscription_set_find(h, str("a")) == SIZE_MAX);
    BAD(realm_subscription_set_refresh(h, &error));
    BAD(realm_subscription_set_make_mutable(h, &out, &error));
    BAD(realm_subscription_set_add(h, true, str("a"), str("Person"), str(""), NULL, 0, &error));
    BAD(realm_subscription_set_remove(h, str("a"), &error));
    BAD(realm_subscription_set_clear(h, &error));
    BAD(realm_subscription_set_commit(h, &error));
    BAD_CALLBACK(realm_subscription_set_wait(h, on_subscription, (void*) 1, count_free, &error));
    BAD(realm_subscription_set_wait_blocking(h, 100000, &state, &error));
    CHECK(out == untouched);
    EQUAL(state, REALM_SUBSCRIPTIONS_BOOTSTRAPPING);
    realm_subscription_set_release(h);
}

static void try_object(void* p) {
    realm_object_t *h = p, *out = untouched;
    realm_t* r = untouched;
    realm_token_t* token = untouched;
    realm_results_t *good = NULL, *r2 = untouched;
    realm_collection_t* c = untouched;
    size_t n = 4711;
    BAD(realm_object_clone(h, &out, &error));
    BAD(realm_object_load(h, &error));
    CHECK(!realm_object_is_valid(h));
    BAD(realm_object_get_realm(h, &r, &error));
    BAD(realm_object_resolve(h, realm, &out, &error));
    BAD(realm_object_set(h, 0, &value, &error));
    BAD(realm_object_add_int(h, 0, 1, &error));
    BAD(realm_object_delete(h, &error));
    BAD(realm_object_get_collection(h, 0, &c, &error));
    BAD(realm_object_set_embedded(h, 0, &out, &error));
    BAD(realm_object_set_collection(h, 0, REALM_COLLECTION_LIST, &c, &error));
    BAD(realm_object_get_backlinks(h, person, P_BOSS, &r2, &error));
    BAD_CALLBACK(realm_object_observe(h, on_object, (void*) 1, count_free, &token, &error));
    OK(realm_results_all(realm, person, &good, &error));
    BAD(realm_results_index_of(good, h, &n, &error));
    realm_results_release(good);
    CHECK(out == untouched && r == untouched && r2 == untouched && c == untouched && token == untouched);
    EQUAL(n, 4711);
    realm_object_release(h);
}

static void (*const kinds[])(void*) = {try_config, try_realm, try_results, try_token, try_app, try_user, try_session, try_set, try_collection};
enum { CONFIG,
       REALM,
       RESULTS,
       TOKEN,
       APP,
       USER,
       SESSION,
       SET,
       COLLECTION,
       N_KINDS };

static void with_good_arguments(void (*body)(void)) {
    value = of_int(1);
    config = person_config(temporary("handles.realm"));
    realm = open_config(config);
    person = class_of(realm, "Person");
    OK(realm_begin_write(realm, &error));
    object = add_person(realm, 1, "Ann", 1);
    OK(realm_commit(realm, &error));
    body();
    realm_object_release(object);
    realm_release(realm);
    realm_config_release(config);
    OK(realm_delete_files(str(temporary("handles.realm")), &error));
}

static void null_body(void) {
    for (int k = 0; k < N_KINDS; k++) kinds[k](NULL);
    try_object(NULL);
}
static void null_handles(void) { with_good_arguments(null_body); }

static void garbage_body(void) {
    static int variable;
    int local;
    void* some_memory = malloc(16);
    CHECK(some_memory);
    void* garbage[] = {(void*) 1, (void*) 2, (void*) 8, (void*) 4095, (void*) 0x7fffffffffffffff, (void*) UINTPTR_MAX, (void*) (UINTPTR_MAX - 1),
                       &variable, &local, some_memory, (void*) 0xa100000000000001, (void*) 0xa2ffffffffffffff, (void*) 0xc000010000,
                       (void*) 0xa000000000000003};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        for (int k = 0; k < N_KINDS; k++) kinds[k](garbage[i]);
    }
    /* Objects are memory: what isn't aligned is recognised. */
    try_object((void*) 1);
    try_object((void*) ((char*) object + 1));
    free(some_memory);
}
static void garbage_handles(void) { with_good_arguments(garbage_body); }

/* Handles of this kind, given to the others. */
static void others(int kind, void* handle) {
    for (int k = 0; k < N_KINDS; k++) {
        if (k != kind) kinds[k](handle);
    }
    try_object(handle);
}

static void wrong_kind_body(void) {
    realm_results_t* results = NULL;
    realm_token_t* token = NULL;
    realm_app_t* app = NULL;
    OK(realm_results_all(realm, person, &results, &error));
    OK(realm_results_observe(results, on_results, NULL, NULL, &token, &error));
    realm_app_config_t a;
    memset(&a, 0, sizeof a);
    a.struct_size = sizeof a;
    a.app_id = str("handles");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", temporary(""));
    a.base_path = str(folder);
    a.base_url = str("http://127.0.0.1:9");
    OK(realm_app_create(&a, &app, &error));
    int64_t live = realm_live_handle_count();
    others(CONFIG, config);
    others(REALM, realm);
    others(RESULTS, results);
    others(TOKEN, token);
    others(APP, app);
    for (int k = 0; k < N_KINDS; k++) kinds[k](object); /* an object is none of them */
    EQUAL(realm_live_handle_count(), live);
    size_t n;
    OK(realm_results_count(results, &n, &error));
    CHECK(same(realm_app_get_id(app), "handles"));
    CHECK(realm_object_is_valid(object));

    realm_results_release(results);
    realm_token_release(token);
    realm_app_release(app);
    EQUAL(realm_live_handle_count(), live - 3);
    try_results(results);
    try_token(token);
    try_app(app);
    others(RESULTS, results);
    others(TOKEN, token);
    others(APP, app);
    EQUAL(realm_live_handle_count(), live - 3);
}
static void wrong_kind(void) { with_good_arguments(wrong_kind_body); }

static void released_body(void) {
    realm_t* second = NULL;
    OK(realm_retain(realm, &second, &error));
    realm_object_t* copy = NULL;
    OK(realm_object_clone(object, &copy, &error));
    realm_config_t* other = person_config(temporary("handles.realm"));
    int64_t live = realm_live_handle_count();
    realm_release(second);
    realm_object_release(copy);
    realm_config_release(other);
    EQUAL(realm_live_handle_count(), live - 3);
    try_realm(second);
    try_object(copy);
    try_config(other);
    /* A released handle stays one when its place is used again. */
    realm_t* third = NULL;
    OK(realm_retain(realm, &third, &error));
    CHECK(third != second);
    try_realm(second);
    OK(realm_begin_write(third, &error));
    OK(realm_cancel_write(third, &error));
    realm_release(third);
    EQUAL(realm_live_handle_count(), live - 3);
}
static void released_handles(void) { with_good_arguments(released_body); }

/* NULL where a pointer is needed that is no handle. */
#define ARGUMENT(call) FAILS(REALM_ERR_INVALID_ARGUMENT, call)
static void null_arguments_body(void) {
    realm_results_t* results = NULL;
    realm_app_t* app = NULL;
    size_t n;
    bool created = true;
    OK(realm_results_all(realm, person, &results, &error));
    ARGUMENT(realm_config_create(str("x"), NULL, &error));
    ARGUMENT(realm_open(config, NULL, &error));
    ARGUMENT(realm_retain(realm, NULL, &error));
    ARGUMENT(realm_get_class(realm, person, NULL, &error));
    ARGUMENT(realm_find_class(realm, str("Person"), NULL, &error));
    ARGUMENT(realm_find_property(realm, person, str("age"), NULL, &error));
    ARGUMENT(realm_freeze(realm, NULL, &error));
    ARGUMENT(realm_thaw(realm, NULL, &error));
    ARGUMENT(realm_object_clone(object, NULL, &error));
    ARGUMENT(realm_object_get_realm(object, NULL, &error));
    ARGUMENT(realm_object_find(realm, person, &value, NULL, &error));
    ARGUMENT(realm_object_find(realm, person, NULL, &object, &error));
    ARGUMENT(realm_object_get(realm, person, 1, NULL, &error));
    ARGUMENT(realm_object_resolve(object, realm, NULL, &error));
    ARGUMENT(realm_results_all(realm, person, NULL, &error));
    ARGUMENT(realm_results_query(realm, person, str("TRUEPREDICATE"), NULL, 0, NULL, &error));
    ARGUMENT(realm_results_sort(results, NULL, 0, NULL, &error));
    ARGUMENT(realm_results_count(results, NULL, &error));
    ARGUMENT(realm_results_load(results, 0, 1, NULL, &n, &error));
    ARGUMENT(realm_results_load(results, 0, 1, &object, NULL, &error));
    realm_rows_t* rows = NULL;
    ARGUMENT(realm_results_load_rows(results, 0, 1, NULL, &n, &error));
    ARGUMENT(realm_results_load_rows(results, 0, 1, &rows, NULL, &error));
    ARGUMENT(realm_results_snapshot(results, NULL, &error));
    ARGUMENT(realm_results_index_of(results, object, NULL, &error));
    ARGUMENT(realm_results_resolve(results, realm, NULL, &error));
    ARGUMENT(realm_app_create(NULL, &app, &error));
    realm_app_config_t a;
    memset(&a, 0, sizeof a);
    ARGUMENT(realm_app_create(&a, &app, &error));
    a.struct_size = sizeof a;
    ARGUMENT(realm_app_create(&a, NULL, &error));
    ARGUMENT(realm_app_create(&a, &app, &error)); /* no app id */
    a.app_id = str("x");
    a.base_url = str("ftp://x");
    ARGUMENT(realm_app_create(&a, &app, &error));
    /* A later header's size is refused. An earlier one's is taken, and what lies behind it is not looked at. */
    const size_t first = offsetof(realm_app_config_t, metadata_key);
    a.base_url = str("http://127.0.0.1:9");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", temporary(""));
    a.base_path = str(folder);
    a.struct_size = sizeof a + 8;
    ARGUMENT(realm_app_create(&a, &app, &error));
    a.struct_size = first - 8;
    ARGUMENT(realm_app_create(&a, &app, &error));
    memset((char*)&a + first, 0xff, sizeof a - first);
    a.struct_size = first;
    OK(realm_app_create(&a, &app, &error));
    realm_app_release(app);
    ARGUMENT(realm_app_find_shared(str("x"), str(""), NULL, &error));
    app = untouched;
    OK(realm_app_find_shared(str("x"), str(""), &app, &error));
    CHECK(app == NULL);
    realm_app_clear_shared();
    ARGUMENT(realm_get_sync_session(realm, NULL, &error));
    ARGUMENT(realm_get_active_subscription_set(realm, NULL, &error));
    ARGUMENT(realm_get_latest_subscription_set(realm, NULL, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_object_create(realm, person, &value, 1, REALM_CREATE_NEW, NULL, &created, &error));
    CHECK(created);
    realm_results_release(results);
}
static void null_arguments(void) { with_good_arguments(null_arguments_body); }

/* Many handles at once, given back in another order. */
static void many(void) {
    enum { N = 20000 };
    static realm_t* handles[N];
    realm_t* first = open_person("many.realm");
    for (int i = 0; i < N; i++) OK(realm_retain(first, &handles[i], &error));
    EQUAL(realm_live_handle_count(), N + 1);
    for (int i = 0; i < N; i += 2) realm_release(handles[i]);
    EQUAL(realm_live_handle_count(), N / 2 + 1);
    for (int i = 1; i < N; i += 2) {
        CHECK(!realm_is_closed(handles[i]) && realm_is_closed(handles[i - 1]));
        realm_release(handles[i]);
    }
    realm_release(first);
}

int main(void) {
    run("NULL handles", null_handles);
    run("garbage handles", garbage_handles);
    run("wrong kind", wrong_kind);
    run("released handles", released_handles);
    run("NULL arguments", null_arguments);
    run("many handles", many);
    return finish();
}
