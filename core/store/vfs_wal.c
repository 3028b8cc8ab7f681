/*
 * vfs_wal.c - the -wal file of an encrypted realm.
 *
 * SQLite writes three things to it, each as a whole: the header (32 bytes), the headers of frames (24 bytes: page number, checksum of the
 * plaintext, ...) and the pages of frames. Each is sealed by itself, so places in the file differ from those that SQLite believes in:
 *
 *     0     header            512   header again
 *     1024  head of frame 0, page of frame 0, head of frame 1, ...
 *
 * A frame's page is bound to its head's page number and to one run of the WAL: from one header to the next.
 *
 * After a crash SQLite replays the frames up to the first that isn't right, because the last transaction may not have reached the disk
 * whole. A frame that doesn't open is that end, or it was changed. Therefore each head says how many frames were on disk for good when
 * it was written. If a later head of the same run says so of the frame that doesn't open, it was changed, and that is an error. Only
 * the last transaction can't be told from one that was cut off - nor can a file whose end is missing.
 */
#include "vfs.h"

#include <string.h>

enum {
    HEAD = 32, FRAME_HEAD = 24, FRAME = FRAME_HEAD + RLM_PAGE,                                    /* as SQLite sees it */
    SEALED_HEAD = HEAD + RLM_SEAL, SEALED_FRAME_HEAD = (int) sizeof(rlm_frame_head) + RLM_SEAL, /* as it is */
    SEALED_FRAME = SEALED_FRAME_HEAD + RLM_PAGE + RLM_SEAL,
    COPY = 512, FRAMES = 1024
};

static sqlite3_file* real(rlm_wal* w) { return w->file.real; }
static int64_t place(int64_t frame) { return FRAMES + frame * SEALED_FRAME; }

