/*
 * A sync session in C: log in, open a synced realm, subscribe, write, wait for the upload, pause and resume.
 *
 *   build/bin/realm-sync-server serve --dev &
 *   build/bin/examples/session_c [URL APP_ID]
 *
 * Every call returns a status, gives results through out parameters, and fills in an error when it fails. Every handle has one
 * release function; NULL may be released too, which makes the clean-up at the end simple.
 */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */

#include <realm_sync.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(literal) ((realm_string_t){literal, sizeof(literal) - 1})

static realm_string_t text_of(const char* s) {
    realm_string_t t = {s, strlen(s)};
    return t;
}

/* Leaves with the error's text when a call fails; `error` and the label `done` are in each function. */
#define TRY(call)                                                        \
    do {                                                                 \
        if ((call) != REALM_OK) {                                        \
            fprintf(stderr, "failed: %s\n  %s\n", #call, error.message); \
            goto done;                                                   \
        }                                                                \
    } while (0)
#define EXPECT(condition)                                                        \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "this should hold, and does not: %s\n", #condition); \
            goto done;                                                           \
        }                                                                        \
    } while (0)

enum { TIMEOUT_MS = 60000 };

/* The connection changes: runs on a thread of the library, or inside of pause. */
static void connection_changed(void* userdata, realm_connection_state_t before, realm_connection_state_t now) {
    static const char* names[] = {"disconnected", "connecting", "connected"};
    (void) userdata;
    printf("  the connection: %s -> %s\n", names[before], names[now]);
}

/* The classes of the realm: one, with three properties. A synced class has a primary key that is called _id. */
static realm_status_t set_schema(realm_config_t* config, realm_error_t* error) {
    realm_property_info_t properties[3];
    realm_class_info_t note;
    memset(properties, 0, sizeof properties);
    memset(&note, 0, sizeof note);
    properties[0].name = TEXT("_id");
    properties[0].type = REALM_TYPE_OBJECT_ID;
    properties[0].primary_key = true;
    properties[1].name = TEXT("owner");
    properties[1].type = REALM_TYPE_STRING;
    properties[2].name = TEXT("text");
    properties[2].type = REALM_TYPE_STRING;
    note.name = TEXT("Note");
    note.kind = REALM_CLASS_TOP_LEVEL;
    note.properties = properties;
    note.n_properties = 3;
    return realm_config_set_schema(config, &note, 1, error);
}

static realm_value_t string_value(realm_string_t s) {
    realm_value_t v;
    memset(&v, 0, sizeof v);
    v.type = REALM_TYPE_STRING;
    v.size = (uint32_t) s.size;
    v.u.data = s.data;
    return v;
}

/* Writes one note in a transaction. */
static int write_note(realm_t* realm, realm_class_key_t notes, realm_string_t owner, realm_string_t text) {
    realm_error_t error;
    realm_value_t values[3]; /* in the order of the schema */
    int ok = 0;
    values[0] = realm_object_id_generate();
    values[1] = string_value(owner);
    values[2] = string_value(text);
    TRY(realm_begin_write(realm, &error));
    if (realm_object_create(realm, notes, values, 3, REALM_CREATE_NEW, NULL, NULL, &error) != REALM_OK) {
        fprintf(stderr, "failed: realm_object_create\n  %s\n", error.message);
        realm_cancel_write(realm, NULL);
        goto done;
    }
    TRY(realm_commit(realm, &error));
    ok = 1;
done:
    return ok;
}

/* Subscribes to the notes of one owner, and waits until their data is here. */
static int subscribe(realm_t* realm, realm_string_t owner) {
    realm_error_t error;
    realm_subscription_set_t *active = NULL, *next = NULL;
    realm_subscription_state_t state;
    realm_value_t argument = string_value(owner);
    int ok = 0;
    TRY(realm_get_active_subscription_set(realm, &active, &error));
    TRY(realm_subscription_set_make_mutable(active, &next, &error));
    TRY(realm_subscription_set_add(next, true, TEXT("notes"), TEXT("Note"), TEXT("owner == $0"), &argument, 1, &error));
    TRY(realm_subscription_set_commit(next, &error));
    TRY(realm_subscription_set_wait_blocking(next, TIMEOUT_MS, &state, &error));
    EXPECT(state == REALM_SUBSCRIPTIONS_COMPLETE);
    ok = 1;
done:
    realm_subscription_set_release(next);
    realm_subscription_set_release(active);
    return ok;
}

static int count_notes(realm_t* realm, realm_class_key_t notes, size_t* n) {
    realm_error_t error;
    realm_results_t* all = NULL;
    int ok = 0;
    TRY(realm_results_all(realm, notes, &all, &error));
    TRY(realm_results_count(all, n, &error));
    ok = 1;
done:
    realm_results_release(all);
    return ok;
}

