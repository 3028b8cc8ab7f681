/*
 * object.h - live objects and instances in C memory, see doc.go.
 */
#ifndef RLM_OBJECT_H
#define RLM_OBJECT_H

#include "../store/cell.h"

/*
 * What objects need of their realm instance. It lives as long as the Go side or an object refers to it; the last object
 * tells the Go side.
 */
typedef struct rlm_instance {
    uint64_t stamp;   /* moves whenever the visible data may have changed */
    uint64_t id;      /* number of the instance, for the Go side */
    int32_t refs;     /* objects, one for the Go side, one more while the Go side has handles or tokens */
    int32_t closed;
} rlm_instance;

/* The first part, up to reserved, is realm_object_t. */
typedef struct rlm_object {
    uint32_t magic;
    uint32_t class_key;
    int64_t object_key;
    uint64_t stamp;
    const uint64_t* current;
    const rlm_cell* values;
    uint32_t n_values;
    uint32_t reserved;
    rlm_instance* instance;
    rlm_batch* batch; /* owner of values */
    int32_t row;
    struct rlm_object* next_free;
} rlm_object;

enum { RLM_OBJECT_MAGIC = 0x6f626a31, RLM_OBJECT_DEAD = 0x64656164, RLM_ROWS_MAGIC = 0x726f7731 };

rlm_instance* rlm_instance_new(uint64_t id);
void rlm_instance_retain(rlm_instance* i);
/* Frees the instance with the last reference. Returns 1 when only the Go side's first reference is left, or none: then nobody uses it. */
int rlm_instance_release(rlm_instance* i);
int32_t rlm_instance_refs(const rlm_instance* i);

/* A number of the calling thread, from 1; no other thread of the process ever has it. */
int64_t rlm_thread_id(void);

/* A new object without row. NULL when out of memory. */
rlm_object* rlm_object_new(rlm_instance* i, uint32_t class_key, int64_t object_key);
/* n objects at once, for the rows of a batch. Each takes a reference to it. Rows that aren't present get no values. */
int rlm_objects_of_batch(rlm_instance* i, uint32_t class_key, rlm_batch* b, uint64_t stamp, rlm_object** out);
/* Gives the object a row; the object takes over one reference of the batch. */
void rlm_object_attach(rlm_object* o, rlm_batch* b, int32_t row, uint64_t stamp);
void rlm_object_detach(rlm_object* o);
/* Whether the pointer is a live object. Memory of objects is never given back, so any pointer that once was one is safe. */
int rlm_object_check(const rlm_object* o);
/*
 * Rows of results whose objects are made when they are asked for. Like objects they come from memory that is never given back, and keep the
 * instance.
 */
typedef struct rlm_rows {
    uint32_t magic;
    uint32_t class_key;
    uint64_t stamp;
    rlm_instance* instance;
    rlm_batch* batch;
    struct rlm_rows* next_free;
} rlm_rows;

/* Takes a reference to the batch. NULL when out of memory. */
rlm_rows* rlm_rows_new(rlm_instance* i, uint32_t class_key, rlm_batch* b, uint64_t stamp);
/* Called from C by capi. An object of its own for row i; NULL when the rows aren't live, or have no such row, or there is no memory. */
RLM_WEAK rlm_object* rlm_rows_object(const rlm_rows* rows, uint64_t i);
RLM_WEAK void rlm_rows_release(rlm_rows* rows);

/* How many objects are live. */
int64_t rlm_object_count(void);

/* Called from C by capi: gives the object up. */
RLM_WEAK void rlm_object_release(rlm_object* o);

#endif
