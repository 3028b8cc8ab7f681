/*
 * sqlite.h - the part of SQLite's C interface that the shim uses. The functions themselves are in the amalgamation
 * that mattn/go-sqlite3 compiles; they are weak for the reason given in cell.h.
 */
#ifndef RLM_SQLITE_H
#define RLM_SQLITE_H

#include <stdint.h>
#include "cell.h"

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_context sqlite3_context;
typedef struct sqlite3_value sqlite3_value;
typedef void (*sqlite3_destructor_type)(void*);

#define SQLITE_STATIC ((sqlite3_destructor_type) 0)
#define SQLITE_TRANSIENT ((sqlite3_destructor_type) -1)

enum {
    SQLITE_OK = 0, SQLITE_ERROR = 1, SQLITE_BUSY = 5, SQLITE_NOMEM = 7, SQLITE_CORRUPT = 11, SQLITE_CONSTRAINT = 19,
    SQLITE_ROW = 100, SQLITE_DONE = 101
};
enum { SQLITE_FCNTL_CHUNK_SIZE = 6, SQLITE_FCNTL_PERSIST_WAL = 10, SQLITE_FCNTL_HAS_MOVED = 20, SQLITE_CONFIG_MEMSTATUS = 9, SQLITE_CHECKPOINT_TRUNCATE = 3 };
enum { SQLITE_INTEGER = 1, SQLITE_FLOAT = 2, SQLITE_TEXT = 3, SQLITE_BLOB = 4, SQLITE_NULL = 5 };
enum { SQLITE_UTF8 = 1, SQLITE_DETERMINISTIC = 0x800, SQLITE_PREPARE_PERSISTENT = 1 };

RLM_WEAK int sqlite3_config(int option, ...);
RLM_WEAK int sqlite3_auto_extension(void (*entry)(void));
RLM_WEAK int sqlite3_exec(sqlite3*, const char* sql, int (*row)(void*, int, char**, char**), void*, char** error);
RLM_WEAK int sqlite3_busy_handler(sqlite3*, int (*)(void*, int), void*);
RLM_WEAK int sqlite3_file_control(sqlite3*, const char* name, int op, void*);
RLM_WEAK int sqlite3_extended_result_codes(sqlite3*, int);
RLM_WEAK const char* sqlite3_errmsg(sqlite3*);
RLM_WEAK int sqlite3_get_autocommit(sqlite3*);
RLM_WEAK sqlite3_stmt* sqlite3_next_stmt(sqlite3*, sqlite3_stmt*);
RLM_WEAK int sqlite3_wal_checkpoint_v2(sqlite3*, const char* schema, int mode, int* frames, int* done);
RLM_WEAK int sqlite3_db_release_memory(sqlite3*);
RLM_WEAK int sqlite3_close_v2(sqlite3*);
RLM_WEAK int sqlite3_db_readonly(sqlite3*, const char*);
RLM_WEAK int sqlite3_changes(sqlite3*);

RLM_WEAK int sqlite3_prepare_v3(sqlite3*, const char*, int, unsigned, sqlite3_stmt**, const char**);
RLM_WEAK int sqlite3_step(sqlite3_stmt*);
RLM_WEAK int sqlite3_reset(sqlite3_stmt*);
RLM_WEAK int sqlite3_finalize(sqlite3_stmt*);
RLM_WEAK sqlite3* sqlite3_db_handle(sqlite3_stmt*);
RLM_WEAK int sqlite3_column_count(sqlite3_stmt*);

RLM_WEAK int sqlite3_bind_null(sqlite3_stmt*, int);
RLM_WEAK int sqlite3_bind_int64(sqlite3_stmt*, int, int64_t);
RLM_WEAK int sqlite3_bind_double(sqlite3_stmt*, int, double);
RLM_WEAK int sqlite3_bind_text64(sqlite3_stmt*, int, const char*, uint64_t, sqlite3_destructor_type, unsigned char);
RLM_WEAK int sqlite3_bind_blob64(sqlite3_stmt*, int, const void*, uint64_t, sqlite3_destructor_type);

RLM_WEAK int sqlite3_column_type(sqlite3_stmt*, int);
RLM_WEAK int64_t sqlite3_column_int64(sqlite3_stmt*, int);
RLM_WEAK double sqlite3_column_double(sqlite3_stmt*, int);
RLM_WEAK const unsigned char* sqlite3_column_text(sqlite3_stmt*, int);
RLM_WEAK const void* sqlite3_column_blob(sqlite3_stmt*, int);
RLM_WEAK int sqlite3_column_bytes(sqlite3_stmt*, int);

RLM_WEAK int sqlite3_create_function_v2(sqlite3*, const char*, int, int, void*,
                                        void (*)(sqlite3_context*, int, sqlite3_value**),
                                        void (*)(sqlite3_context*, int, sqlite3_value**),
                                        void (*)(sqlite3_context*), void (*)(void*));
RLM_WEAK sqlite3_value* sqlite3_column_value(sqlite3_stmt*, int);
RLM_WEAK int64_t sqlite3_value_int64(sqlite3_value*);
RLM_WEAK double sqlite3_value_double(sqlite3_value*);
RLM_WEAK int sqlite3_value_type(sqlite3_value*);
RLM_WEAK int sqlite3_value_bytes(sqlite3_value*);
RLM_WEAK const void* sqlite3_value_blob(sqlite3_value*);
RLM_WEAK const unsigned char* sqlite3_value_text(sqlite3_value*);
RLM_WEAK void sqlite3_result_int(sqlite3_context*, int);
RLM_WEAK void sqlite3_result_value(sqlite3_context*, sqlite3_value*);
RLM_WEAK void sqlite3_result_text64(sqlite3_context*, const char*, uint64_t, sqlite3_destructor_type, unsigned char);
RLM_WEAK void sqlite3_result_error_nomem(sqlite3_context*);
RLM_WEAK void* sqlite3_user_data(sqlite3_context*);

#endif
