/*
 * object.c - the exports that take an object. They recognise pointers that are no live objects before Go sees them, and answer without
 * entering Go where the object itself has the answer.
 */
#include "_cgo_export.h"

#include "../core/realm/object.h"

/* See RLM_WEAK: another package has these. */
RLM_WEAK int rlm_object_check(const rlm_object* o);

/* The public struct is the first part of the internal one. */
_Static_assert(offsetof(realm_object_t, reserved) == offsetof(rlm_object, reserved), "realm_object_t");
_Static_assert(offsetof(realm_object_t, values) == offsetof(rlm_object, values), "realm_object_t");
_Static_assert(sizeof(realm_value_t) == sizeof(rlm_cell), "realm_value_t");
_Static_assert(offsetof(realm_value_t, u) == offsetof(rlm_cell, u), "realm_value_t");

static bool is_live(const realm_object_t* o) { return rlm_object_check((const rlm_object*) o) != 0; }

static bool is_current(const realm_object_t* o) { return o->values && o->stamp == *o->current; }

void realm_object_release(realm_object_t* object) { rlm_object_release((rlm_object*) object); }

realm_object_t* realm_rows_object(const realm_rows_t* rows, size_t i) { return (realm_object_t*) rlm_rows_object((const rlm_rows*) rows, i); }

void realm_rows_release(realm_rows_t* rows) { rlm_rows_release((rlm_rows*) rows); }

realm_status_t realm_object_clone(const realm_object_t* object, realm_object_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectClone((realm_object_t*) object, out, error);
}

realm_status_t realm_object_load(realm_object_t* object, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    if (is_current(object)) return REALM_OK;
    return rsObjectLoad(object, error);
}

bool realm_object_is_valid(const realm_object_t* object) {
    if (!is_live(object)) return false;
    return is_current(object) || rsObjectIsValid((realm_object_t*) object);
}

realm_status_t realm_object_get_realm(const realm_object_t* object, realm_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectGetRealm((realm_object_t*) object, out, error);
}

realm_status_t realm_object_resolve(const realm_object_t* object, realm_t* target, realm_object_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectResolve((realm_object_t*) object, target, out, error);
}

realm_status_t realm_object_set(realm_object_t* object, uint32_t property, const realm_value_t* value, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectSet(object, property, (realm_value_t*) value, error);
}

realm_status_t realm_object_add_int(realm_object_t* object, uint32_t property, int64_t amount, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectAddInt(object, property, amount, error);
}

realm_status_t realm_object_delete(realm_object_t* object, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectDelete(object, error);
}

realm_status_t realm_object_observe(realm_object_t* object, realm_object_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                    realm_token_t** out, realm_error_t* error) {
    return rsObjectObserve(is_live(object) ? object : NULL, callback, (uintptr_t) userdata, free_userdata, out, error);
}

realm_status_t realm_results_index_of(realm_results_t* results, const realm_object_t* object, size_t* out, realm_error_t* error) {
    return rsResultsIndexOf(results, is_live(object) ? (realm_object_t*) object : NULL, out, error);
}

realm_status_t realm_object_get_collection(const realm_object_t* object, uint32_t property, realm_collection_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectGetCollection((realm_object_t*) object, property, out, error);
}

realm_status_t realm_object_set_embedded(realm_object_t* object, uint32_t property, realm_object_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectSetEmbedded(object, property, out, error);
}

realm_status_t realm_object_set_collection(realm_object_t* object, uint32_t property, int kind, realm_collection_t** out, realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectSetCollection(object, property, kind, out, error);
}

realm_status_t realm_object_get_backlinks(const realm_object_t* object, realm_class_key_t origin_class, uint32_t origin_property, realm_results_t** out,
                                          realm_error_t* error) {
    if (!is_live(object)) return rsInvalidObject(error);
    return rsObjectGetBacklinks((realm_object_t*) object, origin_class, origin_property, out, error);
}
