// Realm Core's header of its App, as far as realm-cpp's own tests use it: types of requests and what comes with them.
#pragma once

#include "../../util/bson/bson.hpp"
#include "../../util/format.hpp"
#include "../../util/terminate.hpp"

#include <cpprealm/internal/networking/utils.hpp>
