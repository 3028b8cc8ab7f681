// What the C++ tests share: cases that count their failed checks, and folders that go away.
//
// A test is a program: it makes a `suite`, runs its cases and returns suite.result(). A case fails when a check fails, when an
// exception comes out of it, or when it leaves handles of the library behind.
#pragma once

#include <cpprealm/sdk.hpp>

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <sstream>
#include <string>
#include <type_traits>

namespace check {

inline int& failures() {
    static int n = 0;
    return n;
}
inline void fail(const char* file, int line, const std::string& what) {
    failures()++;
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
}

// Text of a value for a failure's report.
template <typename T, typename = void>
struct printer {
    static std::string text(const T&) { return "(a value)"; }
};
template <typename T>
struct printer<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> {
    static std::string text(const T& v) {
        std::ostringstream out;
        out << v;
        return out.str();
    }
};
inline std::string text(const std::string& v) { return "\"" + v + "\""; }
template <typename T>
std::string text(const T& v) { return printer<T>::text(v); }

template <typename A, typename B>
void equal(const A& a, const B& b, const char* what, const char* file, int line) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool> && !std::is_same_v<B, bool>) {
        if (static_cast<long long>(a) == static_cast<long long>(b)) return;
    } else {
        if (a == b) return;
    }
    fail(file, line, std::string(what) + ": " + text(a) + " is not " + text(b));
}

// Runs f, which must throw an E; with a text, exactly that text, or one that contains it.
template <typename E, typename Fn>
void throws(Fn&& f, const char* wanted, bool exactly, const char* what, const char* file, int line) {
    try {
        f();
    } catch ([[maybe_unused]] const E& e) {
        if constexpr (std::is_base_of_v<std::exception, E>)
            if (wanted && (exactly ? std::string(e.what()) != wanted : std::string(e.what()).find(wanted) == std::string::npos)) fail(file, line, std::string(what) + " threw \"" + e.what() + "\" and not \"" + wanted + "\"");
        return;
    } catch (...) {
        return fail(file, line, std::string(what) + " threw something of another type");
    }
    fail(file, line, std::string(what) + " did not throw");
}

class suite {
public:
    explicit suite(const char* name) : m_name(name) {}
    // Runs one case.
    void run(const char* name, const std::function<void()>& body) {
        int before = failures();
        auto handles = realm_live_handle_count();
        try {
            body();
        } catch (const std::exception& e) {
            fail(m_name, 0, std::string("an exception came out of the case: ") + e.what());
        } catch (...) {
            fail(m_name, 0, "something that is no std::exception came out of the case");
        }
        if (!handles_return_to(handles)) fail(m_name, 0, "the case left " + std::to_string(realm_live_handle_count() - handles) + " handles behind");
        m_cases++;
        std::printf("%s  %s\n", failures() == before ? "ok    " : "FAILED", name);
        std::fflush(stdout);
    }
    int result() const {
        if (failures()) std::printf("%s: %d checks failed\n", m_name, failures());
        else
            std::printf("%s: all %d cases passed\n", m_name, m_cases);
        return failures() ? 1 : 0;
    }

private:
    // Threads of the library may hold a handle for the moment that a callback takes to return.
    static bool handles_return_to(int64_t count) {
        for (int i = 0; i < 12000 && realm_live_handle_count() != count; i++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return realm_live_handle_count() == count;
    }
    const char* m_name;
    int m_cases = 0;
};

// What a future is told, in the time that any test may take; a test that would wait for ever ends its case.
template <typename Future>
auto told(Future&& future) {
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) throw std::runtime_error("a future was told nothing for 60 s");
    return future.get();
}

// A folder that goes away with its content.
class temp_dir {
public:
    temp_dir() : m_path(std::filesystem::temp_directory_path() / ("realm-test-" + realm::object_id::generate().to_string())) { std::filesystem::create_directories(m_path); }
    ~temp_dir() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;
    const std::filesystem::path& path() const { return m_path; }
    std::string file(const std::string& name) const { return (m_path / name).string(); }
    realm::db_config config(const std::string& name = "test.realm") const {
        realm::db_config c;
        c.set_path(file(name));
        return c;
    }

private:
    std::filesystem::path m_path;
};

// Something that happens on another thread.
class event {
public:
    void set() {
        std::lock_guard<std::mutex> lock(m_mutex);
        m_count++;
        m_changed.notify_all();
    }
    // Waits until it has happened n times; false when it takes longer than any test should.
    bool wait(int n = 1) {
        std::unique_lock<std::mutex> lock(m_mutex);
        return m_changed.wait_for(lock, std::chrono::seconds(60), [&] { return m_count >= n; });
    }
    int count() {
        std::lock_guard<std::mutex> lock(m_mutex);
        return m_count;
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    int m_count = 0;
};

// Runs f on another thread, and waits for its end; what it throws is thrown here.
template <typename Fn>
void on_another_thread(Fn&& f) {
    std::exception_ptr thrown;
    std::thread([&] {
        try {
            f();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown) std::rethrow_exception(thrown);
}

}// namespace check

#define CHECK(...)                                                         \
    do {                                                                   \
        if (!(__VA_ARGS__)) check::fail(__FILE__, __LINE__, #__VA_ARGS__); \
    } while (false)
#define CHECK_EQUAL(a, b) check::equal(a, b, #a, __FILE__, __LINE__)
// The expression throws an E.
#define CHECK_THROWS(E, ...) check::throws<E>([&] { (void) (__VA_ARGS__); }, nullptr, true, #__VA_ARGS__, __FILE__, __LINE__)
// The expression throws an E with exactly this text.
#define CHECK_THROWS_WITH(E, text, ...) check::throws<E>([&] { (void) (__VA_ARGS__); }, text, true, #__VA_ARGS__, __FILE__, __LINE__)
// The same, with a text that contains this one.
#define CHECK_THROWS_SAYING(E, text, ...) check::throws<E>([&] { (void) (__VA_ARGS__); }, text, false, #__VA_ARGS__, __FILE__, __LINE__)
