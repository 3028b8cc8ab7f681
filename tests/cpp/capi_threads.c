/*
 * capi_threads.c - threads: each has an instance of its own of one file; a live realm answers only its thread, a frozen one all; observers run
 * on their thread.
 */
#include "c_test.h"

#include <pthread.h>

enum { THREADS = 8,
       ROUNDS = 40 };

static realm_value_t id_of(int64_t n) { return of_int(n); }

/* Opens, writes, refreshes, and closes, again and again. */
static void* writer(void* argument) {
    int me = *(int*) argument;
    realm_t* realm = NULL;
    realm_config_t* config = person_config(temporary("threads.realm"));
    realm = open_config(config);
    realm_class_key_t person = class_of(realm, "Person");
    for (int i = 0; i < ROUNDS; i++) {
        OK(realm_begin_write(realm, &error));
        realm_object_release(add_person(realm, (int64_t) me * 1000 + i, "someone", i));
        realm_value_t shared = id_of(-1);
        realm_object_t* counter = NULL;
        OK(realm_object_find(realm, person, &shared, &counter, &error));
        CHECK(counter);
        OK(realm_object_add_int(counter, P_AGE, 1, &error));
        OK(realm_commit(realm, &error));
        OK(realm_refresh(realm, NULL, &error));
        OK(realm_object_load(counter, &error));
        CHECK(counter->values[P_AGE].u.integer > i);
        realm_object_release(counter);
        if (i % 8 == 7) {
            realm_release(realm);
            realm = open_config(config);
        }
    }
    realm_release(realm);
    realm_config_release(config);
    return NULL;
}

