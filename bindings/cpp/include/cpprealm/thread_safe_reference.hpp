#pragma once
#include <cpprealm/db.hpp>
