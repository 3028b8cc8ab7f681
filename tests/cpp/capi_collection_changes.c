/*
 * capi_collection_changes.c - what observers of collections are told makes the old content the new one; threads of their own write into one
 * list; a live collection answers only its thread, a frozen one all.
 */
#include "c_collections.h"

#include <pthread.h>

/* A fixed sequence of numbers that look random: the same in every run. */
static uint64_t seed = 1;
static size_t below(size_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t) (seed >> 33) % n;
}

/* ------------------------------------------------------------------------------------------------------------- mirrors */

/* What an observer knows of a collection: its content, kept up to date by what it is told alone. */
enum { MOST = 400 };
struct mirror {
    realm_collection_t* of;
    int64_t values[MOST];
    char keys[MOST][8];
    size_t n;
    int calls;
};

static int64_t number_of(const realm_value_t* v) {
    if (v->type == REALM_TYPE_STRING) { /* "w123" */
        char text[20];
        CHECK(v->size > 0 && v->size < sizeof text);
        memcpy(text, v->u.data, v->size);
        text[v->size] = 0;
        return atoll(text + 1);
    }
    EQUAL(v->type, REALM_TYPE_INT);
    return v->u.integer;
}

/* The element at a position, as the collection has it now. */
static void take(struct mirror* m, size_t at) {
    realm_value_t v;
    realm_string_t key = {NULL, 0};
    size_t n = 0;
    OK(realm_collection_load(m->of, at, 1, &v, &key, &n, &error));
    EQUAL(n, 1);
    m->values[at] = number_of(&v);
    CHECK(key.size < sizeof m->keys[at]);
    memset(m->keys[at], 0, sizeof m->keys[at]);
    if (key.size) memcpy(m->keys[at], key.data, key.size);
}

static void drop(struct mirror* m, size_t at) {
    CHECK(at < m->n);
    memmove(m->values + at, m->values + at + 1, (m->n - at - 1) * sizeof *m->values);
    memmove(m->keys + at, m->keys + at + 1, (m->n - at - 1) * sizeof *m->keys);
    m->n--;
}

static void make_room(struct mirror* m, size_t at) {
    CHECK(at <= m->n && m->n < MOST);
    memmove(m->values + at + 1, m->values + at, (m->n - at) * sizeof *m->values);
    memmove(m->keys + at + 1, m->keys + at, (m->n - at) * sizeof *m->keys);
    m->n++;
}

static bool has_key(const realm_string_t* keys, size_t n, const char* key) {
    for (size_t i = 0; i < n; i++) {
        if (same(keys[i], key)) return true;
    }
    return false;
}

static void on_change(void* userdata, const realm_collection_changes_t* c) {
    struct mirror* m = userdata;
    m->calls++;
    if (c->initial) {
        for (m->n = 0; m->n < count_of(m->of); m->n++) take(m, m->n);
        return;
    }
    CHECK(c->n_deletions + c->n_insertions + c->n_modifications > 0);
    if (c->keys) { /* the same by key as by position */
        EQUAL(c->keys->n_deletions, c->n_deletions);
        EQUAL(c->keys->n_insertions, c->n_insertions);
        EQUAL(c->keys->n_modifications, c->n_modifications);
        for (size_t i = 0; i < c->n_deletions; i++) CHECK(has_key(c->keys->deletions, c->n_deletions, m->keys[c->deletions[i]]));
        for (size_t i = 0; i < c->n_modifications; i++) CHECK(has_key(c->keys->modifications, c->n_modifications, m->keys[c->modifications[i]]));
    }
    for (size_t i = c->n_deletions; i-- > 0;) drop(m, c->deletions[i]);
    for (size_t i = 0; i < c->n_insertions; i++) make_room(m, c->insertions[i]);
    for (size_t i = 0; i < c->n_insertions; i++) take(m, c->insertions[i]);
    for (size_t i = 0; i < c->n_modifications; i++) take(m, c->modifications_after[i]);
    if (c->keys) {
        for (size_t i = 0; i < c->n_insertions; i++) CHECK(has_key(c->keys->insertions, c->n_insertions, m->keys[c->insertions[i]]));
    }
}

static void compare(const struct mirror* m) {
    realm_value_t v[MOST];
    realm_string_t keys[MOST];
    size_t n = 0, at = 0;
    memset(keys, 0, sizeof keys);
    do {
        OK(realm_collection_load(m->of, at, MOST - at, v, keys, &n, &error));
        for (size_t i = 0; i < n; i++) {
            CHECK(at + i < m->n);
            EQUAL(m->values[at + i], number_of(&v[i]));
            if (keys[i].size) CHECK(same(keys[i], m->keys[at + i]));
        }
        at += n;
    } while (n > 0);
    EQUAL(at, m->n);
}

static void change_list(realm_collection_t* list) {
    size_t n = count_of(list), at = n ? below(n) : 0;
    realm_value_t v = of_int((int64_t) below(10));
    switch (n == 0 ? 0 : n > 300 ? 1
                                 : below(6)) {
        case 0: OK(realm_list_insert(list, n, &v, &error)); break;
        case 1: OK(realm_collection_erase(list, at, &error)); break;
        case 2: OK(realm_list_set(list, at, &v, &error)); break;
        case 3: OK(realm_list_move(list, at, below(n), &error)); break;
        case 4:
            if (below(50) == 0) OK(realm_collection_clear(list, &error));
            break;
        default: OK(realm_list_insert(list, at, &v, &error)); break;
    }
}

static void change_set(realm_collection_t* set) {
    char text[20];
    snprintf(text, sizeof text, "w%zu", below(40));
    realm_value_t v = of_string(text);
    if (below(3) == 0) {
        OK(realm_set_remove(set, &v, NULL, &error));
    } else {
        OK(realm_set_add(set, &v, NULL, NULL, &error));
    }
}

