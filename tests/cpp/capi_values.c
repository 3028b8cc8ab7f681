/*
 * capi_values.c - values, texts and errors of the C interface: what goes in comes out, and what is none is refused.
 */
#include "c_test.h"

#include <math.h>

static void version(void) {
    char want[32];
    snprintf(want, sizeof want, "%d.%d.%d", REALM_SYNC_VERSION_MAJOR, REALM_SYNC_VERSION_MINOR, REALM_SYNC_VERSION_PATCH);
    CHECK(strcmp(realm_library_version(), want) == 0);
    CHECK(realm_library_version() == realm_library_version());
}

static void layout(void) {
    EQUAL(sizeof(realm_value_t), 24);
    EQUAL(offsetof(realm_value_t, u), 8);
    EQUAL(sizeof(realm_error_t), 4 + 4 + 4 + 4 + REALM_ERROR_NAME_SIZE + REALM_ERROR_TEXT_SIZE);
}

static int formats(realm_value_t v, const char* want) {
    char buffer[48];
    size_t n = realm_decimal128_format(&v, buffer, sizeof buffer);
    return n == strlen(want) && strcmp(buffer, want) == 0;
}

static realm_value_t decimal(const char* text) { return realm_decimal128_parse(str(text)); }

static void decimals(void) {
    CHECK(formats(decimal("1.50"), "1.50"));
    CHECK(formats(decimal("-1E+10"), "-1E10"));
    CHECK(formats(decimal("inf"), "Inf"));
    CHECK(formats(decimal("NaN"), "NaN"));
    CHECK(formats(decimal("twelve"), "NaN"));
    CHECK(formats(decimal(""), "NaN"));
    CHECK(formats(realm_decimal128_from_double(0.5), "5E-1") || formats(realm_decimal128_from_double(0.5), "0.5"));
    realm_value_t a = decimal("1.1"), b = decimal("2.2"), none = of_int(1);
    CHECK(formats(realm_decimal128_arithmetic(&a, &b, '+'), "3.3"));
    CHECK(formats(realm_decimal128_arithmetic(&a, &b, '-'), "-1.1"));
    CHECK(formats(realm_decimal128_arithmetic(&a, &b, '*'), "2.42"));
    realm_value_t half = realm_decimal128_arithmetic(&a, &b, '/'), want = decimal("0.5");
    EQUAL(realm_decimal128_compare(&half, &want), 0);
    CHECK(formats(realm_decimal128_arithmetic(&a, &b, '%'), "NaN"));
    CHECK(formats(realm_decimal128_arithmetic(&a, &none, '+'), "NaN"));
    CHECK(formats(realm_decimal128_arithmetic(&a, NULL, '+'), "NaN"));
    CHECK(formats(realm_decimal128_arithmetic(NULL, NULL, '+'), "NaN"));
    EQUAL(realm_decimal128_compare(&a, &b), -1);
    EQUAL(realm_decimal128_compare(&b, &a), 1);
    realm_value_t nan = decimal("NaN");
    EQUAL(realm_decimal128_compare(&nan, &a), -1);
    EQUAL(realm_decimal128_compare(&nan, &nan), 0);
    EQUAL(realm_decimal128_compare(&nan, NULL), 0);
    EQUAL(a.type, REALM_TYPE_DECIMAL128);

    /* The longest text, and too small a buffer. */
    realm_value_t longest = decimal("-1.234567890123456789012345678901234E-6143");
    char buffer[48];
    size_t n = realm_decimal128_format(&longest, buffer, sizeof buffer);
    CHECK(n < sizeof buffer && strlen(buffer) == n);
    char small[4] = "xxx";
    EQUAL(realm_decimal128_format(&a, small, 3), 3);
    CHECK(strcmp(small, "1.") == 0);
    EQUAL(realm_decimal128_format(&a, NULL, 0), 3);
    EQUAL(realm_decimal128_format(&a, NULL, 10), 3);
    EQUAL(realm_decimal128_format(NULL, buffer, sizeof buffer), 3);
    realm_string_t bad = {NULL, 5};
    CHECK(formats(realm_decimal128_parse(bad), "NaN"));
}

