// Live updates from another process: this program runs a libuv loop and prints what changes in a database while another process
// writes to it. Where libuv is installed (Debian: libuv1-dev), its default loop is the scheduler of every database of a program that
// links to the CMake target cpprealm, or is compiled with REALM_HAVE_UV=1.
//
//   build/bin/examples/live_updates               both, the writer in a second process
//   build/bin/examples/live_updates watch FILE    in one terminal, and
//   build/bin/examples/live_updates write FILE    in another
#include "example.hpp"

#include <uv.h>

namespace station {
struct Reading {
    realm::primary_key<std::string> sensor;
    double celsius = 0;
    int64_t count = 0;
};
REALM_SCHEMA(Reading, sensor, celsius, count)
}// namespace station
using station::Reading;

namespace {

constexpr int64_t readings = 20;// of each sensor

// The writer: a program without a loop, that writes and ends.
void write(const std::string& file) {
    realm::db_config config;
    config.set_path(file);
    auto realm = realm::db(std::move(config));
    for (int64_t n = 1; n <= readings; n++) {
        for (const char* sensor: {"cellar", "roof"}) {
            realm.write([&] {
                auto found = realm.objects<Reading>().where("sensor == $0", {std::string(sensor)});
                if (found.size() == 0) {
                    Reading first;
                    first.sensor = std::string(sensor);
                    first.celsius = 12;
                    first.count = 1;
                    realm.add(std::move(first));
                } else {
                    auto reading = found[0];
                    reading.celsius += sensor[0] == 'r' ? 0.5 : -0.25;
                    reading.count += 1;
                }
            });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

// The watcher: the loop calls the observer after commits of whatever process. It stops when both sensors have made their readings.
void watch(const std::string& file) {
    realm::db_config config;
    config.set_path(file);
    auto realm = realm::db(std::move(config));
    auto all = realm.objects<Reading>().sort("sensor", true);
    int updates = 0;
    auto token = all.observe([&](auto changes) {
        auto& now = *changes.collection;
        std::cout << "update " << ++updates << ":";
        size_t finished = 0;
        for (size_t i = 0; i < now.size(); i++) {
            std::cout << "  " << now[i].sensor.detach().value << " " << double(now[i].celsius) << "°C";
            finished += int64_t(now[i].count) == readings ? 1 : 0;
        }
        std::cout << (now.size() == 0 ? "  nothing yet" : "") << std::endl;
        if (finished == 2) uv_stop(uv_default_loop());
    });
    // A database does not keep a loop going by itself. Here a timer does, which also gives up when nobody writes.
    uv_timer_t patience;
    uv_timer_init(uv_default_loop(), &patience);
    uv_timer_start(&patience, [](uv_timer_t*) { uv_stop(uv_default_loop()); }, 60000, 0);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_close(reinterpret_cast<uv_handle_t*>(&patience), nullptr);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);// until everything is closed, and a writer that was started here has ended
    expect(all.size() == 2 && all[0].count == readings && all[1].count == readings, "the last change of the other process was seen");
    std::cout << "The other process has made " << 2 * readings << " changes; they came in " << updates - 1 << " updates." << std::endl;
}

// Starts this program again, as the writer.
void start_writer(uv_process_t& process, std::string program, std::string file) {
    std::string command = "write";
    char* arguments[] = {program.data(), command.data(), file.data(), nullptr};
    uv_process_options_t options{};
    options.file = arguments[0];
    options.args = arguments;
    options.exit_cb = [](uv_process_t* p, int64_t status, int) {
        *static_cast<int64_t*>(p->data) = status;
        uv_close(reinterpret_cast<uv_handle_t*>(p), nullptr);
    };
    expect(uv_spawn(uv_default_loop(), &process, &options) == 0, "the writer starts");
}

}// namespace

int main(int argc, char** argv) {
    std::string command = argc == 3 ? argv[1] : "";
    return run_example([&] {
        if (command == "write") return write(argv[2]);
        if (command == "watch") return watch(argv[2]);
        temporary_folder files;
        auto file = files.folder("station") + "/readings.realm";
        uv_process_t writer;
        int64_t status = -1;
        writer.data = &status;
        start_writer(writer, argv[0], file);
        watch(file);
        expect(status == 0, "the writer has ended well");
    });
}
