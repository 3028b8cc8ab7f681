/*
 * capi_crud.c - the local database through the C interface: transactions, objects, links, queries, snapshots, observers, schedulers.
 */
#include "c_test.h"

static void lifecycle(void) {
    realm_t *realm = open_person("life.realm"), *again = NULL;
    realm_config_t* config = person_config(temporary("life.realm"));
    OK(realm_open(config, &again, &error));
    CHECK(again != realm && realm_is_same(realm, again));
    OK(realm_begin_write(realm, &error));
    CHECK(realm_is_in_write(again));
    FAILS(REALM_ERR_LOGIC, realm_begin_write(again, &error));
    OK(realm_cancel_write(again, &error));
    CHECK(!realm_is_in_write(realm));
    FAILS(REALM_ERR_LOGIC, realm_cancel_write(realm, &error));
    FAILS(REALM_ERR_LOGIC, realm_commit(realm, &error));
    FAILS(REALM_ERR_LOGIC, realm_delete_files(str(temporary("life.realm")), &error));

    /* The rest of one configuration. */
    OK(realm_config_set_schema_version(config, 3, &error));
    realm_t* other = NULL;
    FAILS(REALM_ERR_MISMATCHED_CONFIG, realm_open(config, &other, &error));
    CHECK(other == NULL);
    realm_config_release(config);

    realm_release(realm);
    FAILS(REALM_ERR_INVALID_HANDLE, realm_begin_write(realm, &error));
    CHECK(!realm_is_closed(again));
    OK(realm_close(again, &error));
    OK(realm_close(again, &error));
    CHECK(realm_is_closed(again));
    FAILS(REALM_ERR_CLOSED, realm_begin_write(again, &error));
    FAILS(REALM_ERR_CLOSED, realm_refresh(again, NULL, &error));
    EQUAL(realm_get_version(again), 0);
    CHECK(same(realm_get_path(again), temporary("life.realm")));
    CHECK(realm_get_stamp(again) != NULL);
    realm_release(again);
    CHECK(realm_is_closed(again));
    OK(realm_delete_files(str(temporary("life.realm")), &error));
    CHECK(access(temporary("life.realm"), F_OK) != 0);
}

static void files_that_are_none(void) {
    FILE* f = fopen(temporary("text.realm"), "w");
    CHECK(f);
    for (int i = 0; i < 1000; i++) fputs("this is not a realm file\n", f);
    fclose(f);
    realm_config_t* config = person_config(temporary("text.realm"));
    realm_t* realm = NULL;
    FAILS(REALM_ERR_FILE_FORMAT, realm_open(config, &realm, &error));
    realm_config_release(config);
    config = person_config(temporary("no/such/folder.realm"));
    realm_error_t e;
    EQUAL(realm_open(config, &realm, &e), REALM_ERR_FILE_ACCESS);
    CHECK(strstr(e.message, "no/such/folder.realm"));
    realm_config_release(config);
    CHECK(realm == NULL);
}

