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