static void run_threads(void* (*body)(void*), int n) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < n; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, body, &numbers[i]) == 0);
    }
    for (int i = 0; i < n; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void writers(void) {
    realm_t* realm = open_person("threads.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* counter = add_person(realm, -1, "counter", 0);
    OK(realm_commit(realm, &error));
    run_threads(writer, THREADS);
    bool changed = false;
    OK(realm_refresh(realm, &changed, &error));
    CHECK(changed);
    OK(realm_object_load(counter, &error));
    EQUAL(counter->values[P_AGE].u.integer, THREADS * ROUNDS);
    realm_results_t* all = NULL;
    size_t n = 0;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, THREADS * ROUNDS + 1);
    realm_results_release(all);
    realm_object_release(counter);
    realm_release(realm);
}

/* ----------------------------------------------------------------------------------------------------------- confinement */

static realm_t *shared_realm, *shared_ice;
static realm_object_t *shared_object, *shared_cold;
static realm_results_t* shared_results;

static void* stranger(void* argument) {
    (void) argument;
    realm_value_t v = of_int(1);
    size_t n = 0;
    FAILS(REALM_ERR_WRONG_THREAD, realm_begin_write(shared_realm, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_refresh(shared_realm, NULL, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_invalidate(shared_realm, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_close(shared_realm, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_object_set(shared_object, P_AGE, &v, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_results_delete_all(shared_results, &error));
    realm_t* other = NULL;
    FAILS(REALM_ERR_WRONG_THREAD, realm_freeze(shared_realm, &other, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_thaw(shared_realm, &other, &error));

    /* The frozen one is for all. */
    realm_results_t* all = NULL;
    for (int i = 0; i < ROUNDS; i++) {
        realm_object_t* o = NULL;
        OK(realm_results_all(shared_ice, class_of(shared_ice, "Person"), &all, &error));
        OK(realm_results_count(all, &n, &error));
        EQUAL(n, 1);
        OK(realm_results_load(all, 0, 1, &o, &n, &error));
        EQUAL(o->values[P_AGE].u.integer, 5);
        realm_object_t* copy = NULL;
        OK(realm_object_clone(shared_cold, &copy, &error));
        OK(realm_object_load(copy, &error));
        EQUAL(copy->values[P_AGE].u.integer, 5);
        realm_object_release(copy);
        realm_object_release(o);
        realm_results_release(all);
    }
    /* Thawing gives this thread an instance of its own, at the newest version. */
    OK(realm_thaw(shared_ice, &other, &error));
    CHECK(!realm_is_same(other, shared_realm));
    realm_object_t* mine = NULL;
    OK(realm_object_resolve(shared_cold, other, &mine, &error));
    OK(realm_begin_write(other, &error));
    OK(realm_object_add_int(mine, P_AGE, 1, &error));
    OK(realm_commit(other, &error));
    realm_object_release(mine);
    realm_release(other);
    return NULL;
}

static void confinement(void) {
    shared_realm = open_person("confined.realm");
    OK(realm_begin_write(shared_realm, &error));
    shared_object = add_person(shared_realm, 1, "Ann", 5);
    OK(realm_commit(shared_realm, &error));
    OK(realm_results_all(shared_realm, class_of(shared_realm, "Person"), &shared_results, &error));
    OK(realm_freeze(shared_realm, &shared_ice, &error));
    OK(realm_object_resolve(shared_object, shared_ice, &shared_cold, &error));
    run_threads(stranger, THREADS);
    OK(realm_refresh(shared_realm, NULL, &error));
    OK(realm_object_load(shared_object, &error));
    EQUAL(shared_object->values[P_AGE].u.integer, 5 + THREADS);
    OK(realm_object_load(shared_cold, &error));
    EQUAL(shared_cold->values[P_AGE].u.integer, 5);
    realm_object_release(shared_object);
    realm_object_release(shared_cold);
    realm_results_release(shared_results);
    realm_release(shared_ice);
    realm_release(shared_realm);
}

/* --------------------------------------------------------------------------------------------------- between threads */

/* An event loop: wake sets a flag under a lock. */
struct loop {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int pending;
    uint64_t instance;
    pthread_t thread;
    size_t objects;
    int calls;
};

static void wake(void* userdata, uint64_t instance) {
    struct loop* l = userdata;
    pthread_mutex_lock(&l->mutex);
    l->pending = 1;
    l->instance = instance;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
}

static bool on_thread(void* userdata) { return pthread_equal(pthread_self(), ((struct loop*) userdata)->thread); }

static void on_results(void* userdata, const realm_collection_changes_t* c) {
    struct loop* l = userdata;
    CHECK(pthread_equal(pthread_self(), l->thread));
    l->objects += c->n_insertions;
    l->calls++;
}

static void notifications(void) {
    struct loop l;
    memset(&l, 0, sizeof l);
    pthread_mutex_init(&l.mutex, NULL);
    pthread_cond_init(&l.cond, NULL);
    l.thread = pthread_self();
    realm_config_t* config = person_config(temporary("threads.realm"));
    OK(realm_delete_files(str(temporary("threads.realm")), &error));
    OK(realm_config_set_scheduler(config, wake, on_thread, &l, NULL, &error));
    realm_t* realm = open_config(config);
    realm_config_release(config);
    OK(realm_begin_write(realm, &error));
    realm_object_release(add_person(realm, -1, "counter", 0));
    OK(realm_commit(realm, &error));
    realm_results_t* all = NULL;
    realm_token_t* token = NULL;
    OK(realm_results_all(realm, class_of(realm, "Person"), &all, &error));
    OK(realm_results_observe(all, on_results, &l, NULL, &token, &error));
    OK(realm_process_notifications(l.instance, &error));
    EQUAL(l.calls, 1);
    l.objects = 0;

    pthread_t threads[4];
    int numbers[4];
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, writer, &numbers[i]) == 0);
    }
    while (l.objects < 4 * ROUNDS) {
        pthread_mutex_lock(&l.mutex);
        while (!l.pending) CHECK(pthread_cond_wait(&l.cond, &l.mutex) == 0); /* the test's time limit is the deadline */
        l.pending = 0;
        pthread_mutex_unlock(&l.mutex);
        OK(realm_process_notifications(l.instance, &error));
    }
    EQUAL(l.objects, 4 * ROUNDS);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    realm_token_release(token);
    realm_results_release(all);
    realm_release(realm);
    pthread_mutex_destroy(&l.mutex);
    pthread_cond_destroy(&l.cond);
}

/* Handles that any thread may use, made and released on several at once. */
static void* user_of_handles(void* argument) {
    (void) argument;
    for (int i = 0; i < 300; i++) {
        realm_t* r = NULL;
        OK(realm_retain(shared_ice, &r, &error));
        CHECK(realm_is_same(r, shared_ice) && realm_is_frozen(r));
        realm_class_info_t info;
        OK(realm_get_class(r, class_of(r, "Person"), &info, &error));
        CHECK(same(info.name, "Person"));
        realm_config_t* c = person_config("unused.realm");
        realm_config_release(c);
        realm_release(r);
        CHECK(realm_is_closed(r));
    }
    return NULL;
}

static void handles(void) {
    realm_t* realm = open_person("handles.realm");
    OK(realm_freeze(realm, &shared_ice, &error));
    run_threads(user_of_handles, THREADS);
    realm_release(shared_ice);
    realm_release(realm);
}

int main(void) {
    temporary(""); /* before there are threads */
    run("writers", writers);
    run("confinement", confinement);
    run("notifications", notifications);
    run("handles", handles);
    return finish();
}
