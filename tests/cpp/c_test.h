/*
 * c_test.h - what the C tests share: checks that say where they failed, temporary files, a small schema.
 *
 * A test program calls run("name", function) for each of its tests and returns finish(). A check that fails ends the program.
 */
#ifndef C_TEST_H
#define C_TEST_H

#include <realm_sync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

/* Integers of any type. */
#define EQUAL(got, want)                                                                                         \
    do {                                                                                                         \
        long long got_ = (long long) (got), want_ = (long long) (want);                                          \
        if (got_ != want_) {                                                                                     \
            fprintf(stderr, "%s:%d: %s is %lld, not %s (%lld)\n", __FILE__, __LINE__, #got, got_, #want, want_); \
            exit(1);                                                                                             \
        }                                                                                                        \
    } while (0)

/* The call, whose last argument is `&error`, succeeds. */
#define OK(call)                                                                                                              \
    do {                                                                                                                      \
        realm_error_t error;                                                                                                  \
        realm_status_t status_ = (call);                                                                                      \
        if (status_ != REALM_OK) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: status %d, %s: %s\n", __FILE__, __LINE__, #call, status_, error.name, error.message); \
            exit(1);                                                                                                          \
        }                                                                                                                     \
    } while (0)

/* The call fails with this status, and describes itself. */
#define FAILS(want, call)                                                                                    \
    do {                                                                                                     \
        realm_error_t error;                                                                                 \
        memset(&error, 0x55, sizeof error);                                                                  \
        realm_status_t status_ = (call);                                                                     \
        if (status_ != (want)) {                                                                             \
            fprintf(stderr, "%s:%d: %s: status %d, not %s: %s\n", __FILE__, __LINE__, #call, status_, #want, \
                    status_ == REALM_OK ? "" : error.message);                                               \
            exit(1);                                                                                         \
        }                                                                                                    \
        check_error(&error, status_, __LINE__);                                                              \
    } while (0)

static inline void check_error(const realm_error_t* e, realm_status_t status, int line) {
    if (e->status != status || !memchr(e->name, 0, sizeof e->name) || !memchr(e->message, 0, sizeof e->message) || !e->name[0] || !e->message[0] ||
        (e->domain == REALM_DOMAIN_LIBRARY && e->code != status)) {
        fprintf(stderr, "line %d: the error is not filled in: status %d, domain %d, code %d, name '%.64s', message '%.80s'\n", line, e->status,
                e->domain, e->code, e->name, e->message);
        exit(1);
    }
}

static inline realm_string_t str(const char* s) {
    realm_string_t r = {s, strlen(s)};
    return r;
}

static inline int same(realm_string_t a, const char* b) { return a.size == strlen(b) && (a.size == 0 || memcmp(a.data, b, a.size) == 0); }

/* Values. */
static inline realm_value_t of_null(void) {
    realm_value_t v;
    memset(&v, 0, sizeof v);
    return v;
}
static inline realm_value_t of_absent(void) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_ABSENT;
    return v;
}
static inline realm_value_t of_int(int64_t n) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_INT;
    v.u.integer = n;
    return v;
}
static inline realm_value_t of_bool(int b) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_BOOL;
    v.u.integer = b;
    return v;
}
static inline realm_value_t of_string(const char* s) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_STRING;
    v.size = (uint32_t) strlen(s);
    v.u.data = s;
    return v;
}
static inline realm_value_t of_double(double d) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_DOUBLE;
    v.u.dnum = d;
    return v;
}
static inline realm_value_t of_link(const realm_object_t* o) {
    realm_value_t v = of_null();
    v.type = REALM_TYPE_LINK;
    v.size = o->class_key;
    v.u.link = o->object_key;
    return v;
}

/* A folder of this process under TMPDIR, made at the first call and removed by finish(). */
static char test_folder[512];

static inline const char* temporary(const char* name) {
    static __thread char path[1024];
    if (!test_folder[0]) {
        const char* base = getenv("TMPDIR");
        snprintf(test_folder, sizeof test_folder, "%s/c-test.XXXXXX", base && *base ? base : "/tmp");
        CHECK(mkdtemp(test_folder));
    }
    snprintf(path, sizeof path, "%s/%s", test_folder, name);
    return path;
}

/* Person: _id int (primary key), name string, age int?, boss Person?. */
enum { P_ID,
       P_NAME,
       P_AGE,
       P_BOSS,
       P_COUNT };

static inline realm_config_t* person_config(const char* path) {
    realm_property_info_t properties[P_COUNT];
    memset(properties, 0, sizeof properties);
    properties[P_ID].name = str("_id");
    properties[P_ID].type = REALM_TYPE_INT;
    properties[P_ID].primary_key = true;
    properties[P_NAME].name = str("name");
    properties[P_NAME].type = REALM_TYPE_STRING;
    properties[P_AGE].name = str("age");
    properties[P_AGE].type = REALM_TYPE_INT;
    properties[P_AGE].nullable = true;
    properties[P_BOSS].name = str("boss");
    properties[P_BOSS].type = REALM_TYPE_LINK;
    properties[P_BOSS].nullable = true;
    properties[P_BOSS].link_target = str("Person");
    realm_class_info_t person;
    memset(&person, 0, sizeof person);
    person.name = str("Person");
    person.properties = properties;
    person.n_properties = P_COUNT;
    realm_config_t* config = NULL;
    OK(realm_config_create(str(path), &config, &error));
    OK(realm_config_set_schema(config, &person, 1, &error));
    return config;
}

static inline realm_t* open_config(realm_config_t* config) {
    realm_t* realm = NULL;
    OK(realm_open(config, &realm, &error));
    return realm;
}

static inline realm_t* open_person(const char* name) {
    realm_config_t* config = person_config(temporary(name));
    realm_t* realm = open_config(config);
    realm_config_release(config);
    return realm;
}

static inline realm_class_key_t class_of(realm_t* realm, const char* name) {
    realm_class_key_t key = REALM_NO_CLASS;
    OK(realm_find_class(realm, str(name), &key, &error));
    return key;
}

/* A new person in the open write transaction. */
static inline realm_object_t* add_person(realm_t* realm, int64_t id, const char* name, int64_t age) {
    realm_value_t values[P_COUNT] = {of_int(id), of_string(name), of_int(age), of_null()};
    realm_object_t* object = NULL;
    OK(realm_object_create(realm, class_of(realm, "Person"), values, P_COUNT, REALM_CREATE_NEW, &object, NULL, &error));
    return object;
}

/* Each test gives back every handle. */
static inline void run(const char* name, void (*test)(void)) {
    int64_t before = realm_live_handle_count();
    test();
    int64_t after = realm_live_handle_count();
    if (after != before) {
        fprintf(stderr, "%s: %" PRId64 " handles before, %" PRId64 " after\n", name, before, after);
        exit(1);
    }
    printf("ok %s\n", name);
    fflush(stdout);
}

static inline int finish(void) {
    EQUAL(realm_live_handle_count(), 0);
    if (test_folder[0]) {
        char command[600];
        snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
        CHECK(system(command) == 0);
    }
    return 0;
}

#endif