static void change_dictionary(realm_collection_t* dictionary) {
    char key[8];
    snprintf(key, sizeof key, "k%zu", below(40));
    if (below(3) == 0) {
        OK(realm_dictionary_remove(dictionary, str(key), NULL, &error));
    } else {
        put(dictionary, key, of_int((int64_t) below(10)));
    }
}

static void mirrors(void) {
    static struct mirror m[4];
    realm_t* realm = open_thing("mirrors.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t *thing = add_thing(realm, 1), *part = NULL;
    OK(realm_object_set_embedded(thing, T_PART, &part, &error));
    OK(realm_commit(realm, &error));
    memset(m, 0, sizeof m);
    m[0].of = collection_of(thing, T_NUMBERS);
    m[1].of = collection_of(thing, T_TAGS);
    m[2].of = collection_of(thing, T_COUNTS);
    m[3].of = collection_of(part, PART_SIZES);
    realm_token_t* token[4];
    for (int i = 0; i < 4; i++) OK(realm_collection_observe(m[i].of, on_change, &m[i], NULL, &token[i], &error));
    OK(realm_refresh(realm, NULL, &error));
    for (int round = 0; round < 300; round++) {
        /* A few commits between two deliveries, of a few changes each. */
        for (size_t commits = below(3) + 1; commits > 0; commits--) {
            OK(realm_begin_write(realm, &error));
            for (size_t changes = below(6); changes > 0; changes--) {
                change_list(m[0].of);
                change_set(m[1].of);
                change_dictionary(m[2].of);
                change_list(m[3].of);
            }
            if (below(8) == 0) {
                OK(realm_cancel_write(realm, &error));
            } else {
                OK(realm_commit(realm, &error));
            }
        }
        OK(realm_refresh(realm, NULL, &error));
        for (int i = 0; i < 4; i++) compare(&m[i]);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(m[i].calls > 100);
        realm_token_release(token[i]);
        realm_collection_release(m[i].of);
    }
    realm_object_release(part);
    realm_object_release(thing);
    realm_release(realm);
}

/* ------------------------------------------------------------------------------------------------------------- threads */

enum { THREADS = 4,
       ROUNDS = 50 };

static void run_threads(void* (*body)(void*) ) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, body, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Appends to the list through an instance of this thread. */
static void* writer(void* argument) {
    int me = *(int*) argument;
    realm_config_t* config = thing_config(temporary("threads.realm"));
    realm_t* realm = open_config(config);
    realm_config_release(config);
    realm_value_t id = of_int(1);
    realm_object_t* thing = NULL;
    OK(realm_object_find(realm, class_of(realm, "Thing"), &id, &thing, &error));
    realm_collection_t* numbers = collection_of(thing, T_NUMBERS);
    for (int i = 0; i < ROUNDS; i++) {
        OK(realm_begin_write(realm, &error));
        append(numbers, of_int(me * 1000 + i));
        OK(realm_commit(realm, &error));
    }
    realm_collection_release(numbers);
    realm_object_release(thing);
    realm_release(realm);
    return NULL;
}

static void writers(void) {
    realm_t* realm = open_thing("threads.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    OK(realm_commit(realm, &error));
    realm_collection_t* numbers = collection_of(thing, T_NUMBERS);
    run_threads(writer);
    OK(realm_refresh(realm, NULL, &error));
    realm_value_t values[256];
    size_t n = 0;
    OK(realm_collection_load(numbers, 0, 256, values, NULL, &n, &error));
    EQUAL(n, THREADS * ROUNDS);
    int64_t last[THREADS] = {-1, -1, -1, -1};
    for (size_t i = 0; i < n; i++) { /* each thread's in its order */
        int64_t who = values[i].u.integer / 1000;
        CHECK(who >= 0 && who < THREADS && values[i].u.integer % 1000 == last[who] + 1);
        last[who]++;
    }
    realm_collection_release(numbers);
    realm_object_release(thing);
    realm_release(realm);
}

static realm_collection_t *shared_live, *shared_cold;

static void* stranger(void* unused) {
    (void) unused;
    realm_value_t v = of_int(1);
    FAILS(REALM_ERR_WRONG_THREAD, realm_list_insert(shared_live, 0, &v, &error));
    FAILS(REALM_ERR_WRONG_THREAD, realm_collection_clear(shared_live, &error));
    EQUAL(realm_collection_get_kind(shared_live), REALM_COLLECTION_LIST);
    for (int i = 0; i < ROUNDS; i++) {
        realm_collection_t* mine = NULL; /* what is read through a handle, one thread must read */
        OK(realm_collection_clone(shared_cold, &mine, &error));
        INTS(mine, "1 2 3");
        realm_collection_release(mine);
    }
    return NULL;
}

static void confinement(void) {
    realm_t *realm = open_thing("confined.realm"), *ice = NULL;
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    shared_live = collection_of(thing, T_NUMBERS);
    for (int i = 1; i <= 3; i++) append(shared_live, of_int(i));
    OK(realm_commit(realm, &error));
    OK(realm_freeze(realm, &ice, &error));
    OK(realm_collection_resolve(shared_live, ice, &shared_cold, &error));
    run_threads(stranger);
    realm_collection_release(shared_live);
    realm_collection_release(shared_cold);
    realm_object_release(thing);
    realm_release(ice);
    realm_release(realm);
}

int main(void) {
    temporary(""); /* before there are threads */
    run("mirrors", mirrors);
    run("writers", writers);
    run("confinement", confinement);
    return finish();
}
