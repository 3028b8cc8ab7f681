/* vfs_main.c - the database file of an encrypted realm: a preamble, then the pages, each sealed with its number. */
#include "vfs.h"

#include <string.h>
#include <time.h>

static sqlite3_file* real(rlm_main* m) { return m->file.real; }

static int is_zero(const uint8_t* p, size_t n) {
    while (n && !*p) p++, n--;
    return n == 0;
}

/*
 * Reads the preamble, once there is one; *have says so. Who makes the file writes the preamble first, with SQLite's exclusive lock, and
 * before that the file is empty, or, after a power failure, zeros.
 */
static int load(rlm_main* m, int* have) {
    *have = m->loaded;
    if (m->loaded) return SQLITE_OK;
    int64_t size;
    int rc = real(m)->pMethods->xFileSize(real(m), &size);
    if (rc || size == 0) return rc;
    rc = real(m)->pMethods->xRead(real(m), m->scratch, RLM_PREAMBLE, 0);
    if (rc && rc != SQLITE_IOERR_SHORT_READ) return rc;
    if (is_zero(m->scratch, RLM_PREAMBLE)) return SQLITE_OK;
    rc = rc ? SQLITE_IOERR_DATA : rlmCryptLoad(m->file.crypt, m->scratch);
    if (!rc) *have = m->loaded = 1;
    return rc;
}

/* Writes the preamble of a new file, for good: the pages are worthless without it. */
static int make(rlm_main* m) {
    int rc = rlmCryptMake(m->file.crypt, m->scratch);
    if (!rc) rc = real(m)->pMethods->xWrite(real(m), m->scratch, RLM_PREAMBLE, 0);
    if (!rc) rc = real(m)->pMethods->xSync(real(m), SQLITE_SYNC_FULL);
    if (!rc) m->loaded = 1;
    return rc;
}

/* Reads and opens a whole page. A page that is missing is as bad as one that was changed: SQLite reads none that it didn't write. */
static int read_page(rlm_main* m, uint8_t* out, int64_t index) {
    int rc = real(m)->pMethods->xRead(real(m), out, RLM_PAGE, RLM_PREAMBLE + index * RLM_PAGE);
    if (!rc) return rlmCryptOpen(m->file.crypt, RLM_SEAL_PAGE, (uint64_t) index + 1, out, RLM_PAGE);
    memset(out, 0, RLM_PAGE);
    return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_IOERR_DATA : rc;
}

/*
 * The first page is also read without a lock that keeps checkpoints of other connections out: for the page size when the file is opened,
 * and to see whether the file changed, while it isn't known to be in WAL mode. A page that is being written then doesn't open, a moment later it does.
 */
static int read_first(rlm_main* m, uint8_t* out) {
    int rc = SQLITE_OK;
    for (int i = 0; i < 10; i++) {
        rc = read_page(m, out, 0);
        if (rc != SQLITE_IOERR_DATA) break;
        struct timespec t = {0, 500 * 1000};
        nanosleep(&t, 0);
    }
    return rc;
}

static int main_read(sqlite3_file* f, void* buf, int n, int64_t at) {
    rlm_main* m = (rlm_main*) f;
    int have;
    int rc = load(m, &have);
    if (rc || !have) {
        memset(buf, 0, (size_t) n);
        return rc ? rc : SQLITE_IOERR_SHORT_READ;
    }
    int64_t index = at / RLM_PAGE, within = at % RLM_PAGE;
    if (within + n > RLM_PAGE) return SQLITE_IOERR_READ;
    if (n == RLM_PAGE) {
        rc = index ? read_page(m, buf, index) : read_first(m, buf);
    } else { /* the header: of a file that may be empty, and is opened again under a lock if it doesn't open here */
        int64_t size;
        rc = real(m)->pMethods->xFileSize(real(m), &size);
        if (!rc && size <= RLM_PREAMBLE) rc = SQLITE_IOERR_SHORT_READ;
        if (!rc) rc = index ? read_page(m, m->scratch, index) : read_first(m, m->scratch);
        if (rc == SQLITE_IOERR_DATA && !m->lock) rc = SQLITE_IOERR_SHORT_READ;
        if (rc) memset(buf, 0, (size_t) n);
        else memcpy(buf, m->scratch + within, (size_t) n);
    }
    if (rc == SQLITE_IOERR_DATA) rlmCryptFault(m->file.crypt, RLM_SEAL_PAGE, (uint64_t) index + 1);
    return rc;
}

