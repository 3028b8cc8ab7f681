/*
 * sync_capi.c - apps, users, sessions and subscriptions through the C interface, against a development server.
 *
 *     sync_capi URL APP_ID
 */
#include "c_test.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static const char *url, *app_id;
enum { PATIENCE_MS = 60000 };

/* ------------------------------------------------------------------------------------------------------------- events */

/* What callbacks report, on whatever thread, and tests wait for. */
struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int calls, freed;
    realm_status_t status;
    realm_subscription_state_t set_state;
    realm_connection_state_t before, now;
    int connected, disconnected;
    char name[REALM_ERROR_NAME_SIZE], message[REALM_ERROR_TEXT_SIZE];
};

static void event_init(struct event* e) {
    memset(e, 0, sizeof *e);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->cond, NULL);
}
static void event_destroy(struct event* e) {
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->cond);
}
static void note(struct event* e, int* counter, realm_status_t status, const realm_error_t* error) {
    pthread_mutex_lock(&e->mutex);
    ++*counter;
    e->status = status;
    if (error) {
        memcpy(e->name, error->name, sizeof e->name);
        memcpy(e->message, error->message, sizeof e->message);
    }
    pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->mutex);
}
static void await_at(struct event* e, const int* counter, int want, int line) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&e->mutex);
    while (*counter < want) {
        if (pthread_cond_timedwait(&e->cond, &e->mutex, &deadline) == ETIMEDOUT) {
            fprintf(stderr, "%s:%d: nothing came in %d ms\n", __FILE__, line, PATIENCE_MS);
            exit(1);
        }
    }
    pthread_mutex_unlock(&e->mutex);
}
#define AWAIT(e, counter, want) await_at(&(e), &(e).counter, want, __LINE__)

static void free_event(void* userdata) {
    struct event* e = userdata;
    note(e, &e->freed, e->status, NULL);
}
static void on_wait(void* userdata, realm_status_t status, const realm_error_t* error) {
    struct event* e = userdata;
    CHECK((status == REALM_OK) == (error == NULL));
    note(e, &e->calls, status, error);
}
static void on_set(void* userdata, realm_status_t status, realm_subscription_state_t state, const realm_error_t* error) {
    struct event* e = userdata;
    e->set_state = state;
    note(e, &e->calls, status, error);
}
static void on_connection(void* userdata, realm_connection_state_t before, realm_connection_state_t now) {
    struct event* e = userdata;
    CHECK(before != now);
    pthread_mutex_lock(&e->mutex);
    e->before = before;
    e->now = now;
    pthread_mutex_unlock(&e->mutex);
    note(e, now == REALM_CONNECTED ? &e->connected : now == REALM_DISCONNECTED ? &e->disconnected
                                                                               : &e->calls,
         REALM_OK, NULL);
}
static void on_sync_error(void* userdata, realm_session_t* session, const realm_sync_error_t* error) {
    struct event* e = userdata;
    realm_session_t* kept = NULL;
    CHECK(realm_session_retain(session, &kept, NULL) == REALM_OK);
    realm_session_release(kept);
    note(e, &e->calls, error->error->status, error->error);
}

/* -------------------------------------------------------------------------------------------------------------- apps */

static realm_app_t* app_at(const char* base_url, const char* folder, bool share) {
    realm_app_config_t config;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.app_id = str(app_id);
    config.base_url = str(base_url);
    char path[1024];
    snprintf(path, sizeof path, "%s", temporary(folder));
    config.base_path = str(path);
    config.request_timeout_ms = PATIENCE_MS;
    config.share = share;
    realm_app_t* app = NULL;
    OK(realm_app_create(&config, &app, &error));
    return app;
}

static realm_app_t* new_app(const char* folder, bool share) { return app_at(url, folder, share); }

static realm_user_t* log_in(realm_app_t* app) {
    realm_credentials_t anonymous = {REALM_CREDENTIALS_ANONYMOUS, {NULL, 0}, {NULL, 0}};
    realm_user_t* user = NULL;
    OK(realm_app_log_in(app, &anonymous, &user, &error));
    return user;
}

static void apps(void) {
    realm_app_t *app = new_app("apps", false), *shared = NULL, *again = NULL;
    char text[200];
    size_t needed = 0;
    CHECK(same(realm_app_get_id(app), app_id));
    OK(realm_app_get_base_url(app, text, sizeof text, &needed, &error));
    CHECK(strcmp(text, url) == 0);
    EQUAL(needed, strlen(url));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_app_get_base_url(app, text, 3, &needed, &error));
    realm_user_t* user = (realm_user_t*) &app;
    OK(realm_app_get_current_user(app, &user, &error));
    CHECK(user == NULL);

    OK(realm_app_find_shared(str(app_id), str(url), &shared, &error));
    CHECK(shared == NULL);
    shared = new_app("apps", true);
    OK(realm_app_find_shared(str(app_id), str(""), &again, &error));
    CHECK(again != NULL && again != shared);
    realm_app_release(again);
    realm_app_clear_shared();
    OK(realm_app_find_shared(str(app_id), str(url), &again, &error));
    CHECK(again == NULL);
    CHECK(same(realm_app_get_id(shared), app_id)); /* who has it keeps it */
    realm_app_release(shared);

    /* A server that isn't there leaves everything as it is. */
    realm_error_t e;
    EQUAL(realm_app_update_base_url(app, str("http://127.0.0.1:1"), &e), REALM_ERR_NETWORK);
    EQUAL(e.domain, REALM_DOMAIN_CLIENT);
    CHECK(strlen(e.message) > 10);
    OK(realm_app_get_base_url(app, text, sizeof text, &needed, &error));
    CHECK(strcmp(text, url) == 0);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_app_update_base_url(app, str("nonsense"), &error));
    OK(realm_app_update_base_url(app, str(url), &error));
    realm_app_release(app);
}

