/* shim_conn.c - capturing the raw connection behind mattn/go-sqlite3, and setting it up. */
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* The connection that was opened last on this thread. */
static __thread sqlite3* captured;

static int capture(sqlite3* db, char** error, const void* api) {
    (void) error;
    (void) api;
    captured = db;
    return SQLITE_OK;
}

/*
 * SQLite needn't count the memory it uses, which costs a lock and a few numbers per allocation: nobody asks. Refused, and as well, when SQLite is
 * in use already. The callback that captures connections is registered once.
 */
static void start(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_auto_extension((void (*)(void)) capture);
}

void rlm_capture_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    captured = 0;
}

sqlite3* rlm_captured(void) { return captured; }

int* rlm_flag_new(void) { return calloc(1, sizeof(int)); }

void rlm_flag_raise(int* flag) {
    if (flag) __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
}

/* Waits for a lock of another connection: 0.1 ms at first, 2 ms in the long run, two minutes in all, or until the flag is raised. */
static int busy(void* data, int count) {
    const int* stop = data;
    if (count > 60000 || (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))) return 0;
    long us = 100L * (count + 1);
    if (us > 2000) us = 2000;
    struct timespec t = {0, us * 1000};
    nanosleep(&t, 0);
    return 1;
}

int rlm_register_functions(sqlite3* db);

/* stop: a flag that ends waits for locks; it must live as long as the connection, or until the next call. */
int rlm_wait_with(sqlite3* db, int* stop) { return sqlite3_busy_handler(db, busy, stop); }

int rlm_setup(sqlite3* db, int* stop) {
    sqlite3_extended_result_codes(db, 1);
    int rc = rlm_wait_with(db, stop);
    if (rc) return rc;
    return rlm_register_functions(db);
}

/*
 * Sets the connection up for reading and writing. mmap: pages are read in place instead of being copied, which matters after another connection's
 * commit has emptied the page cache. cache_size is an upper limit, in KiB.
 */
int rlm_tune(sqlite3* db) {
    return sqlite3_exec(db, "PRAGMA synchronous=FULL;PRAGMA cache_size=-32768;PRAGMA temp_store=MEMORY;PRAGMA mmap_size=1073741824;"
                            "PRAGMA journal_size_limit=67108864", 0, 0, 0);
}

/* 1: the file that the connection has open is no longer the one at its path. */
int rlm_has_moved(sqlite3* db) {
    int moved = 0;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* The file's size is kept at a multiple of this many bytes; 0: no more than needed. */
int rlm_chunk_size(sqlite3* db, int bytes) { return sqlite3_file_control(db, "main", SQLITE_FCNTL_CHUNK_SIZE, &bytes); }

const char* rlm_errmsg(sqlite3* db) { return sqlite3_errmsg(db); }