static void create_read_update_delete(void) {
    realm_t* realm = open_person("crud.realm");
    realm_class_key_t person = class_of(realm, "Person");
    realm_value_t id = of_int(1);
    uint64_t version = realm_get_version(realm);
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_object_create(realm, person, &id, 1, REALM_CREATE_NEW, NULL, NULL, &error));
    OK(realm_begin_write(realm, &error));
    realm_object_t *ann = add_person(realm, 1, "Ann", 40), *bob = add_person(realm, 2, "Bob", 25), *found = NULL;
    bool created = false;
    realm_value_t values[P_COUNT] = {id, of_string("Anna"), of_absent(), of_absent()};
    FAILS(REALM_ERR_KEY_EXISTS, realm_object_create(realm, person, values, P_COUNT, REALM_CREATE_NEW, &found, &created, &error));
    created = true;
    OK(realm_object_create(realm, person, values, P_COUNT, REALM_CREATE_UPSERT, &found, &created, &error));
    CHECK(!created);
    EQUAL(found->object_key, ann->object_key);
    realm_object_release(found);
    realm_value_t boss = of_link(ann);
    OK(realm_object_set(bob, P_BOSS, &boss, &error));
    OK(realm_commit(realm, &error));
    CHECK(realm_get_version(realm) > version);

    OK(realm_object_load(ann, &error));
    CHECK(ann->values[P_NAME].size == 4 && memcmp(ann->values[P_NAME].u.data, "Anna", 4) == 0);
    EQUAL(ann->values[P_AGE].u.integer, 40);
    OK(realm_object_load(bob, &error));
    EQUAL(bob->values[P_BOSS].type, REALM_TYPE_LINK);
    EQUAL(bob->values[P_BOSS].size, person);
    OK(realm_object_get(realm, bob->values[P_BOSS].size, bob->values[P_BOSS].u.link, &found, &error));
    EQUAL(found->object_key, ann->object_key);
    realm_object_release(found);
    OK(realm_object_find(realm, person, &id, &found, &error));
    CHECK(found && found->object_key == ann->object_key);
    realm_object_t* copy = NULL;
    OK(realm_object_clone(found, &copy, &error));
    realm_object_release(found);
    OK(realm_object_load(copy, &error));
    EQUAL(copy->values[P_AGE].u.integer, 40);

    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_object_set(copy, P_AGE, &id, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_object_add_int(copy, P_AGE, 1, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_object_delete(copy, &error));
    OK(realm_begin_write(realm, &error));
    OK(realm_object_add_int(copy, P_AGE, 2, &error));
    EQUAL(copy->values[P_AGE].u.integer, 42);
    OK(realm_object_load(ann, &error));
    EQUAL(ann->values[P_AGE].u.integer, 42);
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_add_int(copy, P_NAME, 2, &error));
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_add_int(copy, 50, 2, &error));
    realm_value_t null = of_null();
    OK(realm_object_set(copy, P_AGE, &null, &error));
    FAILS(REALM_ERR_LOGIC, realm_object_add_int(copy, P_AGE, 2, &error));
    CHECK(realm_object_is_valid(ann));
    OK(realm_object_delete(copy, &error));
    CHECK(!realm_object_is_valid(ann) && !realm_object_is_valid(copy));
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_object_load(ann, &error));
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_object_delete(ann, &error));
    OK(realm_object_load(bob, &error));
    EQUAL(bob->values[P_BOSS].type, REALM_TYPE_NULL);
    OK(realm_cancel_write(realm, &error));
    CHECK(realm_object_is_valid(ann));
    OK(realm_object_load(bob, &error));
    EQUAL(bob->values[P_BOSS].type, REALM_TYPE_LINK);

    realm_t* of_object = NULL;
    OK(realm_object_get_realm(bob, &of_object, &error));
    CHECK(realm_is_same(of_object, realm));
    realm_release(of_object);
    /* An object keeps its instance open. */
    realm_release(realm);
    OK(realm_object_load(ann, &error));
    OK(realm_object_get_realm(ann, &realm, &error));
    OK(realm_close(realm, &error));
    FAILS(REALM_ERR_CLOSED, realm_object_load(ann, &error));
    CHECK(!realm_object_is_valid(ann));
    realm_release(realm);
    realm_object_release(ann);
    realm_object_release(bob);
    realm_object_release(copy);
}