static void object_ids(void) {
    enum { N = 1000 };
    static realm_value_t ids[N];
    for (int i = 0; i < N; i++) {
        ids[i] = realm_object_id_generate();
        EQUAL(ids[i].type, REALM_TYPE_OBJECT_ID);
        for (int k = 0; k < i; k++) CHECK(memcmp(ids[i].u.bytes, ids[k].u.bytes, 12) != 0);
        CHECK(memcmp(ids[i].u.bytes + 4, ids[0].u.bytes + 4, 5) == 0);
    }
}

/* One property of each type, optional. */
static const struct {
    const char* name;
    uint8_t type;
} all_types[] = {{"i", REALM_TYPE_INT}, {"b", REALM_TYPE_BOOL}, {"s", REALM_TYPE_STRING}, {"bin", REALM_TYPE_BINARY}, {"t", REALM_TYPE_TIMESTAMP}, {"f", REALM_TYPE_FLOAT}, {"d", REALM_TYPE_DOUBLE}, {"dec", REALM_TYPE_DECIMAL128}, {"oid", REALM_TYPE_OBJECT_ID}, {"uuid", REALM_TYPE_UUID}, {"m", REALM_TYPE_MIXED}};
enum { N_TYPES = sizeof all_types / sizeof *all_types };

static realm_t* open_all(const char* name) {
    realm_property_info_t p[N_TYPES + 1];
    memset(p, 0, sizeof p);
    for (int i = 0; i < N_TYPES; i++) {
        p[i].name = str(all_types[i].name);
        p[i].type = all_types[i].type;
        p[i].nullable = true;
    }
    p[N_TYPES].name = str("required");
    p[N_TYPES].type = REALM_TYPE_STRING;
    realm_class_info_t c = {str("All"), REALM_CLASS_TOP_LEVEL, p, N_TYPES + 1};
    realm_config_t* config = NULL;
    OK(realm_config_create(str(temporary(name)), &config, &error));
    OK(realm_config_set_schema(config, &c, 1, &error));
    realm_t* realm = open_config(config);
    realm_config_release(config);
    return realm;
}

static realm_value_t sample(int i) {
    realm_value_t v = of_null();
    v.type = all_types[i].type;
    switch (v.type) {
        case REALM_TYPE_INT: v.u.integer = INT64_MIN; break;
        case REALM_TYPE_BOOL: v.u.integer = 1; break;
        case REALM_TYPE_STRING: return of_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
        case REALM_TYPE_BINARY:
            v.u.data = "\0\xff\0x";
            v.size = 4;
            break;
        case REALM_TYPE_TIMESTAMP:
            v.u.timestamp.seconds = -5;
            v.u.timestamp.nanoseconds = -999999999;
            break;
        case REALM_TYPE_FLOAT: v.u.fnum = 1.5f; break;
        case REALM_TYPE_DOUBLE: v.u.dnum = -1e-300; break;
        case REALM_TYPE_DECIMAL128: return decimal("-12.340");
        case REALM_TYPE_OBJECT_ID: return realm_object_id_generate();
        case REALM_TYPE_UUID: memcpy(v.u.bytes, "0123456789abcdef", 16); break;
        case REALM_TYPE_MIXED: return of_string("mixed");
    }
    return v;
}

static int same_value(const realm_value_t* a, const realm_value_t* b) {
    if (a->type != b->type) return 0;
    switch (a->type) {
        case REALM_TYPE_NULL: return 1;
        case REALM_TYPE_STRING:
        case REALM_TYPE_BINARY: return a->size == b->size && memcmp(a->u.data, b->u.data, a->size) == 0;
        case REALM_TYPE_TIMESTAMP: return a->u.timestamp.seconds == b->u.timestamp.seconds && a->u.timestamp.nanoseconds == b->u.timestamp.nanoseconds;
        case REALM_TYPE_FLOAT: return memcmp(&a->u.fnum, &b->u.fnum, 4) == 0;
        case REALM_TYPE_OBJECT_ID: return memcmp(a->u.bytes, b->u.bytes, 12) == 0;
        case REALM_TYPE_UUID:
        case REALM_TYPE_DECIMAL128: return memcmp(a->u.bytes, b->u.bytes, 16) == 0;
        default: return a->u.integer == b->u.integer;
    }
}

