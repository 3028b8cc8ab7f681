/* vfs.c - the VFS of encrypted files: registration, opening, and what its files have in common. */
#include "vfs.h"

#include <string.h>

static sqlite3_vfs* unix_vfs; /* SQLite's own */

static const sqlite3_io_methods* methods_of(int flags) {
    if (flags & SQLITE_OPEN_MAIN_DB) return &rlm_main_methods;
    if (flags & SQLITE_OPEN_WAL) return &rlm_wal_methods;
    if (flags & SQLITE_OPEN_MAIN_JOURNAL) return &rlm_journal_methods;
    return 0;
}

static size_t size_of(const sqlite3_io_methods* m) {
    size_t n = m == &rlm_main_methods ? sizeof(rlm_main) : m == &rlm_wal_methods ? sizeof(rlm_wal) : sizeof(rlm_file);
    return (n + 15) & ~(size_t) 15;
}

/*
 * Temporary files, of whatever kind, are refused: with temp_store=MEMORY, which openWith sets before anything else, SQLite keeps in
 * memory what it would put there, and a mistake shall not leave plaintext on disk.
 */
static int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
    (void) vfs;
    const sqlite3_io_methods* m = methods_of(flags);
    rlm_file* f = (rlm_file*) out;
    out->pMethods = 0;
    if (!m || !name) return SQLITE_CANTOPEN;
    memset(f, 0, size_of(m));
    f->real = (sqlite3_file*) ((char*) f + size_of(m));
    if (m == &rlm_main_methods) {
        f->crypt = (uintptr_t) sqlite3_uri_int64(name, "rlm_crypt", 0);
        if (!f->crypt) return SQLITE_CANTOPEN;
    }
    rlm_main* main = 0;
    if (m == &rlm_wal_methods) { /* SQLite opens it through the connection's database file */
        main = (rlm_main*) sqlite3_database_file_object(name);
        if (!main || main->file.base.pMethods != &rlm_main_methods) return SQLITE_CANTOPEN;
    }
    int rc = unix_vfs->xOpen(unix_vfs, name, f->real, flags, out_flags);
    if (rc) {
        if (f->real->pMethods) f->real->pMethods->xClose(f->real);
        return rc;
    }
    if (main) {
        rlm_wal* w = (rlm_wal*) f;
        f->crypt = main->file.crypt;
        w->main = main;
        w->at = -1;
        main->wal = w;
    }
    out->pMethods = m;
    return SQLITE_OK;
}

/* Registers the VFS "realm". Call it once, before it is used. */
int rlm_vfs_register(void) {
    static sqlite3_vfs vfs;
    unix_vfs = sqlite3_vfs_find(0);
    if (!unix_vfs) return SQLITE_ERROR;
    vfs = *unix_vfs;
    vfs.pNext = 0;
    vfs.zName = "realm";
    vfs.xOpen = vfs_open;
    size_t most = size_of(&rlm_main_methods) > size_of(&rlm_wal_methods) ? size_of(&rlm_main_methods) : size_of(&rlm_wal_methods);
    vfs.szOsFile = (int) most + unix_vfs->szOsFile;
    return sqlite3_vfs_register(&vfs, 0);
}

/* A file that is made by the connection leaves room for the seal at the end of its pages. */
int rlm_reserve(sqlite3* db) {
    int n = RLM_SEAL;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
}

/*
 * Reads the first bytes of a file; the rest of buf is zeroed. It is read through SQLite's VFS, because closing a descriptor of one's
 * own would drop the locks that this process's connections hold on the file (POSIX).
 */
int rlm_read_head(const char* path, void* buf, int n, int* got) {
    *got = 0;
    sqlite3_vfs* vfs = sqlite3_vfs_find(0);
    if (!vfs) return SQLITE_ERROR;
    const char* name = sqlite3_create_filename(path, "", "", 0, 0);
    sqlite3_file* f = sqlite3_malloc(vfs->szOsFile);
    int rc = name && f ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc) {
        f->pMethods = 0;
        rc = vfs->xOpen(vfs, name, f, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, 0);
    }
    if (!rc) {
        int64_t size = 0;
        rc = f->pMethods->xRead(f, buf, n, 0);
        if (rc == SQLITE_IOERR_SHORT_READ) rc = SQLITE_OK;
        if (!rc) rc = f->pMethods->xFileSize(f, &size);
        if (!rc) *got = size < n ? (int) size : n;
    }
    if (f && f->pMethods) f->pMethods->xClose(f);
    sqlite3_free(f);
    if (name) sqlite3_free_filename(name);
    return rc;
}

static sqlite3_file* real(sqlite3_file* f) { return ((rlm_file*) f)->real; }

int rlm_file_close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
int rlm_file_sync(sqlite3_file* f, int flags) { return real(f)->pMethods->xSync(real(f), flags); }
int rlm_file_lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int rlm_file_unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int rlm_file_check_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int rlm_file_control(sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
int rlm_file_sector_size(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }

/* What holds for a file whose pages aren't stored as they are: none of the kinds of atomic writes, no reading of parts of pages. */
int rlm_file_characteristics(sqlite3_file* f) {
    return real(f)->pMethods->xDeviceCharacteristics(real(f)) &
           (SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_IMMUTABLE);
}

/*
 * The rollback journal. An encrypted file has one only while it is made a WAL database, when it has no pages yet: create() does that
 * first. So a journal holds a header and never a page, and here it is made sure of.
 */
static int journal_read(sqlite3_file* f, void* buf, int n, int64_t at) { return real(f)->pMethods->xRead(real(f), buf, n, at); }

static int journal_write(sqlite3_file* f, const void* buf, int n, int64_t at) {
    static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    static const uint8_t none[8];
    int header = n >= 8 && (!memcmp(buf, magic, 8) || !memcmp(buf, none, 8));
    for (int i = 28; header && i < n; i++) header = ((const uint8_t*) buf)[i] == 0;
    if (!header && !(at < 28 && n <= 28)) return SQLITE_IOERR_WRITE;
    return real(f)->pMethods->xWrite(real(f), buf, n, at);
}

static int journal_truncate(sqlite3_file* f, int64_t size) { return real(f)->pMethods->xTruncate(real(f), size); }
static int journal_size(sqlite3_file* f, int64_t* out) { return real(f)->pMethods->xFileSize(real(f), out); }

const sqlite3_io_methods rlm_journal_methods = {
    .iVersion = 1,
    .xClose = rlm_file_close, .xRead = journal_read, .xWrite = journal_write, .xTruncate = journal_truncate, .xSync = rlm_file_sync,
    .xFileSize = journal_size, .xLock = rlm_file_lock, .xUnlock = rlm_file_unlock, .xCheckReservedLock = rlm_file_check_reserved,
    .xFileControl = rlm_file_control, .xSectorSize = rlm_file_sector_size, .xDeviceCharacteristics = rlm_file_characteristics,
};
