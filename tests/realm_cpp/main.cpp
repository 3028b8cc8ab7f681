// The program that runs realm-cpp's own tests, for scripts/realm-cpp-suite.sh. With CPPREALM_ENABLE_SYNC_TESTS it first signs in to the
// server at REALM_LOCAL_ENDPOINT, as that project's own program does, and makes the app that several tests share.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch_all.hpp>

#ifdef CPPREALM_ENABLE_SYNC_TESTS
#include "admin_utils.hpp"
#endif

int main(int argc, char** argv) {
#ifdef CPPREALM_ENABLE_SYNC_TESTS
    auto url = std::getenv("REALM_LOCAL_ENDPOINT");
    if (!url) {
        std::fprintf(stderr, "REALM_LOCAL_ENDPOINT is not set\n");
        return 2;
    }
    auto& session = Admin::Session::shared();
    session.prepare(std::string(url));
    session.cache_app_id(session.create_app({"str_col", "_id"}));
#endif
    return Catch::Session().run(argc, argv);
}
