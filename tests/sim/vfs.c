/* The simulation's disks (vfs.h). The declarations of SQLite's VFS interface are those of its documentation; they never change. */
#include "vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct sqlite3_file sqlite3_file;
typedef struct sqlite3_vfs sqlite3_vfs;
typedef struct sqlite3_io_methods sqlite3_io_methods;

struct sqlite3_file {
    const sqlite3_io_methods* methods;
};

struct sqlite3_io_methods {
    int version;
    int (*close)(sqlite3_file*);
    int (*read)(sqlite3_file*, void*, int, int64_t);
    int (*write)(sqlite3_file*, const void*, int, int64_t);
    int (*truncate)(sqlite3_file*, int64_t);
    int (*sync)(sqlite3_file*, int);
    int (*size)(sqlite3_file*, int64_t*);
    int (*lock)(sqlite3_file*, int);
    int (*unlock)(sqlite3_file*, int);
    int (*reserved)(sqlite3_file*, int*);
    int (*control)(sqlite3_file*, int, void*);
    int (*sector)(sqlite3_file*);
    int (*device)(sqlite3_file*);
    int (*shm_map)(sqlite3_file*, int, int, int, void volatile**);
    int (*shm_lock)(sqlite3_file*, int, int, int);
    void (*shm_barrier)(sqlite3_file*);
    int (*shm_unmap)(sqlite3_file*, int);
    int (*fetch)(sqlite3_file*, int64_t, int, void**);
    int (*unfetch)(sqlite3_file*, int64_t, void*);
};

struct sqlite3_vfs {
    int version;
    int file_size;
    int max_path;
    sqlite3_vfs* next;
    const char* name;
    void* data;
    int (*open)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
    int (*remove)(sqlite3_vfs*, const char*, int);
    int (*access)(sqlite3_vfs*, const char*, int, int*);
    int (*full_path)(sqlite3_vfs*, const char*, int, char*);
    void* (*dl_open)(sqlite3_vfs*, const char*);
    void (*dl_error)(sqlite3_vfs*, int, char*);
    void (*(*dl_sym)(sqlite3_vfs*, void*, const char*))(void);
    void (*dl_close)(sqlite3_vfs*, void*);
    int (*randomness)(sqlite3_vfs*, int, char*);
    int (*sleep)(sqlite3_vfs*, int);
    int (*time)(sqlite3_vfs*, double*);
    int (*last_error)(sqlite3_vfs*, int, char*);
    int (*time64)(sqlite3_vfs*, int64_t*);
    int (*set_call)(sqlite3_vfs*, const char*, void (*)(void));
    void (*(*get_call)(sqlite3_vfs*, const char*))(void);
    const char* (*next_call)(sqlite3_vfs*, const char*);
};

/* Weak, because cgo links this file alone once, to look at it, without SQLite. */
__attribute__((weak)) sqlite3_vfs* sqlite3_vfs_find(const char*);
__attribute__((weak)) int sqlite3_vfs_register(sqlite3_vfs*, int);

enum { OK = 0, FULL = 13, IOERR_WRITE = 778, IOERR_FSYNC = 1034, IOERR_TRUNCATE = 1546, IOERR_DELETE = 2570, FCNTL_SIZE_HINT = 5 };

/* A write that is not synced, and what it replaced. */
typedef struct undo {
    struct undo* older;
    char* path;
    int64_t at, size; /* where it was written; the size of the file before */
    int length;       /* of old */
    char old[];
} undo;

