/*
 * realm_sync.h - the C interface of librealm_sync: an embedded object database with a sync client inside.
 *
 * Version 0.1. C99; also valid C++. This header is the documentation of the interface.
 *
 * Naming      Types are realm_<noun>_t, functions realm_<noun>_<verb>, constants REALM_<GROUP>_<NAME>.
 * Results     A function that can fail returns realm_status_t: REALM_OK (0) or the code of the failure. Results come through
 *             out parameters, which are written only on success. The last parameter `error` may be NULL; otherwise it receives
 *             code, domain and text. Nothing is kept per thread, so any language's runtime may call.
 * Handles     Every opaque pointer type below is a handle with one owner and one release function. NULL and released handles
 *             are allowed everywhere: the call returns REALM_ERR_INVALID_HANDLE and does nothing else. Releasing NULL or a
 *             released handle does nothing.
 * Strings     UTF-8, pointer and length, not NUL-terminated unless said so. Strings passed in are copied. Strings and arrays
 *             handed out belong to the library and live as long as the text says.
 * Threads     A realm and everything obtained from it (objects, results, tokens) belong to the thread that opened it, unless it
 *             is frozen. Apps, users, sessions and subscription sets may be used from any thread.
 * Processes   A child that fork() made can't use the library, also if the parent had not used it yet: the library has threads
 *             from when it is loaded, and a child has none of them, so a call may never return. It may exec or exit.
 * Callbacks   Come in threes: function, userdata, and a function that frees the userdata (may be NULL). The free function is
 *             called exactly once, when the library lets go of the callback, also when the registering call fails. Each callback
 *             says on which thread it runs.
 * Memory      Nothing allocated on one side is freed on the other except through a release function of this header.
 */
#ifndef REALM_SYNC_H
#define REALM_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define REALM_API extern __attribute__((visibility("default")))
#else
#define REALM_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ versions, errors */

#define REALM_SYNC_VERSION_MAJOR 0
#define REALM_SYNC_VERSION_MINOR 1
#define REALM_SYNC_VERSION_PATCH 0

/* The version of the loaded library, "major.minor.patch", NUL-terminated, static. Any thread. Cannot fail. */
REALM_API const char* realm_library_version(void);

/* Result of a call. The numbers are part of the ABI and never change; new ones may be added. */
typedef int32_t realm_status_t;
enum {
    REALM_OK = 0,
    REALM_ERR_INVALID_HANDLE = 1,    /* NULL, released, or the handle of a closed realm's content */
    REALM_ERR_INVALID_ARGUMENT = 2,  /* an argument is outside its documented range */
    REALM_ERR_LOGIC = 3,             /* the call is not allowed in this state; the text says why */
    REALM_ERR_WRONG_THREAD = 4,      /* a realm used on another thread than its own */
    REALM_ERR_CLOSED = 5,            /* the realm has been closed */
    REALM_ERR_NOT_IN_TRANSACTION = 6,/* a change outside a write transaction */
    REALM_ERR_FROZEN = 7,            /* a change of, or a notification on, something frozen */
    REALM_ERR_NO_SUCH_OBJECT = 8,    /* the object was deleted, or never existed */
    REALM_ERR_NO_SUCH_CLASS = 9,     /* unknown class */
    REALM_ERR_NO_SUCH_PROPERTY = 10, /* unknown property */
    REALM_ERR_TYPE_MISMATCH = 11,    /* a value of another type than the property's */
    REALM_ERR_NOT_NULLABLE = 12,     /* null for a required property */
    REALM_ERR_OUT_OF_RANGE = 13,     /* an index beyond the end */
    REALM_ERR_KEY_EXISTS = 14,       /* creating an object whose primary key exists, without upsert */
    REALM_ERR_INVALID_QUERY = 15,    /* a query that does not parse or does not fit the schema; the text names the position */
    REALM_ERR_INVALID_SCHEMA = 16,   /* a schema that breaks a rule */
    REALM_ERR_SCHEMA_MISMATCH = 17,  /* a schema change that needs a migration, or is refused */
    REALM_ERR_FILE_ACCESS = 18,      /* cannot open, read or write the file (path in the text); also disk full */
    REALM_ERR_FILE_FORMAT = 19,      /* not a realm file, or one of a newer version; the file is untouched */
    REALM_ERR_MISMATCHED_CONFIG = 20,/* the path is already open with another configuration */
    REALM_ERR_NOT_SYNCED = 21,       /* a sync call on a realm without sync configuration */
    REALM_ERR_NO_SUBSCRIPTION = 22,  /* creating an object of a class that no subscription covers */
    REALM_ERR_SESSION_GONE = 23,     /* the session's realm has been closed everywhere */
    REALM_ERR_ABORTED = 24,          /* a wait that was cancelled: pause, logout, session closed */
    REALM_ERR_TIMEOUT = 25,          /* a wait with a deadline that passed */
    REALM_ERR_APP = 26,              /* an App Services error: domain, code and text say which */
    REALM_ERR_SYNC = 27,             /* a sync error: domain, code and text say which */
    REALM_ERR_NETWORK = 28,          /* the server cannot be reached */
    REALM_ERR_UNSUPPORTED = 29,      /* not available in this version */
    REALM_ERR_INTERNAL = 30          /* a defect of the library; please report the text */
};

/* Where the number in realm_error_t.code comes from. */
typedef int32_t realm_error_domain_t;
enum {
    REALM_DOMAIN_LIBRARY = 0, /* code repeats the realm_status_t */
    REALM_DOMAIN_HTTP = 1,    /* code is the HTTP status of the server's answer */
    REALM_DOMAIN_SERVICE = 2, /* code is the HTTP status, name the error_code of the service's JSON answer */
    REALM_DOMAIN_CLIENT = 3,  /* no usable answer; code is 4000: the server can't be reached (status REALM_ERR_NETWORK), 4100 to 4199: the
                                 call was refused before it was sent, 4200 to 4299: the answer is not what it should be */
    REALM_DOMAIN_SYNC = 4,    /* code is an error code of the sync protocol, or of the client (1000 and above) */
    REALM_DOMAIN_WEBSOCKET = 5/* code is a WebSocket close code */
};

#define REALM_ERROR_TEXT_SIZE 1024
#define REALM_ERROR_NAME_SIZE 64

/* Details of a failure. The caller owns it; it holds no pointers and needs no release. Texts are cut to fit, NUL-terminated. */
typedef struct realm_error {
    realm_status_t status;
    realm_error_domain_t domain;
    int32_t code;
    bool fatal;                          /* sync errors: the session stops */
    char name[REALM_ERROR_NAME_SIZE];    /* identifier, such as "InvalidQuery", "SyncCompensatingWrite", "InvalidPassword" */
    char message[REALM_ERROR_TEXT_SIZE]; /* what happened, where, what to do */
} realm_error_t;

/* A piece of text or bytes. data may be NULL when size is 0. */
typedef struct realm_string {
    const char* data;
    size_t size;
} realm_string_t;

/* Called when the library lets go of a callback's userdata. */
typedef void (*realm_free_userdata_t)(void* userdata);

/* How many handles of all kinds are not released, objects included. For tests: every test ends at its starting count. */
REALM_API int64_t realm_live_handle_count(void);

/* ------------------------------------------------------------------------------------------------ logging */

typedef enum realm_log_level {
    REALM_LOG_ALL = 0, REALM_LOG_TRACE = 1, REALM_LOG_DEBUG = 2, REALM_LOG_DETAIL = 3, REALM_LOG_INFO = 4,
    REALM_LOG_WARN = 5, REALM_LOG_ERROR = 6, REALM_LOG_FATAL = 7, REALM_LOG_OFF = 8
} realm_log_level_t;

/* Receives one line of log (no newline). Runs on any thread; must not call back into the library. */
typedef void (*realm_log_callback_t)(void* userdata, realm_log_level_t level, realm_string_t message);

