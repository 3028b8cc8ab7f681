// The smallest program of a user: a local realm, one object written and read back. PROGRAM DIR keeps its file in DIR.
#include <cpprealm/sdk.hpp>

#include <cstdio>
#include <string>

namespace realm {
struct Note {
    realm::primary_key<int64_t> _id;
    std::string text;
};
REALM_SCHEMA(Note, _id, text)
}// namespace realm

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    realm::db_config config;
    config.set_path(std::string(argv[1]) + "/consumer.realm");
    realm::db db(std::move(config));

    realm::Note note;
    note._id = 1;
    note.text = "written by a consumer";
    db.write([&] { db.add(std::move(note)); });

    auto notes = db.objects<realm::Note>();
    if (notes.size() != 1) {
        std::fprintf(stderr, "expected 1 note, found %zu\n", notes.size());
        return 1;
    }
    std::string text = notes[0].text;
    if (text != "written by a consumer") {
        std::fprintf(stderr, "expected the note's text, found '%s'\n", text.c_str());
        return 1;
    }
    std::puts("consumer: one object written and read");
}