static void queries(void) {
    realm_t* realm = open_person("query.realm");
    realm_class_key_t person = class_of(realm, "Person");
    enum { N = 700 };
    OK(realm_begin_write(realm, &error));
    for (int i = 0; i < N; i++) realm_object_release(add_person(realm, i, i % 2 ? "odd" : "even", (i * 37) % N));
    OK(realm_commit(realm, &error));

    realm_results_t *all = NULL, *odd = NULL, *sorted = NULL, *fixed = NULL;
    size_t n = 0;
    OK(realm_results_all(realm, person, &all, &error));
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, N);
    realm_value_t args[2] = {of_string("odd"), of_int(100)};
    OK(realm_results_query(realm, person, str("name == $0 AND age < $1"), args, 2, &odd, &error));
    OK(realm_results_count(odd, &n, &error));
    CHECK(n > 0 && n < 100);
    realm_sort_t by[2] = {{str("name"), false}, {str("age"), true}};
    OK(realm_results_sort(all, by, 2, &sorted, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_results_sort(all, NULL, 2, &fixed, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_results_sort(all, by, SIZE_MAX, &fixed, &error));
    by[0].key_path = str("height");
    EQUAL(realm_results_sort(all, by, 1, &fixed, NULL) == REALM_OK, 0);

    /* Batches: at most 256, rows included. */
    static realm_object_t* objects[N + 1];
    size_t done = 0;
    for (;;) {
        OK(realm_results_load(sorted, done, N + 1, objects + done, &n, &error));
        CHECK(n <= 256);
        if (n == 0) break;
        done += n;
    }
    EQUAL(done, N);
    for (size_t i = 0; i < N; i++) {
        CHECK(objects[i]->values && objects[i]->stamp == *objects[i]->current);
        if (i > 0 && objects[i]->values[P_NAME].size == objects[i - 1]->values[P_NAME].size)
            CHECK(objects[i]->values[P_AGE].u.integer > objects[i - 1]->values[P_AGE].u.integer);
    }
    size_t at = 0;
    OK(realm_results_index_of(sorted, objects[333], &at, &error));
    EQUAL(at, 333);
    OK(realm_results_index_of(odd, objects[N - 1], &at, &error));
    CHECK(at == SIZE_MAX);
    OK(realm_results_load(sorted, N, 5, objects, &n, &error));
    EQUAL(n, 0);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_results_load(sorted, 0, 5, NULL, &n, &error));
    OK(realm_results_load(sorted, SIZE_MAX, SIZE_MAX, objects, &n, &error));
    EQUAL(n, 0);
    OK(realm_results_load(sorted, 0, 0, NULL, &n, &error));
    EQUAL(n, 0);

    /* Rows: the same objects, made when they are asked for; they keep their row when the rows are gone. */
    realm_rows_t* rows = NULL;
    OK(realm_results_load_rows(sorted, 300, 5, &rows, &n, &error));
    EQUAL(n, 5);
    realm_object_t *made = realm_rows_object(rows, 4), *again = realm_rows_object(rows, 4);
    CHECK(made && again && made != again);
    EQUAL(made->object_key, objects[304]->object_key);
    CHECK(made->values && made->stamp == *made->current);
    EQUAL(made->values[P_AGE].u.integer, objects[304]->values[P_AGE].u.integer);
    CHECK(realm_rows_object(rows, 5) == NULL && realm_rows_object(rows, SIZE_MAX) == NULL && realm_rows_object(NULL, 0) == NULL);
    realm_rows_release(rows);
    realm_rows_release(rows); /* released already */
    CHECK(realm_rows_object(rows, 4) == NULL);
    realm_object_release(again);
    EQUAL(made->values[P_AGE].u.integer, objects[304]->values[P_AGE].u.integer);
    realm_object_release(made);
    OK(realm_results_load_rows(sorted, SIZE_MAX, SIZE_MAX, &rows, &n, &error));
    EQUAL(n, 0);
    CHECK(realm_rows_object(rows, 0) == NULL);
    realm_rows_release(rows);
    realm_rows_release(NULL);

    /* A loop that deletes what it iterates. */
    OK(realm_begin_write(realm, &error));
    OK(realm_results_snapshot(odd, &fixed, &error));
    size_t before = 0;
    OK(realm_results_count(fixed, &before, &error));
    for (size_t i = 0; i < before; i++) {
        realm_object_t* o = NULL;
        OK(realm_results_load(fixed, i, 1, &o, &n, &error));
        EQUAL(n, 1);
        OK(realm_object_delete(o, &error));
        realm_object_release(o);
    }
    OK(realm_results_count(odd, &n, &error));
    EQUAL(n, 0);
    OK(realm_results_count(fixed, &n, &error));
    EQUAL(n, before);
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, N - before);
    OK(realm_results_delete_all(all, &error));
    OK(realm_results_count(sorted, &n, &error));
    EQUAL(n, 0);
    OK(realm_commit(realm, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_results_delete_all(all, &error));

    for (int i = 0; i < N; i++) realm_object_release(objects[i]);
    realm_results_release(all);
    realm_results_release(odd);
    realm_results_release(sorted);
    realm_results_release(fixed);
    FAILS(REALM_ERR_INVALID_HANDLE, realm_results_count(fixed, &n, &error));
    FAILS(REALM_ERR_INVALID_QUERY, realm_results_query(realm, person, str("name =="), NULL, 0, &all, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_results_query(realm, 99, str("TRUEPREDICATE"), NULL, 0, &all, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_results_all(realm, 99, &all, &error));
    realm_release(realm);
}

/* ---------------------------------------------------------------------------------------------------------- observers */

struct watch {
    int calls, freed, initial, deleted;
    size_t insertions, deletions, modifications, n_properties;
    uint32_t property;
    int64_t old;
    realm_token_t** release; /* to be released inside of the callback */
};

static void on_object(void* userdata, const realm_object_changes_t* c) {
    struct watch* w = userdata;
    w->calls++;
    w->deleted = c->deleted;
    w->n_properties = c->n_properties;
    if (c->n_properties) {
        w->property = c->properties[0];
        w->old = c->old_values ? c->old_values[0].u.integer : -1;
    }
    if (w->release) realm_token_release(*w->release);
    CHECK(w->freed == 0); /* not before this call has ended */
}

static void on_results(void* userdata, const realm_collection_changes_t* c) {
    struct watch* w = userdata;
    w->calls++;
    w->initial = c->initial;
    w->insertions = c->n_insertions;
    w->deletions = c->n_deletions;
    w->modifications = c->n_modifications;
    for (size_t i = 1; i < c->n_insertions; i++) CHECK(c->insertions[i] > c->insertions[i - 1]);
    CHECK(w->freed == 0);
}

static void free_watch(void* userdata) { ((struct watch*) userdata)->freed++; }

static void frozen(void) {
    realm_t *realm = open_person("frozen.realm"), *ice = NULL, *ice2 = NULL, *live = NULL;
    OK(realm_begin_write(realm, &error));
    realm_object_t *ann = add_person(realm, 1, "Ann", 1), *cold = NULL, *back = NULL;
    OK(realm_commit(realm, &error));
    OK(realm_freeze(realm, &ice, &error));
    OK(realm_freeze(ice, &ice2, &error));
    CHECK(realm_is_frozen(ice) && !realm_is_frozen(realm) && realm_is_same(ice, ice2) && !realm_is_same(realm, ice));
    FAILS(REALM_ERR_FROZEN, realm_begin_write(ice, &error));
    OK(realm_object_resolve(ann, ice, &cold, &error));
    CHECK(cold != NULL);
    realm_results_t *all = NULL, *cold_all = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    OK(realm_results_resolve(all, ice, &cold_all, &error));

    OK(realm_begin_write(realm, &error));
    realm_value_t two = of_int(2);
    OK(realm_object_set(ann, P_AGE, &two, &error));
    realm_object_release(add_person(realm, 2, "Bob", 2));
    OK(realm_commit(realm, &error));
    OK(realm_object_load(cold, &error));
    EQUAL(cold->values[P_AGE].u.integer, 1);
    size_t n = 0;
    OK(realm_results_count(cold_all, &n, &error));
    EQUAL(n, 1);
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, 2);
    realm_token_t* token = NULL;
    FAILS(REALM_ERR_FROZEN, realm_results_observe(cold_all, on_results, NULL, NULL, &token, &error));
    FAILS(REALM_ERR_FROZEN, realm_object_observe(cold, on_object, NULL, NULL, &token, &error));
    OK(realm_thaw(ice, &live, &error));
    CHECK(realm_is_same(live, realm));
    OK(realm_object_resolve(cold, live, &back, &error));
    OK(realm_object_load(back, &error));
    EQUAL(back->values[P_AGE].u.integer, 2);
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(ann, &error));
    OK(realm_commit(realm, &error));
    realm_object_t* gone = (realm_object_t*) &two;
    OK(realm_object_resolve(cold, live, &gone, &error));
    CHECK(gone == NULL);
    OK(realm_object_load(cold, &error));

    realm_object_release(ann);
    realm_object_release(cold);
    realm_object_release(back);
    realm_results_release(all);
    realm_results_release(cold_all);
    realm_release(ice);
    realm_release(ice2);
    realm_release(live);
    realm_release(realm);
}