/* Sets the process-wide logger; a NULL callback removes it. Initially there is none. Any thread. */
REALM_API realm_status_t realm_set_logger(realm_log_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_log_level_t level, realm_error_t* error);
/* Sets the least level that is logged; initially REALM_LOG_INFO. Any thread. */
REALM_API realm_status_t realm_set_log_level(realm_log_level_t level, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ values */

/* Type of a value; the numbers are those of the changeset format. */
enum {
    REALM_TYPE_NULL = 0, /* as a property type: mixed */
    REALM_TYPE_INT = 1, REALM_TYPE_BOOL = 2, REALM_TYPE_STRING = 3, REALM_TYPE_BINARY = 4, REALM_TYPE_TIMESTAMP = 5,
    REALM_TYPE_FLOAT = 6, REALM_TYPE_DOUBLE = 7, REALM_TYPE_DECIMAL128 = 8, REALM_TYPE_LINK = 9, REALM_TYPE_OBJECT_ID = 10,
    REALM_TYPE_UUID = 11,
    REALM_TYPE_LIST = 251, REALM_TYPE_DICTIONARY = 253, /* output only: a mixed value that is a collection, see there */
    REALM_TYPE_ABSENT = 255 /* in the values of realm_object_create: not supplied, keep the default or the old value */
};
#define REALM_TYPE_MIXED REALM_TYPE_NULL

/* One value, 24 bytes, also one cell of an object's row. Layout fixed for all versions with the same major number. */
typedef struct realm_value {
    uint8_t type;      /* REALM_TYPE_... */
    uint8_t flags;     /* output only: bit 0 = a link whose target does not exist (type is then REALM_TYPE_NULL) */
    uint16_t reserved; /* 0 */
    uint32_t size;     /* string, binary: bytes; link: class key of the target */
    union {
        int64_t integer;   /* int; bool as 0 or 1 */
        double dnum;
        float fnum;
        const char* data;  /* string, binary */
        struct { int64_t seconds; int32_t nanoseconds; } timestamp; /* since 1970-01-01T00:00:00Z, both of one sign */
        uint8_t bytes[16]; /* object id (12), uuid (16): textual order */
        struct { uint64_t lo, hi; } decimal; /* IEEE 754-2008 decimal128, BID */
        int64_t link;      /* object key of the target */
    } u;
} realm_value_t;

/* Formats (24 hex digits / 8-4-4-4-12) are handled by the caller; decimals need arithmetic and text, so here they are: */
/* Reads "1.50", "-1E+10", "NaN", "Inf"; text that is none of these gives NaN, as in the original. Any thread. Cannot fail. */
REALM_API realm_value_t realm_decimal128_parse(realm_string_t text);
REALM_API realm_value_t realm_decimal128_from_double(double v);
/* Writes the text, NUL-terminated, into buffer of capacity bytes (48 suffice); returns its length. */
REALM_API size_t realm_decimal128_format(const realm_value_t* v, char* buffer, size_t capacity);
/* op is one of + - * / ; both operands must be decimals, else the result is NaN. */
REALM_API realm_value_t realm_decimal128_arithmetic(const realm_value_t* a, const realm_value_t* b, char op);
/* Numeric order: -1, 0, 1; NaN is below every number and equal to itself. */
REALM_API int realm_decimal128_compare(const realm_value_t* a, const realm_value_t* b);

/* A new, unique object id: time, process, counter. Any thread. Cannot fail. */
REALM_API realm_value_t realm_object_id_generate(void);

/* ------------------------------------------------------------------------------------------------ schema */

enum { REALM_CLASS_TOP_LEVEL = 0, REALM_CLASS_EMBEDDED = 1, REALM_CLASS_ASYMMETRIC = 2 };
enum { REALM_COLLECTION_NONE = 0, REALM_COLLECTION_LIST = 1, REALM_COLLECTION_DICTIONARY = 2, REALM_COLLECTION_SET = 3 };

typedef struct realm_property_info {
    realm_string_t name;
    uint8_t type;               /* REALM_TYPE_INT ... REALM_TYPE_UUID, or REALM_TYPE_MIXED */
    uint8_t collection;         /* REALM_COLLECTION_... */
    bool nullable;
    bool primary_key;
    bool indexed;
    bool full_text;
    realm_string_t link_target; /* class name, for REALM_TYPE_LINK */
    realm_string_t link_origin_property; /* empty: properties that are computed from backlinks are refused (UNSUPPORTED), as nothing of them is
                                            stored; realm_object_get_backlinks needs none */
} realm_property_info_t;

typedef struct realm_class_info {
    realm_string_t name;
    uint8_t kind;               /* REALM_CLASS_... */
    const realm_property_info_t* properties; /* in declaration order */
    size_t n_properties;
} realm_class_info_t;

/* ------------------------------------------------------------------------------------------------ opening */

typedef struct realm_config realm_config_t; /* released with realm_config_release */
typedef struct realm_instance realm_t;      /* released with realm_release */
typedef struct realm_user realm_user_t;     /* released with realm_user_release */

typedef enum realm_schema_mode {
    REALM_SCHEMA_AUTOMATIC = 0,           /* additions need a higher schema version; other changes are refused */
    REALM_SCHEMA_IMMUTABLE = 1,
    REALM_SCHEMA_READ_ONLY = 2,
    REALM_SCHEMA_SOFT_RESET_FILE = 3,     /* a mismatch deletes the file */
    REALM_SCHEMA_HARD_RESET_FILE = 4,     /* the file is deleted when the version differs */
    REALM_SCHEMA_ADDITIVE_DISCOVERED = 5, /* additions are applied; the default of synced realms */
    REALM_SCHEMA_ADDITIVE_EXPLICIT = 6,
    REALM_SCHEMA_MANUAL = 7
} realm_schema_mode_t;

/* A new configuration: file at path, automatic schema mode, schema version 0, no sync. Any thread. */
REALM_API realm_status_t realm_config_create(realm_string_t path, realm_config_t** out, realm_error_t* error);
REALM_API void realm_config_release(realm_config_t* config);
/* The classes that the realm shall have; checked when it is opened. Without a schema the realm has what the file holds. */
REALM_API realm_status_t realm_config_set_schema(realm_config_t* config, const realm_class_info_t* classes, size_t n_classes, realm_error_t* error);
REALM_API realm_status_t realm_config_set_schema_version(realm_config_t* config, uint64_t version, realm_error_t* error);
REALM_API realm_status_t realm_config_set_schema_mode(realm_config_t* config, realm_schema_mode_t mode, realm_error_t* error);
/* Encrypts the file with a key of REALM_ENCRYPTION_KEY_SIZE bytes, which is copied; NULL and 0: not encrypted, the default. A file keeps
 * the key that it was made with: every opener, in every process, needs it (docs/encryption.md). realm_open fails with FILE_FORMAT and the
 * name "DecryptionFailed" when the key is missing, is another, or the file isn't encrypted, with MISMATCHED_CONFIG when the file is open
 * in this process with another key; the file is untouched. A part of the file that was changed or damaged is FILE_FORMAT ("InvalidDatabase")
 * in whatever call reads it. Errors: INVALID_ARGUMENT (size). */
#define REALM_ENCRYPTION_KEY_SIZE 64
REALM_API realm_status_t realm_config_set_encryption_key(realm_config_t* config, const uint8_t* key, size_t size, realm_error_t* error);

/* Scheduler of the realm's thread. wake is called on any thread when there are notifications to deliver: it must arrange that
 * realm_process_notifications(instance) is called on the realm's thread, soon, and must not block nor call into the library
 * itself. is_on_thread answers whether the calling thread is the scheduler's (NULL: the realm belongs to the thread that opens
 * it). Without a scheduler notifications are delivered by realm_refresh and realm_begin_write only. */
typedef void (*realm_scheduler_wake_t)(void* userdata, uint64_t instance);
typedef bool (*realm_scheduler_is_on_thread_t)(void* userdata);
REALM_API realm_status_t realm_config_set_scheduler(realm_config_t* config, realm_scheduler_wake_t wake, realm_scheduler_is_on_thread_t is_on_thread,
                                                    void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);

/* Called when no other process has the file open, nor this one, with the file's size and the bytes in use; true compacts. Runs on the
 * opening thread. */
typedef bool (*realm_should_compact_t)(void* userdata, uint64_t total_bytes, uint64_t used_bytes);
REALM_API realm_status_t realm_config_set_should_compact(realm_config_t* config, realm_should_compact_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);

/* Opens the realm, or returns a new handle on the instance that this thread has open already. In a fresh file the schema is
 * created. Errors: FILE_ACCESS, FILE_FORMAT, INVALID_SCHEMA, SCHEMA_MISMATCH, MISMATCHED_CONFIG, LOGIC. The caller owns *out. */
REALM_API realm_status_t realm_open(const realm_config_t* config, realm_t** out, realm_error_t* error);
/* Gives up the handle; the instance closes with its last handle and its last object, results and token. */
REALM_API void realm_release(realm_t* realm);
/* Closes the instance for all its handles at once; later calls return REALM_ERR_CLOSED. Closing twice is allowed. */
REALM_API realm_status_t realm_close(realm_t* realm, realm_error_t* error);
REALM_API bool realm_is_closed(const realm_t* realm);
/* Deletes the files of a realm that is not open, in this process or in another; a sync session that is about to end is waited for. A missing file
 * is no error. Errors: LOGIC (it is open, or still uploading), FILE_ACCESS. */
REALM_API realm_status_t realm_delete_files(realm_string_t path, realm_error_t* error);
/* Another handle on the same instance. The caller owns *out. */
REALM_API realm_status_t realm_retain(realm_t* realm, realm_t** out, realm_error_t* error);
/* Whether both handles are of one instance. */
REALM_API bool realm_is_same(const realm_t* a, const realm_t* b);
/* The path; lives as long as the handle. Empty for invalid handles. */
REALM_API realm_string_t realm_get_path(const realm_t* realm);

/* ------------------------------------------------------------------------------------------------ schema of an open realm */

typedef uint32_t realm_class_key_t;
#define REALM_NO_CLASS 0 /* class keys start at 1 and are stable while the file exists */

REALM_API size_t realm_get_class_count(const realm_t* realm);
/* Fills keys with up to capacity class keys, in name order; *n receives how many there are. */
REALM_API realm_status_t realm_get_class_keys(const realm_t* realm, realm_class_key_t* keys, size_t capacity, size_t* n, realm_error_t* error);
REALM_API realm_status_t realm_find_class(const realm_t* realm, realm_string_t name, realm_class_key_t* out, realm_error_t* error);
/* Description of a class; its strings and array live as long as the realm handle. */
REALM_API realm_status_t realm_get_class(const realm_t* realm, realm_class_key_t class_key, realm_class_info_t* out, realm_error_t* error);
/* Index of a property in the class: its place in realm_class_info_t.properties, in every row of the class, and in all calls below. */
REALM_API realm_status_t realm_find_property(const realm_t* realm, realm_class_key_t class_key, realm_string_t name, uint32_t* out, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ transactions, snapshots */

/* Starts a write transaction; waits for other writers of the file, in whatever process, then sees the newest version. Delivers pending
 * notifications first. Errors: LOGIC (one is open), FROZEN, FILE_ACCESS. */
REALM_API realm_status_t realm_begin_write(realm_t* realm, realm_error_t* error);
/* Makes the changes durable and visible. On failure (disk full) the transaction is rolled back. */
REALM_API realm_status_t realm_commit(realm_t* realm, realm_error_t* error);
REALM_API realm_status_t realm_cancel_write(realm_t* realm, realm_error_t* error);
REALM_API bool realm_is_in_write(const realm_t* realm);
/* Moves the snapshot to the newest version and delivers pending notifications. *changed (may be NULL): whether it moved. */
REALM_API realm_status_t realm_refresh(realm_t* realm, bool* changed, realm_error_t* error);
/* What a scheduler's wake leads to: like realm_refresh for the instance with that number, if it is still open; does nothing in a
 * write transaction. Realm's thread. */
REALM_API realm_status_t realm_process_notifications(uint64_t instance, realm_error_t* error);
/* Drops the snapshot: objects become invalid until the next read moves to the newest version. */
REALM_API realm_status_t realm_invalidate(realm_t* realm, realm_error_t* error);
/* The version of the snapshot; grows with each commit. 0 for invalid handles. */
REALM_API uint64_t realm_get_version(const realm_t* realm);
/* Address of the realm's stamp, the number that realm_object_t.current points to: it changes whenever anything in the
 * snapshot may have changed, so that callers can keep what they read while it stands. Lives as long as the handle; NULL for
 * invalid handles. Never write to it. */
REALM_API const uint64_t* realm_get_stamp(const realm_t* realm);
REALM_API bool realm_is_frozen(const realm_t* realm);
/* A frozen handle of the current snapshot, usable on every thread. Freezing a frozen realm gives another handle of it. */
REALM_API realm_status_t realm_freeze(realm_t* realm, realm_t** out, realm_error_t* error);
/* The live instance of the calling thread for the same file. A new one has the scheduler of the configuration if that is the calling thread's,
 * else none. */
REALM_API realm_status_t realm_thaw(realm_t* realm, realm_t** out, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ objects */

/*
 * An object of a realm. The fields may be read, never written: this is what makes reading a property free of calls.
 * When stamp == *current, values[i] is the value of property i in the realm's snapshot; its strings live until the
 * object is reloaded or released. When they differ (or values is NULL), call realm_object_load first.
 * Collection properties have type REALM_TYPE_NULL in a row; they have calls of their own, see "collections". An embedded object is a
 * REALM_TYPE_LINK, as a link to any other object is, and realm_object_get follows it. A mixed value that is a list or a dictionary has
 * type REALM_TYPE_LIST or REALM_TYPE_DICTIONARY and nothing else.
 */
typedef struct realm_object {
    uint32_t magic;              /* internal */
    realm_class_key_t class_key;
    int64_t object_key;          /* identifies the object in its class as long as it exists */
    uint64_t stamp;
    const uint64_t* current;     /* never NULL */
    const realm_value_t* values; /* n_values of them; NULL until loaded */
    uint32_t n_values;
    uint32_t reserved;
} realm_object_t;

/* Gives up the object. Realm's thread (any thread if frozen). Does not enter the Go runtime. */
REALM_API void realm_object_release(realm_object_t* object);
/* Another handle on the same object. */
REALM_API realm_status_t realm_object_clone(const realm_object_t* object, realm_object_t** out, realm_error_t* error);
/* Makes values current. Errors: NO_SUCH_OBJECT, CLOSED. */
REALM_API realm_status_t realm_object_load(realm_object_t* object, realm_error_t* error);
/* Whether the object still exists in the realm's snapshot. False for invalid handles. */
REALM_API bool realm_object_is_valid(const realm_object_t* object);
/* A new handle on the realm instance of the object. */
REALM_API realm_status_t realm_object_get_realm(const realm_object_t* object, realm_t** out, realm_error_t* error);

enum {
    REALM_CREATE_NEW = 0,    /* an existing primary key is REALM_ERR_KEY_EXISTS */
    REALM_CREATE_UPSERT = 1  /* an existing object gets the supplied values */
};

/* Creates an object from values[0..n_values), one per property in property order; REALM_TYPE_ABSENT leaves a property
 * alone, and so does an array that ends before it. Includes the primary key. Collections and embedded objects are absent here: a new object
 * has them empty and null, and they are filled in with calls of their own. *out may be NULL if not wanted;
 * *created (may be NULL) tells whether the object is new. Errors: NOT_IN_TRANSACTION, TYPE_MISMATCH, NOT_NULLABLE,
 * KEY_EXISTS, NO_SUBSCRIPTION. */
REALM_API realm_status_t realm_object_create(realm_t* realm, realm_class_key_t class_key, const realm_value_t* values, size_t n_values, int mode,
                                             realm_object_t** out, bool* created, realm_error_t* error);
/* The object with that primary key; *out is NULL when there is none (that is no error). */
REALM_API realm_status_t realm_object_find(realm_t* realm, realm_class_key_t class_key, const realm_value_t* primary_key, realm_object_t** out, realm_error_t* error);
/* The object with that object key, for following links. */
REALM_API realm_status_t realm_object_get(realm_t* realm, realm_class_key_t class_key, int64_t object_key, realm_object_t** out, realm_error_t* error);
/* The same object in another realm instance of the same file (thread-safe reference, freeze, thaw); *out is NULL if it does not exist there. */
REALM_API realm_status_t realm_object_resolve(const realm_object_t* object, realm_t* target, realm_object_t** out, realm_error_t* error);
/* Sets one property; a link is a realm_value_t of type REALM_TYPE_LINK. The object's own row stays current. An embedded object is set
 * to null here, which deletes it, and to a new one by realm_object_set_embedded. Collection properties: TYPE_MISMATCH. */
REALM_API realm_status_t realm_object_set(realm_object_t* object, uint32_t property, const realm_value_t* value, realm_error_t* error);
/* Adds to an integer property (wraps around), so that concurrent additions of several devices all count. LOGIC on null. */
REALM_API realm_status_t realm_object_add_int(realm_object_t* object, uint32_t property, int64_t amount, realm_error_t* error);
/* Deletes the object; links to it become null. */
REALM_API realm_status_t realm_object_delete(realm_object_t* object, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ results */

typedef struct realm_results realm_results_t; /* released with realm_results_release */
typedef struct realm_rows realm_rows_t;       /* released with realm_rows_release */

typedef struct realm_sort {
    realm_string_t key_path;
    bool ascending;
} realm_sort_t;

/* All objects of a class, in creation order; live. */
REALM_API realm_status_t realm_results_all(realm_t* realm, realm_class_key_t class_key, realm_results_t** out, realm_error_t* error);
/* Those that match a query text with its $0, $1 ... arguments; the text may end in SORT, DISTINCT and LIMIT clauses. */
REALM_API realm_status_t realm_results_query(realm_t* realm, realm_class_key_t class_key, realm_string_t query, const realm_value_t* arguments, size_t n_arguments,
                                             realm_results_t** out, realm_error_t* error);
/* The same results with a sort order put in front of what they have. */
REALM_API realm_status_t realm_results_sort(const realm_results_t* results, const realm_sort_t* sorts, size_t n_sorts, realm_results_t** out, realm_error_t* error);
REALM_API void realm_results_release(realm_results_t* results);
REALM_API realm_status_t realm_results_count(realm_results_t* results, size_t* out, realm_error_t* error);
/* Loads up to count objects from index first, rows included, in one go; *n receives how many. out must hold count
 * pointers; the caller owns each object. Fewer than count only at the end. At most 256 are loaded per call. */
REALM_API realm_status_t realm_results_load(realm_results_t* results, size_t first, size_t count, realm_object_t** out, size_t* n, realm_error_t* error);
/* The same without making the objects: rows, from which realm_rows_object makes those that are wanted. It costs half as much, in time and in memory.
 * The rows are those of the snapshot; *n receives how many there are. */
REALM_API realm_status_t realm_results_load_rows(realm_results_t* results, size_t first, size_t count, realm_rows_t** out, size_t* n, realm_error_t* error);
/* A new object, which the caller owns: that of row i; NULL when there is no such row. Any thread may call it. */
REALM_API realm_object_t* realm_rows_object(const realm_rows_t* rows, size_t i);
/* Objects that were made keep their row. NULL does nothing. */
REALM_API void realm_rows_release(realm_rows_t* rows);
/* The same objects in the same order for good, whatever changes: for loops that change what they iterate. Loading an object
 * that was deleted since gives one that is not valid. */
REALM_API realm_status_t realm_results_snapshot(realm_results_t* results, realm_results_t** out, realm_error_t* error);
/* Position of an object in the results, or SIZE_MAX. */
REALM_API realm_status_t realm_results_index_of(realm_results_t* results, const realm_object_t* object, size_t* out, realm_error_t* error);
/* Deletes every object of the results. */
REALM_API realm_status_t realm_results_delete_all(realm_results_t* results, realm_error_t* error);
/* The same results in another realm instance of the same file (freeze, thaw). */
REALM_API realm_status_t realm_results_resolve(const realm_results_t* results, realm_t* target, realm_results_t** out, realm_error_t* error);
/* Canonical text of a query with its arguments written in, as a subscription stores and sends it. Checked against the schema.
 * The text is written NUL-terminated into buffer; *needed (may be NULL) receives its length. OUT_OF_RANGE when it doesn't fit. */
REALM_API realm_status_t realm_query_describe(realm_t* realm, realm_class_key_t class_key, realm_string_t query, const realm_value_t* arguments, size_t n_arguments,
                                              char* buffer, size_t capacity, size_t* needed, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ collections */

/*
 * A list, a set or a dictionary: of a collection property (of an object or of an embedded object), or in a mixed value. A handle is live:
 * it shows what the collection is in the realm's snapshot. It keeps the instance open, and belongs to its thread unless it is frozen.
 *
 * Order       Lists have the order that they were given. Sets are in ascending order of value (links: of object key), dictionaries in
 *             ascending order of key, bytewise; the position of an element of these is good until they change.
 * Elements    Are realm_value_t of the property's type. Links, and embedded objects, are REALM_TYPE_LINK; realm_object_get follows one,
 *             realm_collection_load_objects many. A link whose target does not exist (yet) is not seen in lists and sets; in dictionaries
 *             it is a null with flag bit 0. A collection in a mixed element has type REALM_TYPE_LIST or REALM_TYPE_DICTIONARY:
 *             realm_collection_open opens it.
 * Strings     Of values and keys that a call on a collection hands out belong to that handle, until the next call that reads values
 *             through it, or its release. They stay as they are when the collection changes.
 * Caching     What was read is current while the realm's stamp (realm_get_stamp, realm_object_t.current) is what it was.
 * The end     When the object is deleted, the embedded object or the mixed value replaced, or the element that holds a nested collection
 *             erased, the collection is gone for good: realm_collection_is_valid is false and every other call, except release, returns
 *             NO_SUCH_OBJECT.
 * Writing     In a write transaction, else NOT_IN_TRANSACTION, also on frozen handles. Further errors: TYPE_MISMATCH, NOT_NULLABLE;
 *             NO_SUCH_OBJECT for a link to an object that does not exist; OUT_OF_RANGE for an index beyond the end. A call that is for
 *             another kind of collection (realm_list_set on a set, ...) is TYPE_MISMATCH.
 */
typedef struct realm_collection realm_collection_t; /* released with realm_collection_release */

/* The collection of a property: of a list, set or dictionary property, or that of a mixed property which holds a list or a dictionary.
 * An empty one is there as well; *out is NULL when a mixed property holds none. Errors: NO_SUCH_OBJECT, NO_SUCH_PROPERTY, TYPE_MISMATCH. */
REALM_API realm_status_t realm_object_get_collection(const realm_object_t* object, uint32_t property, realm_collection_t** out, realm_error_t* error);
REALM_API void realm_collection_release(realm_collection_t* collection);
/* Another handle on the same collection. */
REALM_API realm_status_t realm_collection_clone(const realm_collection_t* collection, realm_collection_t** out, realm_error_t* error);
/* REALM_COLLECTION_LIST, _SET or _DICTIONARY; REALM_COLLECTION_NONE for invalid handles. Any thread. */
REALM_API int realm_collection_get_kind(const realm_collection_t* collection);
/* Whether the collection still exists in the realm's snapshot. False for invalid handles. */
REALM_API bool realm_collection_is_valid(const realm_collection_t* collection);
/* A new handle on the realm instance of the collection. */
REALM_API realm_status_t realm_collection_get_realm(const realm_collection_t* collection, realm_t** out, realm_error_t* error);
/* The object (an embedded one is one) whose property holds the collection, directly or deep inside of a mixed value, and that property (may be
 * NULL). The caller owns *out. */
REALM_API realm_status_t realm_collection_get_owner(const realm_collection_t* collection, realm_object_t** out, uint32_t* property, realm_error_t* error);
/* The same collection in another realm instance of the same file (thread-safe reference, freeze, thaw); *out is NULL if it does not exist there. */
REALM_API realm_status_t realm_collection_resolve(const realm_collection_t* collection, realm_t* target, realm_collection_t** out, realm_error_t* error);

REALM_API realm_status_t realm_collection_count(realm_collection_t* collection, size_t* out, realm_error_t* error);
/* Reads up to count elements from position first in one go; *n receives how many. values must hold count values, keys (may be NULL; only
 * dictionaries have them, others leave it alone) count strings. Fewer than count only at the end. At most 256 are read per call. */
REALM_API realm_status_t realm_collection_load(realm_collection_t* collection, size_t first, size_t count, realm_value_t* values, realm_string_t* keys, size_t* n,
                                               realm_error_t* error);
/* The same for links and embedded objects: as objects, rows included. out must hold count pointers; the caller owns each object. An
 * element that is no link (null in a dictionary, another type in a collection of mixed) is NULL. */
REALM_API realm_status_t realm_collection_load_objects(realm_collection_t* collection, size_t first, size_t count, realm_object_t** out, size_t* n, realm_error_t* error);
/* Position of the first element that equals the value, or SIZE_MAX; a value of another type is not there. For sets: whether it has it. */
REALM_API realm_status_t realm_collection_find(realm_collection_t* collection, const realm_value_t* value, size_t* out, realm_error_t* error);
/* The list or dictionary that the element at a position is; *out is NULL when it is none. The caller owns *out. */
REALM_API realm_status_t realm_collection_open(realm_collection_t* collection, size_t index, realm_collection_t** out, realm_error_t* error);
/* Removes the element at a position; an embedded object is deleted, a linked one is not. */
REALM_API realm_status_t realm_collection_erase(realm_collection_t* collection, size_t index, realm_error_t* error);
/* Removes all elements; embedded objects are deleted, linked ones are not. */
REALM_API realm_status_t realm_collection_clear(realm_collection_t* collection, realm_error_t* error);

/* Those of a list or set of links, or of a list of embedded objects, that match a query text (as realm_results_query; empty: all of them), in
 * the order of the collection unless the text or realm_results_sort says otherwise; live. They are empty when the collection is gone. */
REALM_API realm_status_t realm_collection_query(const realm_collection_t* collection, realm_string_t query, const realm_value_t* arguments, size_t n_arguments,
                                                realm_results_t** out, realm_error_t* error);
/* The order of the elements by value: writes their positions, sorted (equal ones in order of position), to positions, at most capacity;
 * *n receives how many elements there are. Nulls are first, then bools, numbers, strings, binaries, dates, object ids, uuids, links. */
REALM_API realm_status_t realm_collection_sort(realm_collection_t* collection, bool ascending, size_t* positions, size_t capacity, size_t* n, realm_error_t* error);

/* ---- lists: index is from 0 */

/* Inserts before the element at index; the length appends. */
REALM_API realm_status_t realm_list_insert(realm_collection_t* list, size_t index, const realm_value_t* value, realm_error_t* error);
/* Replaces an element. Embedded objects: realm_list_set_embedded. */
REALM_API realm_status_t realm_list_set(realm_collection_t* list, size_t index, const realm_value_t* value, realm_error_t* error);
/* Takes the element at from out, and puts it in again so that it is at to. */
REALM_API realm_status_t realm_list_move(realm_collection_t* list, size_t from, size_t to, realm_error_t* error);
/* Makes n values the elements, with as few changes as lists merge best with: what is too much goes from the end, the rest is set, what is new
 * comes behind. Not for embedded objects. */
REALM_API realm_status_t realm_list_assign(realm_collection_t* list, const realm_value_t* values, size_t n, realm_error_t* error);

/* ---- sets */

/* *added: whether the value is new in the set; *position: where it is. Both may be NULL. */
REALM_API realm_status_t realm_set_add(realm_collection_t* set, const realm_value_t* value, size_t* position, bool* added, realm_error_t* error);
/* *removed (may be NULL): whether the set had it. That it had not is no error. */
REALM_API realm_status_t realm_set_remove(realm_collection_t* set, const realm_value_t* value, bool* removed, realm_error_t* error);

/* ---- dictionaries: a new key is any UTF-8 (else INVALID_ARGUMENT) that does not begin with '$' and has no '.' (else TYPE_MISMATCH) */

/* The value of a key; *found (may be NULL) tells whether the dictionary has the key, and *value is null when it has not. */
REALM_API realm_status_t realm_dictionary_get(realm_collection_t* dictionary, realm_string_t key, realm_value_t* value, bool* found, realm_error_t* error);
/* Position of a key, or SIZE_MAX. */
REALM_API realm_status_t realm_dictionary_find_key(realm_collection_t* dictionary, realm_string_t key, size_t* out, realm_error_t* error);
/* Adds an entry, or replaces its value. */
REALM_API realm_status_t realm_dictionary_put(realm_collection_t* dictionary, realm_string_t key, const realm_value_t* value, realm_error_t* error);
/* *removed (may be NULL): whether the dictionary had the key. That it had not is no error. */
REALM_API realm_status_t realm_dictionary_remove(realm_collection_t* dictionary, realm_string_t key, bool* removed, realm_error_t* error);
/* The list or dictionary that the value of a key is; *out is NULL when it is none. The caller owns *out. */
REALM_API realm_status_t realm_dictionary_open(realm_collection_t* dictionary, realm_string_t key, realm_collection_t** out, realm_error_t* error);

/* ---- new embedded objects and new collections in mixed
 *
 * Each of these puts a new one at its place, with default values or empty, and hands it out (out may be NULL if it is not wanted; else the
 * caller owns *out). What was there before goes, but a collection of the same kind stays as it is, content included: who means a new one
 * calls realm_collection_clear next, even when it is empty, as that is what makes devices that do so at once agree (not needed after an insertion).
 * kind is REALM_COLLECTION_LIST or _DICTIONARY, else INVALID_ARGUMENT. TYPE_MISMATCH when the place is not for embedded objects, or not of
 * mixed. Otherwise as the call without the suffix. */
REALM_API realm_status_t realm_object_set_embedded(realm_object_t* object, uint32_t property, realm_object_t** out, realm_error_t* error);
REALM_API realm_status_t realm_list_insert_embedded(realm_collection_t* list, size_t index, realm_object_t** out, realm_error_t* error);
REALM_API realm_status_t realm_list_set_embedded(realm_collection_t* list, size_t index, realm_object_t** out, realm_error_t* error);
REALM_API realm_status_t realm_dictionary_put_embedded(realm_collection_t* dictionary, realm_string_t key, realm_object_t** out, realm_error_t* error);
REALM_API realm_status_t realm_object_set_collection(realm_object_t* object, uint32_t property, int kind, realm_collection_t** out, realm_error_t* error);
REALM_API realm_status_t realm_list_insert_collection(realm_collection_t* list, size_t index, int kind, realm_collection_t** out, realm_error_t* error);
REALM_API realm_status_t realm_list_set_collection(realm_collection_t* list, size_t index, int kind, realm_collection_t** out, realm_error_t* error);
REALM_API realm_status_t realm_dictionary_put_collection(realm_collection_t* dictionary, realm_string_t key, int kind, realm_collection_t** out, realm_error_t* error);

/* ---- the other end of links */

/* The objects of the class origin_class whose property origin_property (a link, or a list, set or dictionary of links) refers to the
 * object, once for each such link; live, in creation order. Errors: NO_SUCH_CLASS, NO_SUCH_PROPERTY, TYPE_MISMATCH (not links to this class). */
REALM_API realm_status_t realm_object_get_backlinks(const realm_object_t* object, realm_class_key_t origin_class, uint32_t origin_property, realm_results_t** out,
                                                    realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ notifications */

typedef struct realm_token realm_token_t; /* a registration; releasing it ends the callbacks at once */

/* Changes of an object between two snapshots. Valid during the callback. */
typedef struct realm_object_changes {
    bool deleted;                /* then nothing else is set */
    const uint32_t* properties;  /* indices of the properties that changed, ascending */
    size_t n_properties;
    const realm_value_t* old_values; /* per changed property, what this instance saw before; NULL if unknown */
} realm_object_changes_t;

typedef struct realm_move { size_t from, to; } realm_move_t;

/* Keys of a dictionary that changed between two snapshots, ascending. */
typedef struct realm_key_changes {
    const realm_string_t* deletions;
    size_t n_deletions;
    const realm_string_t* insertions;
    size_t n_insertions;
    const realm_string_t* modifications;
    size_t n_modifications;
} realm_key_changes_t;

/* Changes of results or of a collection between two snapshots; indices ascending. Valid during the callback. */
typedef struct realm_collection_changes {
    bool initial;                      /* first call: nothing changed yet */
    const size_t* deletions;           /* positions before */
    size_t n_deletions;
    const size_t* insertions;          /* positions after */
    size_t n_insertions;
    const size_t* modifications;       /* positions before */
    size_t n_modifications;
    const size_t* modifications_after; /* positions after; n_modifications of them */
    const realm_move_t* moves;         /* also contained in deletions and insertions */
    size_t n_moves;
    bool root_deleted;                 /* the collection is gone, and this is the last call; what it had is among deletions */
    const realm_key_changes_t* keys;   /* of a dictionary; NULL of everything else */
} realm_collection_changes_t;

typedef void (*realm_object_callback_t)(void* userdata, const realm_object_changes_t* changes);
typedef void (*realm_collection_callback_t)(void* userdata, const realm_collection_changes_t* changes);

/* All run on the realm's thread, inside realm_refresh, realm_begin_write or realm_process_notifications; never inside the
 * registering call and never inside a commit. Errors: FROZEN, LOGIC (after changes in the current transaction). */
REALM_API realm_status_t realm_object_observe(realm_object_t* object, realm_object_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                              realm_token_t** out, realm_error_t* error);
REALM_API realm_status_t realm_results_observe(realm_results_t* results, realm_collection_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                               realm_token_t** out, realm_error_t* error);
/* An element also counts as modified when the object that it links to, or what is in it, changed. The positions of a dictionary are those in
 * order of keys. The handle may be released; the token keeps what it needs. */
REALM_API realm_status_t realm_collection_observe(realm_collection_t* collection, realm_collection_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                                  realm_token_t** out, realm_error_t* error);
/* Realm's thread, also inside a callback. */
REALM_API void realm_token_release(realm_token_t* token);

/* ------------------------------------------------------------------------------------------------ networking */

/*
 * An app reaches its server by the built-in HTTP transport and the built-in WebSockets, or by means of the program: a realm_http_transport_t
 * and a realm_websocket_provider_t of its own in realm_app_config_t. Those may use the built-in ones in turn (realm_http_send,
 * realm_websocket_open). Requests and URLs contain tokens and passwords: keep them out of logs.
 */
typedef struct realm_http_header {
    realm_string_t name, value;
} realm_http_header_t;

/* Asked for each certificate of a server's chain, the root (greatest depth) first; false refuses the server. pem is the certificate; valid: the
 * chain is trusted, in date and for the host. Runs on a thread of the library, or on the caller's in realm_http_send. */
typedef bool (*realm_verify_certificate_t)(void* userdata, realm_string_t host, uint16_t port, realm_string_t pem, bool valid, int32_t depth);

/* How a built-in transport connects. Set struct_size to sizeof(realm_network_config_t); zero the rest, then fill in. It is copied. The
 * environment's proxy settings are not looked at. */
typedef struct realm_network_config {
    size_t struct_size;
    const realm_http_header_t* headers; /* added to requests, unless these have one of the same name; at most 1024 */
    size_t n_headers;
    realm_string_t proxy_host; /* empty: no proxy. Every connection is a tunnel that CONNECT asks for */
    uint16_t proxy_port;
    bool has_proxy_credentials;
    realm_string_t proxy_user, proxy_password;
    bool skip_certificate_check;           /* accept any server */
    realm_string_t trust_certificate_path; /* file of certificates in PEM, trusted instead of the system's; empty: none; at most 16 MiB */
    realm_verify_certificate_t verify;     /* has the last word, see above; NULL: the rules have. userdata is freed once, whatever the call returns */
    void* verify_userdata;
    realm_free_userdata_t verify_free_userdata;
} realm_network_config_t;

/* Valid during the call that gets it. */
typedef struct realm_http_request {
    realm_string_t method; /* GET, POST, PUT, PATCH, DELETE */
    realm_string_t url;
    const realm_http_header_t* headers;
    size_t n_headers;
    realm_string_t body;
    uint64_t timeout_ms; /* 0, for realm_http_send: 60,000 */
    uint64_t max_body;   /* a longer answer is given up, bytes; 0, for realm_http_send: 32 MiB */
} realm_http_request_t;

/* Valid during the call that gets it. */
typedef struct realm_http_response {
    int32_t status;        /* of HTTP; 0 when there was no answer, and then custom_status is not */
    int32_t custom_status; /* not 0: the transport failed, in its own numbers, and the body says why */
    bool has_client_error; /* client_error is a number of the original's error codes (4100 and above) and wins */
    int32_t client_error;
    const realm_http_header_t* headers;
    size_t n_headers;
    realm_string_t body;
} realm_http_response_t;

/* A request that waits for its answer. It belongs to the program, which answers or releases it: any thread, inside the callback or later. */
typedef struct realm_http_exchange realm_http_exchange_t;
/* Answers, and takes the handle: a second time is INVALID_HANDLE. ABORTED: nobody waits any more, after a timeout for example. */
REALM_API realm_status_t realm_http_exchange_answer(realm_http_exchange_t* exchange, const realm_http_response_t* response, realm_error_t* error);
/* Without an answer the request fails. */
REALM_API void realm_http_exchange_release(realm_http_exchange_t* exchange);

typedef struct realm_http_transport realm_http_transport_t; /* released with realm_http_transport_release; apps keep what they need of it */
/* Sends a request. Runs on the thread whose call needs it, also on several at a time; may answer at once, or return and answer later. It does
 * not follow redirects. */
typedef void (*realm_http_send_t)(void* userdata, const realm_http_request_t* request, realm_http_exchange_t* exchange);
/* Any thread. */
REALM_API realm_status_t realm_http_transport_create(realm_http_send_t send, void* userdata, realm_free_userdata_t free_userdata, realm_http_transport_t** out, realm_error_t* error);
REALM_API void realm_http_transport_release(realm_http_transport_t* transport);

/* The built-in transport: blocks, and calls back on the calling thread before it returns, with whatever the server answered. config may be
 * NULL. Each call has a connection of its own. Any thread. Errors: NETWORK when no complete answer came, INVALID_ARGUMENT. */
typedef void (*realm_http_response_callback_t)(void* userdata, const realm_http_response_t* response);
REALM_API realm_status_t realm_http_send(const realm_network_config_t* config, const realm_http_request_t* request, realm_http_response_callback_t callback, void* userdata, realm_error_t* error);

/* Codes that end a WebSocket beside those of its protocol (1000 to 1015); 4001 and above are the server's. */
enum {
    REALM_WEBSOCKET_RESOLVE_FAILED = 4400, REALM_WEBSOCKET_CONNECTION_FAILED = 4401, REALM_WEBSOCKET_READ_ERROR = 4402,
    REALM_WEBSOCKET_WRITE_ERROR = 4403, REALM_WEBSOCKET_RETRY_ERROR = 4404, REALM_WEBSOCKET_FATAL_ERROR = 4405
};

/* The library's end of a WebSocket of the program. It belongs to the program, which reports to it on any thread, also from within the callbacks
 * below, and releases it; without a realm_websocket_observer_closed before, releasing means that the connection is lost. */
typedef struct realm_websocket_observer realm_websocket_observer_t;
/* The WebSocket is open, with the sub-protocol that the server chose. */
REALM_API realm_status_t realm_websocket_observer_connected(realm_websocket_observer_t* observer, realm_string_t protocol, realm_error_t* error);
/* A binary message has arrived; it is copied. Waits while much has arrived that the library has not taken in yet. ABORTED: the socket is over,
 * and there is no more use for messages; also for one that is longer than the protocol allows. */
REALM_API realm_status_t realm_websocket_observer_received(realm_websocket_observer_t* observer, realm_string_t message, realm_error_t* error);
/* The message that `write` was called with is on its way (ok), or can't be sent. */
REALM_API realm_status_t realm_websocket_observer_written(realm_websocket_observer_t* observer, bool ok, realm_error_t* error);
/* The WebSocket is closed, or could not be opened. */
REALM_API realm_status_t realm_websocket_observer_closed(realm_websocket_observer_t* observer, int32_t code, realm_string_t reason, realm_error_t* error);
REALM_API void realm_websocket_observer_release(realm_websocket_observer_t* observer);

/* How the program opens WebSockets. The functions run on threads of the library, those of one socket one at a time, begin something and return:
 * they must not wait for the network. */
typedef struct realm_websocket_provider_callbacks {
    /* Begins to open a WebSocket, and returns what the other two are called with; NULL is a failure. */
    void* (*connect)(void* userdata, realm_string_t url, const realm_string_t* protocols, size_t n_protocols, realm_websocket_observer_t* observer);
    /* Begins to send a binary message, which is valid during the call. The next one comes after realm_websocket_observer_written. */
    void (*write)(void* userdata, void* socket, realm_string_t message);
    /* Closes and frees a socket; called once for each that connect returned, the last of its calls. */
    void (*close)(void* userdata, void* socket);
} realm_websocket_provider_callbacks_t;
typedef struct realm_websocket_provider realm_websocket_provider_t; /* released with realm_websocket_provider_release; apps keep what they need of it */
/* All three functions are needed. Any thread. */
REALM_API realm_status_t realm_websocket_provider_create(const realm_websocket_provider_callbacks_t* callbacks, void* userdata, realm_free_userdata_t free_userdata,
                                                         realm_websocket_provider_t** out, realm_error_t* error);
REALM_API void realm_websocket_provider_release(realm_websocket_provider_t* provider);

/* A built-in WebSocket; released with realm_websocket_release, which closes it: a callback that is under way may still run, no other begins. */
typedef struct realm_websocket realm_websocket_t;
/* Run on threads of the library, one at a time. closed is the last. received may wait: then nothing more is read from the network. */
typedef struct realm_websocket_callbacks {
    void (*connected)(void* userdata, realm_string_t protocol);
    void (*received)(void* userdata, realm_string_t message);
    void (*closed)(void* userdata, int32_t code, realm_string_t reason);
} realm_websocket_callbacks_t;
/* Begins to open a WebSocket, ws:// or wss://. config may be NULL. All three functions are needed. Any thread. */
REALM_API realm_status_t realm_websocket_open(const realm_network_config_t* config, realm_string_t url, const realm_string_t* protocols, size_t n_protocols,
                                              const realm_websocket_callbacks_t* callbacks, void* userdata, realm_free_userdata_t free_userdata, realm_websocket_t** out, realm_error_t* error);
/* Sends a binary message, which is copied, after those before it. The callback runs on a thread of the library, once, unless the socket is
 * released or closed first. */
typedef void (*realm_websocket_written_t)(void* userdata, bool ok);
REALM_API realm_status_t realm_websocket_write(realm_websocket_t* socket, realm_string_t message, realm_websocket_written_t callback, void* userdata,
                                               realm_free_userdata_t free_userdata, realm_error_t* error);
REALM_API void realm_websocket_release(realm_websocket_t* socket);

/* ------------------------------------------------------------------------------------------------ apps and users */

typedef struct realm_app realm_app_t; /* released with realm_app_release */

/* Set struct_size to sizeof(realm_app_config_t); zero the rest, then fill in. Strings are copied. Programs built with an earlier header give a
 * smaller one: what they lack counts as zero. */
typedef struct realm_app_config {
    size_t struct_size;
    realm_string_t app_id;     /* required */
    realm_string_t base_url;   /* empty: https://services.cloud.mongodb.com */
    realm_string_t base_path;  /* directory for files; empty: the current directory */
    uint64_t request_timeout_ms; /* 0: 60,000 */
    bool share;                /* one state per (app id, base URL) in the process; the rest of a second configuration is not looked at */
    realm_string_t metadata_key; /* encrypts the users' tokens: 64 bytes, or empty: they lie in a file that only its owner can read. A file of another
                                    key is discarded. The environment variable REALM_DISABLE_METADATA_ENCRYPTION switches this off */
    realm_http_transport_t* http_transport;         /* NULL: the built-in one */
    realm_websocket_provider_t* websocket_provider; /* of the sessions of the app's users; NULL: the built-in one */
} realm_app_config_t;

/* Makes an app. It reads the users kept from earlier runs and contacts nobody. Any thread. */
REALM_API realm_status_t realm_app_create(const realm_app_config_t* config, realm_app_t** out, realm_error_t* error);
/* The shared app of that id (and base URL, unless empty), if there is one; *out is NULL otherwise. */
REALM_API realm_status_t realm_app_find_shared(realm_string_t app_id, realm_string_t base_url, realm_app_t** out, realm_error_t* error);
REALM_API void realm_app_clear_shared(void);
REALM_API void realm_app_release(realm_app_t* app);
/* Live as long as the handle. */
REALM_API realm_string_t realm_app_get_id(const realm_app_t* app);
/* Writes the base URL NUL-terminated; OUT_OF_RANGE when it doesn't fit. */
REALM_API realm_status_t realm_app_get_base_url(const realm_app_t* app, char* buffer, size_t capacity, size_t* needed, realm_error_t* error);
/* Contacts the new base URL; on failure the old one stays. Empty: the default. Blocks. */
REALM_API realm_status_t realm_app_update_base_url(realm_app_t* app, realm_string_t base_url, realm_error_t* error);

enum {
    REALM_CREDENTIALS_ANONYMOUS = 0,      /* a logged-in anonymous user is used again */
    REALM_CREDENTIALS_EMAIL_PASSWORD = 1, /* first: email, second: password */
    REALM_CREDENTIALS_CUSTOM_JWT = 2,     /* first: the token */
    REALM_CREDENTIALS_API_KEY = 3,        /* first: the key */
    REALM_CREDENTIALS_FUNCTION = 4,       /* first: extended JSON document */
    REALM_CREDENTIALS_APPLE = 5,          /* first: id token */
    REALM_CREDENTIALS_FACEBOOK = 6,       /* first: access token */
    REALM_CREDENTIALS_GOOGLE_CODE = 7,    /* first: auth code */
    REALM_CREDENTIALS_GOOGLE_TOKEN = 8    /* first: id token */
};
typedef struct realm_credentials {
    int kind;
    realm_string_t first, second;
} realm_credentials_t;

/* These contact the server and block until it has answered or the timeout has passed. Any thread.
 * Errors: REALM_ERR_APP with the server's code and text, REALM_ERR_NETWORK. */
REALM_API realm_status_t realm_app_register_email(realm_app_t* app, realm_string_t email, realm_string_t password, realm_error_t* error);
REALM_API realm_status_t realm_app_log_in(realm_app_t* app, const realm_credentials_t* credentials, realm_user_t** out, realm_error_t* error);
/* The user that logged in last and still is; *out is NULL when there is none. */
REALM_API realm_status_t realm_app_get_current_user(realm_app_t* app, realm_user_t** out, realm_error_t* error);
/* Fills out with up to capacity users (the caller owns each); *n receives how many there are. */
REALM_API realm_status_t realm_app_get_users(realm_app_t* app, realm_user_t** out, size_t capacity, size_t* n, realm_error_t* error);

typedef enum realm_user_state { REALM_USER_LOGGED_OUT = 0, REALM_USER_LOGGED_IN = 1, REALM_USER_REMOVED = 2 } realm_user_state_t;

REALM_API void realm_user_release(realm_user_t* user);
REALM_API realm_status_t realm_user_retain(realm_user_t* user, realm_user_t** out, realm_error_t* error);
/* Lives as long as the handle. */
REALM_API realm_string_t realm_user_get_id(const realm_user_t* user);
REALM_API realm_user_state_t realm_user_get_state(const realm_user_t* user);
/* Whether both are the same user of the same app. */
REALM_API bool realm_user_is_same(const realm_user_t* a, const realm_user_t* b);
enum { REALM_USER_ACCESS_TOKEN = 0, REALM_USER_REFRESH_TOKEN = 1, REALM_USER_PROFILE_JSON = 2, REALM_USER_CUSTOM_DATA_JSON = 3, REALM_USER_DEVICE_ID = 4 };
/* Writes a text of the user, NUL-terminated; empty when there is none. OUT_OF_RANGE when it doesn't fit (*needed says how much). */
REALM_API realm_status_t realm_user_get_text(const realm_user_t* user, int what, char* buffer, size_t capacity, size_t* needed, realm_error_t* error);
/* Local state is cleared first; the user is logged out even when the request fails. Anonymous users are removed. Blocks. */
REALM_API realm_status_t realm_user_log_out(realm_user_t* user, realm_error_t* error);
/* Logs out and deletes the user's local files. */
REALM_API realm_status_t realm_user_remove(realm_user_t* user, realm_error_t* error);
REALM_API realm_status_t realm_user_refresh_custom_data(realm_user_t* user, realm_error_t* error);
/* Calls a function of the app with an extended JSON array; the result's extended JSON goes to the callback, which runs
 * on the calling thread before the call returns. */
typedef void (*realm_text_callback_t)(void* userdata, realm_string_t text);
REALM_API realm_status_t realm_user_call_function(realm_user_t* user, realm_string_t name, realm_string_t arguments_json, realm_text_callback_t callback, void* userdata, realm_error_t* error);
/* Path of the user's synced realm file, directories made. Writes it NUL-terminated. */
REALM_API realm_status_t realm_user_get_realm_path(const realm_user_t* user, char* buffer, size_t capacity, size_t* needed, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ sync configuration */

typedef enum realm_stop_policy {
    REALM_STOP_IMMEDIATELY = 0, REALM_STOP_LIVE_INDEFINITELY = 1, REALM_STOP_AFTER_CHANGES_UPLOADED = 2
} realm_stop_policy_t;

typedef struct realm_session realm_session_t; /* released with realm_session_release */

typedef struct realm_compensating_write {
    realm_string_t class_name;
    realm_value_t primary_key;
    realm_string_t reason;
} realm_compensating_write_t;

/* A sync error, valid during the callback. */
typedef struct realm_sync_error {
    const realm_error_t* error;
    bool is_client_reset_requested;
    realm_string_t original_file_path; /* client reset only, and then it was manual or has failed */
    realm_string_t recovery_file_path;
    const realm_compensating_write_t* compensating_writes;
    size_t n_compensating_writes;
} realm_sync_error_t;

/* Runs on a thread of the library; session is valid during the call (retain it to keep it). */
typedef void (*realm_sync_error_callback_t)(void* userdata, realm_session_t* session, const realm_sync_error_t* error);

/* Makes the configuration one of a flexible sync realm of the user. */
REALM_API realm_status_t realm_config_set_sync_user(realm_config_t* config, realm_user_t* user, realm_error_t* error);
/* Without a user: changes are recorded all the same, and uploaded when the file is next opened with a user; the server takes back what it does
 * not want. There is no session. Without meaning in a configuration that has a user. Default: off. */
REALM_API realm_status_t realm_config_set_forced_sync_history(realm_config_t* config, bool enable, realm_error_t* error);
/* Default: after changes are uploaded. */
REALM_API realm_status_t realm_config_set_stop_policy(realm_config_t* config, realm_stop_policy_t policy, realm_error_t* error);

/*
 * The rules by which concurrent changes are merged. All clients of an app use the same as its server ("realm-sync-server app create --rules").
 * A session with others than the server's gets an error that says so; a file that was synced by one rule set can't be opened with the other
 * (REALM_ERR_INVALID_ARGUMENT).
 */
typedef enum realm_merge_rules_e {
    REALM_MERGE_COMPATIBLE = 0, /* those of the original, its defects included: the default, and needed when it takes part */
    REALM_MERGE_STRICT = 1      /* converges also where the original doesn't; for apps all of whose clients are this library */
} realm_merge_rules_t;
REALM_API realm_status_t realm_config_set_merge_rules(realm_config_t* config, realm_merge_rules_t rules, realm_error_t* error);

/* How the session's built-in WebSocket connects: headers, proxy, trust. Without use when the user's app has a provider of its own; of several
 * sessions of one user, which share a connection, one is asked. NULL: as before. */
REALM_API realm_status_t realm_config_set_sync_network(realm_config_t* config, const realm_network_config_t* network, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ client reset */

/* What becomes of the file of a synced realm when the server wants it reset: it has forgotten the file, or can't go on with it. */
typedef enum realm_client_reset_mode_e {
    /* The error handler is told (is_client_reset_requested), the session stops, and the file is backed up and deleted when the user's app is next
     * created by a process that has no realm of it open. The default. */
    REALM_CLIENT_RESET_MANUAL = 0,
    /* The file becomes what the server has. What was not uploaded is lost, and so are subscription sets that were not complete. */
    REALM_CLIENT_RESET_DISCARD_UNSYNCED = 1,
    /* The same, and what was not uploaded is applied on top, and uploaded again. Where both changed one property, the value of this file stays; objects
     * that were deleted on the server stay deleted. Fails when the server forbids it. */
    REALM_CLIENT_RESET_RECOVER = 2,
    /* Recovers; discards when the server forbids that, or when the last attempt failed. */
    REALM_CLIENT_RESET_RECOVER_OR_DISCARD = 3
} realm_client_reset_mode_t;

/* The modes but the first work by themselves: what the server has is downloaded into "<file>.fresh", then the file becomes that in one transaction, and
 * goes on being synchronized. Open realms stay valid, their observers hear of what really differs; waits of the session are carried over. When it fails -
 * a class that the program has is gone, before or after returns false, a reset follows another one that was not yet followed by a
 * whole exchange with the server - the file stays as it was, and the error handler gets "AutoClientResetFailed"; for the rest it is as
 * REALM_CLIENT_RESET_MANUAL. A process that is killed on the way leaves the old state or the new one, and loses nothing that was not uploaded.
 *
 * The callbacks run one after the other on one thread of the library; meanwhile no other callback of a session is called, so they should not wait for
 * one. The realms are valid during the call: realm_retain makes a handle to keep. */

/* Asked when a reset begins. */
typedef realm_client_reset_mode_t (*realm_client_reset_mode_callback_t)(void* userdata);
/* Before the file changes. local: frozen, the state before. Returns whether to go on; if not, error->message may be filled in with the reason. */
typedef bool (*realm_before_client_reset_t)(void* userdata, realm_t* local, realm_error_t* error);
/* When the file has been reset. local: that of before. remote: live, belongs to the calling thread; the state afterwards. recovered: whether
 * changes were recovered, or discarded. Returns whether synchronization may go on; the reset stays done in any case. */
typedef bool (*realm_after_client_reset_t)(void* userdata, realm_t* local, realm_t* remote, bool recovered, realm_error_t* error);

typedef struct realm_client_reset {
    realm_client_reset_mode_t mode;
    realm_client_reset_mode_callback_t get_mode; /* when not NULL, it says the mode, in place of the field */
    realm_before_client_reset_t before;          /* may be NULL */
    realm_after_client_reset_t after;            /* may be NULL */
} realm_client_reset_t;

/* It serves the session from the first opening of the file on, as the error handler does. reset NULL: manual. Errors: INVALID_ARGUMENT for an unknown
 * mode. */
REALM_API realm_status_t realm_config_set_client_reset(realm_config_t* config, const realm_client_reset_t* reset, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);

REALM_API realm_status_t realm_config_set_sync_error_handler(realm_config_t* config, realm_sync_error_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ sync session */

typedef enum realm_session_state_e {
    REALM_SESSION_ACTIVE = 0,    /* syncing, or trying to; says nothing about the connection */
    REALM_SESSION_DYING = 1,     /* no realm open any more, finishing its uploads */
    REALM_SESSION_INACTIVE = 2,  /* not syncing: logged out, or stopped by a fatal error */
    REALM_SESSION_WAITING_FOR_ACCESS_TOKEN = 3,
    REALM_SESSION_PAUSED = 4     /* stopped by realm_session_pause until realm_session_resume */
} realm_session_state_t;
typedef enum realm_connection_state_e { REALM_DISCONNECTED = 0, REALM_CONNECTING = 1, REALM_CONNECTED = 2 } realm_connection_state_t;

/* The session of a synced realm. The handle is weak: when the realm is closed everywhere, calls return
 * REALM_ERR_SESSION_GONE. When several processes have the file open, one of them has the connection and synchronizes for all, until it
 * closes the realm or ends; the sessions of the others are active and disconnected, and what they wait for comes true all the same.
 * Errors: NOT_SYNCED. */
REALM_API realm_status_t realm_get_sync_session(realm_t* realm, realm_session_t** out, realm_error_t* error);
REALM_API void realm_session_release(realm_session_t* session);
REALM_API realm_status_t realm_session_retain(realm_session_t* session, realm_session_t** out, realm_error_t* error);
REALM_API realm_status_t realm_session_state(const realm_session_t* session, realm_session_state_t* out, realm_error_t* error);
REALM_API realm_status_t realm_session_connection_state(const realm_session_t* session, realm_connection_state_t* out, realm_error_t* error);
/* All three are allowed in every state and are harmless when there is nothing to do. */
REALM_API realm_status_t realm_session_pause(realm_session_t* session, realm_error_t* error);
REALM_API realm_status_t realm_session_resume(realm_session_t* session, realm_error_t* error);
REALM_API realm_status_t realm_session_reconnect(realm_session_t* session, realm_error_t* error);

/* status is REALM_OK, or says why the wait ended without success (error then has the details). Runs once, on a thread of the library or,
 * when a call of the application ends the wait (pause, logout), on that call's thread. */
typedef void (*realm_wait_callback_t)(void* userdata, realm_status_t status, const realm_error_t* error);
/* Calls back when every change that this file held at the time of the call is durable on the server. Works offline when there
 * is nothing to upload. While the session is paused or inactive the wait is pending. */
REALM_API realm_status_t realm_wait_for_upload(realm_session_t* session, realm_wait_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);
/* Calls back when everything that the server had at the time of the call is in the file; call realm_refresh to see it. */
REALM_API realm_status_t realm_wait_for_download(realm_session_t* session, realm_wait_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);
/* The same, blocking for at most timeout_ms; REALM_ERR_TIMEOUT leaves everything as it is. */
REALM_API realm_status_t realm_wait_for_upload_blocking(realm_session_t* session, uint64_t timeout_ms, realm_error_t* error);
REALM_API realm_status_t realm_wait_for_download_blocking(realm_session_t* session, uint64_t timeout_ms, realm_error_t* error);

/* Runs on a thread of the library (or the one that pauses), only when the state differs. */
typedef void (*realm_connection_callback_t)(void* userdata, realm_connection_state_t old_state, realm_connection_state_t new_state);
/* *token is a number; 0 is a valid one. */
REALM_API realm_status_t realm_session_observe_connection(realm_session_t* session, realm_connection_callback_t callback, void* userdata, realm_free_userdata_t free_userdata,
                                                          uint64_t* token, realm_error_t* error);
/* An unknown token does nothing. Allowed inside the callback. */
REALM_API realm_status_t realm_session_unobserve_connection(realm_session_t* session, uint64_t token, realm_error_t* error);
/* Replaces the error handler of the session. */
REALM_API realm_status_t realm_session_set_error_handler(realm_session_t* session, realm_sync_error_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ testing of sync */

/* The number by which the server knows the session's file; 0 until it has given one. An administrator's call that is about one file names it
 * so, such as the one that forces a client reset. Waits until the file's worker has read it. Errors: SESSION_GONE. */
REALM_API realm_status_t realm_session_get_file_ident(realm_session_t* session, uint64_t* out, realm_error_t* error);
/* For tests of an application's error handler: the session does what it does when its server sends this error, whatever that is: it stops, the
 * user is logged out, the file is marked for a client reset, the handler is called. That happens on a thread of the library, after this call or
 * during it. code is an error code of the sync protocol, such as 212 for a bad changeset; action is what the server asks for, in the protocol's
 * words, such as "ClientReset" or "LogOutUser", or empty. Errors: SESSION_GONE; LOGIC when the session is not active. */
REALM_API realm_status_t realm_session_simulate_error(realm_session_t* session, int32_t code, realm_string_t message, bool try_again, realm_string_t action, realm_error_t* error);

/* ------------------------------------------------------------------------------------------------ subscriptions */

typedef enum realm_subscription_state_e {
    REALM_SUBSCRIPTIONS_UNCOMMITTED = 0, REALM_SUBSCRIPTIONS_PENDING = 1, REALM_SUBSCRIPTIONS_BOOTSTRAPPING = 2, REALM_SUBSCRIPTIONS_COMPLETE = 3,
    REALM_SUBSCRIPTIONS_ERROR = 4, REALM_SUBSCRIPTIONS_SUPERSEDED = 5, REALM_SUBSCRIPTIONS_AWAITING_MARK = 6
} realm_subscription_state_t;

typedef struct realm_subscription_set realm_subscription_set_t; /* released with realm_subscription_set_release */

/* One subscription; strings live as long as the set (or until the set is changed). */
typedef struct realm_subscription {
    uint8_t id[12];            /* object id */
    bool has_name;
    realm_string_t name;
    realm_string_t class_name;
    realm_string_t query;
    realm_value_t created_at;  /* timestamps */
    realm_value_t updated_at;
} realm_subscription_t;

/* The set that the local data reflects, as of now / the set committed last. */
REALM_API realm_status_t realm_get_active_subscription_set(realm_t* realm, realm_subscription_set_t** out, realm_error_t* error);
REALM_API realm_status_t realm_get_latest_subscription_set(realm_t* realm, realm_subscription_set_t** out, realm_error_t* error);
REALM_API void realm_subscription_set_release(realm_subscription_set_t* set);
REALM_API int64_t realm_subscription_set_version(const realm_subscription_set_t* set);
REALM_API realm_subscription_state_t realm_subscription_set_state(const realm_subscription_set_t* set);
/* The server's text when the state is ERROR, else empty. */
REALM_API realm_string_t realm_subscription_set_error(const realm_subscription_set_t* set);
REALM_API size_t realm_subscription_set_size(const realm_subscription_set_t* set);
REALM_API realm_status_t realm_subscription_set_get(const realm_subscription_set_t* set, size_t index, realm_subscription_t* out, realm_error_t* error);
/* Index of the subscription with that name, SIZE_MAX if there is none. */
REALM_API size_t realm_subscription_set_find(const realm_subscription_set_t* set, realm_string_t name);
/* Reads state and content again. */
REALM_API realm_status_t realm_subscription_set_refresh(realm_subscription_set_t* set, realm_error_t* error);
/* A changeable copy, one version above the latest set. It holds the file's write lock until it is committed or released. LOGIC inside a write transaction of the realm. */
REALM_API realm_status_t realm_subscription_set_make_mutable(const realm_subscription_set_t* set, realm_subscription_set_t** out, realm_error_t* error);
/* Adds, or replaces the query of the subscription with that name (has_name false: unnamed). The query as for realm_results_query; empty: all objects. */
REALM_API realm_status_t realm_subscription_set_add(realm_subscription_set_t* mutable_set, bool has_name, realm_string_t name, realm_string_t class_name, realm_string_t query,
                                                    const realm_value_t* arguments, size_t n_arguments, realm_error_t* error);
/* LOGIC "Subscription cannot be found" when there is none. */
REALM_API realm_status_t realm_subscription_set_remove(realm_subscription_set_t* mutable_set, realm_string_t name, realm_error_t* error);
REALM_API realm_status_t realm_subscription_set_clear(realm_subscription_set_t* mutable_set, realm_error_t* error);
/* Commits; the handle then is an unchangeable set of the new version, state PENDING. */
REALM_API realm_status_t realm_subscription_set_commit(realm_subscription_set_t* mutable_set, realm_error_t* error);
/* Calls back once, when the set reaches COMPLETE, ERROR or SUPERSEDED: status is REALM_OK, and for ERROR error has the server's text. Or when
 * the session ends the wait: status says why, and error has the details. Otherwise error is NULL. LOGIC for a set that is not
 * committed. Runs as a realm_wait_callback_t does. */
typedef void (*realm_subscription_callback_t)(void* userdata, realm_status_t status, realm_subscription_state_t state, const realm_error_t* error);
REALM_API realm_status_t realm_subscription_set_wait(realm_subscription_set_t* set, realm_subscription_callback_t callback, void* userdata, realm_free_userdata_t free_userdata, realm_error_t* error);
/* The same, blocking for at most timeout_ms; *out (may be NULL) is the state reached. */
REALM_API realm_status_t realm_subscription_set_wait_blocking(realm_subscription_set_t* set, uint64_t timeout_ms, realm_subscription_state_t* out, realm_error_t* error);

#ifdef __cplusplus
}
#endif

#endif /* REALM_SYNC_H */