static void users(void) {
    realm_app_t* app = new_app("users", false);
    char name[100], text[4000];
    snprintf(name, sizeof name, "ann-%ld-%ld@example.org", (long) getpid(), (long) time(NULL));
    OK(realm_app_register_email(app, str(name), str("secret-1"), &error));
    realm_error_t e;
    EQUAL(realm_app_register_email(app, str(name), str("secret-1"), &e), REALM_ERR_APP);
    EQUAL(e.domain, REALM_DOMAIN_SERVICE);
    CHECK(strcmp(e.name, "AccountNameInUse") == 0);
    realm_credentials_t credentials = {REALM_CREDENTIALS_EMAIL_PASSWORD, str(name), str("wrong")};
    realm_user_t *ann = NULL, *same_ann = NULL, *anonymous = NULL, *list[3] = {NULL, NULL, NULL};
    EQUAL(realm_app_log_in(app, &credentials, &ann, &e), REALM_ERR_APP);
    EQUAL(e.code, 401);
    CHECK(strcmp(e.name, "InvalidPassword") == 0 && !strstr(e.message, "wrong") && ann == NULL);
    credentials.kind = 9;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_app_log_in(app, &credentials, &ann, &error));
    credentials.kind = REALM_CREDENTIALS_EMAIL_PASSWORD;
    credentials.second = str("secret-1");
    OK(realm_app_log_in(app, &credentials, &ann, &error));
    EQUAL(realm_user_get_state(ann), REALM_USER_LOGGED_IN);
    CHECK(realm_user_get_id(ann).size > 0);
    size_t needed = 0;
    OK(realm_user_get_text(ann, REALM_USER_ACCESS_TOKEN, text, sizeof text, &needed, &error));
    CHECK(needed > 20);
    OK(realm_user_get_text(ann, REALM_USER_REFRESH_TOKEN, text, sizeof text, &needed, &error));
    CHECK(needed > 20);
    OK(realm_user_get_text(ann, REALM_USER_PROFILE_JSON, text, sizeof text, &needed, &error));
    OK(realm_user_get_text(ann, REALM_USER_CUSTOM_DATA_JSON, text, sizeof text, &needed, &error));
    OK(realm_user_get_text(ann, REALM_USER_DEVICE_ID, text, sizeof text, &needed, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_user_get_text(ann, 5, text, sizeof text, &needed, &error));
    OK(realm_user_refresh_custom_data(ann, &error));
    OK(realm_app_get_current_user(app, &same_ann, &error));
    CHECK(same_ann != ann && realm_user_is_same(same_ann, ann));
    realm_user_release(same_ann);

    anonymous = log_in(app);
    CHECK(!realm_user_is_same(anonymous, ann));
    same_ann = log_in(app);
    CHECK(realm_user_is_same(anonymous, same_ann));
    realm_user_release(same_ann);
    size_t n = 0;
    OK(realm_app_get_users(app, list, 1, &n, &error));
    EQUAL(n, 2);
    CHECK(list[0] && !list[1] && realm_user_is_same(list[0], ann));
    realm_user_release(list[0]);
    OK(realm_app_get_users(app, NULL, 0, &n, &error));
    EQUAL(n, 2);

    OK(realm_user_get_realm_path(anonymous, text, sizeof text, &needed, &error));
    CHECK(strstr(text, app_id) && strstr(text, ".realm"));
    OK(realm_user_log_out(anonymous, &error));
    EQUAL(realm_user_get_state(anonymous), REALM_USER_REMOVED);
    realm_config_t* config = person_config(text);
    OK(realm_config_set_sync_user(config, anonymous, &error));
    realm_t* realm = NULL;
    EQUAL(realm_open(config, &realm, &e), REALM_ERR_APP);
    CHECK(strcmp(e.name, "ClientUserNotFound") == 0 && realm == NULL);
    realm_config_release(config);
    OK(realm_user_log_out(ann, &error));
    EQUAL(realm_user_get_state(ann), REALM_USER_LOGGED_OUT);
    OK(realm_user_get_text(ann, REALM_USER_ACCESS_TOKEN, text, sizeof text, &needed, &error));
    EQUAL(needed, 0);
    EQUAL(realm_user_refresh_custom_data(ann, &e), REALM_ERR_APP);
    CHECK(strcmp(e.name, "ClientUserNotLoggedIn") == 0);
    OK(realm_user_remove(ann, &error));
    EQUAL(realm_user_get_state(ann), REALM_USER_REMOVED);

    /* A user keeps its app. */
    realm_user_t* last = log_in(app);
    realm_app_release(app);
    OK(realm_user_refresh_custom_data(last, &error));
    OK(realm_user_log_out(last, &error));
    realm_user_release(last);
    realm_user_release(ann);
    realm_user_release(anonymous);
}

/* ---------------------------------------------------------------------------------------------------------- sessions */

/* A user with an app and a realm of its own: a device. */
struct device {
    realm_app_t* app;
    realm_user_t* user;
    realm_config_t* config;
    realm_t* realm;
    realm_session_t* session;
};

static void start_realm(struct device* d) {
    char path[1024];
    OK(realm_user_get_realm_path(d->user, path, sizeof path, NULL, &error));
    d->config = person_config(path);
    OK(realm_config_set_sync_user(d->config, d->user, &error));
    OK(realm_config_set_schema_mode(d->config, REALM_SCHEMA_ADDITIVE_DISCOVERED, &error));
    OK(realm_config_set_stop_policy(d->config, REALM_STOP_IMMEDIATELY, &error));
    d->realm = open_config(d->config);
    OK(realm_get_sync_session(d->realm, &d->session, &error));
}

static void start(struct device* d, const char* folder) {
    d->app = new_app(folder, false);
    d->user = log_in(d->app);
    start_realm(d);
}

static void stop(struct device* d) {
    realm_session_release(d->session);
    realm_release(d->realm);
    realm_config_release(d->config);
    realm_user_release(d->user);
    realm_app_release(d->app);
}

static realm_session_state_t state_of(struct device* d) {
    realm_session_state_t state = 99;
    OK(realm_session_state(d->session, &state, &error));
    return state;
}

static void subscribe(struct device* d, const char* name, const char* query) {
    realm_subscription_set_t *active = NULL, *set = NULL;
    OK(realm_get_active_subscription_set(d->realm, &active, &error));
    OK(realm_subscription_set_make_mutable(active, &set, &error));
    OK(realm_subscription_set_add(set, true, str(name), str("Person"), str(query), NULL, 0, &error));
    OK(realm_subscription_set_commit(set, &error));
    realm_subscription_state_t state = 99;
    OK(realm_subscription_set_wait_blocking(set, PATIENCE_MS, &state, &error));
    EQUAL(state, REALM_SUBSCRIPTIONS_COMPLETE);
    realm_subscription_set_release(set);
    realm_subscription_set_release(active);
}

