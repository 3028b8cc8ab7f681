/* shim_table.c - whole rows of one class. Statements are prepared at first use and kept with the table. */
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Table and column names are made by the store from letters, digits and underscores: they need no quotes. */
rlm_table* rlm_table_new(sqlite3* db, const char* name, int n_cols) {
    rlm_table* t = calloc(1, sizeof *t);
    if (!t) return 0;
    t->db = db;
    t->n_cols = n_cols;
    t->int_key = t->key_col = t->err_col = -1;
    size_t n = n_cols ? (size_t) n_cols : 1;
    t->cols = calloc(n, sizeof *t->cols);
    t->scratch = malloc(n * RLM_FIXED); /* a value per column */
    t->defaults = calloc(n, sizeof *t->defaults);
    t->col_names = calloc(n, sizeof *t->col_names);
    t->update = calloc(n, sizeof *t->update);
    t->name = strdup(name);
    if (t->cols && t->scratch && t->defaults && t->col_names && t->update && t->name) return t;
    rlm_table_free(t);
    return 0;
}

/* Describes a column; the default is that of changeset.md 5.9. Returns 0, or SQLITE_NOMEM. */
int rlm_table_col(rlm_table* t, int i, const char* name, rlm_col col) {
    t->cols[i] = col;
    rlm_cell* d = &t->defaults[i];
    if (col.stored && !col.nullable) {
        d->type = col.kind;
        /* the zero of rlm_cell is the zero of every type, but for decimals: exponent 0 has the bias 6176 */
        if (col.kind == RLM_DECIMAL) d->u.decimal.hi = (uint64_t) 6176 << 49;
    }
    if (col.is_rowid) t->int_key = i;
    if (!col.stored) return SQLITE_OK;
    return (t->col_names[i] = strdup(name)) ? SQLITE_OK : SQLITE_NOMEM;
}

void rlm_table_key(rlm_table* t, int key_col) { t->key_col = key_col; }

void rlm_table_free(rlm_table* t) {
    if (!t) return;
    sqlite3_stmt* all[] = {t->insert, t->select, t->range, t->exists, t->erase, t->find, t->find_null};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) sqlite3_finalize(all[i]);
    for (int i = 0; i < t->n_cols; i++) {
        if (t->update && t->update[i]) sqlite3_finalize(t->update[i]);
        if (t->col_names) free(t->col_names[i]);
    }
    free(t->cols);
    free(t->scratch);
    free(t->defaults);
    free(t->col_names);
    free(t->update);
    free(t->name);
    free(t);
}

/* A growing text; sticky failure. */
typedef struct text {
    char* data;
    size_t size, cap;
    int failed;
} text;

static void add(text* s, const char* part) {
    size_t n = strlen(part);
    if (s->failed) return;
    if (s->size + n + 1 > s->cap) {
        size_t cap = (s->size + n + 1) * 2;
        char* data = realloc(s->data, cap);
        if (!data) {
            s->failed = 1;
            return;
        }
        s->data = data;
        s->cap = cap;
    }
    memcpy(s->data + s->size, part, n + 1);
    s->size += n;
}

static int prepare(rlm_table* t, text* s, sqlite3_stmt** out) {
    int rc = s->failed ? SQLITE_NOMEM : rlm_prepare(t->db, s->data, (int) s->size, out);
    free(s->data);
    return rc;
}

static int prepare_insert(rlm_table* t) {
    if (t->insert) return SQLITE_OK;
    text s = {0};
    add(&s, "INSERT INTO ");
    add(&s, t->name);
    add(&s, "(id");
    for (int i = 0; i < t->n_cols; i++)
        if (t->col_names[i] && i != t->int_key) add(&s, ","), add(&s, t->col_names[i]);
    add(&s, ")VALUES(?");
    for (int i = 0; i < t->n_cols; i++)
        if (t->col_names[i] && i != t->int_key) add(&s, ",?");
    add(&s, ")");
    return prepare(t, &s, &t->insert);
}

static void add_select(rlm_table* t, text* s) {
    add(s, "SELECT id");
    for (int i = 0; i < t->n_cols; i++)
        if (t->col_names[i] && i != t->int_key) add(s, ","), add(s, t->col_names[i]);
    add(s, " FROM ");
    add(s, t->name);
}

static int prepare_with(rlm_table* t, const char* head, const char* tail, sqlite3_stmt** out) {
    if (*out) return SQLITE_OK;
    text s = {0};
    if (head) add(&s, head), add(&s, t->name);
    else add_select(t, &s);
    add(&s, tail);
    return prepare(t, &s, out);
}

