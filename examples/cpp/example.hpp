// What the examples share: where the server is, a folder for their files, and a check that ends the program.
#pragma once

#include <cpprealm/sdk.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

// PROGRAM [URL APP_ID]
struct server_address {
    std::string url = "http://127.0.0.1:9090";
    std::string app_id = "demo-app";

    server_address(int argc, char** argv) {
        if (argc == 3) {
            url = argv[1];
            app_id = argv[2];
        } else if (argc != 1) {
            std::cerr << "usage: " << argv[0] << " [URL APP_ID]\n"
                      << "The server: build/bin/realm-sync-server serve --dev\n";
            std::exit(2);
        }
    }
};

// A new folder below TMPDIR; it goes away with its files.
class temporary_folder {
public:
    temporary_folder() : m_path(std::filesystem::temp_directory_path() / ("realm-example-" + realm::object_id::generate().to_string())) {
        std::filesystem::create_directories(m_path);
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    // A folder in it, as each device of an example has one.
    std::string folder(const std::string& name) const {
        std::filesystem::create_directories(m_path / name);
        return (m_path / name).string();
    }

private:
    std::filesystem::path m_path;
};

// Examples are tests too: they fail when what they show does not hold.
inline void expect(bool holds, const char* what) {
    if (holds) return;
    throw std::runtime_error(std::string("this should hold, and does not: ") + what);
}

// Runs an example; an exception is an exit status. A sync session lives on behind its database until its changes are uploaded;
// an application need not wait for that, but an example shows that nothing is left behind.
template <typename Fn>
int run_example(Fn&& example) {
    try {
        example();
        auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (realm_live_handle_count() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        expect(realm_live_handle_count() == 0, "everything was released");
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "failed: " << e.what() << '\n';
        return 1;
    }
}