static void every_type(void) {
    realm_t* realm = open_all("all.realm");
    realm_class_key_t all = class_of(realm, "All");
    realm_value_t values[N_TYPES + 1];
    for (int i = 0; i < N_TYPES; i++) values[i] = sample(i);
    values[N_TYPES] = of_string("");
    realm_object_t* object = NULL;
    OK(realm_begin_write(realm, &error));
    OK(realm_object_create(realm, all, values, N_TYPES + 1, REALM_CREATE_NEW, &object, NULL, &error));
    OK(realm_commit(realm, &error));
    OK(realm_object_load(object, &error));
    EQUAL(object->n_values, N_TYPES + 1);
    CHECK(object->stamp == *object->current);
    for (int i = 0; i <= N_TYPES; i++) CHECK(same_value(&object->values[i], &values[i]));

    /* To null and back, one by one; the row stays current. */
    OK(realm_begin_write(realm, &error));
    for (int i = 0; i < N_TYPES; i++) {
        realm_value_t null = of_null();
        OK(realm_object_load(object, &error));
        OK(realm_object_set(object, (uint32_t) i, &null, &error));
        CHECK(object->stamp == *object->current);
        CHECK(object->values[i].type == REALM_TYPE_NULL);
        OK(realm_object_set(object, (uint32_t) i, &values[i], &error));
        CHECK(object->stamp == *object->current);
        CHECK(same_value(&object->values[i], &values[i]));
    }
    realm_value_t null = of_null();
    FAILS(REALM_ERR_NOT_NULLABLE, realm_object_set(object, N_TYPES, &null, &error));
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_set(object, N_TYPES + 1, &null, &error));
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_set(object, UINT32_MAX, &null, &error));
    for (int i = 0; i < N_TYPES; i++) {
        if (all_types[i].type == REALM_TYPE_MIXED) continue;
        realm_value_t other = all_types[i].type == REALM_TYPE_STRING ? of_int(3) : of_string("x");
        FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_set(object, (uint32_t) i, &other, &error));
    }
    OK(realm_cancel_write(realm, &error));
    realm_object_release(object);
    realm_release(realm);
}

/* Bytes that are no value never reach the database. */
static void malformed_values(void) {
    realm_t* realm = open_all("malformed.realm");
    realm_class_key_t all = class_of(realm, "All");
    realm_value_t values[N_TYPES + 1];
    for (int i = 0; i < N_TYPES; i++) values[i] = of_null();
    values[N_TYPES] = of_string("x");
    realm_object_t* object = NULL;
    OK(realm_begin_write(realm, &error));
    OK(realm_object_create(realm, all, values, N_TYPES + 1, REALM_CREATE_NEW, &object, NULL, &error));

    realm_value_t v;
    for (int type = REALM_TYPE_UUID + 1; type <= 255; type++) {
        v = of_null();
        v.type = (uint8_t) type;
        FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 10, &v, &error));
    }
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 0, NULL, &error));
    v = of_bool(2);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 1, &v, &error));
    v = of_bool(-1);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 1, &v, &error));
    const char* not_utf8[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        v = of_string(not_utf8[i]);
        FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 2, &v, &error));
    }
    v = of_string("x");
    v.u.data = NULL;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 2, &v, &error));
    v.type = REALM_TYPE_BINARY;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 3, &v, &error));
    v.u.data = "x";
    v.size = UINT32_MAX;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 3, &v, &error));
    v = of_null();
    v.type = REALM_TYPE_TIMESTAMP;
    v.u.timestamp.nanoseconds = 1000000000;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 4, &v, &error));
    v.u.timestamp.seconds = 1;
    v.u.timestamp.nanoseconds = -1;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set(object, 4, &v, &error));
    /* Empty texts may lie anywhere. */
    v = of_string("");
    v.u.data = NULL;
    OK(realm_object_set(object, 2, &v, &error));

    /* Arrays. */
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_create(realm, all, NULL, 3, REALM_CREATE_NEW, NULL, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_create(realm, all, values, SIZE_MAX, REALM_CREATE_NEW, NULL, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_create(realm, all, values, SIZE_MAX / sizeof(realm_value_t) + 2, REALM_CREATE_NEW, NULL, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_create(realm, all, values, N_TYPES + 1, 2, NULL, NULL, &error));
    values[1] = of_bool(7);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_create(realm, all, values, N_TYPES + 1, REALM_CREATE_NEW, NULL, NULL, &error));
    values[1] = of_absent();
    OK(realm_object_create(realm, all, values, N_TYPES + 1, REALM_CREATE_NEW, NULL, NULL, &error));
    OK(realm_object_create(realm, all, values, 1, REALM_CREATE_NEW, NULL, NULL, &error)); /* the rest is absent */
    realm_value_t many[40];
    for (int i = 0; i < 40; i++) many[i] = of_absent();
    realm_status_t more = realm_object_create(realm, all, many, 40, REALM_CREATE_NEW, NULL, NULL, NULL);
    CHECK(more != REALM_OK && more != REALM_ERR_INTERNAL);
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_object_create(realm, 4711, values, N_TYPES + 1, REALM_CREATE_NEW, NULL, NULL, &error));
    OK(realm_cancel_write(realm, &error));
    realm_object_release(object);
    realm_release(realm);
}