static void observers(void) {
    realm_t* realm = open_person("observe.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* ann = add_person(realm, 1, "Ann", 1);
    OK(realm_commit(realm, &error));
    realm_results_t* all = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    struct watch o, r;
    memset(&o, 0, sizeof o);
    memset(&r, 0, sizeof r);
    realm_token_t *object_token = NULL, *results_token = NULL;
    OK(realm_object_observe(ann, on_object, &o, free_watch, &object_token, &error));
    OK(realm_results_observe(all, on_results, &r, free_watch, &results_token, &error));
    EQUAL(o.calls + r.calls, 0);
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(r.calls, 1);
    CHECK(r.initial);
    int object_calls = o.calls;

    realm_value_t age = of_int(7);
    OK(realm_begin_write(realm, &error));
    OK(realm_object_set(ann, P_AGE, &age, &error));
    realm_object_release(add_person(realm, 2, "Bob", 2));
    realm_object_release(add_person(realm, 3, "Cid", 3));
    OK(realm_commit(realm, &error));
    EQUAL(o.calls, object_calls);
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(o.calls, object_calls + 1);
    EQUAL(o.n_properties, 1);
    EQUAL(o.property, P_AGE);
    EQUAL(r.calls, 2);
    CHECK(!r.initial);
    EQUAL(r.insertions, 2);
    EQUAL(r.modifications, 1);

    /* Within a transaction that has changed something nothing can be registered; the userdata is freed all the same. */
    OK(realm_begin_write(realm, &error));
    realm_object_release(add_person(realm, 4, "Dan", 4));
    struct watch late;
    memset(&late, 0, sizeof late);
    realm_token_t* none = NULL;
    FAILS(REALM_ERR_LOGIC, realm_object_observe(ann, on_object, &late, free_watch, &none, &error));
    EQUAL(late.freed, 1);
    FAILS(REALM_ERR_LOGIC, realm_results_observe(all, on_results, &late, free_watch, &none, &error));
    EQUAL(late.freed, 2);
    OK(realm_cancel_write(realm, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_results_observe(all, NULL, &late, free_watch, &none, &error));
    EQUAL(late.freed, 3);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_results_observe(all, on_results, &late, free_watch, NULL, &error));
    EQUAL(late.freed, 4);
    FAILS(REALM_ERR_INVALID_HANDLE, realm_results_observe(NULL, on_results, &late, free_watch, &none, &error));
    EQUAL(late.freed, 5);
    FAILS(REALM_ERR_INVALID_HANDLE, realm_object_observe(NULL, on_object, &late, free_watch, &none, &error));
    EQUAL(late.freed, 6);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_observe(ann, NULL, &late, free_watch, &none, &error));
    EQUAL(late.freed, 7);
    CHECK(none == NULL);

    realm_token_release(results_token);
    EQUAL(r.freed, 1);
    realm_token_release(results_token);
    EQUAL(r.freed, 1);

    /* Released inside of its own callback. */
    o.release = &object_token;
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(ann, &error));
    OK(realm_commit(realm, &error));
    int calls = r.calls;
    OK(realm_refresh(realm, NULL, &error));
    CHECK(o.deleted);
    EQUAL(o.freed, 1);
    EQUAL(r.calls, calls);

    /* A token keeps its instance open, and goes quiet when that is closed. */
    memset(&r, 0, sizeof r);
    OK(realm_results_observe(all, on_results, &r, free_watch, &results_token, &error));
    realm_results_release(all);
    realm_object_release(ann);
    OK(realm_close(realm, &error));
    realm_release(realm);
    realm_token_release(results_token);
    EQUAL(r.freed, 1);
    EQUAL(r.calls, 0);
}

