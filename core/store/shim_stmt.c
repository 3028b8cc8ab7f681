/* shim_stmt.c - statements whose parameters and columns are plain SQLite values. */
#include "shim.h"

#include <string.h>

int rlm_prepare(sqlite3* db, const char* sql, int n, sqlite3_stmt** out) {
    return sqlite3_prepare_v3(db, sql, n, SQLITE_PREPARE_PERSISTENT, out, 0);
}

void rlm_finalize(sqlite3_stmt* st) { sqlite3_finalize(st); }
void rlm_reset(sqlite3_stmt* st) { sqlite3_reset(st); }

static const char nothing[1] = "";

/* Binds without copying: the arguments must live until the statement is reset. */
int rlm_bind(sqlite3_stmt* st, const rlm_cell* args, int n) {
    for (int i = 0; i < n; i++) {
        const rlm_cell* a = &args[i];
        const char* data = a->size ? a->u.data : nothing;
        int rc;
        switch (a->type) {
            case RLM_INT:
            case RLM_BOOL: rc = sqlite3_bind_int64(st, i + 1, a->u.integer); break;
            case RLM_DOUBLE: rc = sqlite3_bind_double(st, i + 1, a->u.dnum); break;
            case RLM_STRING: rc = sqlite3_bind_text64(st, i + 1, data, a->size, SQLITE_STATIC, SQLITE_UTF8); break;
            case RLM_BINARY: rc = sqlite3_bind_blob64(st, i + 1, data, a->size, SQLITE_STATIC); break;
            default: rc = sqlite3_bind_null(st, i + 1); break;
        }
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* Binds, runs to the end, resets. */
int rlm_run(sqlite3_stmt* st, const rlm_cell* args, int n, int* changes) {
    int rc = rlm_bind(st, args, n);
    if (rc) return rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {}
    if (rc == SQLITE_DONE) {
        *changes = sqlite3_changes(sqlite3_db_handle(st));
        rc = SQLITE_OK;
    }
    int reset = sqlite3_reset(st);
    return rc ? rc : reset;
}

/* Steps; on SQLITE_ROW the cells hold the columns, whose bytes live until the next step or reset. */
int rlm_step(sqlite3_stmt* st, rlm_cell* row, int n) {
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) return rc;
    for (int i = 0; i < n; i++) {
        rlm_cell* c = &row[i];
        memset(c, 0, sizeof *c);
        switch (sqlite3_column_type(st, i)) {
            case SQLITE_INTEGER:
                c->type = RLM_INT;
                c->u.integer = sqlite3_column_int64(st, i);
                break;
            case SQLITE_FLOAT:
                c->type = RLM_DOUBLE;
                c->u.dnum = sqlite3_column_double(st, i);
                break;
            case SQLITE_TEXT:
                c->type = RLM_STRING;
                c->u.data = (const char*) sqlite3_column_text(st, i);
                c->size = (uint32_t) sqlite3_column_bytes(st, i);
                break;
            case SQLITE_BLOB:
                c->type = RLM_BINARY;
                c->u.data = (const char*) sqlite3_column_blob(st, i);
                c->size = (uint32_t) sqlite3_column_bytes(st, i);
                break;
            default: break;
        }
    }
    return rc;
}

/* The first column of the first row as an integer; *found is 0 when there is no row. */
int rlm_int64(sqlite3_stmt* st, const rlm_cell* args, int n, int64_t* out, int* found) {
    *found = 0;
    int rc = rlm_bind(st, args, n);
    if (rc) return rc;
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *found = 1;
        *out = sqlite3_column_int64(st, 0);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    int reset = sqlite3_reset(st);
    return rc ? rc : reset;
}

/* Reads up to cap integers of the first column. SQLITE_ROW: there may be more; SQLITE_DONE: that was all. */
int rlm_ids(sqlite3_stmt* st, int64_t* out, int cap, int* n) {
    int i = 0, rc = SQLITE_ROW;
    while (i < cap && (rc = sqlite3_step(st)) == SQLITE_ROW) out[i++] = sqlite3_column_int64(st, 0);
    *n = i;
    return rc;
}
