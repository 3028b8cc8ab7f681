/*
 * shim_func.c - SQL functions for the string operators of the query language (query-language.md 6.3). Matching is on
 * bytes; a string never matches a binary; null matches nothing. [c] folds A-Z and U+00C0..U+00DE except U+00D7.
 */
#define _GNU_SOURCE /* memmem */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

enum { BEGINS, ENDS, CONTAINS, LIKE, EQUAL, FOLD = 8 };

/* Lower case; the length in bytes stays. */
static void fold(uint8_t* out, const uint8_t* in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t c = in[i];
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        else if (i && in[i - 1] == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97) c |= 0x20;
        out[i] = c;
    }
}

/*
 * The bytes of the code point at p. Continuation bytes without a beginning count as one: a search that starts within a
 * code point must not find more of them than there are.
 */
static size_t code_point(const uint8_t* p, const uint8_t* end) {
    size_t n = 1;
    if (*p & 0x80)
        while (p + n < end && (p[n] & 0xc0) == 0x80) n++;
    return n;
}

/* * is any bytes, ? is one code point. Only the last * needs to be tried again. */
static int like(const uint8_t* s, const uint8_t* s_end, const uint8_t* p, const uint8_t* p_end) {
    const uint8_t *star = 0, *retry = 0;
    while (s < s_end || p < p_end) {
        if (p < p_end && *p == '*') {
            star = ++p;
            retry = s;
            if (star == p_end) return 1;
        } else if (s < s_end && p < p_end && *p == '?') {
            s += code_point(s, s_end);
            p++;
        } else if (s < s_end && p < p_end && *p == *s) {
            s++, p++;
        } else if (star && retry < s_end) {
            s = ++retry;
            p = star;
        } else {
            return 0;
        }
    }
    return 1;
}

static int matches(int op, const uint8_t* s, size_t n, const uint8_t* needle, size_t m) {
    switch (op) {
        case LIKE: return like(s, s + n, needle, needle + m);
        case EQUAL: return n == m && (!m || !memcmp(s, needle, m));
        case BEGINS: return m <= n && (!m || !memcmp(s, needle, m));
        case ENDS: return m <= n && (!m || !memcmp(s + (n - m), needle, m));
        default: return !m || (m <= n && memmem(s, n, needle, m) != 0);
    }
}

/* f(value, needle): 1 or 0. With FOLD the needle is folded already. */
static void match(sqlite3_context* ctx, int argc, sqlite3_value** argv) {
    (void) argc;
    int op = (int) (intptr_t) sqlite3_user_data(ctx), result = 0;
    int type = sqlite3_value_type(argv[0]);
    if ((type == SQLITE_TEXT || type == SQLITE_BLOB) && type == sqlite3_value_type(argv[1])) {
        const uint8_t* s = type == SQLITE_TEXT ? sqlite3_value_text(argv[0]) : sqlite3_value_blob(argv[0]);
        const uint8_t* needle = type == SQLITE_TEXT ? sqlite3_value_text(argv[1]) : sqlite3_value_blob(argv[1]);
        size_t n = (size_t) sqlite3_value_bytes(argv[0]), m = (size_t) sqlite3_value_bytes(argv[1]);
        if (op & FOLD && n) {
            uint8_t small[256], *folded = n <= sizeof small ? small : malloc(n);
            if (!folded) {
                sqlite3_result_error_nomem(ctx);
                return;
            }
            fold(folded, s, n);
            result = matches(op & ~FOLD, folded, n, needle, m);
            if (folded != small) free(folded);
        } else {
            result = matches(op & ~FOLD, s, n, needle, m);
        }
    }
    sqlite3_result_int(ctx, result);
}

/* rlm_fold(x): x in lower case, for what needs to fold a column on the right of an operator. */
static void fold_value(sqlite3_context* ctx, int argc, sqlite3_value** argv) {
    (void) argc;
    if (sqlite3_value_type(argv[0]) != SQLITE_TEXT) {
        sqlite3_result_value(ctx, argv[0]);
        return;
    }
    const uint8_t* s = sqlite3_value_text(argv[0]);
    size_t n = (size_t) sqlite3_value_bytes(argv[0]);
    uint8_t* folded = malloc(n ? n : 1);
    if (!folded) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    fold(folded, s, n);
    sqlite3_result_text64(ctx, (const char*) folded, n, free, SQLITE_UTF8);
}

int rlm_register_functions(sqlite3* db) {
    static const struct { const char* name; int op; } list[] = {
        {"rlm_begins", BEGINS}, {"rlm_ends", ENDS}, {"rlm_contains", CONTAINS}, {"rlm_like", LIKE},
        {"rlm_begins_c", BEGINS | FOLD}, {"rlm_ends_c", ENDS | FOLD}, {"rlm_contains_c", CONTAINS | FOLD},
        {"rlm_like_c", LIKE | FOLD}, {"rlm_equal_c", EQUAL | FOLD},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int rc = sqlite3_create_function_v2(db, list[i].name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                            (void*) (intptr_t) list[i].op, match, 0, 0, 0);
        if (rc) return rc;
    }
    return sqlite3_create_function_v2(db, "rlm_fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, 0, fold_value, 0, 0, 0);
}
