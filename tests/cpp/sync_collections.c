/*
 * sync_collections.c - collections of two devices that both change them offline, through the C interface, against a development server.
 *
 *     sync_collections URL APP_ID
 */
#include "c_collections.h"

#include <time.h>

static const char *url, *app_id;
enum { PATIENCE_MS = 30000 };

/* A user with an app and a synced realm of its own. */
struct device {
    realm_app_t* app;
    realm_user_t* user;
    realm_t* realm;
    realm_session_t* session;
    realm_object_t* thing;
};

static void start(struct device* d, const char* folder) {
    memset(d, 0, sizeof *d);
    realm_app_config_t app;
    memset(&app, 0, sizeof app);
    app.struct_size = sizeof app;
    app.app_id = str(app_id);
    app.base_url = str(url);
    char path[1024];
    snprintf(path, sizeof path, "%s", temporary(folder));
    app.base_path = str(path);
    OK(realm_app_create(&app, &d->app, &error));
    realm_credentials_t anonymous = {REALM_CREDENTIALS_ANONYMOUS, {NULL, 0}, {NULL, 0}};
    OK(realm_app_log_in(d->app, &anonymous, &d->user, &error));
    OK(realm_user_get_realm_path(d->user, path, sizeof path, NULL, &error));
    realm_config_t* config = thing_config(path);
    OK(realm_config_set_sync_user(config, d->user, &error));
    OK(realm_config_set_schema_mode(config, REALM_SCHEMA_ADDITIVE_DISCOVERED, &error));
    OK(realm_config_set_stop_policy(config, REALM_STOP_IMMEDIATELY, &error));
    d->realm = open_config(config);
    realm_config_release(config);
    OK(realm_get_sync_session(d->realm, &d->session, &error));
}

static void stop(struct device* d) {
    realm_object_release(d->thing);
    realm_session_release(d->session);
    realm_release(d->realm);
    realm_user_release(d->user);
    realm_app_release(d->app);
}

static void subscribe(struct device* d, int64_t id) {
    realm_subscription_set_t *active = NULL, *set = NULL;
    realm_value_t argument = of_int(id);
    OK(realm_get_active_subscription_set(d->realm, &active, &error));
    OK(realm_subscription_set_make_mutable(active, &set, &error));
    OK(realm_subscription_set_add(set, true, str("thing"), str("Thing"), str("_id == $0"), &argument, 1, &error));
    OK(realm_subscription_set_commit(set, &error));
    realm_subscription_state_t state = 99;
    OK(realm_subscription_set_wait_blocking(set, PATIENCE_MS, &state, &error));
    EQUAL(state, REALM_SUBSCRIPTIONS_COMPLETE);
    realm_subscription_set_release(set);
    realm_subscription_set_release(active);
}

static void upload(struct device* d) { OK(realm_wait_for_upload_blocking(d->session, PATIENCE_MS, &error)); }

static void download(struct device* d) {
    OK(realm_wait_for_download_blocking(d->session, PATIENCE_MS, &error));
    OK(realm_refresh(d->realm, NULL, &error));
}

/* What both have uploaded, both have downloaded. */
static void exchange(struct device* a, struct device* b) {
    upload(a);
    upload(b);
    download(a);
    download(b);
}

/* Both offline, and then both online with everything exchanged. */
static void pause_both(struct device* a, struct device* b) {
    OK(realm_session_pause(a->session, &error));
    OK(realm_session_pause(b->session, &error));
}
static void resume_both(struct device* a, struct device* b) {
    OK(realm_session_resume(a->session, &error));
    OK(realm_session_resume(b->session, &error));
    exchange(a, b);
}

/* Two devices that have the same thing, with the list 1 2 3. */
static void start_both(struct device* a, struct device* b, const char* folder) {
    static int64_t next;
    if (!next) next = (int64_t) time(NULL) * 1000000 + (int64_t) getpid() % 1000 * 1000;
    realm_value_t id = of_int(++next);
    char second[64];
    snprintf(second, sizeof second, "%s-2", folder);
    start(a, folder);
    start(b, second);
    subscribe(a, id.u.integer);
    subscribe(b, id.u.integer);
    OK(realm_begin_write(a->realm, &error));
    a->thing = add_thing(a->realm, id.u.integer);
    realm_collection_t* numbers = collection_of(a->thing, T_NUMBERS);
    for (int i = 1; i <= 3; i++) append(numbers, of_int(i));
    OK(realm_commit(a->realm, &error));
    realm_collection_release(numbers);
    exchange(a, b);
    OK(realm_object_find(b->realm, class_of(b->realm, "Thing"), &id, &b->thing, &error));
    CHECK(b->thing != NULL);
}

