/*
 * shim.h - the C half of core/store: everything that runs once per row or per cell. A connection and what hangs on it
 * is used by one thread at a time.
 */
#ifndef RLM_SHIM_H
#define RLM_SHIM_H

#include "cell.h"
#include "sqlite.h"

/* Results: SQLite's (extended) codes, or one of these. */
enum {
    RLM_E_TYPE = 1000001,     /* a cell of another type than its column; rlm_table.err_col tells which */
    RLM_E_NOT_NULL = 1000002, /* null for a required column */
    RLM_E_KEY = 1000003,      /* the primary key is missing */
    RLM_E_VALUE = 1000005,    /* a timestamp whose parts have different signs, a string without data, ... */
    RLM_E_FORMAT = 1000004    /* a stored value that no version of this program writes */
};

/* ---- connections (shim_conn.c) */

void rlm_capture_start(void);
sqlite3* rlm_captured(void);
int* rlm_flag_new(void); /* 0 at first; free() it after the connection that was set up with it has been closed */
void rlm_flag_raise(int* flag);
int rlm_setup(sqlite3* db, int* stop);
int rlm_wait_with(sqlite3* db, int* stop);
int rlm_park(sqlite3* db, const char* file);
sqlite3* rlm_unpark(const char* file, sqlite3* db, int* usable);
int rlm_tune(sqlite3* db);
int rlm_has_moved(sqlite3* db);
const char* rlm_errmsg(sqlite3* db);
int rlm_chunk_size(sqlite3* db, int bytes);

/* ---- plain statements (shim_stmt.c) */

int rlm_prepare(sqlite3* db, const char* sql, int n, sqlite3_stmt** out);
void rlm_finalize(sqlite3_stmt* st);
void rlm_reset(sqlite3_stmt* st);
int rlm_bind(sqlite3_stmt* st, const rlm_cell* args, int n);
int rlm_run(sqlite3_stmt* st, const rlm_cell* args, int n, int* changes);
int rlm_step(sqlite3_stmt* st, rlm_cell* row, int n);
int rlm_int64(sqlite3_stmt* st, const rlm_cell* args, int n, int64_t* out, int* found);
int rlm_ids(sqlite3_stmt* st, int64_t* out, int cap, int* n);

/* ---- values (shim_codec.c) */

enum { RLM_FIXED = 48 }; /* room for the longest encoding of a value that is not a string or binary */

void rlm_put_timestamp(uint8_t* out, int64_t seconds, int32_t nanoseconds);
void rlm_decimal_key(uint8_t* out, uint64_t hi, uint64_t lo);

typedef struct rlm_col {
    uint8_t kind;     /* type of the property; 0 is mixed */
    uint8_t nullable;
    uint8_t stored;   /* 0: a collection; its cell is null */
    uint8_t is_rowid; /* the int primary key */
    uint32_t target;  /* class id, for links */
} rlm_col;

int rlm_bind_cell(sqlite3_stmt* st, int param, const rlm_col* col, const rlm_cell* v, uint8_t* scratch);
int rlm_read_cell(sqlite3_stmt* st, int column, const rlm_col* col, rlm_cell* out, rlm_batch* owner);

/* ---- rows of a class (shim_table.c) */

typedef struct rlm_table {
    sqlite3* db;
    int n_cols;
    int err_col;
    int int_key; /* index of the property that is the rowid, or -1 */
    rlm_col* cols;
    uint8_t* scratch;
    rlm_cell* defaults;
    char* name;        /* table name */
    char** col_names;  /* NULL when not stored */
    int key_col;       /* index of the primary key property, or -1 */
    sqlite3_stmt *insert, *select, *range, *exists, *erase, *find, *find_null;
    sqlite3_stmt** update;
} rlm_table;

rlm_table* rlm_table_new(sqlite3* db, const char* name, int n_cols);
int rlm_table_col(rlm_table* t, int i, const char* name, rlm_col col);
void rlm_table_key(rlm_table* t, int key_col);
void rlm_table_free(rlm_table* t);
int rlm_insert(rlm_table* t, int64_t rowid, const rlm_cell* cells, int n);
int rlm_update(rlm_table* t, int64_t rowid, int col, const rlm_cell* v, int* changes);
int rlm_update_many(rlm_table* t, sqlite3_stmt* st, int64_t rowid, const int32_t* cols, int n, const rlm_cell* cells, int* changes);
int rlm_erase(rlm_table* t, int64_t rowid, int* changes);
int rlm_exists(rlm_table* t, int64_t rowid, int* found);
int rlm_find(rlm_table* t, const rlm_cell* key, int64_t* rowid, int* found);
int rlm_load_rows(rlm_table* t, const int64_t* rowids, int n, rlm_batch** out);
int rlm_load_range(rlm_table* t, int64_t from, int64_t to, int limit, rlm_batch** out);

/* ---- elements of collections (shim_elements.c) */

/* A place in a collection: an integer (list), bytes (set) or a text (dictionary). */
typedef struct rlm_place {
    uint8_t type; /* RLM_INT, RLM_BINARY, RLM_STRING */
    uint32_t size;
    int64_t position;
    const char* data;
} rlm_place;

typedef struct rlm_elements {
    sqlite3* db;
    rlm_col col;
    uint8_t scratch[RLM_FIXED];
    char* name;
    sqlite3_stmt *insert, *insert_many, *update, *move, *erase, *get, *from, *after;
} rlm_elements;

rlm_elements* rlm_elements_new(sqlite3* db, const char* name, rlm_col col);
void rlm_elements_free(rlm_elements* e);
int rlm_element_insert(rlm_elements* e, int64_t owner, rlm_place at, const rlm_cell* v);
int rlm_element_append(rlm_elements* e, int64_t owner, int64_t first, int64_t step, const rlm_cell* cells, int n, int* done);
int rlm_element_update(rlm_elements* e, int64_t owner, rlm_place at, const rlm_cell* v, int* changes);
int rlm_element_move(rlm_elements* e, int64_t owner, int64_t from, int64_t to, int* changes);
int rlm_element_erase(rlm_elements* e, int64_t owner, rlm_place at, int* changes);
int rlm_element_get(rlm_elements* e, int64_t owner, rlm_place at, int keyed, rlm_batch** out);
int rlm_elements_load(rlm_elements* e, int64_t owner, rlm_place from, int after, int limit, int keyed, int64_t first, rlm_batch** out);

rlm_batch* rlm_batch_new(int n, int n_cols);
char* rlm_batch_alloc(rlm_batch* b, size_t size);

#endif
