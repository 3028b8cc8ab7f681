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

/* ------------------------------------------------------------------------------------------------------ random rounds */

/* A fixed sequence of numbers that look random. */
static uint64_t seed = 7;
static size_t below(size_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t) (seed >> 33) % n;
}

/* The content of a thing as text: two devices agree when the texts are the same. */
struct text {
    char data[1 << 16];
    size_t size;
};
static void add(struct text* t, const char* s, size_t n) {
    CHECK(t->size + n + 1 < sizeof t->data);
    memcpy(t->data + t->size, s, n);
    t->size += n;
    t->data[t->size] = 0;
}
static void add_text(struct text* t, const char* s) { add(t, s, strlen(s)); }

static void dump(struct text* t, realm_collection_t* c, realm_t* realm);

static void dump_part(struct text* t, realm_t* realm, const realm_value_t* v) {
    realm_object_t* part = NULL;
    OK(realm_object_get(realm, v->size, v->u.link, &part, &error));
    const realm_value_t* label = &part->values[PART_LABEL];
    add_text(t, "part ");
    add(t, label->u.data, label->size);
    realm_collection_t* sizes = collection_of(part, PART_SIZES);
    dump(t, sizes, realm);
    realm_collection_release(sizes);
    realm_object_release(part);
}

static void dump_value(struct text* t, realm_t* realm, realm_collection_t* of, size_t at, const realm_value_t* v) {
    char number[40];
    realm_collection_t* inner = NULL;
    switch (v->type) {
        case REALM_TYPE_NULL: add_text(t, "null"); break;
        case REALM_TYPE_INT:
            snprintf(number, sizeof number, "%" PRId64, v->u.integer);
            add_text(t, number);
            break;
        case REALM_TYPE_STRING: add(t, v->u.data, v->size); break;
        case REALM_TYPE_LINK: dump_part(t, realm, v); break;
        default:
            OK(realm_collection_open(of, at, &inner, &error));
            CHECK(inner != NULL);
            dump(t, inner, realm);
            realm_collection_release(inner);
    }
}

static void dump(struct text* t, realm_collection_t* c, realm_t* realm) {
    realm_value_t values[256];
    realm_string_t keys[256];
    size_t n = 0;
    memset(keys, 0, sizeof keys);
    OK(realm_collection_load(c, 0, 256, values, keys, &n, &error));
    add_text(t, realm_collection_get_kind(c) == REALM_COLLECTION_LIST ? "[" : "{");
    for (size_t i = 0; i < n; i++) {
        if (keys[i].data) {
            add(t, keys[i].data, keys[i].size);
            add_text(t, ": ");
        }
        dump_value(t, realm, c, i, &values[i]);
        add_text(t, ", ");
    }
    add_text(t, realm_collection_get_kind(c) == REALM_COLLECTION_LIST ? "]" : "}");
}

static void dump_thing(struct text* t, struct device* d) {
    static const uint32_t properties[] = {T_NUMBERS, T_NAMES, T_TAGS, T_COUNTS, T_MIXES, T_PARTS, T_SPARES};
    t->size = 0;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        realm_collection_t* c = collection_of(d->thing, properties[i]);
        dump(t, c, d->realm);
        add_text(t, "\n");
        realm_collection_release(c);
    }
    OK(realm_object_load(d->thing, &error));
    realm_value_t any = d->thing->values[T_ANY], part = d->thing->values[T_PART];
    realm_collection_t* c = NULL;
    OK(realm_object_get_collection(d->thing, T_ANY, &c, &error));
    if (c) {
        dump(t, c, d->realm);
    } else {
        dump_value(t, d->realm, NULL, 0, &any);
    }
    realm_collection_release(c);
    add_text(t, "\n");
    dump_value(t, d->realm, NULL, 0, &part);
}

