// The logger of the process.
#include "check.hpp"
#include "models.hpp"

namespace {
struct collector : realm::logger {
    void do_log(level l, const std::string& text) override {
        std::lock_guard<std::mutex> lock(mutex);
        lines.emplace_back(l, text);
    }
    size_t count() {
        std::lock_guard<std::mutex> lock(mutex);
        return lines.size();
    }
    std::mutex mutex;
    std::vector<std::pair<level, std::string>> lines;
};
}// namespace

int main() {
    check::suite suite("logging");

    suite.run("threshold", [] {
        collector c;
        CHECK(c.get_level_threshold() == realm::logger::level::info);
        c.set_level_threshold(realm::logger::level::warn);
        CHECK(c.get_level_threshold() == realm::logger::level::warn);
    });

    suite.run("set and removed", [] {
        auto mine = std::make_shared<collector>();
        mine->set_level_threshold(realm::logger::level::all);
        realm::set_default_logger(mine);// an lvalue of a derived class
        std::shared_ptr<realm::logger> base = mine;
        realm::set_default_logger(base);
        realm::set_default_level_threshold(realm::logger::level::all);
        {
            check::temp_dir dir;
            realm::db db(dir.config());
            db.write([&] {
                realm::person p;
                p.name = "Jack";
                db.add(std::move(p));
            });
        }
        realm::set_default_logger(nullptr);
        base.reset();
        auto before = mine->count();
        for (auto& [level, text]: mine->lines) CHECK(level >= realm::logger::level::trace && level <= realm::logger::level::fatal && text.find('\n') == std::string::npos);
        {
            check::temp_dir dir;
            realm::db db(dir.config());
        }
        CHECK_EQUAL(mine->count(), before);
        CHECK_EQUAL(mine.use_count(), 1);// the library let go of it
        realm::set_default_level_threshold(realm::logger::level::info);
    });

    suite.run("set after a database was opened", [] {
        check::temp_dir dir;
        realm::db db(dir.config());
        auto mine = std::make_shared<collector>();
        mine->set_level_threshold(realm::logger::level::all);
        realm::set_default_logger(mine);
        db.write([&] {
            realm::person p;
            p.name = "Jack";
            db.add(std::move(p));
        });
        realm::set_default_logger(nullptr);
        CHECK(mine->count() == 1 && mine->lines[0].first == realm::logger::level::debug && mine->lines[0].second.find("committed") != std::string::npos);
    });

    return suite.result();
}