/* ---------------------------------------------------------------------------------------------------------- scheduler */

struct loop {
    int woken, asked, freed;
    uint64_t instance;
    bool here;
};
static void wake(void* userdata, uint64_t instance) {
    struct loop* l = userdata;
    l->woken++;
    l->instance = instance;
}
static bool on_thread(void* userdata) {
    struct loop* l = userdata;
    l->asked++;
    return l->here;
}
static void free_loop(void* userdata) { ((struct loop*) userdata)->freed++; }

static void schedulers(void) {
    struct loop a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.here = true;
    realm_config_t* config = person_config(temporary("scheduler.realm"));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_scheduler(config, NULL, on_thread, &b, free_loop, &error));
    EQUAL(b.freed, 1);
    OK(realm_config_set_scheduler(config, wake, on_thread, &b, free_loop, &error));
    OK(realm_config_set_scheduler(config, wake, on_thread, &a, free_loop, &error));
    EQUAL(b.freed, 2);
    realm_t *realm = open_config(config), *ice = NULL;
    CHECK(a.asked > 0);
    realm_results_t* all = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    struct watch r;
    memset(&r, 0, sizeof r);
    realm_token_t* token = NULL;
    OK(realm_results_observe(all, on_results, &r, free_watch, &token, &error));
    EQUAL(a.woken, 1);
    EQUAL(r.calls, 0);
    OK(realm_process_notifications(a.instance, &error));
    EQUAL(r.calls, 1);
    OK(realm_begin_write(realm, &error));
    realm_object_release(add_person(realm, 1, "Ann", 1));
    OK(realm_process_notifications(a.instance, &error)); /* nothing in a transaction */
    OK(realm_commit(realm, &error));
    CHECK(a.woken > 1);
    EQUAL(r.calls, 1);
    OK(realm_process_notifications(a.instance, &error));
    EQUAL(r.calls, 2);
    OK(realm_process_notifications(4711, &error));

    a.here = false;
    FAILS(REALM_ERR_WRONG_THREAD, realm_begin_write(realm, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_process_notifications(a.instance, &error));
    a.here = true;

    /* The scheduler lives as long as the configuration, and every instance of it. */
    OK(realm_freeze(realm, &ice, &error));
    realm_config_release(config);
    EQUAL(a.freed, 0);
    realm_token_release(token);
    realm_results_release(all);
    realm_release(realm);
    EQUAL(a.freed, 0);
    realm_t* live = NULL;
    OK(realm_thaw(ice, &live, &error));
    realm_release(ice);
    EQUAL(a.freed, 0);
    realm_release(live);
    EQUAL(a.freed, 1);

    /* Without an answer to "is on thread" it is the opening thread. */
    memset(&a, 0, sizeof a);
    config = person_config(temporary("scheduler.realm"));
    OK(realm_config_set_scheduler(config, wake, NULL, &a, free_loop, &error));
    realm = open_config(config);
    OK(realm_begin_write(realm, &error));
    OK(realm_cancel_write(realm, &error));
    /* Taken out again. */
    OK(realm_config_set_scheduler(config, NULL, NULL, NULL, NULL, &error));
    EQUAL(a.freed, 0);
    realm_config_release(config);
    OK(realm_close(realm, &error));
    EQUAL(a.freed, 1);
    realm_release(realm);
    EQUAL(a.freed, 1);
}

