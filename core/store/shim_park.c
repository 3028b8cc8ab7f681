/* shim_park.c - connections that are kept open for a moment after the last Conn of a file was closed (park.go). */
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the files looked like when the connection was parked: nothing of it may have changed when it is used again. */
typedef struct parked {
    sqlite3* db;
    char* file;
    char* wal;
    char* shm;
    struct stat main_is, wal_is, shm_is;
    struct parked* next;
} parked;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static parked* all;

static void drop(parked* p) {
    free(p->file);
    free(p->wal);
    free(p->shm);
    free(p);
}

static int same_time(struct timespec a, struct timespec b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

static int same(const struct stat* a, const struct stat* b) {
#ifdef __APPLE__
    int times = same_time(a->st_mtimespec, b->st_mtimespec) && same_time(a->st_ctimespec, b->st_ctimespec);
#else
    int times = same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
#endif
    return times && a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size;
}

static int unchanged(const parked* p) {
    struct stat main_is, wal_is;
    return !stat(p->file, &main_is) && !stat(p->wal, &wal_is) && same(&main_is, &p->main_is) && same(&wal_is, &p->wal_is);
}

/* A connection of today could write to the files. What was parked could, when it was opened. */
static int writable(const parked* p) {
    char* end = strrchr(p->file, '/');
    if (!end || access(p->file, W_OK)) return 0;
    *end = 0;
    int ok = !access(*p->file ? p->file : "/", W_OK);
    *end = '/';
    return ok;
}

/* Closing the connection will leave the files alone: they are no longer the ones that it knows. */
static void leave_files(sqlite3* db) {
    int keep = 1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    sqlite3_exec(db, "PRAGMA journal_size_limit=-1", 0, 0, 0);
}

static int same_file(const struct stat* a, const struct stat* b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

/*
 * Before a connection is closed whose files have changed. A realm that was deleted meanwhile, by a program that knows of one file only, takes
 * with it what lies beside it, as it would had it been closed at once: the -wal file, which is empty, and the -shm file, if they are those
 * that the connection made. (Who makes the realm anew in this moment makes these files anew, too: they would be others.)
 */
static void leave(const parked* p) {
    struct stat is;
    leave_files(p->db);
    if (!stat(p->file, &is) || errno != ENOENT || stat(p->wal, &is) || !same(&is, &p->wal_is)) return;
    unlink(p->wal);
    if (!stat(p->shm, &is) && same_file(&is, &p->shm_is)) unlink(p->shm);
}

/* At the end of the process nobody will want the connections any more. Closing them removes the files beside the realm. */
static void close_all(void) {
    pthread_mutex_lock(&lock);
    while (all) {
        parked* p = all;
        all = p->next;
        if (!unchanged(p)) leave(p);
        sqlite3_close_v2(p->db);
        drop(p);
    }
    pthread_mutex_unlock(&lock);
}

static void at_exit(void) { atexit(close_all); }

/*
 * Parks a connection without statements, outside of transactions. 0: it can't be parked and is to be closed. All that was committed is in the
 * file when it is parked, as after closing; the -wal file is empty.
 */
int rlm_park(sqlite3* db, const char* file) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int frames = 0, done = 0;
    if (!sqlite3_get_autocommit(db) || sqlite3_next_stmt(db, 0)) return 0;
    sqlite3_busy_handler(db, 0, 0); /* the flag that it looks at is about to be freed */
    if (sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, &frames, &done) != SQLITE_OK || frames != 0) return 0;
    parked* p = calloc(1, sizeof *p);
    if (!p) return 0;
    size_t n = strlen(file);
    p->db = db;
    p->file = malloc(n + 1);
    p->wal = malloc(n + 5);
    p->shm = malloc(n + 5);
    if (!p->file || !p->wal || !p->shm) {
        drop(p);
        return 0;
    }
    memcpy(p->file, file, n + 1);
    memcpy(p->wal, file, n);
    memcpy(p->wal + n, "-wal", 5);
    memcpy(p->shm, file, n);
    memcpy(p->shm + n, "-shm", 5);
    if (rlm_has_moved(db) || stat(p->file, &p->main_is) || stat(p->wal, &p->wal_is) || stat(p->shm, &p->shm_is) || p->wal_is.st_size != 0) {
        drop(p);
        return 0;
    }
    sqlite3_db_release_memory(db);
    pthread_once(&once, at_exit);
    pthread_mutex_lock(&lock);
    p->next = all;
    all = p;
    pthread_mutex_unlock(&lock);
    return 1;
}

/*
 * Takes a connection back: that of a file, or with db != 0 that one. 0: it isn't there. *usable: the files are as it left them, and may
 * still be written; otherwise it can only be closed, which leaves files alone that have changed.
 */
sqlite3* rlm_unpark(const char* file, sqlite3* db, int* usable) {
    *usable = 0;
    pthread_mutex_lock(&lock);
    parked** at = &all;
    while (*at && (db ? (*at)->db != db : strcmp((*at)->file, file) != 0)) at = &(*at)->next;
    parked* p = *at;
    if (p) *at = p->next;
    pthread_mutex_unlock(&lock);
    if (!p) return 0;
    db = p->db;
    *usable = unchanged(p);
    if (!*usable) leave(p);
    *usable = *usable && writable(p);
    drop(p);
    return db;
}
