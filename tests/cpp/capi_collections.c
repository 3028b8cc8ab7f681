/*
 * capi_collections.c - lists, sets, dictionaries, embedded objects and collections in mixed through the C interface.
 */
#include "c_collections.h"

static bool is_string(const realm_value_t* v, const char* want) {
    return v->type == REALM_TYPE_STRING && v->size == strlen(want) && memcmp(v->u.data, want, v->size) == 0;
}

static void lists(void) {
    realm_t* realm = open_thing("lists.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t *thing = add_thing(realm, 1), *owner = NULL;
    OK(realm_commit(realm, &error));
    realm_collection_t *numbers = collection_of(thing, T_NUMBERS), *again = NULL;
    EQUAL(realm_collection_get_kind(numbers), REALM_COLLECTION_LIST);
    CHECK(realm_collection_is_valid(numbers));
    EQUAL(count_of(numbers), 0);
    uint32_t property = 0;
    OK(realm_collection_get_owner(numbers, &owner, &property, &error));
    EQUAL(owner->object_key, thing->object_key);
    EQUAL(property, T_NUMBERS);
    realm_object_release(owner);
    realm_t* same_realm = NULL;
    OK(realm_collection_get_realm(numbers, &same_realm, &error));
    CHECK(realm_is_same(same_realm, realm));
    realm_release(same_realm);

    realm_value_t one = of_int(1), text = of_string("x"), null = of_null();
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_list_insert(numbers, 0, &one, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_collection_clear(numbers, &error));
    OK(realm_begin_write(realm, &error));
    for (int i = 1; i <= 5; i++) append(numbers, of_int(i));
    INTS(numbers, "1 2 3 4 5");
    realm_value_t zero = of_int(0), seven = of_int(7);
    OK(realm_list_insert(numbers, 0, &zero, &error));
    OK(realm_list_insert(numbers, 3, &seven, &error));
    INTS(numbers, "0 1 2 7 3 4 5");
    OK(realm_list_set(numbers, 0, &seven, &error));
    OK(realm_list_move(numbers, 3, 0, &error));
    INTS(numbers, "7 7 1 2 3 4 5");
    OK(realm_list_move(numbers, 0, 6, &error));
    INTS(numbers, "7 1 2 3 4 5 7");
    OK(realm_collection_erase(numbers, 1, &error));
    INTS(numbers, "7 2 3 4 5 7");
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_list_insert(numbers, 7, &one, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_list_set(numbers, 6, &one, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_list_move(numbers, 6, 0, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_list_move(numbers, 0, 6, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_collection_erase(numbers, 6, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_collection_erase(numbers, SIZE_MAX, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_list_insert(numbers, 0, &text, &error));
    FAILS(REALM_ERR_NOT_NULLABLE, realm_list_insert(numbers, 0, &null, &error));
    INTS(numbers, "7 2 3 4 5 7");

    size_t at = 0, positions[6], n = 0;
    OK(realm_collection_find(numbers, &seven, &at, &error));
    EQUAL(at, 0);
    realm_value_t absent = of_int(99);
    OK(realm_collection_find(numbers, &absent, &at, &error));
    CHECK(at == SIZE_MAX);
    OK(realm_collection_find(numbers, &text, &at, &error));
    CHECK(at == SIZE_MAX);
    OK(realm_collection_sort(numbers, true, positions, 6, &n, &error));
    EQUAL(n, 6);
    EQUAL(positions[0], 1);
    EQUAL(positions[4], 0);
    EQUAL(positions[5], 5);
    OK(realm_collection_sort(numbers, false, positions, 2, &n, &error));
    EQUAL(n, 6);
    EQUAL(positions[0], 0);
    EQUAL(positions[1], 5);

    realm_value_t some[3] = {of_int(10), of_int(20), of_int(30)};
    OK(realm_list_assign(numbers, some, 3, &error));
    INTS(numbers, "10 20 30");
    OK(realm_list_assign(numbers, NULL, 0, &error));
    EQUAL(count_of(numbers), 0);
    for (int i = 0; i < 600; i++) append(numbers, of_int(i));
    OK(realm_commit(realm, &error));

    /* Many at once, at most 256. */
    realm_value_t values[300];
    OK(realm_collection_load(numbers, 0, 300, values, NULL, &n, &error));
    EQUAL(n, 256);
    OK(realm_collection_load(numbers, 500, 300, values, NULL, &n, &error));
    EQUAL(n, 100);
    EQUAL(values[99].u.integer, 599);
    OK(realm_collection_load(numbers, 600, 300, values, NULL, &n, &error));
    EQUAL(n, 0);
    OK(realm_collection_load(numbers, SIZE_MAX, 300, values, NULL, &n, &error));
    EQUAL(n, 0);
    OK(realm_collection_load(numbers, 0, 0, NULL, NULL, &n, &error));
    EQUAL(n, 0);

    /* Handles. */
    OK(realm_collection_clone(numbers, &again, &error));
    CHECK(again != numbers);
    realm_collection_release(numbers);
    FAILS(REALM_ERR_INVALID_HANDLE, realm_collection_count(numbers, &n, &error));
    EQUAL(count_of(again), 600);
    OK(realm_begin_write(realm, &error));
    OK(realm_collection_clear(again, &error));
    EQUAL(count_of(again), 0);
    OK(realm_cancel_write(realm, &error));
    EQUAL(count_of(again), 600);

    /* The end of the owner. */
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(thing, &error));
    CHECK(!realm_collection_is_valid(again));
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_collection_count(again, &n, &error));
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_list_insert(again, 0, &one, &error));
    OK(realm_commit(realm, &error));
    CHECK(!realm_collection_is_valid(again));
    realm_collection_t* none = NULL;
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_object_get_collection(thing, T_NUMBERS, &none, &error));
    realm_collection_release(again);
    realm_object_release(thing);
    realm_release(realm);
}

/* What a call hands out lives until the next one, whatever changes. */
static void strings(void) {
    realm_t* realm = open_thing("strings.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t* names = collection_of(thing, T_NAMES);
    append(names, of_string("Ann"));
    append(names, of_null());
    append(names, of_string("Bob, whose name is too long to be kept in the place of a pointer"));
    realm_value_t values[3], other = of_string("Eve");
    size_t n = 0;
    OK(realm_collection_load(names, 0, 3, values, NULL, &n, &error));
    EQUAL(n, 3);
    OK(realm_list_set(names, 0, &other, &error));
    OK(realm_collection_clear(names, &error));
    CHECK(is_string(&values[0], "Ann"));
    EQUAL(values[1].type, REALM_TYPE_NULL);
    CHECK(is_string(&values[2], "Bob, whose name is too long to be kept in the place of a pointer"));
    OK(realm_commit(realm, &error));
    realm_object_release(thing);
    realm_collection_release(names);
    realm_release(realm);
}

static void sets(void) {
    realm_t* realm = open_thing("sets.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t* tags = collection_of(thing, T_TAGS);
    EQUAL(realm_collection_get_kind(tags), REALM_COLLECTION_SET);
    const char* words[] = {"pear", "apple", "fig", "apple"};
    for (int i = 0; i < 4; i++) {
        bool added = i == 3;
        size_t at = 4711;
        realm_value_t word = of_string(words[i]);
        OK(realm_set_add(tags, &word, &at, &added, &error));
        EQUAL(added, i != 3);
        size_t found = 0;
        OK(realm_collection_find(tags, &word, &found, &error));
        EQUAL(at, found);
    }
    realm_value_t fig = of_string("fig"), values[4], n1 = of_int(1);
    OK(realm_set_add(tags, &fig, NULL, NULL, &error));
    size_t n = 0;
    OK(realm_collection_load(tags, 0, 4, values, NULL, &n, &error));
    EQUAL(n, 3);
    CHECK(is_string(&values[0], "apple") && is_string(&values[1], "fig") && is_string(&values[2], "pear"));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_set_add(tags, &n1, NULL, NULL, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_list_set(tags, 0, &fig, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_dictionary_put(tags, str("k"), &fig, &error));
    bool removed = false;
    OK(realm_set_remove(tags, &fig, &removed, &error));
    CHECK(removed);
    OK(realm_set_remove(tags, &fig, &removed, &error));
    CHECK(!removed);
    OK(realm_set_remove(tags, &fig, NULL, &error));
    OK(realm_collection_erase(tags, 0, &error));
    OK(realm_collection_load(tags, 0, 4, values, NULL, &n, &error));
    EQUAL(n, 1);
    CHECK(is_string(&values[0], "pear"));
    OK(realm_collection_clear(tags, &error));
    EQUAL(count_of(tags), 0);
    OK(realm_commit(realm, &error));
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_set_add(tags, &fig, NULL, NULL, &error));
    realm_collection_release(tags);
    realm_object_release(thing);
    realm_release(realm);
}

static void dictionaries(void) {
    realm_t* realm = open_thing("dictionaries.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t* counts = collection_of(thing, T_COUNTS);
    EQUAL(realm_collection_get_kind(counts), REALM_COLLECTION_DICTIONARY);
    put(counts, "b", of_int(2));
    put(counts, "a", of_int(1));
    put(counts, "c", of_int(0));
    put(counts, "c", of_int(3));
    EQUAL(count_of(counts), 3);
    realm_value_t values[4], v = of_int(5), text = of_string("x");
    realm_string_t keys[4];
    size_t n = 0, at = 0;
    bool found = false, removed = false;
    OK(realm_collection_load(counts, 0, 4, values, keys, &n, &error));
    EQUAL(n, 3);
    CHECK(same(keys[0], "a") && same(keys[1], "b") && same(keys[2], "c"));
    EQUAL(values[2].u.integer, 3);
    OK(realm_collection_load(counts, 1, 1, values, NULL, &n, &error));
    EQUAL(values[0].u.integer, 2);
    OK(realm_dictionary_get(counts, str("b"), &v, &found, &error));
    CHECK(found);
    EQUAL(v.u.integer, 2);
    OK(realm_dictionary_get(counts, str("nope"), &v, &found, &error));
    CHECK(!found);
    EQUAL(v.type, REALM_TYPE_NULL);
    OK(realm_dictionary_find_key(counts, str("c"), &at, &error));
    EQUAL(at, 2);
    OK(realm_dictionary_find_key(counts, str("nope"), &at, &error));
    CHECK(at == SIZE_MAX);
    v = of_int(2);
    OK(realm_collection_find(counts, &v, &at, &error));
    EQUAL(at, 1);
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_dictionary_put(counts, str("t"), &text, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_dictionary_put(counts, str("$t"), &v, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_dictionary_put(counts, str("a.b"), &v, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_dictionary_put(counts, str("\xff"), &v, &error));
    put(counts, "", of_int(0));
    OK(realm_dictionary_remove(counts, str("a"), &removed, &error));
    CHECK(removed);
    OK(realm_dictionary_remove(counts, str("a"), &removed, &error));
    CHECK(!removed);
    OK(realm_collection_erase(counts, 0, &error));
    OK(realm_collection_load(counts, 0, 4, values, keys, &n, &error));
    EQUAL(n, 2);
    CHECK(same(keys[0], "b") && same(keys[1], "c"));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_list_insert(counts, 0, &v, &error));
    OK(realm_commit(realm, &error));
    realm_collection_release(counts);
    realm_object_release(thing);
    realm_release(realm);
}

static void links(void) {
    realm_t* realm = open_thing("links.realm");
    realm_class_key_t class_key = class_of(realm, "Thing");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing[4];
    for (int i = 0; i < 4; i++) thing[i] = add_thing(realm, i);
    realm_collection_t *friends = collection_of(thing[0], T_FRIENDS), *circle = collection_of(thing[0], T_CIRCLE), *roles = collection_of(thing[0], T_ROLES);
    append(friends, of_link(thing[3]));
    append(friends, of_link(thing[1]));
    append(friends, of_link(thing[3]));
    realm_value_t to2 = of_link(thing[2]), nobody = of_link(thing[2]), number = of_int(1), values[4];
    OK(realm_set_add(circle, &to2, NULL, NULL, &error));
    put(roles, "boss", of_link(thing[1]));
    put(roles, "vacant", of_null());
    nobody.u.link = 4711;
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_list_insert(friends, 0, &nobody, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_list_insert(friends, 0, &number, &error));
    OK(realm_commit(realm, &error));

    size_t n = 0, at = 0;
    OK(realm_collection_load(friends, 0, 4, values, NULL, &n, &error));
    EQUAL(n, 3);
    EQUAL(values[1].type, REALM_TYPE_LINK);
    EQUAL(values[1].size, class_key);
    EQUAL(values[1].u.link, thing[1]->object_key);
    realm_object_t* loaded[4];
    OK(realm_collection_load_objects(friends, 0, 4, loaded, &n, &error));
    EQUAL(n, 3);
    EQUAL(loaded[0]->values[T_ID].u.integer, 3);
    EQUAL(loaded[1]->values[T_ID].u.integer, 1);
    for (size_t i = 0; i < n; i++) realm_object_release(loaded[i]);
    OK(realm_collection_load_objects(roles, 0, 4, loaded, &n, &error));
    EQUAL(n, 2);
    EQUAL(loaded[0]->values[T_ID].u.integer, 1);
    CHECK(loaded[1] == NULL);
    realm_object_release(loaded[0]);
    OK(realm_collection_find(circle, &to2, &at, &error));
    EQUAL(at, 0);

    /* Queries and orders within the list. */
    realm_results_t *all = NULL, *some = NULL, *sorted = NULL;
    realm_value_t two = of_int(2);
    realm_sort_t by_id = {{"_id", 3}, true};
    OK(realm_collection_query(friends, str(""), NULL, 0, &all, &error));
    OK(realm_collection_query(friends, str("_id < $0"), &two, 1, &some, &error));
    OK(realm_results_sort(all, &by_id, 1, &sorted, &error));
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, 3);
    OK(realm_results_count(some, &n, &error));
    EQUAL(n, 1);
    OK(realm_results_load(sorted, 0, 1, loaded, &n, &error));
    EQUAL(loaded[0]->values[T_ID].u.integer, 1);
    realm_object_release(loaded[0]);

    /* The other end. */
    realm_results_t *from_friends = NULL, *none = NULL;
    OK(realm_object_get_backlinks(thing[3], class_key, T_FRIENDS, &from_friends, &error));
    OK(realm_results_count(from_friends, &n, &error));
    EQUAL(n, 2);
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_get_backlinks(thing[3], class_key, 99, &none, &error));
    FAILS(REALM_ERR_NO_SUCH_CLASS, realm_object_get_backlinks(thing[3], 99, 0, &none, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_get_backlinks(thing[3], class_key, T_NUMBERS, &none, &error));

    /* A target that is deleted leaves the list and the set, and is null in the dictionary. */
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(thing[1], &error));
    OK(realm_object_delete(thing[2], &error));
    OK(realm_commit(realm, &error));
    EQUAL(count_of(friends), 2);
    EQUAL(count_of(circle), 0);
    bool found = false;
    OK(realm_dictionary_get(roles, str("boss"), values, &found, &error));
    CHECK(found);
    EQUAL(values[0].type, REALM_TYPE_NULL);
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, 2);
    OK(realm_results_count(some, &n, &error));
    EQUAL(n, 0);

    /* When the list is gone, they are empty. */
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(thing[0], &error));
    OK(realm_commit(realm, &error));
    CHECK(!realm_collection_is_valid(friends) && !realm_collection_is_valid(roles));
    OK(realm_results_count(all, &n, &error));
    EQUAL(n, 0);
    OK(realm_results_count(sorted, &n, &error));
    EQUAL(n, 0);
    OK(realm_results_count(from_friends, &n, &error));
    EQUAL(n, 0);

    realm_results_release(all);
    realm_results_release(some);
    realm_results_release(sorted);
    realm_results_release(from_friends);
    realm_collection_release(friends);
    realm_collection_release(circle);
    realm_collection_release(roles);
    for (int i = 0; i < 4; i++) realm_object_release(thing[i]);
    realm_release(realm);
}

static void embedded(void) {
    realm_t* realm = open_thing("embedded.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t *thing = add_thing(realm, 1), *part = NULL, *second = NULL;
    OK(realm_object_set_embedded(thing, T_PART, &part, &error));
    realm_value_t label = of_string("wheel"), null = of_null();
    OK(realm_object_set(part, PART_LABEL, &label, &error));
    realm_collection_t* sizes = collection_of(part, PART_SIZES);
    append(sizes, of_int(26));
    append(sizes, of_int(28));
    INTS(sizes, "26 28");
    OK(realm_object_load(thing, &error));
    EQUAL(thing->values[T_PART].type, REALM_TYPE_LINK);
    EQUAL(thing->values[T_PART].u.link, part->object_key);
    EQUAL(thing->values[T_PART].size, part->class_key);
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_create(realm, part->class_key, NULL, 0, REALM_CREATE_NEW, NULL, NULL, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_set_embedded(thing, T_ANY, NULL, &error));
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_set_embedded(thing, 99, NULL, &error));

    /* A new one takes the place of the old one, which is gone with all it has. */
    OK(realm_object_set_embedded(thing, T_PART, &second, &error));
    CHECK(!realm_object_is_valid(part) && realm_object_is_valid(second));
    CHECK(!realm_collection_is_valid(sizes));
    realm_object_release(part);
    realm_collection_release(sizes);
    OK(realm_object_set(thing, T_PART, &null, &error));
    CHECK(!realm_object_is_valid(second));
    realm_object_release(second);

    realm_collection_t *parts = collection_of(thing, T_PARTS), *spares = collection_of(thing, T_SPARES);
    realm_object_t *first = NULL, *loaded[3];
    OK(realm_list_insert_embedded(parts, 0, &second, &error));
    OK(realm_list_insert_embedded(parts, 0, &first, &error));
    OK(realm_list_insert_embedded(parts, 2, NULL, &error));
    FAILS(REALM_ERR_OUT_OF_RANGE, realm_list_insert_embedded(parts, 4, NULL, &error));
    OK(realm_object_set(first, PART_LABEL, &label, &error));
    size_t n = 0;
    OK(realm_collection_load_objects(parts, 0, 3, loaded, &n, &error));
    EQUAL(n, 3);
    EQUAL(loaded[0]->object_key, first->object_key);
    CHECK(is_string(&loaded[0]->values[PART_LABEL], "wheel"));
    EQUAL(loaded[1]->object_key, second->object_key);
    for (size_t i = 0; i < n; i++) realm_object_release(loaded[i]);
    OK(realm_collection_erase(parts, 0, &error));
    CHECK(!realm_object_is_valid(first));
    realm_object_release(first);
    OK(realm_list_set_embedded(parts, 0, &first, &error));
    CHECK(!realm_object_is_valid(second));
    realm_object_release(second);
    OK(realm_dictionary_put_embedded(spares, str("left"), &second, &error));
    OK(realm_object_set(second, PART_LABEL, &label, &error));
    OK(realm_dictionary_put_embedded(spares, str("right"), NULL, &error));
    EQUAL(count_of(spares), 2);
    OK(realm_dictionary_remove(spares, str("left"), NULL, &error));
    CHECK(!realm_object_is_valid(second));
    CHECK(realm_object_is_valid(first));
    OK(realm_object_delete(thing, &error));
    CHECK(!realm_object_is_valid(first));
    OK(realm_commit(realm, &error));
    realm_object_release(first);
    realm_object_release(second);
    realm_collection_release(parts);
    realm_collection_release(spares);
    realm_object_release(thing);
    realm_release(realm);
}

static void nested(void) {
    realm_t* realm = open_thing("nested.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t *none = (realm_collection_t*) &thing, *list = NULL, *inner = NULL, *deep = NULL, *found = NULL;
    OK(realm_object_get_collection(thing, T_ANY, &none, &error));
    CHECK(none == NULL);
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_get_collection(thing, T_ID, &none, &error));
    FAILS(REALM_ERR_NO_SUCH_PROPERTY, realm_object_get_collection(thing, 99, &none, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_object_set_collection(thing, T_ANY, REALM_COLLECTION_SET, &none, &error));
    FAILS(REALM_ERR_TYPE_MISMATCH, realm_object_set_collection(thing, T_ID, REALM_COLLECTION_LIST, &none, &error));
    OK(realm_object_set_collection(thing, T_ANY, REALM_COLLECTION_LIST, &list, &error));
    OK(realm_object_load(thing, &error));
    EQUAL(thing->values[T_ANY].type, REALM_TYPE_LIST);
    append(list, of_int(1));
    append(list, of_string("two"));
    OK(realm_list_insert_collection(list, 2, REALM_COLLECTION_DICTIONARY, &inner, &error));
    put(inner, "x", of_double(1.5));
    OK(realm_dictionary_put_collection(inner, str("deep"), REALM_COLLECTION_LIST, &deep, &error));
    append(deep, of_int(42));
    realm_value_t values[4];
    size_t n = 0;
    OK(realm_collection_load(list, 0, 4, values, NULL, &n, &error));
    EQUAL(n, 3);
    EQUAL(values[2].type, REALM_TYPE_DICTIONARY);
    OK(realm_collection_open(list, 2, &found, &error));
    EQUAL(realm_collection_get_kind(found), REALM_COLLECTION_DICTIONARY);
    EQUAL(count_of(found), 2);
    realm_collection_release(found);
    OK(realm_collection_open(list, 0, &found, &error));
    CHECK(found == NULL);
    OK(realm_dictionary_open(inner, str("x"), &found, &error));
    CHECK(found == NULL);
    OK(realm_dictionary_open(inner, str("deep"), &found, &error));
    INTS(found, "42");
    realm_collection_release(found);
    /* It stays that collection whatever moves around it. */
    realm_value_t zero = of_int(0);
    OK(realm_list_insert(list, 0, &zero, &error));
    INTS(deep, "42");
    /* One of the same kind stays as it is. */
    OK(realm_list_set_collection(list, 3, REALM_COLLECTION_DICTIONARY, &found, &error));
    EQUAL(count_of(found), 2);
    realm_collection_release(found);
    OK(realm_collection_erase(list, 3, &error));
    CHECK(!realm_collection_is_valid(inner) && !realm_collection_is_valid(deep) && realm_collection_is_valid(list));
    OK(realm_object_set(thing, T_ANY, &zero, &error));
    CHECK(!realm_collection_is_valid(list));
    OK(realm_commit(realm, &error));
    FAILS(REALM_ERR_NO_SUCH_OBJECT, realm_collection_count(list, &n, &error));
    realm_collection_release(list);
    realm_collection_release(inner);
    realm_collection_release(deep);

    /* In a list of mixed. */
    OK(realm_begin_write(realm, &error));
    list = collection_of(thing, T_MIXES);
    append(list, of_link(thing));
    OK(realm_list_insert_collection(list, 1, REALM_COLLECTION_LIST, NULL, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_list_insert_collection(list, 1, REALM_COLLECTION_NONE, NULL, &error));
    OK(realm_collection_load(list, 0, 4, values, NULL, &n, &error));
    EQUAL(n, 2);
    EQUAL(values[0].type, REALM_TYPE_LINK);
    EQUAL(values[1].type, REALM_TYPE_LIST);
    OK(realm_commit(realm, &error));
    realm_collection_release(list);
    realm_object_release(thing);
    realm_release(realm);
}

static void frozen(void) {
    realm_t *realm = open_thing("frozen.realm"), *ice = NULL;
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t *numbers = collection_of(thing, T_NUMBERS), *cold = NULL, *back = NULL;
    append(numbers, of_int(1));
    OK(realm_commit(realm, &error));
    OK(realm_freeze(realm, &ice, &error));
    OK(realm_collection_resolve(numbers, ice, &cold, &error));
    CHECK(cold != NULL);
    OK(realm_begin_write(realm, &error));
    append(numbers, of_int(2));
    OK(realm_commit(realm, &error));
    INTS(numbers, "1 2");
    INTS(cold, "1");
    realm_value_t v = of_int(3);
    FAILS(REALM_ERR_NOT_IN_TRANSACTION, realm_list_insert(cold, 0, &v, &error));
    OK(realm_collection_resolve(cold, realm, &back, &error));
    INTS(back, "1 2");
    realm_collection_release(back);
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(thing, &error));
    OK(realm_commit(realm, &error));
    back = (realm_collection_t*) &v;
    OK(realm_collection_resolve(cold, realm, &back, &error));
    CHECK(back == NULL);
    CHECK(realm_collection_is_valid(cold) && !realm_collection_is_valid(numbers));
    realm_collection_release(cold);
    realm_collection_release(numbers);
    realm_object_release(thing);
    realm_release(ice);
    realm_release(realm);
}

/* A handle keeps the instance, and says so when that is closed. */
static void lifetimes(void) {
    realm_t* realm = open_thing("lifetimes.realm");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t* numbers = collection_of(thing, T_NUMBERS);
    append(numbers, of_int(1));
    OK(realm_commit(realm, &error));
    realm_object_release(thing);
    realm_release(realm);
    INTS(numbers, "1");
    OK(realm_collection_get_realm(numbers, &realm, &error));
    OK(realm_close(realm, &error));
    size_t n = 0;
    FAILS(REALM_ERR_CLOSED, realm_collection_count(numbers, &n, &error));
    CHECK(!realm_collection_is_valid(numbers));
    EQUAL(realm_collection_get_kind(numbers), REALM_COLLECTION_LIST);
    realm_release(realm);
    realm_collection_release(numbers);
    realm_collection_release(numbers);
}

/* ---------------------------------------------------------------------------------------------------------- observers */

struct watch {
    int calls, freed;
    bool initial, root_deleted, has_keys;
    size_t n_insertions, n_deletions, n_modifications, n_moves;
    size_t insertion, deletion, modification;
    char inserted[20], deleted[20], modified[20];
};

static void copy_key(char* to, const realm_string_t* keys, size_t n) {
    to[0] = 0;
    if (n > 0) {
        CHECK(keys[0].size < 20);
        memcpy(to, keys[0].data, keys[0].size);
        to[keys[0].size] = 0;
    }
}

static void on_change(void* userdata, const realm_collection_changes_t* c) {
    struct watch* w = userdata;
    CHECK(w->freed == 0);
    w->calls++;
    w->initial = c->initial;
    w->root_deleted = c->root_deleted;
    w->n_insertions = c->n_insertions;
    w->n_deletions = c->n_deletions;
    w->n_modifications = c->n_modifications;
    w->n_moves = c->n_moves;
    w->insertion = c->n_insertions ? c->insertions[0] : 4711;
    w->deletion = c->n_deletions ? c->deletions[0] : 4711;
    w->modification = c->n_modifications ? c->modifications[0] : 4711;
    w->has_keys = c->keys != NULL;
    if (c->keys) {
        copy_key(w->inserted, c->keys->insertions, c->keys->n_insertions);
        copy_key(w->deleted, c->keys->deletions, c->keys->n_deletions);
        copy_key(w->modified, c->keys->modifications, c->keys->n_modifications);
    }
}
static void free_watch(void* userdata) { ((struct watch*) userdata)->freed++; }

static void observers(void) {
    realm_t *realm = open_thing("observers.realm"), *ice = NULL;
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t *numbers = collection_of(thing, T_NUMBERS), *counts = collection_of(thing, T_COUNTS), *cold = NULL;
    for (int i = 0; i < 4; i++) append(numbers, of_int(i));
    put(counts, "a", of_int(1));
    put(counts, "b", of_int(2));
    OK(realm_commit(realm, &error));
    struct watch list, dictionary, failed;
    memset(&list, 0, sizeof list);
    memset(&dictionary, 0, sizeof dictionary);
    memset(&failed, 0, sizeof failed);
    realm_token_t *list_token = NULL, *dictionary_token = NULL, *none = NULL;
    OK(realm_collection_observe(numbers, on_change, &list, free_watch, &list_token, &error));
    OK(realm_collection_observe(counts, on_change, &dictionary, free_watch, &dictionary_token, &error));
    EQUAL(list.calls + dictionary.calls, 0);
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(list.calls, 1);
    EQUAL(dictionary.calls, 1);
    CHECK(list.initial && dictionary.initial && !list.has_keys);

    OK(realm_begin_write(realm, &error));
    realm_value_t nine = of_int(9);
    OK(realm_list_set(numbers, 0, &nine, &error));
    OK(realm_collection_erase(numbers, 2, &error));
    OK(realm_list_insert(numbers, 3, &nine, &error));
    put(counts, "c", of_int(3));
    put(counts, "b", of_int(7));
    OK(realm_dictionary_remove(counts, str("a"), NULL, &error));
    OK(realm_commit(realm, &error));
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(list.calls, 2);
    CHECK(!list.initial && !list.root_deleted);
    EQUAL(list.n_modifications, 1);
    EQUAL(list.modification, 0);
    EQUAL(list.n_deletions, 1);
    EQUAL(list.deletion, 2);
    EQUAL(list.n_insertions, 1);
    EQUAL(list.insertion, 3);
    EQUAL(dictionary.calls, 2);
    CHECK(dictionary.has_keys);
    CHECK(strcmp(dictionary.inserted, "c") == 0 && strcmp(dictionary.deleted, "a") == 0 && strcmp(dictionary.modified, "b") == 0);
    EQUAL(dictionary.n_insertions, 1);
    EQUAL(dictionary.insertion, 1);

    /* Nothing of theirs. */
    OK(realm_begin_write(realm, &error));
    realm_object_release(add_thing(realm, 2));
    OK(realm_commit(realm, &error));
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(list.calls, 2);
    EQUAL(dictionary.calls, 2);

    /* A linked object that changes is a modified element; so is an embedded one. */
    realm_collection_t *friends = collection_of(thing, T_FRIENDS), *parts = collection_of(thing, T_PARTS), *tags = NULL;
    realm_object_t *other = NULL, *part = NULL;
    struct watch linked, owned;
    memset(&linked, 0, sizeof linked);
    memset(&owned, 0, sizeof owned);
    realm_token_t *linked_token = NULL, *owned_token = NULL;
    realm_value_t two = of_int(2), red = of_string("red");
    OK(realm_object_find(realm, class_of(realm, "Thing"), &two, &other, &error));
    OK(realm_begin_write(realm, &error));
    append(friends, of_link(other));
    OK(realm_list_insert_embedded(parts, 0, &part, &error));
    OK(realm_commit(realm, &error));
    OK(realm_collection_observe(friends, on_change, &linked, free_watch, &linked_token, &error));
    OK(realm_collection_observe(parts, on_change, &owned, free_watch, &owned_token, &error));
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(linked.calls + owned.calls, 2);
    OK(realm_begin_write(realm, &error));
    tags = collection_of(other, T_TAGS);
    OK(realm_set_add(tags, &red, NULL, NULL, &error));
    OK(realm_object_set(part, PART_LABEL, &red, &error));
    OK(realm_commit(realm, &error));
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(linked.calls, 2);
    EQUAL(linked.n_modifications, 1);
    EQUAL(linked.n_insertions + linked.n_deletions, 0);
    EQUAL(owned.calls, 2);
    EQUAL(owned.n_modifications, 1);
    realm_token_release(linked_token);
    realm_token_release(owned_token);
    realm_collection_release(friends);
    realm_collection_release(parts);
    realm_collection_release(tags);
    realm_object_release(other);
    realm_object_release(part);

    /* Registrations that fail. */
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_collection_observe(numbers, NULL, &failed, free_watch, &none, &error));
    FAILS(REALM_ERR_INVALID_ARGUMENT, realm_collection_observe(numbers, on_change, &failed, free_watch, NULL, &error));
    OK(realm_freeze(realm, &ice, &error));
    OK(realm_collection_resolve(numbers, ice, &cold, &error));
    FAILS(REALM_ERR_FROZEN, realm_collection_observe(cold, on_change, &failed, free_watch, &none, &error));
    EQUAL(failed.freed, 3);
    EQUAL(failed.calls, 0);
    CHECK(none == NULL);
    realm_collection_release(cold);
    realm_release(ice);

    /* The handle goes, the token keeps watching; then the owner goes. */
    realm_collection_release(numbers);
    OK(realm_begin_write(realm, &error));
    OK(realm_object_delete(thing, &error));
    OK(realm_commit(realm, &error));
    OK(realm_refresh(realm, NULL, &error));
    EQUAL(list.calls, 3);
    CHECK(list.root_deleted);
    EQUAL(list.n_deletions, 4);
    EQUAL(dictionary.calls, 3);
    CHECK(dictionary.root_deleted);
    realm_token_release(list_token);
    realm_token_release(dictionary_token);
    EQUAL(list.freed, 1);
    EQUAL(dictionary.freed, 1);
    realm_collection_release(counts);
    realm_object_release(thing);
    realm_release(realm);
}

/* ------------------------------------------------------------------------------------------------- arguments that are NULL */

#define ARGUMENT(call) FAILS(REALM_ERR_INVALID_ARGUMENT, call)

static void null_arguments(void) {
    realm_t* realm = open_thing("null.realm");
    realm_class_key_t class_key = class_of(realm, "Thing");
    OK(realm_begin_write(realm, &error));
    realm_object_t* thing = add_thing(realm, 1);
    realm_collection_t *numbers = collection_of(thing, T_NUMBERS), *tags = collection_of(thing, T_TAGS), *counts = collection_of(thing, T_COUNTS), *out = NULL;
    realm_value_t v = of_int(1), bad = of_int(1);
    bad.type = 99;
    realm_string_t no_key = {NULL, 3};
    size_t n = 4711;
    ARGUMENT(realm_object_get_collection(thing, T_NUMBERS, NULL, &error));
    ARGUMENT(realm_object_get_backlinks(thing, class_key, T_FRIENDS, NULL, &error));
    ARGUMENT(realm_collection_clone(numbers, NULL, &error));
    ARGUMENT(realm_collection_get_realm(numbers, NULL, &error));
    ARGUMENT(realm_collection_get_owner(numbers, NULL, NULL, &error));
    ARGUMENT(realm_collection_resolve(numbers, realm, NULL, &error));
    FAILS(REALM_ERR_INVALID_HANDLE, realm_collection_resolve(numbers, NULL, &out, &error));
    ARGUMENT(realm_collection_count(numbers, NULL, &error));
    ARGUMENT(realm_collection_load(numbers, 0, 1, NULL, NULL, &n, &error));
    ARGUMENT(realm_collection_load(numbers, 0, 1, &v, NULL, NULL, &error));
    ARGUMENT(realm_collection_load_objects(numbers, 0, 1, NULL, &n, &error));
    ARGUMENT(realm_collection_load_objects(numbers, 0, 1, &thing, NULL, &error));
    ARGUMENT(realm_collection_find(numbers, NULL, &n, &error));
    ARGUMENT(realm_collection_find(numbers, &v, NULL, &error));
    ARGUMENT(realm_collection_open(numbers, 0, NULL, &error));
    ARGUMENT(realm_collection_query(numbers, str(""), NULL, 0, NULL, &error));
    ARGUMENT(realm_collection_sort(numbers, true, NULL, 1, &n, &error));
    ARGUMENT(realm_collection_sort(numbers, true, &n, 1, NULL, &error));
    ARGUMENT(realm_list_insert(numbers, 0, NULL, &error));
    ARGUMENT(realm_list_insert(numbers, 0, &bad, &error));
    ARGUMENT(realm_list_set(numbers, 0, NULL, &error));
    ARGUMENT(realm_list_assign(numbers, NULL, 1, &error));
    ARGUMENT(realm_list_assign(numbers, &bad, 1, &error));
    ARGUMENT(realm_set_add(tags, NULL, NULL, NULL, &error));
    ARGUMENT(realm_set_remove(tags, NULL, NULL, &error));
    ARGUMENT(realm_dictionary_get(counts, str("k"), NULL, NULL, &error));
    ARGUMENT(realm_dictionary_get(counts, no_key, &v, NULL, &error));
    ARGUMENT(realm_dictionary_find_key(counts, str("k"), NULL, &error));
    ARGUMENT(realm_dictionary_put(counts, str("k"), NULL, &error));
    ARGUMENT(realm_dictionary_put(counts, no_key, &v, &error));
    ARGUMENT(realm_dictionary_remove(counts, no_key, NULL, &error));
    ARGUMENT(realm_dictionary_open(counts, str("k"), NULL, &error));
    EQUAL(n, 4711);
    CHECK(out == NULL);
    OK(realm_cancel_write(realm, &error));
    realm_collection_release(numbers);
    realm_collection_release(tags);
    realm_collection_release(counts);
    realm_object_release(thing);
    realm_release(realm);
}

int main(void) {
    run("lists", lists);
    run("strings", strings);
    run("sets", sets);
    run("dictionaries", dictionaries);
    run("links", links);
    run("embedded objects", embedded);
    run("nested collections", nested);
    run("frozen", frozen);
    run("lifetimes", lifetimes);
    run("observers", observers);
    run("NULL arguments", null_arguments);
    return finish();
}
