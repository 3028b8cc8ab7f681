// Realm Core's assertions, as far as realm-cpp's own tests use them.
#pragma once

#include <cstdio>
#include <cstdlib>

// Ends the program, with a reason.
#define REALM_TERMINATE(message) (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, static_cast<const char*>(message)), std::abort())
#define REALM_ASSERT(condition) ((condition) ? static_cast<void>(0) : REALM_TERMINATE("assertion failed: " #condition))
#define REALM_ASSERT_RELEASE(condition) REALM_ASSERT(condition)