/* Strings that are handed in. */
static void texts(void) {
    realm_config_t* config = NULL;
    realm_string_t bad = {NULL, 3};
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_create(bad, &config, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_create(str(""), &config, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_create(str("\xff.realm"), &config, &error));
    realm_string_t with_nul = {"a\0b", 3};
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_create(with_nul, &config, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_create(str("x"), NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_delete_files(with_nul, &error));
    CHECK(config == NULL);
    OK(realm_delete_files(str(temporary("there-is-none.realm")), &error));

    /* What is copied may be overwritten. */
    char path[1024];
    snprintf(path, sizeof path, "%s", temporary("copied.realm"));
    config = person_config(path);
    memset(path, 'x', sizeof path);
    realm_t* realm = open_config(config);
    realm_config_release(config);
    CHECK(same(realm_get_path(realm), temporary("copied.realm")));
    realm_string_t not_terminated = {"Person\xff\xff", 6};
    realm_class_key_t key;
    OK(realm_find_class(realm, not_terminated, &key, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_find_class(realm, str("P\xff"), &key, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_find_class(realm, str("Nobody"), &key, &error));

    /* A text that is too long for realm_error_t is cut, and stays UTF-8. */
    char longer[5000];
    for (size_t i = 0; i + 2 < sizeof longer; i += 2) memcpy(longer + i, "\xc3\xa4", 2);
    for (size_t cut = 0; cut < 2; cut++) {
        realm_string_t name = {longer, 4000 + cut * 2};
        realm_error_t error;
        char buffer[8];
        realm_results_t* results = NULL;
        EQUAL(realm_find_class(realm, name, &key, &error), REALM_ERR_NO_SUCH_CLASS);
        size_t n = strlen(error.message);
        CHECK(n >= REALM_ERROR_TEXT_SIZE - 3 && n < REALM_ERROR_TEXT_SIZE);
        size_t i = n; /* the last character is whole */
        while ((error.message[i - 1] & 0xc0) == 0x80) i--;
        CHECK(i == n || (((unsigned char) error.message[i - 1] & 0xe0) == 0xc0 && n - i == 1));
        (void) buffer;
        (void) results;
    }
    realm_release(realm);
}

/* Buffers of the caller. */
static void buffers(void) {
    realm_t* realm = open_person("buffers.realm");
    realm_class_key_t person = class_of(realm, "Person");
    realm_value_t args[2] = {of_int(3), of_string("Rex")};
    const char* want = "age > 3 and name == \"Rex\"";
    char buffer[100];
    size_t needed = 0;
    OK(realm_query_describe(realm, person, str("age > $0 && name = $1"), args, 2, buffer, sizeof buffer, &needed, &error));
    CHECK(strcmp(buffer, want) == 0);
    EQUAL(needed, strlen(want));
    OK(realm_query_describe(realm, person, str("age > $0 && name = $1"), args, 2, buffer, needed + 1, NULL, &error));
    needed = 0;
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_query_describe(realm, person, str("age > $0 && name = $1"), args, 2, buffer, strlen(want), &needed, &error));
    EQUAL(needed, strlen(want));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_query_describe(realm, person, str("age > 3"), NULL, 0, NULL, 0, &needed, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_query_describe(realm, person, str("age > 3"), NULL, 0, NULL, 50, &needed, &error));
    FAILS(REALM_ERR_INVALID_QUERY, realm_query_describe(realm, person, str("age >"), NULL, 0, buffer, sizeof buffer, &needed, &error));
    FAILS(REALM_ERR_INVALID_QUERY, realm_query_describe(realm, person, str("height > 3"), NULL, 0, buffer, sizeof buffer, &needed, &error));
    FAILS(REALM_ERR_INVALID_QUERY, realm_query_describe(realm, person, str("age > $2"), args, 2, buffer, sizeof buffer, &needed, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_query_describe(realm, person, str("age > $0"), NULL, 2, buffer, sizeof buffer, &needed, &error));
    args[1].u.data = "\xff\xff\xff";
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_query_describe(realm, person, str("name = $1"), args, 2, buffer, sizeof buffer, &needed, &error));
    realm_release(realm);
}

/* A NULL error is allowed; out parameters are written on success only. */
static void without_error(void) {
    realm_t* realm = open_person("without.realm");
    realm_class_key_t key = 77;
    EQUAL(realm_find_class(realm, str("Nobody"), &key, NULL), REALM_ERR_NO_SUCH_CLASS);
    EQUAL(key, 77);
    realm_object_t* object = (realm_object_t*) &key;
    EQUAL(realm_object_get(realm, class_of(realm, "Person"), 4711, &object, NULL), REALM_ERR_NO_SUCH_OBJECT);
    CHECK(object == (realm_object_t*) &key);
    realm_value_t id = of_int(1);
    OK(realm_object_find(realm, class_of(realm, "Person"), &id, &object, &error));
    CHECK(object == NULL);
    EQUAL(realm_find_class(realm, str("Person"), NULL, NULL), REALM_ERR_INVALID_ARGUMENT);
    realm_release(realm);
}

static void schemas(void) {
    realm_config_t* config = NULL;
    OK(realm_config_create(str(temporary("schema.realm")), &config, &error));
    realm_property_info_t p;
    memset(&p, 0, sizeof p);
    p.name = str("a");
    p.type = REALM_TYPE_INT;
    realm_class_info_t c = {str("A"), REALM_CLASS_TOP_LEVEL, &p, 1}, twice[2] = {c, c};
    OK(realm_config_set_schema(config, &c, 1, &error));
    FAILS(REALM_ERR_INVALID_SCHEMA, realm_config_set_schema(config, twice, 2, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, NULL, 1, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, SIZE_MAX, &error));
    c.kind = 3;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    c.kind = REALM_CLASS_TOP_LEVEL;
    c.n_properties = SIZE_MAX / 2;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    c.n_properties = 1;
    p.type = 12;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    p.type = REALM_TYPE_INT;
    p.collection = 4;
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    p.collection = 0;
    unsigned char two = 2;
    memcpy(&p.indexed, &two, 1);
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    p.indexed = false;
    p.name = str("\xff");
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema(config, &c, 1, &error));
    p.name = str("a");
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_schema_mode(config, (realm_schema_mode_t) 8, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_stop_policy(config, (realm_stop_policy_t) 3, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_config_set_merge_rules(config, (realm_merge_rules_t) 2, &error));

    /* Rules of the schema itself show when the realm is opened. */
    p.type = REALM_TYPE_DOUBLE;
    p.primary_key = true;
    OK(realm_config_set_schema(config, &c, 1, &error));
    realm_t* realm = NULL;
    FAILS(REALM_ERR_INVALID_SCHEMA, realm_open(config, &realm, &error));
    CHECK(realm == NULL);
    realm_config_release(config);
}

static void descriptions(void) {
    realm_t* realm = open_person("describe.realm");
    EQUAL(realm_get_class_count(realm), 1);
    realm_class_key_t keys[3] = {0, 0, 9};
    size_t n = 0;
    OK(realm_get_class_keys(realm, keys, 2, &n, &error));
    EQUAL(n, 1);
    EQUAL(keys[0], class_of(realm, "Person"));
    EQUAL(keys[1], 0);
    OK(realm_get_class_keys(realm, NULL, 0, &n, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_get_class_keys(realm, NULL, 1, &n, &error));
    realm_class_info_t info, again;
    OK(realm_get_class(realm, keys[0], &info, &error));
    CHECK(same(info.name, "Person"));
    EQUAL(info.n_properties, P_COUNT);
    CHECK(same(info.properties[P_ID].name, "_id") && info.properties[P_ID].primary_key && !info.properties[P_ID].nullable);
    CHECK(same(info.properties[P_BOSS].link_target, "Person") && info.properties[P_BOSS].type == REALM_TYPE_LINK && info.properties[P_BOSS].nullable);
    CHECK(info.properties[P_AGE].nullable && info.properties[P_AGE].type == REALM_TYPE_INT);
    for (int i = 0; i < 100; i++) {
        OK(realm_get_class(realm, keys[0], &again, &error));
        CHECK(again.properties == info.properties); /* nothing grows */
    }
    uint32_t property = 99;
    OK(realm_find_property(realm, keys[0], str("age"), &property, &error));
    EQUAL(property, P_AGE);
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_find_property(realm, keys[0], str("height"), &property, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_find_property(realm, 4711, str("age"), &property, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_get_class(realm, REALM_NO_CLASS, &info, &error));
    realm_release(realm);
}

struct log {
    int lines, freed;
    char last[300];
};
static void on_log(void* userdata, realm_log_level_t level, realm_string_t message) {
    struct log* log = userdata;
    log->lines++;
    (void) level;
    snprintf(log->last, sizeof log->last, "%.*s", (int) message.size, message.data);
}
static void free_log(void* userdata) { ((struct log*) userdata)->freed++; }

static int numbers_freed;
static void on_number(void* userdata, realm_log_level_t level, realm_string_t message) {
    CHECK(userdata == (void*) 3 && level <= REALM_LOG_FATAL && message.size > 0);
}
static void free_number(void* userdata) {
    CHECK(userdata == (void*) 3);
    numbers_freed++;
}

static void loggers(void) {
    struct log a = {0, 0, ""}, b = {0, 0, ""};
    OK(realm_set_logger(on_log, &a, free_log, REALM_LOG_ALL, &error));
    EQUAL(a.freed, 0);
    realm_release(open_person("log.realm"));
    OK(realm_set_logger(on_log, &b, free_log, REALM_LOG_OFF, &error));
    EQUAL(a.freed, 1);
    realm_release(open_person("log.realm"));
    EQUAL(b.lines, 0);
    OK(realm_set_log_level(REALM_LOG_TRACE, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_set_log_level((realm_log_level_t) 9, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_set_logger(on_log, &a, free_log, (realm_log_level_t) 77, &error));
    EQUAL(a.freed, 2);
    EQUAL(b.freed, 0);
    OK(realm_set_logger(NULL, &a, free_log, REALM_LOG_INFO, &error));
    EQUAL(a.freed, 3);
    EQUAL(b.freed, 1);
    OK(realm_set_logger(NULL, NULL, NULL, REALM_LOG_INFO, &error));
    /* A userdata may be any number. */
    OK(realm_set_logger(on_number, (void*) 3, free_number, REALM_LOG_ALL, &error));
    for (int i = 0; i < 50; i++) realm_release(open_person("log.realm"));
    OK(realm_set_logger(NULL, NULL, NULL, REALM_LOG_INFO, &error));
    EQUAL(numbers_freed, 1);
}

int main(void) {
    run("version", version);
    run("layout", layout);
    run("decimals", decimals);
    run("object ids", object_ids);
    run("every type", every_type);
    run("malformed values", malformed_values);
    run("texts", texts);
    run("buffers", buffers);
    run("without error", without_error);
    run("schemas", schemas);
    run("descriptions", descriptions);
    run("loggers", loggers);
    return finish();
}