static realm_value_t word(void) {
    static const char* words[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    return of_string(words[below(8)]);
}

/* A change of a list; the elements of some must not move, because what is in them is changed by their place. */
static void change_list(realm_collection_t* list, realm_value_t v, bool moves) {
    size_t n = count_of(list), at = n ? below(n) : 0;
    switch (n == 0 ? 0 : n > 12 ? 1
                                : below(moves ? 6 : 4)) {
        case 0: append(list, v); break;
        case 1: OK(realm_collection_erase(list, at, &error)); break;
        case 2: OK(realm_list_set(list, at, &v, &error)); break;
        case 3: OK(realm_list_insert(list, at, &v, &error)); break;
        case 4: OK(realm_list_move(list, at, below(n), &error)); break;
        default:
            if (below(6) == 0) OK(realm_collection_clear(list, &error));
    }
}

static void change_part(realm_object_t* part) {
    if (below(2) == 0) {
        realm_value_t v = word();
        OK(realm_object_set(part, PART_LABEL, &v, &error));
        return;
    }
    realm_collection_t* sizes = collection_of(part, PART_SIZES);
    change_list(sizes, of_int((int64_t) below(100)), true);
    realm_collection_release(sizes);
}

static void change_parts(struct device* d, realm_collection_t* parts) {
    size_t n = count_of(parts);
    realm_object_t* part = NULL;
    realm_value_t v;
    if (n == 0 || (n < 5 && below(3) == 0)) {
        OK(realm_list_insert_embedded(parts, below(n + 1), &part, &error));
    } else if (below(4) == 0) {
        OK(realm_collection_erase(parts, below(n), &error));
        return;
    } else {
        OK(realm_collection_load(parts, below(n), 1, &v, NULL, &n, &error));
        OK(realm_object_get(d->realm, v.size, v.u.link, &part, &error));
    }
    change_part(part);
    realm_object_release(part);
}

/* A change of what is in a mixed property. */
static void change_any(struct device* d) {
    realm_collection_t *c = NULL, *inner = NULL;
    OK(realm_object_get_collection(d->thing, T_ANY, &c, &error));
    if (!c || below(6) == 0) { /* who assigns a collection clears it, so that all agree what is in it */
        realm_collection_release(c);
        OK(realm_object_set_collection(d->thing, T_ANY, below(2) ? REALM_COLLECTION_LIST : REALM_COLLECTION_DICTIONARY, &c, &error));
        OK(realm_collection_clear(c, &error));
    }
    if (realm_collection_get_kind(c) == REALM_COLLECTION_DICTIONARY) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", below(5));
        if (below(3) == 0) {
            OK(realm_dictionary_remove(c, str(key), NULL, &error));
        } else if (below(3) == 0) {
            OK(realm_dictionary_put_collection(c, str(key), REALM_COLLECTION_LIST, &inner, &error));
            OK(realm_collection_clear(inner, &error));
        } else {
            OK(realm_dictionary_open(c, str(key), &inner, &error));
            if (!inner) put(c, key, word());
        }
    } else if (count_of(c) > 0 && below(2) == 0) {
        OK(realm_collection_open(c, below(count_of(c)), &inner, &error));
    } else if (below(3) == 0) {
        OK(realm_list_insert_collection(c, below(count_of(c) + 1), REALM_COLLECTION_LIST, &inner, &error));
    } else {
        change_list(c, word(), false);
    }
    if (inner && realm_collection_get_kind(inner) == REALM_COLLECTION_LIST) change_list(inner, of_int((int64_t) below(100)), false);
    realm_collection_release(inner);
    realm_collection_release(c);
}

static void change_something(struct device* d, int me) {
    static const uint32_t lists[] = {T_NUMBERS, T_NAMES, T_MIXES};
    size_t what = below(9);
    realm_collection_t *c = NULL, *tags = NULL;
    realm_object_t* part = NULL;
    realm_value_t v = word();
    char key[8];
    snprintf(key, sizeof key, "k%zu", below(5));
    switch (what) {
        case 0:
        case 1:
        case 2:
            c = collection_of(d->thing, lists[what]);
            change_list(c, what == 0 ? of_int((int64_t) below(100)) : v, true);
            break;
        case 3:
            tags = collection_of(d->thing, T_TAGS);
            if (below(3) == 0) {
                OK(realm_set_remove(tags, &v, NULL, &error));
            } else {
                OK(realm_set_add(tags, &v, NULL, NULL, &error));
            }
            break;
        case 4:
            c = collection_of(d->thing, T_COUNTS);
            if (below(3) == 0) {
                OK(realm_dictionary_remove(c, str(key), NULL, &error));
            } else {
                put(c, key, of_int((int64_t) below(100)));
            }
            break;
        case 5: change_any(d); break;
        case 6:
            OK(realm_object_load(d->thing, &error));
            if (d->thing->values[T_PART].type == REALM_TYPE_NULL || below(5) == 0) {
                OK(realm_object_set_embedded(d->thing, T_PART, &part, &error));
            } else {
                OK(realm_object_get(d->realm, d->thing->values[T_PART].size, d->thing->values[T_PART].u.link, &part, &error));
            }
            change_part(part);
            break;
        case 7:
            c = collection_of(d->thing, T_PARTS);
            change_parts(d, c);
            break;
        default: /* each device has keys of its own: original rules don't agree about one that two make at once */
            c = collection_of(d->thing, T_SPARES);
            snprintf(key, sizeof key, "d%d-%zu", me, below(3));
            OK(realm_dictionary_put_embedded(c, str(key), &part, &error));
            change_part(part);
    }
    realm_object_release(part);
    realm_collection_release(tags);
    realm_collection_release(c);
}

static void random_rounds(void) {
    static struct text of_a, of_b;
    struct device a, b;
    start_both(&a, &b, "random");
    struct device* devices[] = {&a, &b};
    for (int round = 0; round < 25; round++) {
        pause_both(&a, &b);
        for (int me = 0; me < 2; me++) {
            for (size_t commits = below(4); commits > 0; commits--) {
                OK(realm_begin_write(devices[me]->realm, &error));
                for (size_t changes = below(5) + 1; changes > 0; changes--) change_something(devices[me], me);
                OK(realm_commit(devices[me]->realm, &error));
            }
        }
        resume_both(&a, &b);
        dump_thing(&of_a, &a);
        dump_thing(&of_b, &b);
        if (strcmp(of_a.data, of_b.data) != 0) {
            fprintf(stderr, "round %d: the devices differ:\n%s\n---\n%s\n", round, of_a.data, of_b.data);
            exit(1);
        }
    }
    CHECK(of_a.size > 100);
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
    run("random rounds", random_rounds);
    return finish();
}