static int64_t fresh_id(void) {
    static int64_t next;
    if (!next) next = (int64_t) time(NULL) * 1000000 + (int64_t) getpid() % 1000 * 1000;
    return ++next;
}

static void write_person(struct device* d, int64_t id, const char* name) {
    OK(realm_begin_write(d->realm, &error));
    realm_object_release(add_person(d->realm, id, name, 1));
    OK(realm_commit(d->realm, &error));
}

static void two_devices(void) {
    struct device a, b;
    start(&a, "a");
    start(&b, "b");
    EQUAL(state_of(&a), REALM_SESSION_ACTIVE);

    /* Without a subscription nothing can be created. */
    realm_class_key_t person = class_of(a.realm, "Person");
    realm_value_t id = of_int(fresh_id());
    OK(realm_begin_write(a.realm, &error));
    FAILS(REALM_ERR_NO_SUBSCRIPTION, realm_object_create(a.realm, person, &id, 1, REALM_CREATE_NEW, NULL, NULL, &error));
    OK(realm_cancel_write(a.realm, &error));
    subscribe(&a, "all", "");
    subscribe(&b, "all", "TRUEPREDICATE");

    write_person(&a, id.u.integer, "from a");
    OK(realm_wait_for_upload_blocking(a.session, PATIENCE_MS, &error));
    OK(realm_wait_for_download_blocking(b.session, PATIENCE_MS, &error));
    OK(realm_refresh(b.realm, NULL, &error));
    realm_object_t* found = NULL;
    OK(realm_object_find(b.realm, class_of(b.realm, "Person"), &id, &found, &error));
    CHECK(found);
    OK(realm_object_load(found, &error));
    CHECK(memcmp(found->values[P_NAME].u.data, "from a", 6) == 0);

    /* Back, with waits that call. */
    OK(realm_begin_write(b.realm, &error));
    OK(realm_object_add_int(found, P_AGE, 41, &error));
    OK(realm_commit(b.realm, &error));
    struct event up, down;
    event_init(&up);
    event_init(&down);
    OK(realm_wait_for_upload(b.session, on_wait, &up, free_event, &error));
    AWAIT(up, freed, 1);
    EQUAL(up.calls, 1);
    EQUAL(up.status, REALM_OK);
    OK(realm_wait_for_download(a.session, on_wait, &down, free_event, &error));
    AWAIT(down, freed, 1);
    EQUAL(down.status, REALM_OK);
    OK(realm_refresh(a.realm, NULL, &error));
    realm_object_t* mine = NULL;
    OK(realm_object_find(a.realm, person, &id, &mine, &error));
    OK(realm_object_load(mine, &error));
    EQUAL(mine->values[P_AGE].u.integer, 42);
    EQUAL(up.calls + up.freed + down.calls + down.freed, 4);
    event_destroy(&up);
    event_destroy(&down);
    realm_object_release(mine);
    realm_object_release(found);
    stop(&a);
    stop(&b);
}

