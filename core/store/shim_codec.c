/*
 * shim_codec.c - how a value is stored in a column.
 *
 * property     column    stored as
 * int, bool    INTEGER
 * float,double BLOB      a number as REAL; a NaN, which SQLite would turn into NULL, as a BLOB of its 4 or 8 bytes (big-endian)
 * string       TEXT      the bytes, whatever they are
 * binary       BLOB
 * timestamp    BLOB      12 bytes, ordered: seconds, nanoseconds, big-endian, sign bit flipped
 * decimal128   BLOB      34 bytes: 18 that order by numeric value, then the 16 of the BID word, big-endian
 * objectId     BLOB      12 bytes
 * uuid         BLOB      16 bytes
 * link         INTEGER   row id of the target; dangling: a BLOB of the 8 bytes of a tombstone id (see tombstone.go)
 * mixed        BLOB      one byte type, then the value; links: class id (4), 1 live or 0 dangling, id (8); collections: id (8)
 *
 * Nothing but SQLite's NULL stands for null.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

static void put32(uint8_t* p, uint32_t v) {
    for (int i = 3; i >= 0; i--, v >>= 8) p[i] = (uint8_t) v;
}

static void put64(uint8_t* p, uint64_t v) {
    for (int i = 7; i >= 0; i--, v >>= 8) p[i] = (uint8_t) v;
}

static uint32_t get32(const uint8_t* p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 8 | p[i];
    return v;
}

static uint64_t get64(const uint8_t* p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | p[i];
    return v;
}

static const uint64_t sign64 = (uint64_t) 1 << 63;
static const uint32_t sign32 = (uint32_t) 1 << 31;

void rlm_put_timestamp(uint8_t* out, int64_t seconds, int32_t nanoseconds) {
    put64(out, (uint64_t) seconds ^ sign64);
    put32(out + 8, (uint32_t) nanoseconds ^ sign32);
}

/*
 * 18 bytes whose order is the numeric order, and which are equal for equal numbers (10.5 and 10.50): NaN (ordered by
 * its bits), -infinity, negative numbers, zero, positive numbers, infinity. A number is its decimal exponent when
 * written d.ddd, then its 34 digits as one integer; both inverted for negative numbers.
 */
void rlm_decimal_key(uint8_t* out, uint64_t hi, uint64_t lo) {
    memset(out, 0, 18);
    int negative = (int) (hi >> 63);
    unsigned top = (unsigned) (hi >> 58) & 31;
    if (top == 31) {
        out[0] = 0x01;
        put64(out + 1, hi);
        put64(out + 9, lo);
        return;
    }
    if (top == 30) {
        out[0] = negative ? 0x02 : 0xff;
        return;
    }
    unsigned __int128 limit = 1, c = (unsigned __int128) (hi & 0x1ffffffffffff) << 64 | lo;
    for (int i = 0; i < 34; i++) limit *= 10;
    if ((hi >> 61 & 3) == 3 || c >= limit) c = 0; /* not canonical: zero, by IEEE 754 */
    if (c == 0) {
        out[0] = 0x80;
        return;
    }
    int exponent = (int) (hi >> 49 & 0x3fff) + 33;
    while (c < limit / 10) {
        c *= 10;
        exponent--;
    }
    exponent += 1024; /* the least is -33: keep it positive */
    out[0] = negative ? 0x40 : 0xc0;
    out[1] = (uint8_t) (exponent >> 8);
    out[2] = (uint8_t) exponent;
    for (int i = 17; i >= 3; i--, c >>= 8) out[i] = (uint8_t) c;
    if (negative)
        for (int i = 1; i < 18; i++) out[i] = (uint8_t) ~out[i];
}

static size_t put_decimal(uint8_t* out, const rlm_cell* v) {
    rlm_decimal_key(out, v->u.decimal.hi, v->u.decimal.lo);
    put64(out + 18, v->u.decimal.hi);
    put64(out + 26, v->u.decimal.lo);
    return 34;
}

static uint32_t float_bits(float f) {
    uint32_t b;
    memcpy(&b, &f, 4);
    return b;
}

static uint64_t double_bits(double d) {
    uint64_t b;
    memcpy(&b, &d, 8);
    return b;
}

/* A link: class id, live or dangling, id. Dangling links come from tombstone.go, with the flag set and type link. */
static size_t put_mixed_link(uint8_t* out, const rlm_cell* v) {
    out[0] = RLM_LINK;
    put32(out + 1, v->size);
    out[5] = v->flags & RLM_DANGLING ? 0 : 1;
    put64(out + 6, (uint64_t) v->u.link ^ sign64);
    return 14;
}

/* Whether a value is what its type allows. */
static int well_formed(const rlm_cell* v) {
    switch (v->type) {
        case RLM_STRING:
        case RLM_BINARY: return !v->size || v->u.data;
        case RLM_TIMESTAMP: {
            int64_t s = v->u.timestamp.seconds;
            int32_t ns = v->u.timestamp.nanoseconds;
            return ns > -1000000000 && ns < 1000000000 && (s <= 0 || ns >= 0) && (s >= 0 || ns <= 0);
        }
        default: return 1;
    }
}

