/*
 * vfs.h - the VFS of encrypted files: a layer between SQLite and its own VFS for Unix that seals what is written and opens
 * what is read. docs/encryption.md describes the format. The cryptography is Go's, see package crypt.
 *
 *     vfs.c         registration, opening, what all files have in common
 *     vfs_main.c    the database file: a preamble, then sealed pages
 *     vfs_wal.c     the -wal file: sealed headers and frames
 *     vfs.go        the calls into Go
 */
#ifndef RLM_VFS_H
#define RLM_VFS_H

#include <stddef.h>
#include <stdint.h>

#include "sqlite.h"

/* ---- what SQLite's VFS interface looks like, fixed for all versions of SQLite 3 */

typedef struct sqlite3_file sqlite3_file;
typedef struct sqlite3_vfs sqlite3_vfs;

typedef struct sqlite3_io_methods {
    int iVersion;
    int (*xClose)(sqlite3_file*);
    int (*xRead)(sqlite3_file*, void*, int, int64_t);
    int (*xWrite)(sqlite3_file*, const void*, int, int64_t);
    int (*xTruncate)(sqlite3_file*, int64_t);
    int (*xSync)(sqlite3_file*, int);
    int (*xFileSize)(sqlite3_file*, int64_t*);
    int (*xLock)(sqlite3_file*, int);
    int (*xUnlock)(sqlite3_file*, int);
    int (*xCheckReservedLock)(sqlite3_file*, int*);
    int (*xFileControl)(sqlite3_file*, int, void*);
    int (*xSectorSize)(sqlite3_file*);
    int (*xDeviceCharacteristics)(sqlite3_file*);
    int (*xShmMap)(sqlite3_file*, int, int, int, void volatile**);
    int (*xShmLock)(sqlite3_file*, int, int, int);
    void (*xShmBarrier)(sqlite3_file*);
    int (*xShmUnmap)(sqlite3_file*, int);
} sqlite3_io_methods; /* version 2: without xFetch, as pages can't be mapped */

struct sqlite3_file { const sqlite3_io_methods* pMethods; };

struct sqlite3_vfs {
    int iVersion, szOsFile, mxPathname;
    sqlite3_vfs* pNext;
    const char* zName;
    void* pAppData;
    int (*xOpen)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
    int (*xDelete)(sqlite3_vfs*, const char*, int);
    int (*xAccess)(sqlite3_vfs*, const char*, int, int*);
    int (*xFullPathname)(sqlite3_vfs*, const char*, int, char*);
    void* (*xDlOpen)(sqlite3_vfs*, const char*);
    void (*xDlError)(sqlite3_vfs*, int, char*);
    void (*(*xDlSym)(sqlite3_vfs*, void*, const char*))(void);
    void (*xDlClose)(sqlite3_vfs*, void*);
    int (*xRandomness)(sqlite3_vfs*, int, char*);
    int (*xSleep)(sqlite3_vfs*, int);
    int (*xCurrentTime)(sqlite3_vfs*, double*);
    int (*xGetLastError)(sqlite3_vfs*, int, char*);
    int (*xCurrentTimeInt64)(sqlite3_vfs*, int64_t*);
    int (*xSetSystemCall)(sqlite3_vfs*, const char*, void (*)(void));
    void (*(*xGetSystemCall)(sqlite3_vfs*, const char*))(void);
    const char* (*xNextSystemCall)(sqlite3_vfs*, const char*);
};

RLM_WEAK sqlite3_vfs* sqlite3_vfs_find(const char*);
RLM_WEAK int sqlite3_vfs_register(sqlite3_vfs*, int make_default);
RLM_WEAK int64_t sqlite3_uri_int64(const char* name, const char* param, int64_t otherwise);
RLM_WEAK sqlite3_file* sqlite3_database_file_object(const char* name);
RLM_WEAK const char* sqlite3_create_filename(const char*, const char*, const char*, int, const char**);
RLM_WEAK void sqlite3_free_filename(const char*);
RLM_WEAK void* sqlite3_malloc(int);
RLM_WEAK void sqlite3_free(void*);

