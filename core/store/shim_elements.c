/*
 * shim_elements.c - the elements of the collections of one property, or of all collections inside of mixed: a table of
 * (owner, k, v). k is where an element is, v its value, stored as in a column of the element's type.
 */
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rlm_elements* rlm_elements_new(sqlite3* db, const char* name, rlm_col col) {
    rlm_elements* e = calloc(1, sizeof *e);
    if (!e) return 0;
    e->db = db;
    e->col = col;
    e->name = strdup(name);
    if (e->name) return e;
    free(e);
    return 0;
}

void rlm_elements_free(rlm_elements* e) {
    if (!e) return;
    sqlite3_stmt* all[] = {e->insert, e->insert_many, e->update, e->move, e->erase, e->get, e->from, e->after};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) sqlite3_finalize(all[i]);
    free(e->name);
    free(e);
}

/* Prepares head, the table's name, tail at first use. Names are at most a few hundred bytes. */
static int ready(rlm_elements* e, const char* head, const char* tail, sqlite3_stmt** out) {
    if (*out) return SQLITE_OK;
    char sql[1024];
    int n = snprintf(sql, sizeof sql, "%s%s%s", head, e->name, tail);
    if (n < 0 || (size_t) n >= sizeof sql) return SQLITE_NOMEM;
    return rlm_prepare(e->db, sql, n, out);
}

static int bind_place(sqlite3_stmt* st, int param, const rlm_place* p) {
    const char* data = p->size ? p->data : "";
    switch (p->type) {
        case RLM_INT: return sqlite3_bind_int64(st, param, p->position);
        case RLM_STRING: return sqlite3_bind_text64(st, param, data, p->size, SQLITE_STATIC, SQLITE_UTF8);
        default: return sqlite3_bind_blob64(st, param, data, p->size, SQLITE_STATIC);
    }
}