static uint64_t be(const uint8_t* p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

static uint64_t run_of(const rlm_frame_head* h) { return be(h->run, 8); }
static const uint8_t* salts(const uint8_t* wal_head) { return wal_head + 16; }

/* Reads n bytes and opens them. SQLITE_IOERR_DATA: they don't open. SQLITE_IOERR_SHORT_READ: they aren't all there. */
static int read_sealed(rlm_wal* w, uint8_t* out, int n, int64_t at, int kind, int64_t index) {
    int rc = real(w)->pMethods->xRead(real(w), out, n, at);
    return rc ? rc : rlmCryptOpen(w->file.crypt, kind, (uint64_t) index, out, n);
}

static int write_sealed(rlm_wal* w, const void* plain, int n, int64_t at, int kind, int64_t index) {
    int rc = rlmCryptSeal(w->file.crypt, kind, (uint64_t) index, (void*) plain, n, w->scratch);
    return rc ? rc : real(w)->pMethods->xWrite(real(w), w->scratch, n + RLM_SEAL, at);
}

static int is_unreadable(int rc) { return rc == SQLITE_IOERR_DATA || rc == SQLITE_IOERR_SHORT_READ; }

/* How many frames there may be. */
static int frames(rlm_wal* w, int64_t* n) {
    int64_t size;
    int rc = real(w)->pMethods->xFileSize(real(w), &size);
    *n = rc || size < FRAMES ? 0 : (size - FRAMES + SEALED_FRAME - 1) / SEALED_FRAME;
    return rc;
}

/* Reads the header. It is there twice, in two sectors: a write that was cut off has left one of them as it was, or made it new. */
static int read_head(rlm_wal* w, uint8_t* out) {
    int rc = SQLITE_OK;
    for (int64_t at = 0; at <= COPY; at += COPY) {
        rc = read_sealed(w, w->scratch, SEALED_HEAD, at, RLM_SEAL_WAL_HEAD, 0);
        if (!is_unreadable(rc)) break;
    }
    if (!rc) memcpy(out, w->scratch, HEAD);
    return rc;
}

/* Is there a frame from the given one on that proves that the one before it was on disk? head: the WAL's, or 0 when it is lost. */
static int proves(rlm_wal* w, int64_t from, const uint8_t* head, int* yes) {
    int64_t n;
    int rc = frames(w, &n);
    *yes = 0;
    for (int64_t i = from; !rc && i < n && !*yes; i++) {
        rc = read_sealed(w, w->scratch, SEALED_FRAME_HEAD, place(i), RLM_SEAL_FRAME_HEAD, i);
        const rlm_frame_head* h = (const rlm_frame_head*) w->scratch;
        if (is_unreadable(rc)) rc = SQLITE_OK;
        else if (!rc && !head) *yes = 1; /* the header is on disk before there is any frame */
        else if (!rc) *yes = run_of(h) == be(salts(head), 8) && (int64_t) be(h->durable, 8) >= from;
    }
    return rc;
}

static int damaged(rlm_wal* w, int kind, int64_t index) {
    rlmCryptFault(w->file.crypt, kind, (uint64_t) index);
    return SQLITE_IOERR_DATA;
}

static int wal_read_head(rlm_wal* w, uint8_t* buf, int n, int64_t at) {
    uint8_t head[HEAD];
    int rc = read_head(w, head);
    if (is_unreadable(rc)) { /* empty, or lost */
        int lost;
        memset(head, 0, sizeof head);
        rc = proves(w, 0, 0, &lost);
        if (!rc && lost) rc = damaged(w, RLM_SEAL_WAL_HEAD, 0);
    }
    memcpy(buf, head + at, (size_t) n);
    return rc;
}

/* Reads the head of a frame into w->head. */
static int load_frame_head(rlm_wal* w, int64_t index) {
    w->at = -1;
    int rc = read_sealed(w, w->scratch, SEALED_FRAME_HEAD, place(index), RLM_SEAL_FRAME_HEAD, index);
    if (rc) return rc;
    memcpy(&w->head, w->scratch, sizeof w->head);
    w->at = index;
    return SQLITE_OK;
}

/* Reads and opens a frame into w->scratch: its head as stored, and at *page its page. */
static int load_frame(rlm_wal* w, int64_t index, uint8_t** page) {
    int rc = real(w)->pMethods->xRead(real(w), w->scratch, SEALED_FRAME, place(index));
    *page = w->scratch + SEALED_FRAME_HEAD;
    return rc ? rc : rlmCryptOpenFrame(w->file.crypt, (uint64_t) index, w->scratch);
}

/* A frame for SQLite's recovery, which reads them whole: one that ends the WAL is returned as zeros, which is none to SQLite either. */
static int recover_frame(rlm_wal* w, uint8_t* buf, int64_t index) {
    uint8_t head[HEAD], *page;
    int rc = load_frame(w, index, &page);
    int opens = !rc;
    if (rc && !is_unreadable(rc)) return rc;
    uint64_t run = 0;
    if (opens) {
        run = run_of((const rlm_frame_head*) w->scratch);
        memcpy(buf, w->scratch, FRAME_HEAD);
        memcpy(buf + FRAME_HEAD, page, RLM_PAGE);
    }
    rc = read_head(w, head);
    if (rc) return is_unreadable(rc) ? damaged(w, RLM_SEAL_WAL_HEAD, 0) : rc;
    if (opens && run == be(salts(head), 8)) return SQLITE_OK;
    int changed;
    rc = proves(w, index + 1, head, &changed);
    if (!rc && changed) return damaged(w, RLM_SEAL_FRAME, index);
    if (!opens) memset(buf, 0, FRAME);
    return rc;
}

static int wal_read(sqlite3_file* f, void* buf, int n, int64_t at) {
    rlm_wal* w = (rlm_wal*) f;
    memset(buf, 0, (size_t) n);
    if (at < HEAD) return at + n <= HEAD ? wal_read_head(w, buf, n, at) : SQLITE_IOERR_READ;
    int64_t index = (at - HEAD) / FRAME, within = (at - HEAD) % FRAME;
    if (within + n > FRAME) return SQLITE_IOERR_READ;
    int writing = w->main->writing && !w->main->recovering;
    if (n == FRAME && !writing) return recover_frame(w, buf, index);
    int rc;
    if (within + n <= FRAME_HEAD) {
        rc = load_frame_head(w, index);
        if (!rc) memcpy(buf, w->head.sqlite + within, (size_t) n);
    } else {
        uint8_t* page = 0;
        rc = load_frame(w, index, &page);
        if (!rc) {
            memmove(page - FRAME_HEAD, w->scratch, FRAME_HEAD); /* head and page side by side, as SQLite knows them */
            memcpy(buf, page - FRAME_HEAD + within, (size_t) n);
        }
    }
    return is_unreadable(rc) ? damaged(w, RLM_SEAL_FRAME, index) : rc;
}

/* What is known to be on disk before frame index is written, which is next. */
static int64_t durable_before(rlm_wal* w, int64_t index) {
    /* Frames that others have put between are committed, and each commit reaches the disk before the next begins (synchronous=FULL). */
    if (index > w->next) return index;
    return w->durable < index ? w->durable : index;
}

/* The run that a frame is written in. Its header says so, unless the transaction writes a page for the second time: then SQLite fills it in later. */
static int find_run(rlm_wal* w, const uint8_t* head) {
    static const uint8_t none[8];
    uint8_t wal_head[HEAD];
    if (memcmp(head + 8, none, sizeof none)) {
        memcpy(w->run, head + 8, sizeof w->run);
    } else if (!w->run_known) {
        int rc = read_head(w, wal_head);
        if (rc) return is_unreadable(rc) ? damaged(w, RLM_SEAL_WAL_HEAD, 0) : rc;
        memcpy(w->run, salts(wal_head), sizeof w->run);
    }
    w->run_known = 1;
    return SQLITE_OK;
}

/* A new frame's head is written with its page, which SQLite writes next. A head alone is one whose checksum has changed. */
static int write_frame_head(rlm_wal* w, const void* head, int64_t index) {
    int rc = find_run(w, head);
    if (rc) return rc;
    int again = index < w->next;
    w->durable = durable_before(w, index);
    memcpy(w->head.sqlite, head, FRAME_HEAD);
    for (int i = 0; i < 8; i++) w->head.durable[i] = (uint8_t) (w->durable >> (56 - 8 * i));
    memcpy(w->head.run, w->run, sizeof w->run);
    w->at = index;
    w->next = index + 1;
    w->pending = !again;
    return again ? write_sealed(w, &w->head, sizeof w->head, place(index), RLM_SEAL_FRAME_HEAD, index) : SQLITE_OK;
}

static int write_frame_page(rlm_wal* w, const void* page, int64_t index) {
    int whole = w->pending && w->at == index;
    w->pending = 0;
    if (w->at != index) {
        int rc = load_frame_head(w, index);
        if (rc) return is_unreadable(rc) ? damaged(w, RLM_SEAL_FRAME, index) : rc;
    }
    int rc = rlmCryptSealFrame(w->file.crypt, (uint64_t) index, &w->head, whole, (void*) page, w->scratch);
    if (rc) return rc;
    int64_t skip = whole ? 0 : SEALED_FRAME_HEAD;
    return real(w)->pMethods->xWrite(real(w), w->scratch + skip, (int) (SEALED_FRAME - skip), place(index) + skip);
}

static int wal_write(sqlite3_file* f, const void* buf, int n, int64_t at) {
    rlm_wal* w = (rlm_wal*) f;
    if (at == 0 && n == HEAD) { /* a new run */
        w->next = w->durable = w->pending = 0;
        w->at = -1;
        memcpy(w->run, salts(buf), sizeof w->run);
        w->run_known = 1;
        int rc = write_sealed(w, buf, HEAD, 0, RLM_SEAL_WAL_HEAD, 0);
        return rc ? rc : real(w)->pMethods->xWrite(real(w), w->scratch, SEALED_HEAD, COPY);
    }
    int64_t index = (at - HEAD) / FRAME, within = (at - HEAD) % FRAME;
    if (at < HEAD) return SQLITE_IOERR_WRITE;
    if (within == 0 && n == FRAME_HEAD) return write_frame_head(w, buf, index);
    if (within == FRAME_HEAD && n == RLM_PAGE) return write_frame_page(w, buf, index);
    return SQLITE_IOERR_WRITE;
}

static int wal_sync(sqlite3_file* f, int flags) {
    rlm_wal* w = (rlm_wal*) f;
    int rc = rlm_file_sync(f, flags);
    if (!rc) w->durable = w->next;
    return rc;
}

int rlm_wal_settle(rlm_wal* w) {
    int64_t size;
    int rc = real(w)->pMethods->xFileSize(real(w), &size);
    return rc || size == 0 ? rc : rlm_file_sync((sqlite3_file*) w, SQLITE_SYNC_FULL);
}

static int wal_truncate(sqlite3_file* f, int64_t size) {
    rlm_wal* w = (rlm_wal*) f;
    int64_t now, want = size == 0 ? 0 : size <= HEAD ? FRAMES : place((size - HEAD + FRAME - 1) / FRAME);
    int rc = real(w)->pMethods->xFileSize(real(w), &now);
    if (rc || now <= want) return rc;
    return real(w)->pMethods->xTruncate(real(w), want);
}

static int wal_size(sqlite3_file* f, int64_t* out) {
    rlm_wal* w = (rlm_wal*) f;
    int64_t size;
    int rc = real(w)->pMethods->xFileSize(real(w), &size);
    *out = rc || size < SEALED_HEAD ? 0 : HEAD;
    /* A frame that isn't whole counts: it may be one whose end was cut off, or whose page is not written yet. */
    if (!rc && size > FRAMES) *out += (size - FRAMES + SEALED_FRAME - 1) / SEALED_FRAME * FRAME;
    return rc;
}

static int wal_close(sqlite3_file* f) {
    ((rlm_wal*) f)->main->wal = 0;
    return rlm_file_close(f);
}

const sqlite3_io_methods rlm_wal_methods = {
    .iVersion = 1,
    .xClose = wal_close, .xRead = wal_read, .xWrite = wal_write, .xTruncate = wal_truncate, .xSync = wal_sync, .xFileSize = wal_size,
    .xLock = rlm_file_lock, .xUnlock = rlm_file_unlock, .xCheckReservedLock = rlm_file_check_reserved, .xFileControl = rlm_file_control,
    .xSectorSize = rlm_file_sector_size, .xDeviceCharacteristics = rlm_file_characteristics,
};