struct compact {
    int calls, freed;
    uint64_t total, used;
};
static bool should_compact(void* userdata, uint64_t total, uint64_t used) {
    struct compact* c = userdata;
    c->calls++;
    c->total = total;
    c->used = used;
    return true;
}
static void free_compact(void* userdata) { ((struct compact*) userdata)->freed++; }

static void compaction(void) {
    struct compact c;
    memset(&c, 0, sizeof c);
    realm_config_t* config = person_config(temporary("compact.realm"));
    OK(realm_config_set_should_compact(config, should_compact, &c, free_compact, &error));
    realm_t *realm = open_config(config), *again = open_config(config);
    EQUAL(c.calls, 1);
    OK(realm_begin_write(realm, &error));
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 300; i++) realm_object_release(add_person(realm, i, text, i));
    OK(realm_commit(realm, &error));
    realm_results_t* all = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    OK(realm_begin_write(realm, &error));
    OK(realm_results_delete_all(all, &error));
    OK(realm_commit(realm, &error));
    realm_results_release(all);
    realm_release(realm);
    realm_release(again);
    realm = open_config(config);
    EQUAL(c.calls, 2);
    CHECK(c.total > 300 * 2000 && c.used < c.total / 2);
    realm_release(realm);
    OK(realm_config_set_should_compact(config, NULL, NULL, NULL, &error));
    EQUAL(c.freed, 1);
    realm = open_config(config);
    EQUAL(c.calls, 2);
    realm_release(realm);
    realm_config_release(config);
    EQUAL(c.freed, 1);
}

