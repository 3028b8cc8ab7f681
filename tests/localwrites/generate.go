package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"realmsync/tests/vectors"
)

const head = `// Made by tests/localwrites from vectors/localwrites/realm-cpp.jsonl; changed only there.
#include %s

#include <cstdio>
#include <exception>
#include <string>

namespace realm {

// What the statements of the vectors use.
[[maybe_unused]] static All small(int64_t id) {
    All o;
    o._id = id;
    o.dec = decimal128("0");// realm-cpp doesn't initialise it, so the vectors must have
    return o;
}
[[maybe_unused]] static Target target(int64_t id, const std::string& name) {
    Target t;
    t._id = id;
    t.name = name;
    return t;
}
[[maybe_unused]] static Addr addr(const std::string& street, int64_t no) {
    Addr a;
    a.street = street;
    a.no = no;
    return a;
}
[[maybe_unused]] static std::chrono::time_point<std::chrono::system_clock> at_ms(int64_t ms) {
    return std::chrono::time_point<std::chrono::system_clock>(std::chrono::milliseconds(ms));
}

// Opens a synced database to which objects of every class can be added. Nobody answers, so the subscriptions stay pending.
static db open_to_write(const db_config& config) {
    db out(config);
    out.subscriptions().update([](mutable_sync_subscription_set& subscriptions) {
        subscriptions.add<All>("All");
        subscriptions.add<Target>("Target");
        subscriptions.add<StrKey>("StrKey");
        subscriptions.add<OidKey>("OidKey");
        subscriptions.add<UuidKey>("UuidKey");
    });
    return out;
}

`

const tail = `}// namespace realm

// NAME URL APP_ID FOLDER: runs line n in the file FOLDER/n.realm.
int main(int argc, char** argv) {
    if (argc != 4) return 2;
    realm::App::configuration c;
    c.base_url = argv[1];
    c.app_id = argv[2];
    c.path = argv[3];
    realm::App app(c);
    auto user = app.login(realm::App::credentials::anonymous()).get();
    int failed = 0;
    for (size_t i = 0; i < sizeof(realm::lines) / sizeof(*realm::lines); i++) {
        auto config = user.flexible_sync_configuration();
        config.set_path(std::string(argv[3]) + "/" + std::to_string(i) + ".realm");
        try {
            realm::lines[i](config);
        } catch (const std::exception& e) {
            std::fprintf(stderr, "line %zu: %s\n", i + 1, e.what());
            failed = 1;
        }
    }
    return failed;
}
`

// program returns the C++ program.
func program(lines []line, model string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, head, strconv.Quote(model))
	for i := range lines {
		l := &lines[i]
		fmt.Fprintf(&out, "// %q\nstatic void line_%d(const db_config& config) {\n", l.Name, i)
		if l.opens() {
			fmt.Fprintf(&out, "    [[maybe_unused]] auto opened = %s;\n}\n", l.Code)
			continue
		}
		fmt.Fprint(&out, "    auto db = open_to_write(config);\n")
		fmt.Fprint(&out, "    [[maybe_unused]] Target t1 = target(1, \"one\"), t2 = target(2, \"two\");\n")
		fmt.Fprint(&out, "    [[maybe_unused]] Addr a1 = addr(\"x\", 1), a2 = addr(\"y\", 2);\n")
		if l.hasObject() {
			fmt.Fprint(&out, "    All u = small(1);\n")
			if l.Setup != "" {
				fmt.Fprintf(&out, "    %s;\n", l.Setup)
			}
			fmt.Fprint(&out, "    [[maybe_unused]] auto o = db.write([&] { return db.add(std::move(u)); });\n")
		}
		fmt.Fprintf(&out, "    db.write([&] %s);\n}\n", l.Code)
	}
	fmt.Fprint(&out, "\nstatic void (*const lines[])(const db_config&) = {")
	for i := range lines {
		fmt.Fprintf(&out, "line_%d, ", i)
	}
	fmt.Fprintf(&out, "};\n\n%s", tail)
	return out.Bytes()
}

// source returns the lines and the program that is made of them.
func source() (lines []line, text []byte, err error) {
	if lines, err = readLines(); err != nil {
		return nil, nil, err
	}
	model, err := vectors.Path("localwrites/model.hpp")
	if err == nil {
		model, err = filepath.Abs(model)
	}
	if err != nil {
		return nil, nil, err
	}
	return lines, program(lines, model), nil
}

// generate writes the program, unless the file has it already: then it isn't compiled again.
func generate(file string) error {
	_, text, err := source()
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