enum {
    SQLITE_IOERR = 10, SQLITE_IOERR_READ = 10 | 1 << 8, SQLITE_IOERR_SHORT_READ = 10 | 2 << 8, SQLITE_IOERR_WRITE = 10 | 3 << 8,
    SQLITE_IOERR_DATA = 10 | 32 << 8, SQLITE_CANTOPEN = 14,
    SQLITE_OPEN_READONLY = 1, SQLITE_OPEN_MAIN_DB = 0x100, SQLITE_OPEN_MAIN_JOURNAL = 0x800, SQLITE_OPEN_WAL = 0x80000,
    SQLITE_FCNTL_SIZE_HINT = 5, SQLITE_FCNTL_MMAP_SIZE = 18, SQLITE_FCNTL_RESERVE_BYTES = 38,
    SQLITE_SHM_UNLOCK = 1, SQLITE_SHM_LOCK = 2, SQLITE_SHM_EXCLUSIVE = 8,
    SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN = 0x800, SQLITE_IOCAP_POWERSAFE_OVERWRITE = 0x1000, SQLITE_IOCAP_IMMUTABLE = 0x2000,
    SQLITE_SYNC_FULL = 3
};

/* ---- our own */

enum {
    RLM_PAGE = 4096,     /* page size of encrypted files */
    RLM_PREAMBLE = 4096, /* size of what comes before the first page */
    RLM_SEAL = 40        /* by how much sealed data is longer */
};

/* What is sealed: Place.Kind of package crypt. The numbers are part of the format. */
enum { RLM_SEAL_PAGE = 1, RLM_SEAL_WAL_HEAD = 2, RLM_SEAL_FRAME_HEAD = 3, RLM_SEAL_FRAME = 4 };

/* Every file begins so; SQLite's own file object, through which we read and write, follows our structure. */
typedef struct rlm_file {
    sqlite3_file base;
    sqlite3_file* real;
    uintptr_t crypt; /* names a *encryption in Go */
} rlm_file;

typedef struct rlm_wal rlm_wal;

typedef struct rlm_main {
    rlm_file file;
    rlm_wal* wal;    /* of the same connection, while it is open */
    int loaded;      /* the key is known to fit, and the file has a preamble */
    int lock;        /* SQLite's lock level */
    int writing;     /* holds the WAL's write lock */
    int recovering;  /* holds the WAL's recovery lock */
    uint8_t scratch[RLM_PREAMBLE];
} rlm_main;

typedef struct rlm_frame_head {
    uint8_t sqlite[24]; /* the header as SQLite knows it */
    uint8_t durable[8]; /* big endian: so many frames at the beginning were on disk for good when this was written */
    uint8_t run[8];     /* the salts of the WAL's header: the header above has them only once the transaction is complete */
} rlm_frame_head;

struct rlm_wal {
    rlm_file file;
    rlm_main* main;
    int64_t next;    /* frame after the one written last */
    int64_t durable; /* so many frames are known to be on disk for good; or more */
    int run_known;   /* run is that of the WAL as it is; forgotten with each write lock: others may begin one in between */
    uint8_t run[8];
    int pending;     /* head is of a new frame, and will be written with its page */
    int64_t at;      /* the frame of head, -1: none */
    rlm_frame_head head;
    uint8_t scratch[RLM_PAGE + 2 * RLM_SEAL + sizeof(rlm_frame_head)];
};

extern const sqlite3_io_methods rlm_main_methods, rlm_wal_methods, rlm_journal_methods;

/* vfs.c: methods that all files share. */
int rlm_file_close(sqlite3_file*);
int rlm_file_sync(sqlite3_file*, int);
int rlm_file_lock(sqlite3_file*, int);
int rlm_file_unlock(sqlite3_file*, int);
int rlm_file_check_reserved(sqlite3_file*, int*);
int rlm_file_control(sqlite3_file*, int, void*);
int rlm_file_sector_size(sqlite3_file*);
int rlm_file_characteristics(sqlite3_file*);

/* vfs_wal.c: syncs the -wal file before it is recovered. What is recovered counts as committed; see rlm_wal.durable. */
int rlm_wal_settle(rlm_wal*);

/* For Go. */
int rlm_vfs_register(void);
int rlm_reserve(sqlite3* db);
int rlm_read_head(const char* path, void* buf, int n, int* got);

/* vfs.go. Results are 0, or a SQLite code. They never panic. */
int rlmCryptLoad(uintptr_t crypt, void* preamble);
int rlmCryptMake(uintptr_t crypt, void* preamble);
int rlmCryptSeal(uintptr_t crypt, int kind, uint64_t index, void* plain, int n, void* out);
int rlmCryptOpen(uintptr_t crypt, int kind, uint64_t index, void* sealed, int n);
/* A frame of the WAL at once, as long as it is on disk: head and page. Sealing leaves the head out unless it is wanted. */
int rlmCryptSealFrame(uintptr_t crypt, uint64_t index, void* head, int with_head, void* page, void* out);
int rlmCryptOpenFrame(uintptr_t crypt, uint64_t index, void* sealed);
void rlmCryptFault(uintptr_t crypt, int kind, uint64_t index);

#endif
