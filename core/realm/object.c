#include "object.h"

#include <sched.h>
#include <stdlib.h>

/* The Go side: the last object of an instance is gone. */
extern void realmInstanceUnused(uint64_t id);

/*
 * Objects come from slabs that are never freed, so that a released handle can be recognised. One spin lock guards the free
 * list; it is held for a few instructions.
 */
static rlm_object* free_objects;
static int free_lock;
static int64_t live_objects;

enum { SLAB = 512 };

static void lock(void) {
    while (__atomic_exchange_n(&free_lock, 1, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&free_lock, __ATOMIC_RELAXED)) sched_yield();
    }
}
static void unlock(void) { __atomic_store_n(&free_lock, 0, __ATOMIC_RELEASE); }

/* Takes n objects off the free list, linked by next_free; NULL when out of memory. */
static rlm_object* take(int n) {
    lock();
    rlm_object* first = NULL;
    for (int i = 0; i < n; i++) {
        if (!free_objects) {
            rlm_object* slab = calloc(SLAB, sizeof(rlm_object));
            if (!slab) { /* put back what was taken */
                while (first) {
                    rlm_object* o = first;
                    first = o->next_free;
                    o->next_free = free_objects;
                    free_objects = o;
                }
                unlock();
                return NULL;
            }
            for (int k = 0; k < SLAB; k++) {
                slab[k].magic = RLM_OBJECT_DEAD;
                slab[k].next_free = free_objects;
                free_objects = &slab[k];
            }
        }
        rlm_object* o = free_objects;
        free_objects = o->next_free;
        o->next_free = first;
        first = o;
    }
    live_objects += n;
    unlock();
    return first;
}

int64_t rlm_thread_id(void) {
    static int64_t last;
    static __thread int64_t own;
    if (!own) own = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    return own;
}

rlm_instance* rlm_instance_new(uint64_t id) {
    rlm_instance* i = calloc(1, sizeof *i);
    if (!i) return NULL;
    i->stamp = 1;
    i->id = id;
    i->refs = 1;
    return i;
}

void rlm_instance_retain(rlm_instance* i) { __atomic_fetch_add(&i->refs, 1, __ATOMIC_RELAXED); }

int rlm_instance_release(rlm_instance* i) {
    int32_t left = __atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL);
    if (left == 0) free(i);
    return left <= 1;
}

int32_t rlm_instance_refs(const rlm_instance* i) { return __atomic_load_n(&i->refs, __ATOMIC_ACQUIRE); }

static void init(rlm_object* o, rlm_instance* i, uint32_t class_key, int64_t object_key) {
    o->class_key = class_key;
    o->object_key = object_key;
    o->stamp = 0;
    o->current = &i->stamp;
    o->values = NULL;
    o->n_values = 0;
    o->instance = i;
    o->batch = NULL;
    o->row = 0;
    o->next_free = NULL;
    __atomic_store_n(&o->magic, RLM_OBJECT_MAGIC, __ATOMIC_RELEASE);
}

rlm_object* rlm_object_new(rlm_instance* i, uint32_t class_key, int64_t object_key) {
    rlm_object* o = take(1);
    if (!o) return NULL;
    rlm_instance_retain(i);
    init(o, i, class_key, object_key);
    return o;
}

void rlm_object_attach(rlm_object* o, rlm_batch* b, int32_t row, uint64_t stamp) {
    if (o->batch) rlm_batch_release(o->batch);
    o->batch = b;
    o->row = row;
    o->values = rlm_batch_row(b, row);
    o->n_values = (uint32_t) b->n_cols;
    o->stamp = stamp;
}

void rlm_object_detach(rlm_object* o) {
    if (o->batch) rlm_batch_release(o->batch);
    o->batch = NULL;
    o->values = NULL;
    o->n_values = 0;
    o->stamp = 0;
}

