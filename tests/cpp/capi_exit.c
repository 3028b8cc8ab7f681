/*
 * capi_exit.c - a process ends with everything open: it doesn't hang and doesn't crash, and the next one finds what was committed.
 *
 * The program runs itself as a child for each way to end.
 */
#include "c_test.h"

#include <pthread.h>
#include <sys/wait.h>

static realm_t* realm;
static realm_object_t* object;
static realm_token_t* token;
static realm_results_t* results;

static void on_results(void* userdata, const realm_collection_changes_t* c) { (void) userdata, (void) c; }

/* What the destructors of a program's static objects do. */
static void release_late(void) {
    realm_object_release(object);
    realm_token_release(token);
    realm_results_release(results);
    realm_release(realm);
}

static void* reader(void* argument) {
    (void) argument;
    realm_t* mine = open_person("exit.realm");
    for (;;) OK(realm_refresh(mine, NULL, &error));
    return NULL;
}

static void open_everything(const char* folder) {
    snprintf(test_folder, sizeof test_folder, "%s", folder);
    realm = open_person("exit.realm");
    OK(realm_begin_write(realm, &error));
    realm_value_t id = of_int(1), values[P_COUNT] = {id, of_string("Ann"), of_int(0), of_null()};
    OK(realm_object_create(realm, class_of(realm, "Person"), values, P_COUNT, REALM_CREATE_UPSERT, &object, NULL, &error));
    OK(realm_commit(realm, &error));
    OK(realm_results_all(realm, class_of(realm, "Person"), &results, &error));
    OK(realm_results_observe(results, on_results, NULL, NULL, &token, &error));
}

static int child(const char* way, const char* folder) {
    pthread_t thread;
    if (strcmp(way, "late") == 0) atexit(release_late); /* registered before the library is used */
    open_everything(folder);
    if (strcmp(way, "write") == 0) {
        OK(realm_begin_write(realm, &error));
        realm_object_release(add_person(realm, 2, "nobody", 1));
    }
    if (strcmp(way, "threads") == 0) {
        for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, reader, NULL) == 0);
        for (int i = 0; i < 100; i++) OK(realm_refresh(realm, NULL, &error));
    }
    if (strcmp(way, "_exit") == 0) _exit(7);
    if (strcmp(way, "exit") == 0) exit(7);
    return 7;
}

static const char* self;

static void end(const char* way) {
    char command[2048];
    snprintf(command, sizeof command, "'%s' %s '%s'", self, way, test_folder);
    int status = system(command);
    CHECK(WIFEXITED(status));
    EQUAL(WEXITSTATUS(status), 7);
    realm_t* after = open_person("exit.realm");
    realm_value_t id = of_int(1);
    realm_object_t* found = NULL;
    OK(realm_object_find(after, class_of(after, "Person"), &id, &found, &error));
    CHECK(found);
    realm_object_release(found);
    id = of_int(2);
    OK(realm_object_find(after, class_of(after, "Person"), &id, &found, &error));
    CHECK(!found);
    realm_release(after);
}

static void by_return(void) { end("return"); }
static void by_exit(void) { end("exit"); }
static void at_once(void) { end("_exit"); }
static void in_a_transaction(void) { end("write"); }
static void with_threads(void) { end("threads"); }
static void with_late_releases(void) { end("late"); }

int main(int argc, char** argv) {
    if (argc == 3) return child(argv[1], argv[2]);
    self = argv[0];
    temporary("");
    run("return from main", by_return);
    run("exit", by_exit);
    run("_exit", at_once);
    run("in a transaction", in_a_transaction);
    run("with threads at work", with_threads);
    run("releases in exit handlers", with_late_releases);
    return finish();
}