static int bind_mixed(sqlite3_stmt* st, int param, const rlm_cell* v, uint8_t* s) {
    size_t n = 1;
    s[0] = v->type;
    switch (v->type) {
        case RLM_INT:
        case RLM_LIST:
        case RLM_DICTIONARY: put64(s + 1, (uint64_t) v->u.integer ^ sign64), n = 9; break;
        case RLM_BOOL: s[1] = v->u.integer != 0, n = 2; break;
        case RLM_TIMESTAMP: rlm_put_timestamp(s + 1, v->u.timestamp.seconds, v->u.timestamp.nanoseconds), n = 13; break;
        case RLM_FLOAT: put32(s + 1, float_bits(v->u.fnum)), n = 5; break;
        case RLM_DOUBLE: put64(s + 1, double_bits(v->u.dnum)), n = 9; break;
        case RLM_DECIMAL: n = 1 + put_decimal(s + 1, v); break;
        case RLM_LINK: n = put_mixed_link(s, v); break;
        case RLM_OBJECT_ID: memcpy(s + 1, v->u.bytes, 12), n = 13; break;
        case RLM_UUID: memcpy(s + 1, v->u.bytes, 16), n = 17; break;
        case RLM_STRING:
        case RLM_BINARY: {
            char* copy = malloc((size_t) v->size + 1);
            if (!copy) return SQLITE_NOMEM;
            copy[0] = (char) v->type;
            if (v->size) memcpy(copy + 1, v->u.data, v->size);
            return sqlite3_bind_blob64(st, param, copy, (uint64_t) v->size + 1, free);
        }
        default: return RLM_E_TYPE;
    }
    return sqlite3_bind_blob64(st, param, s, n, SQLITE_STATIC);
}

/*
 * Binds a value for a column. Nothing is copied: the cell's bytes and scratch (RLM_FIXED bytes, one per parameter) must
 * live until the statement has run. An absent value must have been replaced before.
 */
int rlm_bind_cell(sqlite3_stmt* st, int param, const rlm_col* col, const rlm_cell* v, uint8_t* scratch) {
    if (v->type == RLM_NULL) return col->nullable || !col->stored ? sqlite3_bind_null(st, param) : RLM_E_NOT_NULL;
    if (!col->stored) return RLM_E_TYPE;
    if (!well_formed(v)) return RLM_E_VALUE;
    if (col->kind == RLM_NULL) return bind_mixed(st, param, v, scratch);
    if (v->type != col->kind) return RLM_E_TYPE;
    const char* data = v->type == RLM_STRING || v->type == RLM_BINARY ? (v->size ? v->u.data : "") : 0;
    switch (v->type) {
        case RLM_INT: return sqlite3_bind_int64(st, param, v->u.integer);
        case RLM_BOOL: return sqlite3_bind_int64(st, param, v->u.integer != 0);
        case RLM_STRING: return sqlite3_bind_text64(st, param, data, v->size, SQLITE_STATIC, SQLITE_UTF8);
        case RLM_BINARY: return sqlite3_bind_blob64(st, param, data, v->size, SQLITE_STATIC);
        case RLM_TIMESTAMP:
            rlm_put_timestamp(scratch, v->u.timestamp.seconds, v->u.timestamp.nanoseconds);
            return sqlite3_bind_blob64(st, param, scratch, 12, SQLITE_STATIC);
        case RLM_FLOAT:
            if (v->u.fnum == v->u.fnum) return sqlite3_bind_double(st, param, v->u.fnum);
            put32(scratch, float_bits(v->u.fnum));
            return sqlite3_bind_blob64(st, param, scratch, 4, SQLITE_STATIC);
        case RLM_DOUBLE:
            if (v->u.dnum == v->u.dnum) return sqlite3_bind_double(st, param, v->u.dnum);
            put64(scratch, double_bits(v->u.dnum));
            return sqlite3_bind_blob64(st, param, scratch, 8, SQLITE_STATIC);
        case RLM_DECIMAL: return sqlite3_bind_blob64(st, param, scratch, put_decimal(scratch, v), SQLITE_STATIC);
        case RLM_LINK:
            if (v->size != col->target) return RLM_E_TYPE;
            if (!(v->flags & RLM_DANGLING)) return sqlite3_bind_int64(st, param, v->u.link);
            put64(scratch, (uint64_t) v->u.link);
            return sqlite3_bind_blob64(st, param, scratch, 8, SQLITE_STATIC);
        case RLM_OBJECT_ID:
            memcpy(scratch, v->u.bytes, 12);
            return sqlite3_bind_blob64(st, param, scratch, 12, SQLITE_STATIC);
        case RLM_UUID:
            memcpy(scratch, v->u.bytes, 16);
            return sqlite3_bind_blob64(st, param, scratch, 16, SQLITE_STATIC);
        default: return RLM_E_TYPE;
    }
}