static void encryption(void) {
    uint8_t key[REALM_ENCRYPTION_KEY_SIZE];
    memset(key, 7, sizeof key);
    const char* path = temporary("encrypted.realm");
    realm_config_t* config = person_config(path);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_encryption_key(config, key, sizeof key - 1, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_encryption_key(config, NULL, sizeof key, &error));
    OK(realm_config_set_encryption_key(config, key, sizeof key, &error));
    realm_t *realm = open_config(config), *other = NULL;
    OK(realm_begin_write(realm, &error));
    realm_object_release(add_person(realm, 1, "a person whose name is a secret", 1));
    OK(realm_commit(realm, &error));

    key[5] = 8;
    realm_error_t e;
    realm_config_t* wrong = person_config(path);
    EQUAL(realm_open(wrong, &other, &e), REALM_ERR_MISMATCHED_CONFIG);
    OK(realm_config_set_encryption_key(wrong, key, sizeof key, &error));
    EQUAL(realm_open(wrong, &other, &e), REALM_ERR_MISMATCHED_CONFIG);
    CHECK(strstr(e.message, "already opened with a different encryption key."));
    realm_release(realm);
    EQUAL(realm_open(wrong, &other, &e), REALM_ERR_FILE_FORMAT);
    CHECK(!strcmp(e.name, "DecryptionFailed") && strstr(e.message, "the encryption key is not the one of the file"));
    OK(realm_config_set_encryption_key(wrong, NULL, 0, &error));
    EQUAL(realm_open(wrong, &other, &e), REALM_ERR_FILE_FORMAT);
    CHECK(!strcmp(e.name, "DecryptionFailed") && strstr(e.message, "no encryption key was given"));
    realm_config_release(wrong);

    char bytes[4096];
    FILE* f = fopen(path, "rb");
    CHECK(f != NULL);
    long size = 0;
    for (size_t n; f && (n = fread(bytes, 1, sizeof bytes, f)) > 0; size += (long) n)
        for (size_t i = 0; i + 8 < n; i++) CHECK(memcmp(bytes + i, "a secret", 8) != 0 && memcmp(bytes + i, "Person", 6) != 0);
    CHECK(size > 4096);
    if (f) fclose(f);

    realm = open_config(config);
    realm_results_t* all = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    size_t count = 0;
    OK(realm_results_count(all, &count, &error));
    EQUAL(count, 1);
    realm_results_release(all);
    realm_release(realm);
    realm_config_release(config);
}

static void stamps(void) {
    realm_t* realm = open_person("stamp.realm");
    const uint64_t* stamp = realm_get_stamp(realm);
    uint64_t before = *stamp;
    OK(realm_begin_write(realm, &error));
    realm_object_t* ann = add_person(realm, 1, "Ann", 1);
    CHECK(*stamp != before);
    OK(realm_object_load(ann, &error));
    CHECK(ann->current == stamp && ann->stamp == *stamp);
    OK(realm_commit(realm, &error));
    OK(realm_object_load(ann, &error));
    before = *stamp;
    bool changed = true;
    OK(realm_refresh(realm, &changed, &error));
    CHECK(!changed && *stamp == before); /* nothing has happened: what was read is still good */
    OK(realm_invalidate(realm, &error));
    CHECK(*stamp != before);
    OK(realm_object_load(ann, &error));
    realm_object_release(ann);
    realm_release(realm);
}

static void not_synced(void) {
    realm_t* realm = open_person("local.realm");
    realm_session_t* session = NULL;
    realm_subscription_set_t* set = NULL;
    FAILS(REALM_ERR_NOT_SYNCED, realm_get_sync_session(realm, &session, &error));
    FAILS(REALM_ERR_NOT_SYNCED, realm_get_active_subscription_set(realm, &set, &error));
    FAILS(REALM_ERR_NOT_SYNCED, realm_get_latest_subscription_set(realm, &set, &error));
    CHECK(!session && !set);
    realm_release(realm);
}

int main(void) {
    run("lifecycle", lifecycle);
    run("files that are none", files_that_are_none);
    run("create, read, update, delete", create_read_update_delete);
    run("queries", queries);
    run("frozen", frozen);
    run("observers", observers);
    run("schedulers", schedulers);
    run("compaction", compaction);
    run("encryption", encryption);
    run("stamps", stamps);
    run("not synced", not_synced);
    return finish();
}
