// The JSON library that comes with Realm Core, from where the system has it.
#pragma once

#include <nlohmann/json.hpp>