struct sim_disk {
    struct sim_disk* next;
    char* dir;
    size_t dir_length;
    int64_t operations, refused, countdown;
    int part, dead, torn, full, at_sync;
    undo* newest;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static sim_disk* disks;
static sqlite3_vfs* base;

typedef struct file {
    sqlite3_file head;
    sim_disk* disk;
    const char* path; /* belongs to SQLite, which keeps it as long as the file is open */
    sqlite3_file* real;
} file;

static sqlite3_file* real_of(sqlite3_file* f) { return ((file*) f)->real; }

static sim_disk* disk_of(const char* path) {
    sim_disk* found = NULL;
    pthread_mutex_lock(&guard);
    for (sim_disk* d = disks; path && d; d = d->next)
        if (strncmp(path, d->dir, d->dir_length) == 0 && path[d->dir_length] == '/') {
            found = d;
            break;
        }
    pthread_mutex_unlock(&guard);
    return found;
}

/* Counts an operation and tells whether the machine still runs after it: 1 yes, 0 no, -1 it stops in the middle of this one. */
static int alive(sim_disk* d, int sync) {
    int now = 1;
    pthread_mutex_lock(&guard);
    if (d->dead) {
        now = 0;
    } else {
        d->operations++;
        if ((sync && d->at_sync) || (d->countdown > 0 && --d->countdown == 0)) {
            d->dead = d->torn = 1;
            now = -1;
        }
    }
    pthread_mutex_unlock(&guard);
    return now;
}

static void remember(file* f, int64_t at, int length) {
    int64_t size = 0;
    sqlite3_file* real = f->real;
    if (real->methods->size(real, &size) != OK) return;
    if (at > size) at = size;
    if (length > size - at) length = (int) (size - at);
    if (length < 0) length = 0;
    undo* u = malloc(sizeof(undo) + (size_t) length);
    if (!u) return;
    u->path = strdup(f->path);
    u->at = at;
    u->size = size;
    u->length = length;
    if (length > 0) real->methods->read(real, u->old, length, at);
    pthread_mutex_lock(&guard);
    u->older = f->disk->newest;
    f->disk->newest = u;
    pthread_mutex_unlock(&guard);
}

/* What is synced can't be lost any more. path NULL: everything. */
static void forget(sim_disk* d, const char* path) {
    pthread_mutex_lock(&guard);
    for (undo** at = &d->newest; *at;) {
        undo* u = *at;
        if (path && strcmp(u->path, path) != 0) {
            at = &u->older;
            continue;
        }
        *at = u->older;
        free(u->path);
        free(u);
    }
    pthread_mutex_unlock(&guard);
}

static int file_close(sqlite3_file* f) {
    sqlite3_file* real = real_of(f);
    return real->methods ? real->methods->close(real) : OK;
}

static int file_read(sqlite3_file* f, void* out, int n, int64_t at) { return real_of(f)->methods->read(real_of(f), out, n, at); }

static int file_write(sqlite3_file* f, const void* data, int n, int64_t at) {
    file* x = (file*) f;
    sqlite3_file* real = x->real;
    sim_disk* d = x->disk;
    if (d->full) {
        int64_t size = 0;
        if (real->methods->size(real, &size) == OK && at + n > size) {
            pthread_mutex_lock(&guard);
            d->refused++;
            pthread_mutex_unlock(&guard);
            return FULL;
        }
    }
    int now = alive(d, 0);
    if (now == 0) return IOERR_WRITE;
    if (now < 0) n = (int) ((int64_t) n * d->part / 256);
    if (n > 0) {
        remember(x, at, n);
        int rc = real->methods->write(real, data, n, at);
        if (rc != OK) return rc;
    }
    return now < 0 ? IOERR_WRITE : OK;
}

static int file_truncate(sqlite3_file* f, int64_t size) {
    file* x = (file*) f;
    if (alive(x->disk, 0) != 1) return IOERR_TRUNCATE;
    int64_t before = 0;
    if (x->real->methods->size(x->real, &before) == OK && before > size) remember(x, size, (int) (before - size));
    return x->real->methods->truncate(x->real, size);
}

static int file_sync(sqlite3_file* f, int flags) {
    (void) flags;
    file* x = (file*) f;
    if (alive(x->disk, 1) != 1) return IOERR_FSYNC;
    forget(x->disk, x->path);
    return OK;
}

static int file_size(sqlite3_file* f, int64_t* size) { return real_of(f)->methods->size(real_of(f), size); }
static int file_lock(sqlite3_file* f, int kind) { return real_of(f)->methods->lock(real_of(f), kind); }
static int file_unlock(sqlite3_file* f, int kind) { return real_of(f)->methods->unlock(real_of(f), kind); }
static int file_reserved(sqlite3_file* f, int* out) { return real_of(f)->methods->reserved(real_of(f), out); }

static int file_control(sqlite3_file* f, int op, void* arg) {
    if (op == FCNTL_SIZE_HINT) return OK; /* it would write behind our back */
    return real_of(f)->methods->control(real_of(f), op, arg);
}

static int file_sector(sqlite3_file* f) { return real_of(f)->methods->sector(real_of(f)); }
static int file_device(sqlite3_file* f) { return real_of(f)->methods->device(real_of(f)); }
static int file_shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return real_of(f)->methods->shm_map(real_of(f), page, size, extend, out);
}
static int file_shm_lock(sqlite3_file* f, int at, int n, int flags) { return real_of(f)->methods->shm_lock(real_of(f), at, n, flags); }
static void file_shm_barrier(sqlite3_file* f) { real_of(f)->methods->shm_barrier(real_of(f)); }
static int file_shm_unmap(sqlite3_file* f, int remove) { return real_of(f)->methods->shm_unmap(real_of(f), remove); }
static int file_fetch(sqlite3_file* f, int64_t at, int n, void** out) { return real_of(f)->methods->fetch(real_of(f), at, n, out); }
static int file_unfetch(sqlite3_file* f, int64_t at, void* p) { return real_of(f)->methods->unfetch(real_of(f), at, p); }

