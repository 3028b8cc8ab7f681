/*
 * A list that two devices change offline, in C: when they meet, the insertions of both survive, in the same order on both.
 *
 *   build/bin/realm-sync-server serve --dev &
 *   build/bin/examples/shared_list_c [URL APP_ID]
 *
 * A collection is a handle of its own. It is read many elements at a time: realm_collection_load fills an array of the caller, and strings
 * in it live until the next call that reads through the handle.
 */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */

#include <realm_sync.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
enum { P_ID,
       P_STEPS };

/* A device: an app with files of its own, a user, and the user's synced realm with a recipe. */
struct device {
    const char* name;
    realm_app_t* app;
    realm_user_t* user;
    realm_config_t* config;
    realm_t* realm;
    realm_session_t* session;
    realm_object_t* recipe;
    realm_collection_t* steps;
};

/* Recipe: _id object id, steps list of string. */
static realm_status_t set_schema(realm_config_t* config, realm_error_t* error) {
    realm_property_info_t properties[2];
    realm_class_info_t recipe;
    memset(properties, 0, sizeof properties);
    memset(&recipe, 0, sizeof recipe);
    properties[P_ID].name = TEXT("_id");
    properties[P_ID].type = REALM_TYPE_OBJECT_ID;
    properties[P_ID].primary_key = true;
    properties[P_STEPS].name = TEXT("steps");
    properties[P_STEPS].type = REALM_TYPE_STRING;
    properties[P_STEPS].collection = REALM_COLLECTION_LIST;
    recipe.name = TEXT("Recipe");
    recipe.kind = REALM_CLASS_TOP_LEVEL;
    recipe.properties = properties;
    recipe.n_properties = 2;
    return realm_config_set_schema(config, &recipe, 1, error);
}

/* Opens the realm of a new user, and subscribes to one recipe. */
static int start(struct device* d, const char* url, const char* app_id, const char* folder, const realm_value_t* id) {
    realm_error_t error;
    realm_app_config_t app_config;
    realm_credentials_t anonymous;
    realm_subscription_set_t *active = NULL, *next = NULL;
    realm_subscription_state_t state;
    char path[4096];
    int ok = 0;

    snprintf(path, sizeof path, "%s/%s", folder, d->name);
    memset(&app_config, 0, sizeof app_config);
    app_config.struct_size = sizeof app_config;
    app_config.app_id = text_of(app_id);
    app_config.base_url = text_of(url);
    app_config.base_path = text_of(path);
    TRY(realm_app_create(&app_config, &d->app, &error));
    memset(&anonymous, 0, sizeof anonymous);
    anonymous.kind = REALM_CREDENTIALS_ANONYMOUS;
    TRY(realm_app_log_in(d->app, &anonymous, &d->user, &error));
    TRY(realm_user_get_realm_path(d->user, path, sizeof path, NULL, &error));
    TRY(realm_config_create(text_of(path), &d->config, &error));
    TRY(set_schema(d->config, &error));
    TRY(realm_config_set_schema_mode(d->config, REALM_SCHEMA_ADDITIVE_DISCOVERED, &error));
    TRY(realm_config_set_sync_user(d->config, d->user, &error));
    TRY(realm_open(d->config, &d->realm, &error));
    TRY(realm_get_sync_session(d->realm, &d->session, &error));

    TRY(realm_get_active_subscription_set(d->realm, &active, &error));
    TRY(realm_subscription_set_make_mutable(active, &next, &error));
    TRY(realm_subscription_set_add(next, true, TEXT("recipe"), TEXT("Recipe"), TEXT("_id == $0"), id, 1, &error));
    TRY(realm_subscription_set_commit(next, &error));
    TRY(realm_subscription_set_wait_blocking(next, TIMEOUT_MS, &state, &error));
    EXPECT(state == REALM_SUBSCRIPTIONS_COMPLETE);
    ok = 1;
done:
    realm_subscription_set_release(next);
    realm_subscription_set_release(active);
    return ok;
}

static void stop(struct device* d) {
    realm_collection_release(d->steps);
    realm_object_release(d->recipe);
    realm_session_release(d->session);
    realm_release(d->realm);
    realm_config_release(d->config);
    realm_user_release(d->user);
    realm_app_release(d->app);
}

