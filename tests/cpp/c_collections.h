/*
 * c_collections.h - the schema of the C tests of collections, and short forms of the calls that they repeat.
 */
#ifndef C_COLLECTIONS_H
#define C_COLLECTIONS_H

#include "c_test.h"

/* Thing: _id int (primary key) and one property of each kind of collection; Part: embedded. */
enum { T_ID,
       T_NUMBERS, /* list of int */
       T_NAMES,   /* list of string? */
       T_TAGS,    /* set of string */
       T_COUNTS,  /* dictionary of int */
       T_ANY,     /* mixed */
       T_MIXES,   /* list of mixed */
       T_FRIENDS, /* list of Thing */
       T_CIRCLE,  /* set of Thing */
       T_ROLES,   /* dictionary of Thing? */
       T_PART,    /* Part? */
       T_PARTS,   /* list of Part */
       T_SPARES,  /* dictionary of Part? */
       T_COUNT };
enum { PART_LABEL, /* string */
       PART_SIZES, /* list of int */
       PART_COUNT };

static inline realm_property_info_t property_of(const char* name, uint8_t type, uint8_t collection, bool nullable, const char* target) {
    realm_property_info_t p;
    memset(&p, 0, sizeof p);
    p.name = str(name);
    p.type = type;
    p.collection = collection;
    p.nullable = nullable;
    p.link_target = str(target);
    return p;
}

static inline realm_config_t* thing_config(const char* path) {
    realm_property_info_t thing[T_COUNT] = {
            property_of("_id", REALM_TYPE_INT, REALM_COLLECTION_NONE, false, ""),
            property_of("numbers", REALM_TYPE_INT, REALM_COLLECTION_LIST, false, ""),
            property_of("names", REALM_TYPE_STRING, REALM_COLLECTION_LIST, true, ""),
            property_of("tags", REALM_TYPE_STRING, REALM_COLLECTION_SET, false, ""),
            property_of("counts", REALM_TYPE_INT, REALM_COLLECTION_DICTIONARY, false, ""),
            property_of("any", REALM_TYPE_MIXED, REALM_COLLECTION_NONE, true, ""),
            property_of("mixes", REALM_TYPE_MIXED, REALM_COLLECTION_LIST, true, ""),
            property_of("friends", REALM_TYPE_LINK, REALM_COLLECTION_LIST, false, "Thing"),
            property_of("circle", REALM_TYPE_LINK, REALM_COLLECTION_SET, false, "Thing"),
            property_of("roles", REALM_TYPE_LINK, REALM_COLLECTION_DICTIONARY, true, "Thing"),
            property_of("part", REALM_TYPE_LINK, REALM_COLLECTION_NONE, true, "Part"),
            property_of("parts", REALM_TYPE_LINK, REALM_COLLECTION_LIST, false, "Part"),
            property_of("spares", REALM_TYPE_LINK, REALM_COLLECTION_DICTIONARY, true, "Part"),
    };
    thing[T_ID].primary_key = true;
    realm_property_info_t part[PART_COUNT] = {
            property_of("label", REALM_TYPE_STRING, REALM_COLLECTION_NONE, false, ""),
            property_of("sizes", REALM_TYPE_INT, REALM_COLLECTION_LIST, false, ""),
    };
    realm_class_info_t classes[2];
    memset(classes, 0, sizeof classes);
    classes[0].name = str("Thing");
    classes[0].properties = thing;
    classes[0].n_properties = T_COUNT;
    classes[1].name = str("Part");
    classes[1].kind = REALM_CLASS_EMBEDDED;
    classes[1].properties = part;
    classes[1].n_properties = PART_COUNT;
    realm_config_t* config = NULL;
    OK(realm_config_create(str(path), &config, &error));
    OK(realm_config_set_schema(config, classes, 2, &error));
    return config;
}

static inline realm_t* open_thing(const char* name) {
    realm_config_t* config = thing_config(temporary(name));
    realm_t* realm = open_config(config);
    realm_config_release(config);
    return realm;
}

/* A new thing in the open write transaction. */
static inline realm_object_t* add_thing(realm_t* realm, int64_t id) {
    realm_value_t key = of_int(id);
    realm_object_t* object = NULL;
    OK(realm_object_create(realm, class_of(realm, "Thing"), &key, 1, REALM_CREATE_NEW, &object, NULL, &error));
    return object;
}

static inline realm_collection_t* collection_of(const realm_object_t* object, uint32_t property) {
    realm_collection_t* c = NULL;
    OK(realm_object_get_collection(object, property, &c, &error));
    CHECK(c != NULL);
    return c;
}

static inline size_t count_of(realm_collection_t* c) {
    size_t n = 4711;
    OK(realm_collection_count(c, &n, &error));
    return n;
}

static inline void append(realm_collection_t* list, realm_value_t value) { OK(realm_list_insert(list, count_of(list), &value, &error)); }

static inline void put(realm_collection_t* dictionary, const char* key, realm_value_t value) {
    OK(realm_dictionary_put(dictionary, str(key), &value, &error));
}

/* A list of integers is this: "1 2 3". */
static inline void ints_are(realm_collection_t* c, const char* want, int line) {
    char text[4000];
    size_t size = 0, n = 0;
    realm_value_t values[256];
    text[0] = 0;
    for (size_t at = 0;; at += n) {
        OK(realm_collection_load(c, at, 256, values, NULL, &n, &error));
        if (n == 0) break;
        for (size_t i = 0; i < n && size < sizeof text - 40; i++) {
            EQUAL(values[i].type, REALM_TYPE_INT);
            size += (size_t) snprintf(text + size, sizeof text - size, "%s%" PRId64, size ? " " : "", values[i].u.integer);
        }
    }
    if (strcmp(text, want) != 0) {
        fprintf(stderr, "line %d: the list is '%s', not '%s'\n", line, text, want);
        exit(1);
    }
}
#define INTS(c, want) ints_are(c, want, __LINE__)

#endif
