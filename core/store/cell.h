/*
 * cell.h - cells, rows in C memory, and what other packages' C code may call. Shared with core/realm and capi.
 *
 * A cell is one value: the layout is that of realm_value_t of include/realm_sync.h, fixed for all versions with the
 * same major number.
 */
#ifndef RLM_CELL_H
#define RLM_CELL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Functions that live in another cgo package of the same program are declared weak: cgo links each package's C code
 * alone once, to learn its dynamic symbols, and there they don't exist yet. In the final link they do.
 */
#define RLM_WEAK __attribute__((weak))

enum {
    RLM_NULL = 0, RLM_INT = 1, RLM_BOOL = 2, RLM_STRING = 3, RLM_BINARY = 4, RLM_TIMESTAMP = 5, RLM_FLOAT = 6,
    RLM_DOUBLE = 7, RLM_DECIMAL = 8, RLM_LINK = 9, RLM_OBJECT_ID = 10, RLM_UUID = 11,
    RLM_LIST = 251, RLM_DICTIONARY = 253, /* a collection in mixed: u.link is its id; output only */
    RLM_ABSENT = 255
};

enum { RLM_DANGLING = 1 }; /* in flags: a link whose target does not exist; the type is RLM_NULL */

typedef struct rlm_cell {
    uint8_t type;      /* RLM_... */
    uint8_t flags;     /* RLM_DANGLING; output only */
    uint16_t reserved; /* 0 */
    uint32_t size;     /* string, binary: bytes; link: class id of the target */
    union {
        int64_t integer; /* int; bool as 0 or 1 */
        double dnum;
        float fnum;
        const char* data; /* string, binary; not NUL-terminated */
        struct { int64_t seconds; int32_t nanoseconds; } timestamp;
        uint8_t bytes[16]; /* object id (12), uuid (16): textual order */
        struct { uint64_t lo, hi; } decimal; /* IEEE 754-2008 decimal128, BID */
        int64_t link;    /* row id of the target; id of a collection */
    } u;
} rlm_cell;

/*
 * Rows decoded into C memory: n rows of n_cols cells. Strings point into chunks that belong to the batch. A batch is
 * reference counted (atomically) and immutable, but for rlm_batch_patch by the thread that owns the rows; it is freed
 * with its last reference, without entering the Go runtime.
 */
typedef struct rlm_batch rlm_batch;
struct rlm_batch {
    int32_t refs;
    int32_t n;
    int32_t n_cols;
    uint32_t patched;     /* bytes that rlm_batch_patch has used up */
    int64_t* rowids;      /* n */
    uint8_t* present;     /* n: 0 when there is no such row */
    rlm_cell* cells;      /* n * n_cols */
    struct rlm_chunk* chunks;
};

/* The cells of row i. */
static inline rlm_cell* rlm_batch_row(const rlm_batch* b, int32_t i) { return b->cells + (size_t) i * (size_t) b->n_cols; }

RLM_WEAK void rlm_batch_retain(rlm_batch* b);
RLM_WEAK void rlm_batch_release(rlm_batch* b);
/* Overwrites one cell of a row, copying the bytes of strings; returns 0, or 1 when it can't: load the row anew. */
RLM_WEAK int rlm_batch_patch(rlm_batch* b, int32_t row, int32_t col, const rlm_cell* v);

#endif