int rlm_objects_of_batch(rlm_instance* i, uint32_t class_key, rlm_batch* b, uint64_t stamp, rlm_object** out) {
    if (b->n == 0) return 0;
    rlm_object* o = take(b->n);
    if (!o) return 1;
    __atomic_fetch_add(&i->refs, b->n, __ATOMIC_RELAXED);
    __atomic_fetch_add(&b->refs, b->n, __ATOMIC_RELAXED); /* rlm_batch_retain for each; the caller's own stays */
    int32_t missing = 0;
    for (int32_t k = 0; k < b->n; k++) {
        rlm_object* next = o->next_free;
        init(o, i, class_key, b->rowids[k]);
        if (b->present[k]) {
            rlm_object_attach(o, b, k, stamp);
        } else {
            missing++;
        }
        out[k] = o;
        o = next;
    }
    if (missing) __atomic_fetch_sub(&b->refs, missing, __ATOMIC_RELAXED);
    return 0;
}

int rlm_object_check(const rlm_object* o) { return o && ((uintptr_t) o & 7) == 0 && __atomic_load_n(&o->magic, __ATOMIC_ACQUIRE) == RLM_OBJECT_MAGIC; }

int64_t rlm_object_count(void) {
    lock();
    int64_t n = live_objects;
    unlock();
    return n;
}

void rlm_object_release(rlm_object* o) {
    if (!rlm_object_check(o)) return;
    uint32_t live = RLM_OBJECT_MAGIC;
    if (!__atomic_compare_exchange_n(&o->magic, &live, RLM_OBJECT_DEAD, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    rlm_instance* i = o->instance;
    rlm_object_detach(o);
    o->instance = NULL;
    lock();
    o->next_free = free_objects;
    free_objects = o;
    live_objects--;
    unlock();
    uint64_t id = i->id;
    if (rlm_instance_release(i)) realmInstanceUnused(id);
}

static rlm_rows* free_rows;

rlm_rows* rlm_rows_new(rlm_instance* i, uint32_t class_key, rlm_batch* b, uint64_t stamp) {
    enum { ROWS_SLAB = 64 };
    lock();
    if (!free_rows) {
        rlm_rows* slab = calloc(ROWS_SLAB, sizeof(rlm_rows));
        for (int k = 0; slab && k < ROWS_SLAB; k++) {
            slab[k].next_free = free_rows;
            free_rows = &slab[k];
        }
    }
    rlm_rows* r = free_rows;
    if (r) free_rows = r->next_free;
    unlock();
    if (!r) return NULL;
    rlm_instance_retain(i);
    rlm_batch_retain(b);
    r->class_key = class_key;
    r->stamp = stamp;
    r->instance = i;
    r->batch = b;
    __atomic_store_n(&r->magic, RLM_ROWS_MAGIC, __ATOMIC_RELEASE);
    return r;
}

static int is_rows(const rlm_rows* r) { return r && ((uintptr_t) r & 7) == 0 && __atomic_load_n(&r->magic, __ATOMIC_ACQUIRE) == RLM_ROWS_MAGIC; }

rlm_object* rlm_rows_object(const rlm_rows* r, uint64_t at) {
    if (!is_rows(r) || at >= (uint64_t) r->batch->n) return NULL;
    rlm_batch* b = r->batch;
    /* Many rows are in memory that nobody has looked at for a while; the object is about to be asked for its values. */
    const char* values = (const char*) rlm_batch_row(b, (int32_t) at);
    __builtin_prefetch(values);
    __builtin_prefetch(values + 64);
    rlm_object* o = rlm_object_new(r->instance, r->class_key, b->rowids[at]);
    if (o && b->present[at]) {
        rlm_batch_retain(b);
        rlm_object_attach(o, b, (int32_t) at, r->stamp);
    }
    return o;
}

void rlm_rows_release(rlm_rows* r) {
    uint32_t live = RLM_ROWS_MAGIC;
    if (!is_rows(r) || !__atomic_compare_exchange_n(&r->magic, &live, RLM_OBJECT_DEAD, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    rlm_instance* i = r->instance;
    rlm_batch* b = r->batch;
    lock();
    r->next_free = free_rows;
    free_rows = r;
    unlock();
    rlm_batch_release(b);
    uint64_t id = i->id;
    if (rlm_instance_release(i)) realmInstanceUnused(id);
}