/* Inserts a step in a transaction; SIZE_MAX appends. */
static int add_step(struct device* d, size_t index, const char* step) {
    realm_error_t error;
    realm_value_t v;
    size_t n;
    int ok = 0;
    memset(&v, 0, sizeof v);
    v.type = REALM_TYPE_STRING;
    v.size = (uint32_t) strlen(step);
    v.u.data = step;
    TRY(realm_begin_write(d->realm, &error));
    TRY(realm_collection_count(d->steps, &n, &error));
    TRY(realm_list_insert(d->steps, index < n ? index : n, &v, &error));
    TRY(realm_commit(d->realm, &error));
    ok = 1;
done:
    return ok;
}

/* Writes the steps, one a line, into a buffer, and prints them. */
static int read_steps(struct device* d, char* text, size_t capacity) {
    realm_error_t error;
    realm_value_t values[64];
    size_t n, used = 0;
    int ok = 0;
    TRY(realm_collection_load(d->steps, 0, 64, values, NULL, &n, &error));
    text[0] = 0;
    for (size_t i = 0; i < n; i++) {
        EXPECT(used + values[i].size + 2 < capacity);
        memcpy(text + used, values[i].u.data, values[i].size);
        used += values[i].size;
        text[used++] = '\n';
        text[used] = 0;
        printf("  %s has %zu. %.*s\n", d->name, i + 1, (int) values[i].size, values[i].u.data);
    }
    ok = 1;
done:
    return ok;
}

/* What both have uploaded, both have downloaded. */
static int meet(struct device* a, struct device* b) {
    realm_error_t error;
    int ok = 0;
    TRY(realm_wait_for_upload_blocking(a->session, TIMEOUT_MS, &error));
    TRY(realm_wait_for_upload_blocking(b->session, TIMEOUT_MS, &error));
    TRY(realm_wait_for_download_blocking(a->session, TIMEOUT_MS, &error));
    TRY(realm_wait_for_download_blocking(b->session, TIMEOUT_MS, &error));
    TRY(realm_refresh(a->realm, NULL, &error));
    TRY(realm_refresh(b->realm, NULL, &error));
    ok = 1;
done:
    return ok;
}

static int run(const char* url, const char* app_id, const char* folder) {
    realm_error_t error;
    struct device phone = {"phone", NULL, NULL, NULL, NULL, NULL, NULL, NULL}, laptop = {"laptop", NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    realm_value_t id = realm_object_id_generate();
    realm_class_key_t recipes;
    char of_phone[1000], of_laptop[1000];
    int ok = 0;

    if (!start(&phone, url, app_id, folder, &id) || !start(&laptop, url, app_id, folder, &id)) goto done;

    /* The phone writes a recipe of two steps; the laptop gets it. */
    TRY(realm_find_class(phone.realm, TEXT("Recipe"), &recipes, &error));
    TRY(realm_begin_write(phone.realm, &error));
    TRY(realm_object_create(phone.realm, recipes, &id, 1, REALM_CREATE_NEW, &phone.recipe, NULL, &error));
    TRY(realm_commit(phone.realm, &error));
    TRY(realm_object_get_collection(phone.recipe, P_STEPS, &phone.steps, &error));
    if (!add_step(&phone, SIZE_MAX, "knead") || !add_step(&phone, SIZE_MAX, "bake")) goto done;
    if (!meet(&phone, &laptop)) goto done;
    TRY(realm_find_class(laptop.realm, TEXT("Recipe"), &recipes, &error));
    TRY(realm_object_find(laptop.realm, recipes, &id, &laptop.recipe, &error));
    EXPECT(laptop.recipe != NULL);
    TRY(realm_object_get_collection(laptop.recipe, P_STEPS, &laptop.steps, &error));

    /* Both offline: the phone puts a step in front, the laptop one in the middle. */
    TRY(realm_session_pause(phone.session, &error));
    TRY(realm_session_pause(laptop.session, &error));
    if (!add_step(&phone, 0, "mix") || !add_step(&laptop, 1, "let it rest")) goto done;
    TRY(realm_session_resume(phone.session, &error));
    TRY(realm_session_resume(laptop.session, &error));
    if (!meet(&phone, &laptop)) goto done;
    if (!read_steps(&phone, of_phone, sizeof of_phone) || !read_steps(&laptop, of_laptop, sizeof of_laptop)) goto done;
    EXPECT(strcmp(of_phone, "mix\nknead\nlet it rest\nbake\n") == 0);
    EXPECT(strcmp(of_laptop, of_phone) == 0);
    ok = 1;
done:
    stop(&phone);
    stop(&laptop);
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
    char folder[2048];
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