/* Runs a statement whose parameters are bound. */
static int finish(sqlite3_stmt* st) {
    int rc = sqlite3_step(st);
    int reset = sqlite3_reset(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : reset ? reset : rc;
}

static int write_at(rlm_elements* e, sqlite3_stmt* st, int64_t owner, const rlm_place* at, const rlm_cell* v) {
    int rc = sqlite3_bind_int64(st, 1, owner);
    if (!rc) rc = bind_place(st, 2, at);
    if (!rc && v) rc = rlm_bind_cell(st, 3, &e->col, v, e->scratch);
    return rc ? rc : finish(st);
}

/* A place that is taken is SQLITE_CONSTRAINT_...; then nothing has changed. */
int rlm_element_insert(rlm_elements* e, int64_t owner, rlm_place at, const rlm_cell* v) {
    int rc = ready(e, "INSERT INTO ", " VALUES(?1,?2,?3)", &e->insert);
    return rc ? rc : write_at(e, e->insert, owner, &at, v);
}

enum { MANY = 16 };

/* Inserts MANY elements by one statement: all or, when it fails, none. */
static int insert_many(rlm_elements* e, int64_t owner, int64_t first, int64_t step, const rlm_cell* cells) {
    if (!e->insert_many) {
        char tail[MANY * 16 + 16] = " VALUES(?1,?2,?3)";
        size_t n = strlen(tail);
        for (int i = 1; i < MANY; i++) n += (size_t) snprintf(tail + n, sizeof tail - n, ",(?1,?%d,?%d)", 2 * i + 2, 2 * i + 3);
        int rc = ready(e, "INSERT INTO ", tail, &e->insert_many);
        if (rc) return rc;
    }
    int rc = sqlite3_bind_int64(e->insert_many, 1, owner);
    for (int i = 0; i < MANY && !rc; i++) {
        rc = sqlite3_bind_int64(e->insert_many, 2 * i + 2, first + i * step);
        if (!rc) rc = rlm_bind_cell(e->insert_many, 2 * i + 3, &e->col, &cells[i], e->scratch);
    }
    return rc ? rc : finish(e->insert_many);
}

/* Values that are bound as they are, so that several can be bound at once: rlm_bind_cell may need the scratch for others. */
static int is_plain(const rlm_cell* v) {
    switch (v->type) {
        case RLM_INT: case RLM_BOOL: case RLM_STRING: case RLM_BINARY: return 1;
        case RLM_FLOAT: return v->u.fnum == v->u.fnum;
        case RLM_DOUBLE: return v->u.dnum == v->u.dnum;
        default: return 0;
    }
}

/* Inserts at first, first+step, ...; *done tells how many are in when it fails. */
int rlm_element_append(rlm_elements* e, int64_t owner, int64_t first, int64_t step, const rlm_cell* cells, int n, int* done) {
    rlm_place at = {RLM_INT, 0, first, 0};
    for (*done = 0; *done < n; ++*done, at.position += step) {
        int plain = e->col.kind != RLM_NULL && n - *done >= MANY;
        for (int i = 0; i < MANY && plain; i++) plain = is_plain(&cells[*done + i]);
        /* What fails there, fails again below, where it is known which one. */
        if (plain && insert_many(e, owner, at.position, step, &cells[*done]) == SQLITE_OK) {
            *done += MANY - 1;
            at.position += (MANY - 1) * step;
            continue;
        }
        int rc = rlm_element_insert(e, owner, at, &cells[*done]);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

int rlm_element_update(rlm_elements* e, int64_t owner, rlm_place at, const rlm_cell* v, int* changes) {
    int rc = ready(e, "UPDATE ", " SET v=?3 WHERE owner=?1 AND k=?2", &e->update);
    if (!rc) rc = write_at(e, e->update, owner, &at, v);
    *changes = rc ? 0 : sqlite3_changes(e->db);
    return rc;
}

int rlm_element_move(rlm_elements* e, int64_t owner, int64_t from, int64_t to, int* changes) {
    int rc = ready(e, "UPDATE ", " SET k=?3 WHERE owner=?1 AND k=?2", &e->move);
    if (rc || (rc = sqlite3_bind_int64(e->move, 1, owner)) || (rc = sqlite3_bind_int64(e->move, 2, from)) ||
        (rc = sqlite3_bind_int64(e->move, 3, to)) || (rc = finish(e->move)))
        return rc;
    *changes = sqlite3_changes(e->db);
    return SQLITE_OK;
}

int rlm_element_erase(rlm_elements* e, int64_t owner, rlm_place at, int* changes) {
    int rc = ready(e, "DELETE FROM ", " WHERE owner=?1 AND k=?2", &e->erase);
    if (!rc) rc = write_at(e, e->erase, owner, &at, 0);
    *changes = rc ? 0 : sqlite3_changes(e->db);
    return rc;
}

/* Decodes the current row (k, v): the value, then, if keyed, the key of a dictionary. */
static int read_element(rlm_elements* e, sqlite3_stmt* st, int keyed, rlm_batch* b, int i) {
    rlm_cell* row = rlm_batch_row(b, i);
    b->present[i] = 1;
    int rc = rlm_read_cell(st, 1, &e->col, &row[0], b);
    if (rc || !keyed) return rc;
    static const rlm_col text = {RLM_STRING, 0, 1, 0, 0};
    return rlm_read_cell(st, 0, &text, &row[1], b);
}

/* The element at a place; a batch of no rows if there is none. The caller owns the batch. */
int rlm_element_get(rlm_elements* e, int64_t owner, rlm_place at, int keyed, rlm_batch** out) {
    int rc = ready(e, "SELECT k,v FROM ", " WHERE owner=?1 AND k=?2", &e->get);
    if (rc || (rc = sqlite3_bind_int64(e->get, 1, owner)) || (rc = bind_place(e->get, 2, &at))) return rc;
    rlm_batch* b = rlm_batch_new(1, keyed ? 2 : 1);
    if (!b) return SQLITE_NOMEM;
    b->n = 0;
    b->rowids[0] = 0;
    rc = sqlite3_step(e->get);
    if (rc == SQLITE_ROW) {
        b->n = 1;
        rc = read_element(e, e->get, keyed, b, 0);
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    int reset = sqlite3_reset(e->get);
    if (!rc) rc = reset;
    if (rc) {
        rlm_batch_release(b);
        return rc;
    }
    *out = b;
    return SQLITE_OK;
}

/*
 * Loads elements in order, from a place on or behind it, at most limit. The row ids of the batch are first, first+1, ...
 * The caller owns it.
 */
int rlm_elements_load(rlm_elements* e, int64_t owner, rlm_place from, int after, int limit, int keyed, int64_t first, rlm_batch** out) {
    sqlite3_stmt** st = after ? &e->after : &e->from;
    int rc = ready(e, "SELECT k,v FROM ", after ? " WHERE owner=?1 AND k>?2 ORDER BY k" : " WHERE owner=?1 AND k>=?2 ORDER BY k", st);
    if (rc || (rc = sqlite3_bind_int64(*st, 1, owner)) || (rc = bind_place(*st, 2, &from))) return rc;
    rlm_batch* b = rlm_batch_new(limit, keyed ? 2 : 1);
    if (!b) return SQLITE_NOMEM;
    int i = 0;
    while (i < limit && (rc = sqlite3_step(*st)) == SQLITE_ROW) {
        b->rowids[i] = first + i;
        if ((rc = read_element(e, *st, keyed, b, i))) break;
        rc = SQLITE_ROW;
        i++;
    }
    int reset = sqlite3_reset(*st);
    if (i == limit && !rc) rc = SQLITE_DONE;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        rlm_batch_release(b);
        return reset ? reset : rc;
    }
    b->n = i;
    *out = b;
    return SQLITE_OK;
}
