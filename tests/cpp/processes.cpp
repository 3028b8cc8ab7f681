// Two processes that write to one file and observe it: each is told of all that either commits, and none fails because the other has
// the file.
//
//   processes            100 transactions in each process
//   processes SECONDS    for so long; tests/processes/soak.sh runs it under sanitizers
#include "check.hpp"
#include "loop.hpp"

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace processes {
struct entry {
    realm::primary_key<int64_t> _id;
    int64_t writer = 0;
};
REALM_SCHEMA(entry, _id, writer)
}// namespace processes
using processes::entry;

namespace {

constexpr int64_t span = 1000000000;

// The two processes talk by pipes: one sends a number, the other waits for it.
struct channel {
    int in, out;
    void send(int64_t n) const { CHECK(write(out, &n, sizeof n) == sizeof n); }
    int64_t receive() const {
        int64_t n = -1;
        return read(in, &n, sizeof n) == sizeof n ? n : -1;
    }
};

// Writes count entries, or for a time if count is 0, and returns when the observer has been told of all that both have written.
void write_and_observe(const std::string& path, int64_t writer, int64_t count, std::chrono::seconds time, const channel& other) {
    auto mine = std::make_shared<check::loop>();
    realm::db db(realm::db_config(path, mine));
    auto all = db.objects<entry>();
    int64_t told = 0, calls = 0;
    auto token = all.observe([&](auto changes) {
        calls++;
        if (changes.collection_root_was_deleted) return;
        if (changes.insertions.empty() && changes.deletions.empty() && changes.modifications.empty())
            told = static_cast<int64_t>(changes.collection->size());// the first call
        else
            told += static_cast<int64_t>(changes.insertions.size());
    });
    other.send(0);
    CHECK(other.receive() == 0);
    int64_t n = 0;
    auto begin = std::chrono::steady_clock::now();
    while (count ? n < count : std::chrono::steady_clock::now() < begin + time) {
        db.write([&] {
            entry e;
            e._id = writer * span + n++;
            e.writer = writer;
            db.add(std::move(e));
        });
    }
    other.send(n);
    auto theirs = other.receive();
    CHECK(theirs > 0);
    CHECK(mine->run_until([&] { return told == n + theirs; }));
    std::printf("process %d: %lld transactions, of %lld in all its observer was told in %lld calls\n", static_cast<int>(writer),
                static_cast<long long>(n), static_cast<long long>(told), static_cast<long long>(calls));
    std::fflush(stdout);
    other.send(told);
    CHECK_EQUAL(other.receive(), told);
}

}// namespace

int main(int argc, char** argv) {
    // The second process: processes child PATH COUNT SECONDS, with the pipes as standard input and descriptor 3.
    if (argc == 5 && std::string(argv[1]) == "child") {
        check::suite suite("processes, second");
        suite.run("second", [&] { write_and_observe(argv[2], 2, std::atoll(argv[3]), std::chrono::seconds(std::atoll(argv[4])), {0, 3}); });
        return suite.result();
    }
    check::suite suite("processes");
    suite.run("both observe all", [&] {
        auto seconds = argc == 2 ? std::string(argv[1]) : std::string("0");
        auto count = argc == 2 ? std::string("0") : std::string("100");
        check::temp_dir dir;
        auto path = dir.file("shared.realm");
        int to[2], from[2];
        CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, to[0], 0);
        posix_spawn_file_actions_adddup2(&files, from[1], 3);
        std::string self = "/proc/self/exe", child = "child";
        char* arguments[] = {argv[0], child.data(), path.data(), count.data(), seconds.data(), nullptr};
        pid_t pid;
        CHECK(posix_spawn(&pid, self.c_str(), &files, nullptr, arguments, environ) == 0);
        posix_spawn_file_actions_destroy(&files);
        close(to[0]);
        close(from[1]);
        write_and_observe(path, 1, std::atoll(count.c_str()), std::chrono::seconds(std::atoll(seconds.c_str())), {from[0], to[1]});
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(to[1]);
        close(from[0]);
    });
    return suite.result();
}