static const sqlite3_io_methods methods = {
    3, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_reserved, file_control,
    file_sector, file_device, file_shm_map, file_shm_lock, file_shm_barrier, file_shm_unmap, file_fetch, file_unfetch,
};

static int vfs_open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out) {
    (void) v;
    sim_disk* d = disk_of(path);
    if (!d) return base->open(base, path, f, flags, out);
    file* x = (file*) f;
    x->real = (sqlite3_file*) (x + 1);
    x->real->methods = NULL;
    x->disk = d;
    x->path = path;
    int rc = base->open(base, path, x->real, flags, out);
    x->head.methods = x->real->methods ? &methods : NULL;
    return rc;
}

static int vfs_remove(sqlite3_vfs* v, const char* path, int sync_dir) {
    (void) v;
    (void) sync_dir;
    sim_disk* d = disk_of(path);
    if (d) {
        if (alive(d, 0) != 1) return IOERR_DELETE;
        forget(d, path);
    }
    return base->remove(base, path, 0);
}

static sqlite3_vfs wrapper;

int sim_vfs_install(void) {
    if (base) return OK;
    base = sqlite3_vfs_find(NULL);
    if (!base) return 1;
    wrapper = *base; /* what is not replaced is called with wrapper, whose data is that of base */
    wrapper.next = NULL;
    wrapper.name = "sim";
    wrapper.file_size = (int) sizeof(file) + base->file_size;
    wrapper.open = vfs_open;
    wrapper.remove = vfs_remove;
    return sqlite3_vfs_register(&wrapper, 1);
}

sim_disk* sim_disk_new(const char* dir) {
    sim_disk* d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->dir = strdup(dir);
    d->dir_length = strlen(dir);
    pthread_mutex_lock(&guard);
    d->next = disks;
    disks = d;
    pthread_mutex_unlock(&guard);
    return d;
}

void sim_disk_free(sim_disk* d) {
    forget(d, NULL);
    pthread_mutex_lock(&guard);
    for (sim_disk** at = &disks; *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            break;
        }
    pthread_mutex_unlock(&guard);
    free(d->dir);
    free(d);
}

void sim_disk_arm(sim_disk* d, int64_t writes, int part) {
    pthread_mutex_lock(&guard);
    d->countdown = writes;
    d->part = part;
    pthread_mutex_unlock(&guard);
}

void sim_disk_arm_sync(sim_disk* d, int on) {
    pthread_mutex_lock(&guard);
    d->at_sync = on;
    pthread_mutex_unlock(&guard);
}

void sim_disk_kill(sim_disk* d) {
    pthread_mutex_lock(&guard);
    d->dead = 1;
    pthread_mutex_unlock(&guard);
}

int sim_disk_dead(const sim_disk* d) {
    pthread_mutex_lock(&guard);
    int dead = d->dead;
    pthread_mutex_unlock(&guard);
    return dead;
}

int sim_disk_torn(const sim_disk* d) { return d->torn; }

int sim_disk_revive(sim_disk* d, int lose, int keep) {
    int undone = 0, total = 0, n = 0;
    for (undo* u = d->newest; u; u = u->older) total++;
    int last = total - (int) ((int64_t) total * keep / 1000); /* how many of the newest are undone */
    for (undo* u = d->newest; lose && u && n < last; u = u->older, n++) {
        int fd = open(u->path, O_RDWR | O_CLOEXEC);
        if (fd < 0) continue;
        int ok = u->length == 0 || pwrite(fd, u->old, (size_t) u->length, u->at) == u->length;
        if (ok && ftruncate(fd, u->size) == 0) undone++;
        close(fd);
    }
    forget(d, NULL);
    pthread_mutex_lock(&guard);
    d->dead = d->torn = d->full = d->at_sync = 0;
    d->countdown = 0;
    pthread_mutex_unlock(&guard);
    return undone;
}

void sim_disk_full(sim_disk* d, int full) {
    pthread_mutex_lock(&guard);
    d->full = full;
    pthread_mutex_unlock(&guard);
}

int64_t sim_disk_refused(const sim_disk* d) { return d->refused; }
int64_t sim_disk_operations(const sim_disk* d) { return d->operations; }
