// Realm Core's util::format, as far as realm-cpp's own tests use it.
#pragma once

#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace realm::util {

// Writes the text with its %1, %2, ... replaced by the arguments; %% is a percent sign. An argument that isn't there is left out.
template <typename... Args>
void format(std::ostream& out, const char* text, const Args&... args) {
    std::vector<std::string> texts;
    auto add = [&](const auto& a) {
        std::ostringstream s;
        s << a;
        texts.push_back(s.str());
    };
    (add(args), ...);
    for (auto p = text; *p; p++) {
        if (*p != '%') {
            out << *p;
        } else if (p[1] == '%') {
            out << *p++;
        } else {
            size_t n = 0;
            while (p[1] >= '0' && p[1] <= '9') n = n * 10 + static_cast<size_t>(*++p - '0');
            if (n >= 1 && n <= texts.size()) out << texts[n - 1];
        }
    }
}
template <typename... Args>
std::string format(const char* text, const Args&... args) {
    std::ostringstream out;
    format(out, text, args...);
    return out.str();
}

}// namespace realm::util