/* Copies bytes of a column into the owner's memory. */
static int own(rlm_cell* out, uint8_t type, const void* data, int size, rlm_batch* owner) {
    char* copy = rlm_batch_alloc(owner, (size_t) size);
    if (!copy) return SQLITE_NOMEM;
    if (size) memcpy(copy, data, (size_t) size);
    out->type = type;
    out->size = (uint32_t) size;
    out->u.data = copy;
    return SQLITE_OK;
}

/* A dangling link reads as null; its tombstone stays in the payload for tombstone.go. */
static void dangling(rlm_cell* out, uint32_t class_id, uint64_t tombstone) {
    out->type = RLM_NULL;
    out->flags = RLM_DANGLING;
    out->size = class_id;
    out->u.link = (int64_t) tombstone;
}

/* A value of a fixed-size type. */
static int read_fixed(uint8_t kind, const uint8_t* p, int n, rlm_cell* out) {
    static const int8_t sizes[] = {-1, 8, 1, -1, -1, 12, 4, 8, 34, 13, 12, 16};
    if (kind > RLM_UUID || sizes[kind] != n) return RLM_E_FORMAT;
    out->type = kind;
    switch (kind) {
        case RLM_INT: out->u.integer = (int64_t) (get64(p) ^ sign64); break;
        case RLM_BOOL: out->u.integer = *p; break;
        case RLM_TIMESTAMP:
            out->u.timestamp.seconds = (int64_t) (get64(p) ^ sign64);
            out->u.timestamp.nanoseconds = (int32_t) (get32(p + 8) ^ sign32);
            break;
        case RLM_FLOAT: {
            uint32_t b = get32(p);
            memcpy(&out->u.fnum, &b, 4);
            break;
        }
        case RLM_DOUBLE: {
            uint64_t b = get64(p);
            memcpy(&out->u.dnum, &b, 8);
            break;
        }
        case RLM_DECIMAL:
            out->u.decimal.hi = get64(p + 18);
            out->u.decimal.lo = get64(p + 26);
            break;
        case RLM_LINK:
            if (!p[4]) {
                dangling(out, get32(p), get64(p + 5) ^ sign64);
                break;
            }
            out->size = get32(p);
            out->u.link = (int64_t) (get64(p + 5) ^ sign64);
            break;
        default: memcpy(out->u.bytes, p, (size_t) n); break;
    }
    return SQLITE_OK;
}

/* Reads a column of the current row; the bytes of strings are copied into owner. */
int rlm_read_cell(sqlite3_stmt* st, int column, const rlm_col* col, rlm_cell* out, rlm_batch* owner) {
    memset(out, 0, sizeof *out);
    sqlite3_value* v = sqlite3_column_value(st, column); /* the connection has no mutex, so it may be read like a protected one */
    int type = sqlite3_value_type(v);
    if (type == SQLITE_NULL) return SQLITE_OK;
    const uint8_t* p = 0;
    int n = 0;
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
        p = type == SQLITE_TEXT ? sqlite3_value_text(v) : sqlite3_value_blob(v);
        n = sqlite3_value_bytes(v);
        if (!p && n) return SQLITE_NOMEM;
    }
    switch (col->kind) {
        case RLM_NULL:
            if (!p || !n) return RLM_E_FORMAT;
            if (p[0] == RLM_STRING || p[0] == RLM_BINARY) return own(out, p[0], p + 1, n - 1, owner);
            if (p[0] == RLM_LIST || p[0] == RLM_DICTIONARY) {
                int rc = read_fixed(RLM_INT, p + 1, n - 1, out);
                out->type = p[0];
                return rc;
            }
            return read_fixed(p[0], p + 1, n - 1, out);
        case RLM_INT:
        case RLM_BOOL:
            if (type != SQLITE_INTEGER) return RLM_E_FORMAT;
            out->type = col->kind;
            out->u.integer = sqlite3_value_int64(v);
            return SQLITE_OK;
        case RLM_STRING:
        case RLM_BINARY:
            if (type != (col->kind == RLM_STRING ? SQLITE_TEXT : SQLITE_BLOB)) return RLM_E_FORMAT;
            return own(out, col->kind, p, n, owner);
        case RLM_FLOAT:
        case RLM_DOUBLE:
            if (type == SQLITE_BLOB) return read_fixed(col->kind, p, n, out);
            if (type != SQLITE_FLOAT) return RLM_E_FORMAT;
            out->type = col->kind;
            if (col->kind == RLM_FLOAT) out->u.fnum = (float) sqlite3_value_double(v);
            else out->u.dnum = sqlite3_value_double(v);
            return SQLITE_OK;
        case RLM_LINK:
            if (type == SQLITE_BLOB && n == 8) {
                dangling(out, col->target, get64(p));
                return SQLITE_OK;
            }
            if (type != SQLITE_INTEGER) return RLM_E_FORMAT;
            out->type = RLM_LINK;
            out->size = col->target;
            out->u.link = sqlite3_value_int64(v);
            return SQLITE_OK;
        default: return type == SQLITE_BLOB ? read_fixed(col->kind, p, n, out) : RLM_E_FORMAT;
    }
}