/* Runs a prepared statement whose parameters are bound. */
static int finish(sqlite3_stmt* st) {
    int rc = sqlite3_step(st);
    int reset = sqlite3_reset(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : reset ? reset : rc;
}

/*
 * Inserts a row. Missing cells (n < n_cols) and absent ones get the default. Classes whose key is the row id take it
 * from the key's cell; the others use rowid. A taken key is SQLITE_CONSTRAINT_...; then nothing was inserted.
 */
int rlm_insert(rlm_table* t, int64_t rowid, const rlm_cell* cells, int n) {
    int rc = prepare_insert(t);
    if (rc) return rc;
    if (t->int_key >= 0) {
        t->err_col = t->int_key;
        if (t->int_key >= n || cells[t->int_key].type == RLM_ABSENT) return RLM_E_KEY;
        if (cells[t->int_key].type == RLM_NULL) return RLM_E_NOT_NULL;
        if (cells[t->int_key].type != RLM_INT) return RLM_E_TYPE;
        rowid = cells[t->int_key].u.integer;
    } else if (t->key_col >= 0 && (t->key_col >= n || cells[t->key_col].type == RLM_ABSENT)) {
        t->err_col = t->key_col;
        return RLM_E_KEY;
    }
    if ((rc = sqlite3_bind_int64(t->insert, 1, rowid))) return rc;
    int param = 1;
    for (int i = 0; i < t->n_cols; i++) {
        const rlm_cell* v = i < n && cells[i].type != RLM_ABSENT ? &cells[i] : &t->defaults[i];
        if (!t->col_names[i] || i == t->int_key) {
            if (i != t->int_key && v->type != RLM_NULL) {
                t->err_col = i;
                return RLM_E_TYPE;
            }
            continue;
        }
        param++;
        rc = rlm_bind_cell(t->insert, param, &t->cols[i], v, t->scratch + (size_t) i * RLM_FIXED);
        if (rc) {
            t->err_col = i;
            return rc;
        }
    }
    return finish(t->insert);
}

/* Sets one property. *changes is 0 when there is no such row. */
int rlm_update(rlm_table* t, int64_t rowid, int col, const rlm_cell* v, int* changes) {
    t->err_col = col;
    if (!t->col_names[col] || col == t->int_key) return RLM_E_TYPE;
    if (!t->update[col]) {
        text s = {0};
        add(&s, "UPDATE ");
        add(&s, t->name);
        add(&s, " SET ");
        add(&s, t->col_names[col]);
        add(&s, "=? WHERE id=?");
        int rc = prepare(t, &s, &t->update[col]);
        if (rc) return rc;
    }
    sqlite3_stmt* st = t->update[col];
    int rc = rlm_bind_cell(st, 1, &t->cols[col], v, t->scratch);
    if (rc || (rc = sqlite3_bind_int64(st, 2, rowid)) || (rc = finish(st))) return rc;
    *changes = sqlite3_changes(t->db);
    return SQLITE_OK;
}

/* Sets several properties by a statement of the form UPDATE ... SET c1=?,c2=? ... WHERE id=?, in the order of cols. */
int rlm_update_many(rlm_table* t, sqlite3_stmt* st, int64_t rowid, const int32_t* cols, int n, const rlm_cell* cells, int* changes) {
    int rc;
    for (int i = 0; i < n; i++) {
        t->err_col = cols[i];
        rc = rlm_bind_cell(st, i + 1, &t->cols[cols[i]], &cells[cols[i]], t->scratch + (size_t) i * RLM_FIXED);
        if (rc) return rc;
    }
    if ((rc = sqlite3_bind_int64(st, n + 1, rowid)) || (rc = finish(st))) return rc;
    *changes = sqlite3_changes(t->db);
    return SQLITE_OK;
}

int rlm_erase(rlm_table* t, int64_t rowid, int* changes) {
    int rc = prepare_with(t, "DELETE FROM ", " WHERE id=?", &t->erase);
    if (rc || (rc = sqlite3_bind_int64(t->erase, 1, rowid)) || (rc = finish(t->erase))) return rc;
    *changes = sqlite3_changes(t->db);
    return SQLITE_OK;
}

int rlm_exists(rlm_table* t, int64_t rowid, int* found) {
    int rc = prepare_with(t, "SELECT 1 FROM ", " WHERE id=?", &t->exists);
    if (rc || (rc = sqlite3_bind_int64(t->exists, 1, rowid))) return rc;
    rc = sqlite3_step(t->exists);
    *found = rc == SQLITE_ROW;
    int reset = sqlite3_reset(t->exists);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : reset;
}

/* Looks a primary key up. */
int rlm_find(rlm_table* t, const rlm_cell* key, int64_t* rowid, int* found) {
    *found = 0;
    t->err_col = t->key_col;
    if (t->key_col < 0) return RLM_E_KEY;
    if (t->int_key >= 0) {
        if (key->type == RLM_NULL) return RLM_E_NOT_NULL;
        if (key->type != RLM_INT) return RLM_E_TYPE;
        *rowid = key->u.integer;
        return rlm_exists(t, *rowid, found);
    }
    sqlite3_stmt** st = key->type == RLM_NULL ? &t->find_null : &t->find;
    if (!*st) {
        text s = {0};
        add(&s, "SELECT id FROM ");
        add(&s, t->name);
        add(&s, " WHERE ");
        add(&s, t->col_names[t->key_col]);
        add(&s, key->type == RLM_NULL ? " IS NULL" : "=?");
        int rc = prepare(t, &s, st);
        if (rc) return rc;
    }
    if (key->type != RLM_NULL) {
        int rc = rlm_bind_cell(*st, 1, &t->cols[t->key_col], key, t->scratch);
        if (rc) return rc;
    } else if (!t->cols[t->key_col].nullable) {
        return RLM_E_NOT_NULL;
    }
    int rc = sqlite3_step(*st);
    if (rc == SQLITE_ROW) {
        *found = 1;
        *rowid = sqlite3_column_int64(*st, 0);
    }
    int reset = sqlite3_reset(*st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : reset;
}

/* Decodes the current row of a statement made by add_select. */
static int read_row(rlm_table* t, sqlite3_stmt* st, rlm_batch* b, int i) {
    rlm_cell* row = rlm_batch_row(b, i);
    b->rowids[i] = sqlite3_column_int64(st, 0);
    b->present[i] = 1;
    int column = 1;
    for (int c = 0; c < t->n_cols; c++) {
        if (c == t->int_key) {
            memset(&row[c], 0, sizeof row[c]);
            row[c].type = RLM_INT;
            row[c].u.integer = b->rowids[i];
        } else if (!t->col_names[c]) {
            memset(&row[c], 0, sizeof row[c]);
        } else {
            int rc = rlm_read_cell(st, column++, &t->cols[c], &row[c], b);
            if (rc) {
                t->err_col = c;
                return rc;
            }
        }
    }
    return SQLITE_OK;
}

static void absent_row(rlm_batch* b, int i, int64_t rowid) {
    b->rowids[i] = rowid;
    b->present[i] = 0;
    memset(rlm_batch_row(b, i), 0, sizeof(rlm_cell) * (size_t) b->n_cols);
}

/* Loads rows in ascending order by walking the table instead of searching each. */
static int load_ascending(rlm_table* t, const int64_t* rowids, int n, rlm_batch* b) {
    int rc = prepare_with(t, 0, " WHERE id>=? AND id<=? ORDER BY id", &t->range);
    if (rc || (rc = sqlite3_bind_int64(t->range, 1, rowids[0])) || (rc = sqlite3_bind_int64(t->range, 2, rowids[n - 1]))) return rc;
    int i = 0;
    while (i < n && (rc = sqlite3_step(t->range)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(t->range, 0);
        while (i < n && rowids[i] < id) absent_row(b, i, rowids[i]), i++;
        if (i == n || rowids[i] != id) continue;
        if ((rc = read_row(t, t->range, b, i))) break;
        rc = SQLITE_ROW;
        i++;
    }
    int reset = sqlite3_reset(t->range);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return reset ? reset : rc;
    for (; i < n; i++) absent_row(b, i, rowids[i]);
    return SQLITE_OK;
}

/* Loads these rows; rows that don't exist are not present. *out has one reference, which the caller owns. */
int rlm_load_rows(rlm_table* t, const int64_t* rowids, int n, rlm_batch** out) {
    rlm_batch* b = rlm_batch_new(n, t->n_cols);
    if (!b) return SQLITE_NOMEM;
    int ascending = n > 1;
    for (int i = 1; i < n && ascending; i++) ascending = rowids[i - 1] < rowids[i];
    int rc = SQLITE_OK;
    if (ascending && (uint64_t) rowids[n - 1] - (uint64_t) rowids[0] < (uint64_t) n * 3) {
        rc = load_ascending(t, rowids, n, b);
    } else if (n > 0 && !(rc = prepare_with(t, 0, " WHERE id=?", &t->select))) {
        for (int i = 0; i < n && !rc; i++) {
            if ((rc = sqlite3_bind_int64(t->select, 1, rowids[i]))) break;
            rc = sqlite3_step(t->select);
            if (rc == SQLITE_ROW) {
                rc = read_row(t, t->select, b, i);
            } else if (rc == SQLITE_DONE) {
                absent_row(b, i, rowids[i]);
                rc = SQLITE_OK;
            }
            int reset = sqlite3_reset(t->select);
            if (reset) rc = reset;
        }
    }
    if (rc) {
        rlm_batch_release(b);
        return rc;
    }
    *out = b;
    return SQLITE_OK;
}

/* Loads the first rows, at most limit, with from <= row id <= to, in ascending order. */
int rlm_load_range(rlm_table* t, int64_t from, int64_t to, int limit, rlm_batch** out) {
    int rc = prepare_with(t, 0, " WHERE id>=? AND id<=? ORDER BY id", &t->range);
    if (rc || (rc = sqlite3_bind_int64(t->range, 1, from)) || (rc = sqlite3_bind_int64(t->range, 2, to))) return rc;
    rlm_batch* b = rlm_batch_new(limit, t->n_cols);
    if (!b) return SQLITE_NOMEM;
    int i = 0;
    while (i < limit && (rc = sqlite3_step(t->range)) == SQLITE_ROW) {
        if ((rc = read_row(t, t->range, b, i))) break;
        rc = SQLITE_ROW;
        i++;
    }
    int reset = sqlite3_reset(t->range);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        rlm_batch_release(b);
        return reset ? reset : rc;
    }
    b->n = i;
    *out = b;
    return SQLITE_OK;
}
