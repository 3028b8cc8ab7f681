// The scheduler on libuv's default loop, which programs get that link to the CMake target cpprealm: it defines REALM_HAVE_UV where libuv is installed.
#include "../check.hpp"
#include "../models.hpp"

#include <uv.h>

#ifndef REALM_HAVE_UV
#error "this test is compiled with REALM_HAVE_UV=1"
#endif

using realm::person;

namespace {

// Runs the default loop until stop_loop() is called; false when that takes too long.
bool run_loop() {
    static bool expired;
    expired = false;
    uv_timer_t deadline;
    uv_timer_init(uv_default_loop(), &deadline);
    uv_timer_start(
            &deadline, [](uv_timer_t*) {
                expired = true;
                uv_stop(uv_default_loop());
            },
            60000, 0);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_close(reinterpret_cast<uv_handle_t*>(&deadline), nullptr);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);// closes it
    return !expired;
}
void stop_loop() { uv_stop(uv_default_loop()); }

person make(const std::string& name) {
    person p;
    p.name = name;
    return p;
}

}// namespace

int main() {
    check::suite suite("uv_scheduler");

    suite.run("default", [] {
        auto mine = realm::default_scheduler::make_default();
        CHECK(mine->can_invoke() && mine->is_on_thread());
        CHECK(mine->is_same_as(realm::default_scheduler::make_default().get()));
        int ran = 0;
        mine->invoke([&] {
            ran++;
            stop_loop();
        });
        CHECK_EQUAL(ran, 0);
        CHECK(run_loop());
        CHECK_EQUAL(ran, 1);
        check::on_another_thread([&] {
            CHECK(!mine->is_on_thread());
            // The loop has a thread already.
            auto theirs = realm::default_scheduler::make_default();
            CHECK(theirs->is_on_thread() && !theirs->can_invoke() && !theirs->is_same_as(mine.get()));
        });
    });

    suite.run("notifications come by the loop", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto jack = db.write([&] { return db.add(make("Jack")); });
        int calls = 0;
        auto token = jack.observe([&](auto&&) {
            calls++;
            stop_loop();
        });
        check::on_another_thread([&] {
            realm::db there(dir.config());
            there.write([&] { there.objects<person>()[0].age = 5; });
        });
        CHECK(jack.age == 0);
        CHECK(run_loop());
        CHECK(calls == 1 && jack.age == 5);
    });

    suite.run("given up on another thread", [] {
        auto mine = realm::default_scheduler::make_default();
        mine->invoke([] { check::fail(__FILE__, __LINE__, "nothing runs for a scheduler that is gone"); });
        check::on_another_thread([&] { mine.reset(); });
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    });

    // Nothing is left in the loop.
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    CHECK_EQUAL(uv_loop_close(uv_default_loop()), 0);
    return suite.result();
}