static int main_write(sqlite3_file* f, const void* buf, int n, int64_t at) {
    rlm_main* m = (rlm_main*) f;
    const uint8_t* page = buf;
    if (n != RLM_PAGE || at % RLM_PAGE) return SQLITE_IOERR_WRITE;
    /* The end of each page is ours only if the first one says so: page size and reserved bytes of SQLite's header. */
    if (at == 0 && (page[16] != RLM_PAGE >> 8 || page[17] != 0 || page[20] != RLM_SEAL)) return SQLITE_IOERR_WRITE;
    int have;
    int rc = load(m, &have);
    if (!rc && !have) rc = make(m);
    if (!rc) rc = rlmCryptSeal(m->file.crypt, RLM_SEAL_PAGE, (uint64_t) (at / RLM_PAGE) + 1, (void*) page, RLM_PAGE - RLM_SEAL, m->scratch);
    if (!rc) rc = real(m)->pMethods->xWrite(real(m), m->scratch, RLM_PAGE, RLM_PREAMBLE + at);
    return rc;
}

static int main_truncate(sqlite3_file* f, int64_t size) {
    rlm_main* m = (rlm_main*) f;
    int64_t now;
    int rc = real(m)->pMethods->xFileSize(real(m), &now);
    if (rc || now == 0) return rc;
    return real(m)->pMethods->xTruncate(real(m), RLM_PREAMBLE + size);
}

static int main_size(sqlite3_file* f, int64_t* out) {
    rlm_main* m = (rlm_main*) f;
    int have;
    *out = 0;
    int rc = load(m, &have);
    if (rc || !have) return rc;
    rc = real(m)->pMethods->xFileSize(real(m), out);
    *out = rc || *out < RLM_PREAMBLE ? 0 : *out - RLM_PREAMBLE;
    return rc;
}

static int main_lock(sqlite3_file* f, int level) {
    int rc = rlm_file_lock(f, level);
    if (!rc && level > ((rlm_main*) f)->lock) ((rlm_main*) f)->lock = level;
    return rc;
}

static int main_unlock(sqlite3_file* f, int level) {
    if (level < ((rlm_main*) f)->lock) ((rlm_main*) f)->lock = level;
    return rlm_file_unlock(f, level);
}

static int main_control(sqlite3_file* f, int op, void* arg) {
    if (op == SQLITE_FCNTL_MMAP_SIZE) {
        *(int64_t*) arg = 0;
        return SQLITE_OK;
    }
    if (op == SQLITE_FCNTL_SIZE_HINT) {
        if (!((rlm_main*) f)->loaded) return SQLITE_OK; /* the preamble comes first */
        int64_t size = *(int64_t*) arg + RLM_PREAMBLE;
        return rlm_file_control(f, op, &size);
    }
    return rlm_file_control(f, op, arg);
}

static int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    sqlite3_file* r = real((rlm_main*) f);
    return r->pMethods->xShmMap(r, page, size, extend, out);
}

/* SQLite's locks of the WAL: 0 is for writing, 2 for recovering. */
static int shm_lock(sqlite3_file* f, int first, int n, int flags) {
    rlm_main* m = (rlm_main*) f;
    sqlite3_file* r = real(m);
    int exclusive = flags & SQLITE_SHM_EXCLUSIVE, take = (flags & SQLITE_SHM_LOCK) != 0;
    int recovery = exclusive && first <= 2 && first + n > 2;
    int rc = r->pMethods->xShmLock(r, first, n, flags);
    if (rc) return rc;
    if (recovery && take && m->wal && (rc = rlm_wal_settle(m->wal))) {
        r->pMethods->xShmLock(r, first, n, (flags & ~SQLITE_SHM_LOCK) | SQLITE_SHM_UNLOCK);
        return rc;
    }
    if (recovery) m->recovering = take;
    if (exclusive && first == 0) {
        m->writing = take;
        if (m->wal) m->wal->run_known = 0;
    }
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file* f) {
    sqlite3_file* r = real((rlm_main*) f);
    r->pMethods->xShmBarrier(r);
}

static int shm_unmap(sqlite3_file* f, int erase) {
    sqlite3_file* r = real((rlm_main*) f);
    return r->pMethods->xShmUnmap(r, erase);
}

const sqlite3_io_methods rlm_main_methods = {
    .iVersion = 2,
    .xClose = rlm_file_close, .xRead = main_read, .xWrite = main_write, .xTruncate = main_truncate, .xSync = rlm_file_sync,
    .xFileSize = main_size, .xLock = main_lock, .xUnlock = main_unlock, .xCheckReservedLock = rlm_file_check_reserved,
    .xFileControl = main_control, .xSectorSize = rlm_file_sector_size, .xDeviceCharacteristics = rlm_file_characteristics,
    .xShmMap = shm_map, .xShmLock = shm_lock, .xShmBarrier = shm_barrier, .xShmUnmap = shm_unmap,
};
