/* shim_batch.c - rows in C memory. */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

/* Strings are carved out of chunks, so that a page of rows costs a few allocations, not one per string. */
typedef struct rlm_chunk {
    struct rlm_chunk* next;
    size_t used, size;
    char data[];
} rlm_chunk;

enum { FIRST_CHUNK = 1024, LAST_CHUNK = 65536, MOST_PATCHED = 256 << 10 };

/* One reference; NULL when out of memory. */
rlm_batch* rlm_batch_new(int n, int n_cols) {
    size_t rows = (size_t) n, cells = rows * (size_t) n_cols;
    rlm_batch* b = malloc(sizeof *b + cells * sizeof(rlm_cell) + rows * sizeof(int64_t) + rows);
    if (!b) return 0;
    b->refs = 1;
    b->n = n;
    b->n_cols = n_cols;
    b->patched = 0;
    b->cells = (rlm_cell*) (b + 1);
    b->rowids = (int64_t*) (b->cells + cells);
    b->present = (uint8_t*) (b->rowids + rows);
    b->chunks = 0;
    return b;
}

void rlm_batch_retain(rlm_batch* b) {
    if (b) __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
}

void rlm_batch_release(rlm_batch* b) {
    if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    for (rlm_chunk *c = b->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(b);
}

/* Memory that lives as long as the batch; NULL when there is none. */
char* rlm_batch_alloc(rlm_batch* b, size_t size) {
    rlm_chunk* c = b->chunks;
    if (!c || c->size - c->used < size) {
        size_t want = c ? c->size * 2 : FIRST_CHUNK;
        if (want > LAST_CHUNK) want = LAST_CHUNK;
        if (want < size) want = size;
        rlm_chunk* fresh = malloc(sizeof *fresh + want);
        if (!fresh) return 0;
        fresh->used = 0;
        fresh->size = want;
        fresh->next = c;
        b->chunks = c = fresh;
    }
    char* p = c->data + c->used;
    c->used += size;
    return p;
}

int rlm_batch_patch(rlm_batch* b, int32_t row, int32_t col, const rlm_cell* v) {
    rlm_cell copy = *v;
    copy.flags = 0; /* output only */
    copy.reserved = 0;
    if ((v->type == RLM_STRING || v->type == RLM_BINARY)) {
        /* What was there before stays until the batch goes: an object that is set for ever must get a new one at times. */
        if (b->patched > MOST_PATCHED) return 1;
        b->patched += v->size;
        char* data = rlm_batch_alloc(b, v->size);
        if (!data) return 1;
        if (v->size) memcpy(data, v->u.data, v->size);
        copy.u.data = data;
    }
    rlm_batch_row(b, row)[col] = copy;
    return 0;
}