static int run(const char* url, const char* app_id, const char* folder) {
    realm_error_t error;
    realm_app_config_t app_config;
    realm_credentials_t anonymous;
    realm_app_t* app = NULL;
    realm_user_t* user = NULL;
    realm_config_t* config = NULL;
    realm_t* realm = NULL;
    realm_session_t* session = NULL;
    realm_session_state_t state;
    realm_connection_state_t connection;
    realm_class_key_t notes;
    uint64_t token;
    size_t n;
    char path[4096];
    int ok = 0;

    /* An app, and a user of it. */
    memset(&app_config, 0, sizeof app_config);
    app_config.struct_size = sizeof app_config;
    app_config.app_id = text_of(app_id);
    app_config.base_url = text_of(url);
    app_config.base_path = text_of(folder);
    TRY(realm_app_create(&app_config, &app, &error));
    memset(&anonymous, 0, sizeof anonymous);
    anonymous.kind = REALM_CREDENTIALS_ANONYMOUS;
    TRY(realm_app_log_in(app, &anonymous, &user, &error));
    printf("Logged in as %.*s.\n", (int) realm_user_get_id(user).size, realm_user_get_id(user).data);

    /* The user's synced realm. */
    TRY(realm_user_get_realm_path(user, path, sizeof path, NULL, &error));
    TRY(realm_config_create(text_of(path), &config, &error));
    TRY(set_schema(config, &error));
    TRY(realm_config_set_schema_mode(config, REALM_SCHEMA_ADDITIVE_DISCOVERED, &error));
    TRY(realm_config_set_sync_user(config, user, &error));
    TRY(realm_open(config, &realm, &error));
    TRY(realm_find_class(realm, TEXT("Note"), &notes, &error));

    /* Its sync session. */
    TRY(realm_get_sync_session(realm, &session, &error));
    TRY(realm_session_state(session, &state, &error));
    EXPECT(state == REALM_SESSION_ACTIVE);
    TRY(realm_session_observe_connection(session, connection_changed, NULL, NULL, &token, &error));

    if (!subscribe(realm, realm_user_get_id(user))) goto done;
    if (!write_note(realm, notes, realm_user_get_id(user), TEXT("written in C"))) goto done;
    TRY(realm_wait_for_upload_blocking(session, TIMEOUT_MS, &error));
    TRY(realm_wait_for_download_blocking(session, TIMEOUT_MS, &error));
    TRY(realm_refresh(realm, NULL, &error));
    printf("The server has the note.\n");

    /* Paused, writes stay here and waits are pending; resumed, they go out. */
    TRY(realm_session_pause(session, &error));
    TRY(realm_session_state(session, &state, &error));
    TRY(realm_session_connection_state(session, &connection, &error));
    EXPECT(state == REALM_SESSION_PAUSED && connection == REALM_DISCONNECTED);
    if (!write_note(realm, notes, realm_user_get_id(user), TEXT("written while paused"))) goto done;
    EXPECT(realm_wait_for_upload_blocking(session, 100, NULL) == REALM_ERR_TIMEOUT);
    TRY(realm_session_resume(session, &error));
    TRY(realm_wait_for_upload_blocking(session, TIMEOUT_MS, &error));
    printf("Resumed, and uploaded.\n");
    if (!count_notes(realm, notes, &n)) goto done;
    EXPECT(n == 2);
    TRY(realm_session_reconnect(session, &error));
    TRY(realm_session_unobserve_connection(session, token, &error));

    /* The session handle is weak: when the realm is closed everywhere, calls say so. */
    TRY(realm_close(realm, &error));
    EXPECT(realm_session_state(session, &state, NULL) == REALM_ERR_SESSION_GONE);
    ok = 1;
done:
    realm_session_release(session);
    realm_release(realm);
    realm_config_release(config);
    realm_user_release(user);
    realm_app_release(app);
    return ok;
}

static int remove_entry(const char* path, const struct stat* s, int kind, struct FTW* where) {
    (void) s, (void) kind, (void) where;
    return remove(path);
}

int main(int argc, char** argv) {
    const char* url = argc == 3 ? argv[1] : "http://127.0.0.1:9090";
    const char* app_id = argc == 3 ? argv[2] : "demo-app";
    const char* temporary = getenv("TMPDIR");
    char folder[4096];
    int ok;

    if (argc != 1 && argc != 3) {
        fprintf(stderr, "usage: %s [URL APP_ID]\nThe server: build/bin/realm-sync-server serve --dev\n", argv[0]);
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/realm-example-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    ok = run(url, app_id, folder);
    if (ok && realm_live_handle_count() != 0) {
        fprintf(stderr, "%lld handles were not released\n", (long long) realm_live_handle_count());
        ok = 0;
    }
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return ok ? 0 : 1;
}