static void a_list(void) {
    struct device a, b;
    start_both(&a, &b, "list");
    realm_collection_t *of_a = collection_of(a.thing, T_NUMBERS), *of_b = collection_of(b.thing, T_NUMBERS);
    INTS(of_b, "1 2 3");

    pause_both(&a, &b);
    realm_value_t v = of_int(10);
    OK(realm_begin_write(a.realm, &error));
    OK(realm_list_insert(of_a, 0, &v, &error)); /* 10 1 2 3 */
    v = of_int(11);
    OK(realm_list_insert(of_a, 4, &v, &error)); /* 10 1 2 3 11 */
    OK(realm_commit(a.realm, &error));
    OK(realm_begin_write(b.realm, &error));
    v = of_int(20);
    OK(realm_list_set(of_b, 0, &v, &error));     /* 20 2 3 */
    OK(realm_collection_erase(of_b, 1, &error)); /* 20 3 */
    OK(realm_commit(b.realm, &error));
    resume_both(&a, &b);
    INTS(of_a, "10 20 3 11");
    INTS(of_b, "10 20 3 11");

    /* Both append: both elements survive, in one order. */
    pause_both(&a, &b);
    OK(realm_begin_write(a.realm, &error));
    append(of_a, of_int(30));
    OK(realm_commit(a.realm, &error));
    OK(realm_begin_write(b.realm, &error));
    append(of_b, of_int(40));
    OK(realm_commit(b.realm, &error));
    resume_both(&a, &b);
    EQUAL(count_of(of_a), 6);
    realm_value_t mine[6], theirs[6];
    size_t n = 0;
    OK(realm_collection_load(of_a, 0, 6, mine, NULL, &n, &error));
    OK(realm_collection_load(of_b, 0, 6, theirs, NULL, &n, &error));
    EQUAL(n, 6);
    for (size_t i = 0; i < n; i++) EQUAL(mine[i].u.integer, theirs[i].u.integer);
    EQUAL(mine[4].u.integer + mine[5].u.integer, 70);
    realm_collection_release(of_a);
    realm_collection_release(of_b);
    stop(&a);
    stop(&b);
}

static void a_set_and_a_dictionary(void) {
    struct device a, b;
    start_both(&a, &b, "set");
    realm_collection_t *tags_a = collection_of(a.thing, T_TAGS), *tags_b = collection_of(b.thing, T_TAGS);
    realm_collection_t *counts_a = collection_of(a.thing, T_COUNTS), *counts_b = collection_of(b.thing, T_COUNTS);
    realm_value_t red = of_string("red"), blue = of_string("blue"), both = of_string("both");
    pause_both(&a, &b);
    OK(realm_begin_write(a.realm, &error));
    OK(realm_set_add(tags_a, &red, NULL, NULL, &error));
    OK(realm_set_add(tags_a, &both, NULL, NULL, &error));
    put(counts_a, "a", of_int(1));
    OK(realm_commit(a.realm, &error));
    OK(realm_begin_write(b.realm, &error));
    OK(realm_set_add(tags_b, &both, NULL, NULL, &error));
    OK(realm_set_add(tags_b, &blue, NULL, NULL, &error));
    put(counts_b, "b", of_int(2));
    OK(realm_commit(b.realm, &error));
    resume_both(&a, &b);
    EQUAL(count_of(tags_a), 3);
    EQUAL(count_of(tags_b), 3);
    EQUAL(count_of(counts_a), 2);
    EQUAL(count_of(counts_b), 2);
    size_t at = 0;
    OK(realm_collection_find(tags_a, &blue, &at, &error));
    EQUAL(at, 0);
    OK(realm_dictionary_find_key(counts_b, str("a"), &at, &error));
    EQUAL(at, 0);
    realm_collection_release(tags_a);
    realm_collection_release(tags_b);
    realm_collection_release(counts_a);
    realm_collection_release(counts_b);
    stop(&a);
    stop(&b);
}

static void embedded_and_nested(void) {
    struct device a, b;
    start_both(&a, &b, "embedded");
    realm_object_t *part = NULL, *theirs = NULL;
    realm_collection_t *sizes = NULL, *list = NULL, *inner = NULL;
    realm_value_t label = of_string("wheel");
    OK(realm_begin_write(a.realm, &error));
    OK(realm_object_set_embedded(a.thing, T_PART, &part, &error));
    OK(realm_object_set(part, PART_LABEL, &label, &error));
    sizes = collection_of(part, PART_SIZES);
    append(sizes, of_int(26));
    OK(realm_object_set_collection(a.thing, T_ANY, REALM_COLLECTION_LIST, &list, &error));
    OK(realm_list_insert_collection(list, 0, REALM_COLLECTION_DICTIONARY, &inner, &error));
    put(inner, "deep", of_int(7));
    OK(realm_commit(a.realm, &error));
    exchange(&a, &b);
    realm_collection_release(sizes);
    realm_collection_release(list);
    realm_collection_release(inner);

    OK(realm_object_load(b.thing, &error));
    realm_value_t v = b.thing->values[T_PART];
    EQUAL(v.type, REALM_TYPE_LINK);
    OK(realm_object_get(b.realm, v.size, v.u.link, &theirs, &error));
    CHECK(memcmp(theirs->values[PART_LABEL].u.data, "wheel", 5) == 0);
    sizes = collection_of(theirs, PART_SIZES);
    INTS(sizes, "26");
    list = collection_of(b.thing, T_ANY);
    OK(realm_collection_open(list, 0, &inner, &error));
    bool found = false;
    OK(realm_dictionary_get(inner, str("deep"), &v, &found, &error));
    CHECK(found);
    EQUAL(v.u.integer, 7);
    realm_collection_release(sizes);
    realm_collection_release(list);
    realm_collection_release(inner);
    realm_object_release(part);
    realm_object_release(theirs);
    stop(&a);
    stop(&b);
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL APP_ID\n", argv[0]);
        return 2;
    }
    url = argv[1];
    app_id = argv[2];
    run("a list", a_list);
    run("a set and a dictionary", a_set_and_a_dictionary);
    run("embedded objects and nested collections", embedded_and_nested);
    return finish();
}