static void pausing(void) {
    struct device d;
    start(&d, "pausing");
    struct event connection, waiting, other;
    event_init(&connection);
    event_init(&waiting);
    event_init(&other);
    uint64_t token = 99, second = 99;
    subscribe(&d, "all", "");
    OK(realm_wait_for_download_blocking(d.session, PATIENCE_MS, &error));
    OK(realm_session_observe_connection(d.session, on_connection, &connection, free_event, &token, &error));
    OK(realm_session_observe_connection(d.session, on_connection, &other, free_event, &second, &error));
    CHECK(token != second);
    realm_connection_state_t now = 99;
    OK(realm_session_connection_state(d.session, &now, &error));
    EQUAL(now, REALM_CONNECTED);

    uint64_t ident = 0;
    OK(realm_session_get_file_ident(d.session, &ident, &error));
    CHECK(ident > 0);

    /* Pausing: at once, here; it ends waits that are pending. */
    OK(realm_session_pause(d.session, &error));
    EQUAL(state_of(&d), REALM_SESSION_PAUSED);
    FAILS(REALM_ERR_LOGIC, realm_session_simulate_error(d.session, 212, str("x"), false, str("ClientReset"), &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_session_get_file_ident(d.session, NULL, &error));
    AWAIT(connection, disconnected, 1);
    OK(realm_session_connection_state(d.session, &now, &error));
    EQUAL(now, REALM_DISCONNECTED);
    OK(realm_session_pause(d.session, &error));
    FAILS(REALM_ERR_TIMEOUT, realm_wait_for_download_blocking(d.session, 1, &error));
    OK(realm_wait_for_download(d.session, on_wait, &waiting, free_event, &error));
    write_person(&d, fresh_id(), "written offline");
    FAILS(REALM_ERR_TIMEOUT, realm_wait_for_upload_blocking(d.session, 1, &error));
    EQUAL(waiting.calls, 0);

    OK(realm_session_unobserve_connection(d.session, second, &error));
    AWAIT(other, freed, 1);
    OK(realm_session_unobserve_connection(d.session, 4711, &error));
    OK(realm_session_resume(d.session, &error));
    OK(realm_session_reconnect(d.session, &error));
    AWAIT(connection, connected, 1);
    AWAIT(waiting, freed, 1);
    EQUAL(waiting.status, REALM_OK);
    OK(realm_wait_for_upload_blocking(d.session, PATIENCE_MS, &error));
    EQUAL(state_of(&d), REALM_SESSION_ACTIVE);
    EQUAL(other.connected, 0);

    OK(realm_session_pause(d.session, &error));
    /* The session is gone with the last realm, and lets go of its observers. */
    realm_t* second_handle = NULL;
    OK(realm_retain(d.realm, &second_handle, &error));
    realm_release(d.realm);
    d.realm = NULL;
    EQUAL(state_of(&d), REALM_SESSION_PAUSED);
    realm_release(second_handle);
    realm_session_state_t state = 99;
    realm_error_t e;
    EQUAL(realm_session_state(d.session, &state, &e), REALM_ERR_SESSION_GONE);
    CHECK(strcmp(e.message, "Realm: Error accessing sync_session which has been destroyed.") == 0);
    FAILS(REALM_ERR_SESSION_GONE, realm_session_get_file_ident(d.session, &ident, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_simulate_error(d.session, 212, str("x"), false, str("ClientReset"), &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_pause(d.session, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_resume(d.session, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_reconnect(d.session, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_connection_state(d.session, &now, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_wait_for_upload_blocking(d.session, PATIENCE_MS, &error));
    FAILS(REALM_ERR_SESSION_GONE, realm_session_unobserve_connection(d.session, token, &error));
    int freed = waiting.freed;
    FAILS(REALM_ERR_SESSION_GONE, realm_wait_for_upload(d.session, on_wait, &waiting, free_event, &error));
    EQUAL(waiting.freed, freed + 1);
    FAILS(REALM_ERR_SESSION_GONE, realm_session_observe_connection(d.session, on_connection, &waiting, free_event, &token, &error));
    EQUAL(waiting.freed, freed + 2);
    FAILS(REALM_ERR_SESSION_GONE, realm_session_set_error_handler(d.session, on_sync_error, &waiting, free_event, &error));
    EQUAL(waiting.freed, freed + 3);
    AWAIT(connection, freed, 1);
    stop(&d);
    event_destroy(&connection);
    event_destroy(&waiting);
    event_destroy(&other);
}

static void subscriptions(void) {
    struct device d;
    start(&d, "subscriptions");
    realm_subscription_set_t *active = NULL, *set = NULL, *third = NULL, *latest = NULL;
    OK(realm_get_active_subscription_set(d.realm, &active, &error));
    EQUAL(realm_subscription_set_version(active), 0);
    EQUAL(realm_subscription_set_size(active), 0);
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_clear(active, &error));
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_commit(active, &error));
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_add(active, true, str("x"), str("Person"), str(""), NULL, 0, &error));
    realm_subscription_t s;
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_subscription_set_get(active, 0, &s, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_subscription_set_get(active, 0, NULL, &error));

    OK(realm_begin_write(d.realm, &error));
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_make_mutable(active, &set, &error));
    OK(realm_cancel_write(d.realm, &error));
    OK(realm_subscription_set_make_mutable(active, &set, &error));
    EQUAL(realm_subscription_set_state(set), REALM_SUBSCRIPTIONS_UNCOMMITTED);
    EQUAL(realm_subscription_set_version(set), 1);
    realm_value_t age = of_int(3);
    OK(realm_subscription_set_add(set, true, str("old"), str("Person"), str("age > $0"), &age, 1, &error));
    OK(realm_subscription_set_add(set, false, str("ignored"), str("Person"), str(""), NULL, 0, &error));
    FAILS(REALM_ERR_INVALID_QUERY, realm_subscription_set_add(set, true, str("bad"), str("Person"), str("height > 3"), NULL, 0, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_subscription_set_add(set, true, str("bad"), str("Nobody"), str(""), NULL, 0, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_subscription_set_add(set, true, str("\xff"), str("Person"), str(""), NULL, 0, &error));
    realm_error_t e;
    EQUAL(realm_subscription_set_remove(set, str("nobody"), &e), REALM_ERR_LOGIC);
    CHECK(strcmp(e.message, "Subscription cannot be found") == 0);
    EQUAL(realm_subscription_set_size(set), 2);
    OK(realm_subscription_set_get(set, 0, &s, &error));
    CHECK(s.has_name && same(s.name, "old") && same(s.class_name, "Person") && same(s.query, "age > 3"));
    EQUAL(s.created_at.type, REALM_TYPE_TIMESTAMP);
    CHECK(s.created_at.u.timestamp.seconds > 1600000000);
    OK(realm_subscription_set_get(set, 1, &s, &error));
    CHECK(!s.has_name && same(s.query, "TRUEPREDICATE"));
    EQUAL(realm_subscription_set_find(set, str("old")), 0);
    CHECK(realm_subscription_set_find(set, str("new")) == SIZE_MAX && realm_subscription_set_find(set, str("ignored")) == SIZE_MAX);
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_wait_blocking(set, 1000, NULL, &error));
    OK(realm_subscription_set_commit(set, &error));
    EQUAL(realm_subscription_set_state(set), REALM_SUBSCRIPTIONS_PENDING);
    EQUAL(realm_subscription_set_version(set), 1);
    FAILS(REALM_ERR_LOGIC, realm_subscription_set_clear(set, &error));

    struct event done;
    event_init(&done);
    OK(realm_subscription_set_wait(set, on_set, &done, free_event, &error));
    AWAIT(done, freed, 1);
    EQUAL(done.calls, 1);
    EQUAL(done.status, REALM_OK);
    EQUAL(done.set_state, REALM_SUBSCRIPTIONS_COMPLETE);
    OK(realm_subscription_set_refresh(set, &error));
    EQUAL(realm_subscription_set_state(set), REALM_SUBSCRIPTIONS_COMPLETE);
    EQUAL(realm_subscription_set_error(set).size, 0);

    /* Dropped without commit: no version is used up. */
    OK(realm_subscription_set_make_mutable(set, &third, &error));
    OK(realm_subscription_set_clear(third, &error));
    EQUAL(realm_subscription_set_size(third), 0);
    realm_subscription_set_release(third);
    OK(realm_get_latest_subscription_set(d.realm, &latest, &error));
    EQUAL(realm_subscription_set_version(latest), 1);
    EQUAL(realm_subscription_set_size(latest), 2);
    realm_subscription_set_release(latest);

    /* The next one replaces it. */
    OK(realm_subscription_set_make_mutable(set, &third, &error));
    OK(realm_subscription_set_remove(third, str("old"), &error));
    OK(realm_subscription_set_commit(third, &error));
    EQUAL(realm_subscription_set_version(third), 2);
    realm_subscription_state_t state = 99;
    OK(realm_subscription_set_wait_blocking(third, PATIENCE_MS, &state, &error));
    EQUAL(state, REALM_SUBSCRIPTIONS_COMPLETE);
    OK(realm_subscription_set_refresh(set, &error));
    EQUAL(realm_subscription_set_state(set), REALM_SUBSCRIPTIONS_SUPERSEDED);
    OK(realm_subscription_set_wait_blocking(set, PATIENCE_MS, &state, &error));
    EQUAL(state, REALM_SUBSCRIPTIONS_SUPERSEDED);
    OK(realm_subscription_set_refresh(active, &error));

    /* A wait that pausing ends: the set stays what it is. */
    OK(realm_session_pause(d.session, &error));
    OK(realm_subscription_set_make_mutable(third, &latest, &error));
    OK(realm_subscription_set_clear(latest, &error));
    OK(realm_subscription_set_commit(latest, &error));
    FAILS(REALM_ERR_TIMEOUT, realm_subscription_set_wait_blocking(latest, 1, &state, &error));

    realm_release(d.realm);
    d.realm = NULL;
    int freed = done.freed;
    realm_status_t status = realm_subscription_set_wait(latest, on_set, &done, free_event, &e);
    CHECK(status == REALM_ERR_CLOSED || status == REALM_ERR_SESSION_GONE);
    EQUAL(done.freed, freed + 1);
    FAILS(REALM_ERR_CLOSED, realm_subscription_set_refresh(latest, &error));
    FAILS(REALM_ERR_CLOSED, realm_subscription_set_make_mutable(latest, &third, &error));
    EQUAL(realm_subscription_set_size(latest), 0);
    realm_subscription_set_release(latest);
    realm_subscription_set_release(third);
    realm_subscription_set_release(set);
    realm_subscription_set_release(active);
    event_destroy(&done);
    stop(&d);
}

/* One file for two users at once, or with and without sync. */
static void mismatches(void) {
    struct device d;
    start(&d, "mismatch");
    realm_app_t* app = new_app("mismatch-2", false);
    realm_user_t* other = log_in(app);
    realm_t* realm = NULL;
    OK(realm_config_set_sync_user(d.config, other, &error));
    FAILS(REALM_ERR_MISMATCHED_CONFIG, realm_open(d.config, &realm, &error));
    char path[1024];
    OK(realm_user_get_realm_path(d.user, path, sizeof path, NULL, &error));
    realm_config_t* local = person_config(path);
    FAILS(REALM_ERR_MISMATCHED_CONFIG, realm_open(local, &realm, &error));
    realm_config_release(local);
    CHECK(realm == NULL);
    realm_user_release(other);
    realm_app_release(app);
    stop(&d);
}

/* No server: everything works but what needs one, and waits end with a pause or a log-out, on the thread that asks for it. */
static void offline(void) {
    struct device d;
    start(&d, "offline");
    subscribe(&d, "all", "");
    stop(&d);

    struct event failed, waiting, set_waiting;
    event_init(&failed);
    event_init(&waiting);
    event_init(&set_waiting);
    memset(&d, 0, sizeof d);
    d.app = app_at("http://127.0.0.1:1", "offline", false);
    OK(realm_app_get_current_user(d.app, &d.user, &error));
    CHECK(d.user);
    start_realm(&d);
    OK(realm_session_set_error_handler(d.session, on_sync_error, &failed, free_event, &error));
    OK(realm_session_reconnect(d.session, &error));
    EQUAL(state_of(&d), REALM_SESSION_ACTIVE);
    OK(realm_wait_for_upload_blocking(d.session, PATIENCE_MS, &error)); /* there is nothing to upload */
    write_person(&d, fresh_id(), "offline");
    FAILS(REALM_ERR_TIMEOUT, realm_wait_for_upload_blocking(d.session, 1, &error));
    for (int logging_out = 0; logging_out < 2; logging_out++) {
        realm_subscription_set_t *latest = NULL, *set = NULL;
        OK(realm_get_latest_subscription_set(d.realm, &latest, &error));
        OK(realm_subscription_set_make_mutable(latest, &set, &error));
        OK(realm_subscription_set_commit(set, &error));
        OK(realm_subscription_set_wait(set, on_set, &set_waiting, free_event, &error));
        OK(realm_wait_for_upload(d.session, on_wait, &waiting, NULL, &error));
        OK(realm_wait_for_download(d.session, on_wait, &waiting, NULL, &error));
        EQUAL(waiting.calls, 2 * logging_out);
        if (logging_out) {
            FAILS(REALM_ERR_NETWORK, realm_user_log_out(d.user, &error)); /* the server's half */
            EQUAL(realm_user_get_state(d.user), REALM_USER_REMOVED);
            EQUAL(state_of(&d), REALM_SESSION_INACTIVE);
        } else {
            OK(realm_session_pause(d.session, &error));
        }
        EQUAL(waiting.calls, 2 * (logging_out + 1));
        EQUAL(waiting.status, REALM_ERR_ABORTED);
        CHECK(strcmp(waiting.name, "OperationAborted") == 0 && strcmp(waiting.message, "Sync session became inactive") == 0);
        EQUAL(set_waiting.calls, logging_out + 1);
        EQUAL(set_waiting.freed, logging_out + 1);
        EQUAL(set_waiting.status, REALM_ERR_ABORTED);
        OK(realm_subscription_set_refresh(set, &error));
        EQUAL(realm_subscription_set_state(set), REALM_SUBSCRIPTIONS_PENDING);
        realm_subscription_set_release(set);
        realm_subscription_set_release(latest);
        if (!logging_out) OK(realm_session_resume(d.session, &error));
    }
    stop(&d);
    AWAIT(failed, freed, 1);
    event_destroy(&failed);
    event_destroy(&waiting);
    event_destroy(&set_waiting);
}

/* An object outside of what is subscribed to: the server takes it back and says so. */
struct taken_back {
    struct event event;
    size_t n;
    int64_t key;
    char class_name[60], reason[300];
    bool fatal, reset;
};

static void on_taken_back(void* userdata, realm_session_t* session, const realm_sync_error_t* error) {
    struct taken_back* t = userdata;
    (void) session;
    if (strcmp(error->error->name, "SyncCompensatingWrite") != 0) return;
    t->n = error->n_compensating_writes;
    t->fatal = error->error->fatal;
    t->reset = error->is_client_reset_requested;
    if (t->n) {
        const realm_compensating_write_t* w = &error->compensating_writes[0];
        snprintf(t->class_name, sizeof t->class_name, "%.*s", (int) w->class_name.size, w->class_name.data);
        snprintf(t->reason, sizeof t->reason, "%.*s", (int) w->reason.size, w->reason.data);
        if (w->primary_key.type == REALM_TYPE_INT) t->key = w->primary_key.u.integer;
    }
    note(&t->event, &t->event.calls, error->error->status, error->error);
}

static void compensating_writes(void) {
    struct taken_back t;
    memset(&t, 0, sizeof t);
    event_init(&t.event);
    struct device d;
    start(&d, "compensating");
    OK(realm_session_set_error_handler(d.session, on_taken_back, &t, NULL, &error));
    subscribe(&d, "old", "age > 100");
    int64_t id = fresh_id();
    write_person(&d, id, "too young");
    AWAIT(t.event, calls, 1);
    EQUAL(t.event.status, REALM_ERR_SYNC);
    EQUAL(t.n, 1);
    EQUAL(t.key, id);
    CHECK(strcmp(t.class_name, "Person") == 0 && strstr(t.reason, "not allowed") && !t.fatal && !t.reset);
    OK(realm_wait_for_download_blocking(d.session, PATIENCE_MS, &error));
    OK(realm_refresh(d.realm, NULL, &error));
    realm_value_t key = of_int(id);
    realm_object_t* found = NULL;
    OK(realm_object_find(d.realm, class_of(d.realm, "Person"), &key, &found, &error));
    CHECK(found == NULL);
    stop(&d);
    event_destroy(&t.event);
}

/* Several threads open, write, wait and close, all of one file. */
static struct device* shared_device;
static pthread_mutex_t id_mutex = PTHREAD_MUTEX_INITIALIZER;

static void* worker(void* unused) {
    (void) unused;
    for (int i = 0; i < 6; i++) {
        struct device mine = *shared_device;
        mine.realm = open_config(mine.config);
        OK(realm_get_sync_session(mine.realm, &mine.session, &error));
        pthread_mutex_lock(&id_mutex);
        int64_t id = fresh_id();
        pthread_mutex_unlock(&id_mutex);
        write_person(&mine, id, "of a thread");
        OK(realm_wait_for_upload_blocking(mine.session, PATIENCE_MS, &error));
        OK(realm_session_reconnect(mine.session, &error));
        if (i % 3 == 2) OK(realm_wait_for_download_blocking(shared_device->session, PATIENCE_MS, &error));
        EQUAL(state_of(&mine), REALM_SESSION_ACTIVE);
        realm_session_release(mine.session);
        realm_release(mine.realm);
    }
    return NULL;
}

static void threads(void) {
    struct device d;
    start(&d, "threads");
    subscribe(&d, "all", "");
    shared_device = &d;
    pthread_t ids[6];
    for (int i = 0; i < 6; i++) CHECK(pthread_create(&ids[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < 6; i++) CHECK(pthread_join(ids[i], NULL) == 0);
    /* Opened and closed at once, again and again: the session is revived, or made anew. */
    for (int i = 0; i < 20; i++) {
        realm_session_release(d.session);
        realm_release(d.realm);
        d.realm = open_config(d.config);
        OK(realm_get_sync_session(d.realm, &d.session, &error));
        EQUAL(state_of(&d), REALM_SESSION_ACTIVE);
    }
    OK(realm_wait_for_download_blocking(d.session, PATIENCE_MS, &error));
    stop(&d);
}

/* The log at its finest says a lot, and never a token or a password. */
struct lines {
    pthread_mutex_t mutex;
    size_t n, size;
    char text[1 << 20];
};
static struct lines lines;

static void on_line(void* userdata, realm_log_level_t level, realm_string_t line) {
    struct lines* l = userdata;
    CHECK(level <= REALM_LOG_FATAL && !memchr(line.data, '\n', line.size));
    pthread_mutex_lock(&l->mutex);
    l->n++;
    if (l->size + line.size + 2 < sizeof l->text) {
        memcpy(l->text + l->size, line.data, line.size);
        l->size += line.size;
        l->text[l->size++] = '\n';
    }
    pthread_mutex_unlock(&l->mutex);
}

static void secrets(void) {
    pthread_mutex_init(&lines.mutex, NULL);
    OK(realm_set_logger(on_line, &lines, NULL, REALM_LOG_ALL, &error));
    struct device d;
    start(&d, "secrets");
    subscribe(&d, "all", "");
    char token[2][4000], name[100];
    OK(realm_user_get_text(d.user, REALM_USER_ACCESS_TOKEN, token[0], sizeof token[0], NULL, &error));
    OK(realm_user_get_text(d.user, REALM_USER_REFRESH_TOKEN, token[1], sizeof token[1], NULL, &error));
    snprintf(name, sizeof name, "bob-%ld-%ld@example.org", (long) getpid(), (long) time(NULL));
    OK(realm_app_register_email(d.app, str(name), str("pass-word-77"), &error));
    realm_credentials_t credentials = {REALM_CREDENTIALS_EMAIL_PASSWORD, str(name), str("pass-word-78")};
    realm_user_t* bob = NULL;
    FAILS(REALM_ERR_APP, realm_app_log_in(d.app, &credentials, &bob, &error));
    OK(realm_user_log_out(d.user, &error));
    stop(&d);
    OK(realm_set_logger(NULL, NULL, NULL, REALM_LOG_INFO, &error));
    pthread_mutex_lock(&lines.mutex);
    CHECK(lines.n > 5);
    lines.text[lines.size] = 0;
    CHECK(!strstr(lines.text, token[0]) && !strstr(lines.text, token[1]) && !strstr(lines.text, "pass-word-7"));
    pthread_mutex_unlock(&lines.mutex);
}

static bool before_reset(void* userdata, realm_t* local, realm_error_t* e) { return userdata && local && e; }

static void errors(void) {
    struct event first, second, unused, reset, replaced;
    event_init(&first);
    event_init(&second);
    event_init(&unused);
    event_init(&reset);
    event_init(&replaced);
    struct device d;
    memset(&d, 0, sizeof d);
    d.app = new_app("errors", false);
    d.user = log_in(d.app);
    char path[1024];
    OK(realm_user_get_realm_path(d.user, path, sizeof path, NULL, &error));
    d.config = person_config(path);
    OK(realm_config_set_sync_user(d.config, d.user, &error));
    OK(realm_config_set_schema_mode(d.config, REALM_SCHEMA_ADDITIVE_DISCOVERED, &error));
    OK(realm_config_set_stop_policy(d.config, REALM_STOP_IMMEDIATELY, &error));
    OK(realm_config_set_sync_error_handler(d.config, on_sync_error, &unused, free_event, &error));
    OK(realm_config_set_sync_error_handler(d.config, on_sync_error, &first, free_event, &error));
    EQUAL(unused.freed, 1);
    realm_client_reset_t resets = {(realm_client_reset_mode_t) 4, NULL, before_reset, NULL};
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_client_reset(d.config, &resets, &unused, free_event, &error));
    EQUAL(unused.freed, 2);
    resets.mode = REALM_CLIENT_RESET_DISCARD_UNSYNCED;
    OK(realm_config_set_client_reset(d.config, &resets, &replaced, free_event, &error));
    OK(realm_config_set_client_reset(d.config, NULL, NULL, NULL, &error));
    EQUAL(replaced.freed, 1);
    OK(realm_config_set_client_reset(d.config, &resets, &reset, free_event, &error));
    d.realm = open_config(d.config);
    OK(realm_get_sync_session(d.realm, &d.session, &error));
    OK(realm_session_set_error_handler(d.session, on_sync_error, &second, free_event, &error));
    EQUAL(first.freed, 0); /* the configuration has it */
    OK(realm_session_set_error_handler(d.session, NULL, NULL, NULL, &error));
    EQUAL(second.freed, 1);
    OK(realm_session_set_error_handler(d.session, on_sync_error, &second, free_event, &error));
    realm_config_release(d.config);
    d.config = NULL;
    EQUAL(first.freed, 1);
    EQUAL(reset.freed, 0); /* the session has it */
    realm_release(d.realm);
    d.realm = NULL;
    AWAIT(second, freed, 2);
    AWAIT(reset, freed, 1);
    event_destroy(&reset);
    event_destroy(&replaced);
    stop(&d);
    event_destroy(&first);
    event_destroy(&second);
    event_destroy(&unused);
}

/* -------------------------------------------------------------------------------------------------------- networking */

/* A transport that sends by the built-in one, and keeps count. */
struct carrier {
    int requests, freed;
    int mode; /* 0: carry; 1: release; 2: fail; 3: keep the exchange */
    realm_http_exchange_t* kept;
    realm_network_config_t network;
};
static void pass_on(void* userdata, const realm_http_response_t* response) {
    realm_http_exchange_t* exchange = userdata;
    OK(realm_http_exchange_answer(exchange, response, &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_http_exchange_answer(exchange, response, &error));
}
static void on_send(void* userdata, const realm_http_request_t* request, realm_http_exchange_t* exchange) {
    struct carrier* c = userdata;
    c->requests++;
    CHECK(request->method.size && request->url.size && request->timeout_ms && request->max_body);
    realm_http_response_t failed;
    memset(&failed, 0, sizeof failed);
    failed.custom_status = 7;
    failed.body = str("no way");
    if (c->mode == 0) OK(realm_http_send(&c->network, request, pass_on, exchange, &error));
    if (c->mode == 1) realm_http_exchange_release(exchange);
    if (c->mode == 2) OK(realm_http_exchange_answer(exchange, &failed, &error));
    if (c->mode == 3) c->kept = exchange;
    realm_http_exchange_release(c->mode == 3 ? NULL : exchange); /* harmless: it is answered */
}
static void free_carrier(void* userdata) { ((struct carrier*) userdata)->freed++; }

static void http_transport(void) {
    struct carrier c;
    memset(&c, 0, sizeof c);
    c.network.struct_size = sizeof c.network;
    realm_http_header_t header = {str("X-App"), str("yes")};
    c.network.headers = &header;
    c.network.n_headers = 1;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_transport_create(on_send, &c, free_carrier, NULL, &error));
    EQUAL(c.freed, 1);
    realm_http_transport_t* transport = NULL;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_transport_create(NULL, &c, free_carrier, &transport, &error));
    EQUAL(c.freed, 2);
    OK(realm_http_transport_create(on_send, &c, free_carrier, &transport, &error));

    realm_app_config_t config;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.app_id = str(app_id);
    config.base_url = str(url);
    char path[1024];
    snprintf(path, sizeof path, "%s", temporary("carried"));
    config.base_path = str(path);
    config.request_timeout_ms = PATIENCE_MS;
    config.http_transport = (realm_http_transport_t*) (uintptr_t) 12345;
    realm_app_t* app = NULL;
    FAILS(REALM_ERR_INVALID_HANDLE, realm_app_create(&config, &app, &error));
    config.http_transport = transport;
    config.metadata_key = str("too short");
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_app_create(&config, &app, &error));
    config.metadata_key = str("");
    OK(realm_app_create(&config, &app, &error));
    config.request_timeout_ms = 1;
    snprintf(path, sizeof path, "%s", temporary("impatient"));
    config.base_path = str(path);
    realm_app_t* impatient = NULL;
    OK(realm_app_create(&config, &impatient, &error));
    realm_http_transport_release(transport);
    EQUAL(c.freed, 2); /* the apps have it */

    realm_user_t* user = log_in(app);
    CHECK(c.requests >= 2);
    realm_user_release(user);
    realm_credentials_t nobody = {REALM_CREDENTIALS_CUSTOM_JWT, str("x"), {NULL, 0}};
    for (c.mode = 1; c.mode <= 3; c.mode++) FAILS(REALM_ERR_NETWORK, realm_app_log_in(c.mode == 3 ? impatient : app, &nobody, &user, &error));
    realm_app_release(app);
    EQUAL(c.freed, 2);
    realm_app_release(impatient);
    EQUAL(c.freed, 3);
    /* An answer that nobody waits for any more: the app is gone. */
    realm_http_response_t late;
    memset(&late, 0, sizeof late);
    late.status = 200;
    FAILS(REALM_ERR_ABORTED, realm_http_exchange_answer(c.kept, &late, &error));

    realm_http_request_t request;
    memset(&request, 0, sizeof request);
    request.method = str("GET");
    request.url = str("http://127.0.0.1:1/");
    FAILS(REALM_ERR_NETWORK, realm_http_send(NULL, &request, pass_on, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_send(NULL, NULL, pass_on, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_send(NULL, &request, NULL, NULL, &error));
    realm_network_config_t network;
    memset(&network, 0, sizeof network);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_send(&network, &request, pass_on, NULL, &error));
    network.struct_size = sizeof network;
    network.trust_certificate_path = str("/nowhere");
    network.verify_userdata = &c;
    network.verify_free_userdata = free_carrier;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_http_send(&network, &request, pass_on, NULL, &error));
    EQUAL(c.freed, 4);
}

/* A provider that opens WebSockets by the built-in ones, and keeps count. */
struct socket {
    struct provider* owner;
    realm_websocket_observer_t* observer;
    realm_websocket_t* socket;
};
struct provider {
    struct event event; /* calls: connected; connected: received; disconnected: freed sockets */
    int refuse;
};
static void line_connected(void* userdata, realm_string_t protocol) {
    struct socket* l = userdata;
    note(&l->owner->event, &l->owner->event.calls, REALM_OK, NULL);
    OK(realm_websocket_observer_connected(l->observer, protocol, &error));
}
static void line_received(void* userdata, realm_string_t message) {
    struct socket* l = userdata;
    note(&l->owner->event, &l->owner->event.connected, REALM_OK, NULL);
    realm_websocket_observer_received(l->observer, message, NULL);
}
static void line_closed(void* userdata, int32_t code, realm_string_t reason) {
    struct socket* l = userdata;
    OK(realm_websocket_observer_closed(l->observer, code, reason, &error));
    OK(realm_websocket_observer_closed(l->observer, code, reason, &error)); /* twice */
}
static void line_freed(void* userdata) {
    struct socket* l = userdata;
    struct provider* owner = l->owner;
    realm_websocket_observer_release(l->observer);
    free(l);
    note(&owner->event, &owner->event.disconnected, REALM_OK, NULL);
}
static void line_written(void* userdata, bool ok) {
    struct socket* l = userdata;
    OK(realm_websocket_observer_written(l->observer, ok, &error));
}
static void* on_connect(void* userdata, realm_string_t to, const realm_string_t* protocols, size_t n, realm_websocket_observer_t* observer) {
    static const realm_websocket_callbacks_t callbacks = {line_connected, line_received, line_closed};
    struct provider* owner = userdata;
    if (owner->refuse) {
        realm_websocket_observer_release(observer);
        return NULL;
    }
    struct socket* l = calloc(1, sizeof *l);
    CHECK(l && n > 0);
    l->owner = owner;
    l->observer = observer;
    OK(realm_websocket_open(NULL, to, protocols, n, &callbacks, l, line_freed, &l->socket, &error));
    return l;
}
static void on_write(void* userdata, void* socket, realm_string_t message) {
    (void) userdata;
    struct socket* l = socket;
    if (realm_websocket_write(l->socket, message, line_written, l, NULL, NULL) != REALM_OK) OK(realm_websocket_observer_written(l->observer, false, &error));
}
static void on_close(void* userdata, void* socket) {
    (void) userdata;
    struct socket* l = socket;
    realm_websocket_release(l->socket);
}

static void websocket_provider(void) {
    struct provider lines;
    memset(&lines, 0, sizeof lines);
    event_init(&lines.event);
    realm_websocket_provider_callbacks_t callbacks = {on_connect, on_write, NULL};
    realm_websocket_provider_t* provider = NULL;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_websocket_provider_create(&callbacks, &lines, free_event, &provider, &error));
    EQUAL(lines.event.freed, 1);
    callbacks.close = on_close;
    OK(realm_websocket_provider_create(&callbacks, &lines, free_event, &provider, &error));

    realm_app_config_t config;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.app_id = str(app_id);
    config.base_url = str(url);
    char path[1024];
    snprintf(path, sizeof path, "%s", temporary("lines"));
    config.base_path = str(path);
    config.websocket_provider = provider;
    realm_app_t* app = NULL;
    OK(realm_app_create(&config, &app, &error));
    realm_websocket_provider_release(provider);

    realm_user_t* user = log_in(app);
    realm_config_t* with_user = person_config(temporary("lines.realm"));
    OK(realm_config_set_sync_user(with_user, user, &error));
    realm_t* realm = open_config(with_user);
    realm_config_release(with_user);
    realm_session_t* session = NULL;
    OK(realm_get_sync_session(realm, &session, &error));
    OK(realm_wait_for_download_blocking(session, PATIENCE_MS, &error));
    CHECK(lines.event.calls >= 1 && lines.event.connected >= 1);
    OK(realm_session_pause(session, &error));
    OK(realm_session_resume(session, &error));
    OK(realm_wait_for_download_blocking(session, PATIENCE_MS, &error));
    realm_session_release(session);
    realm_release(realm);
    realm_user_release(user);
    realm_app_release(app);
    AWAIT(lines.event, disconnected, lines.event.calls); /* every socket is closed */
    AWAIT(lines.event, freed, 2);
    event_destroy(&lines.event);

    FAILS(REALM_ERR_INVALID_HANDLE, realm_websocket_observer_connected(NULL, str(""), &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_websocket_observer_received(NULL, str(""), &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_websocket_observer_written(NULL, true, &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_websocket_observer_closed(NULL, 1000, str(""), &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_websocket_write(NULL, str("x"), NULL, NULL, NULL, &error));
    realm_websocket_observer_release(NULL);
    realm_websocket_release(NULL);
    realm_http_exchange_release(NULL);
    realm_http_transport_release(NULL);
    realm_websocket_provider_release(NULL);
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL APP_ID\n", argv[0]);
        return 2;
    }
    url = argv[1];
    app_id = argv[2];
    run("apps", apps);
    run("users", users);
    run("two devices", two_devices);
    run("pausing", pausing);
    run("subscriptions", subscriptions);
    run("mismatches", mismatches);
    run("offline", offline);
    run("compensating writes", compensating_writes);
    run("threads", threads);
    run("error handlers", errors);
    run("secrets", secrets);
    run("HTTP transport", http_transport);
    run("WebSocket provider", websocket_provider);
    return finish();
}
