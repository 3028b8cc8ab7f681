// Moves data from a .realm file of realm-cpp into a database of this library, by way of a text file of JSON.
//
//   import_json export DATABASE TEXT    writes what a database holds
//   import_json import TEXT DATABASE    reads it into another database
//   import_json [URL APP_ID]            shows both, one after the other
//
// The classes and export_all() use nothing but realm-cpp's interface: compiled with realm-cpp they export a .realm file
// (docs/migrating-from-realm-cpp.md has the main() for that). The text has one object a line, its class before it:
//
//   Person {"_id":"5f...","name":"Ann","boss":"5e...",...}
//
// A link is the primary key of its target there, so objects come first and links in a second pass.
#include "example.hpp"

#include <fstream>

// The application's classes, as they are: realm-cpp wants them in its namespace.
namespace realm {
struct Address {
    std::string street;
    int64_t number = 0;
};
REALM_EMBEDDED_SCHEMA(Address, street, number)

struct Person {
    enum class Role { guest, member };
    primary_key<object_id> _id;
    std::string name;
    std::optional<std::string> nick;
    Role role = Role::guest;
    std::chrono::time_point<std::chrono::system_clock> born;
    double height = 0;
    decimal128 balance;
    std::vector<uint8_t> picture;
    std::vector<int64_t> scores;
    std::set<std::string> tags;
    std::map<std::string, bool> flags;
    Address* address = nullptr;
    Person* boss = nullptr;
    std::vector<Person*> friends;
};
REALM_SCHEMA(Person, _id, name, nick, role, born, height, balance, picture, scores, tags, flags, address, boss, friends)
}// namespace realm

using realm::Address;
using realm::Person;

namespace {

// One call for each class that is not embedded.
template <typename T>
void export_class(realm::db& database, std::ostream& out, const char* name) {
    auto all = database.objects<T>();
    for (auto object: all) {
        out << name << ' ';
        object.to_json(out);
        out << '\n';
    }
}
void export_all(realm::db& database, std::ostream& out) { export_class<Person>(database, out, "Person"); }

}// namespace

#include "json.hpp"

namespace {

// First pass: a Person without links to others. What it owns is part of it.
void import_person(realm::db& database, const json& j) {
    Person p;
    Address address;
    read(j["_id"], p._id);
    read(j["name"], p.name);
    read(j["nick"], p.nick);
    read(j["role"], p.role);
    read(j["born"], p.born);
    read(j["height"], p.height);
    read(j["balance"], p.balance);
    read(j["picture"], p.picture);
    read(j["scores"], p.scores);
    read(j["tags"], p.tags);
    read(j["flags"], p.flags);
    if (j["address"].is == json::object) {
        read(j["address"]["street"], address.street);
        read(j["address"]["number"], address.number);
        p.address = &address;
    }
    database.add(std::move(p));
}

// Second pass: every target exists now.
realm::managed<Person> find_person(realm::db& database, const json& key) {
    realm::object_id id;
    read(key, id);
    auto found = database.objects<Person>().where([&](auto& p) { return p._id == id; });
    expect(found.size() == 1, "a link's target is in the text");
    return found[0];
}
void link_person(realm::db& database, const json& j) {
    auto person = find_person(database, j["_id"]);
    if (j["boss"].is != json::null) person.boss = find_person(database, j["boss"]);
    for (auto& key: j["friends"].items) person.friends.push_back(find_person(database, key));
}

// All or nothing: one transaction.
void import_all(realm::db& database, std::istream& in) {
    std::vector<json> people;
    for (std::string line; std::getline(in, line);) {
        auto space = line.find(' ');
        if (line.compare(0, space, "Person") != 0) throw std::runtime_error("an unknown class: " + line.substr(0, space));
        people.push_back(json::parse(line.substr(space + 1)));
    }
    database.write([&] {
        for (auto& p: people) import_person(database, p);
        for (auto& p: people) link_person(database, p);
    });
}

realm::db open(const std::string& path) {
    realm::db_config config;
    config.set_path(path);
    return realm::db(config);
}

void show() {
    temporary_folder folder;
    auto before = open(folder.folder("before") + "/people.realm");
    before.write([&] {
        Address address{"Main \"Street\"\n", 5};
        Person ann, ben;
        ann._id = realm::object_id::generate();
        ann.name = "Ann";
        ann.role = Person::Role::member;
        ann.born = std::chrono::system_clock::from_time_t(-86399) + std::chrono::nanoseconds(5);
        ann.height = 1.1;
        ann.balance = realm::decimal128("-12.50");
        ann.picture = {0, 255, 1, 2};
        ann.scores = {INT64_MIN, 0, INT64_MAX};
        ann.tags = {"a", "b"};
        ann.flags = {{"new", true}};
        ann.address = &address;
        ben._id = realm::object_id::generate();
        ben.name = "Ben";
        ben.nick = "";
        ben.boss = &ann;
        auto stored = before.add(std::move(ben));
        stored.boss->friends.push_back(stored);
        stored.boss->friends.push_back(stored.boss);
    });
    std::stringstream text, again;
    export_all(before, text);
    auto after = open(folder.folder("after") + "/people.realm");
    import_all(after, text);
    export_all(after, again);
    expect(text.str() == again.str(), "the new database says the same as the old one");
    std::cout << text.str() << after.objects<Person>().size() << " people came over\n";
}

}// namespace

int main(int argc, char** argv) {
    return run_example([&] {
        std::string what = argc == 4 ? argv[1] : "";
        if (what == "export") {
            auto database = open(argv[2]);
            std::ofstream out(argv[3]);
            export_all(database, out);
        } else if (what == "import") {
            std::ifstream in(argv[2]);
            expect(bool(in), "the text can be read");
            auto database = open(argv[3]);
            import_all(database, in);
        } else
            show();
    });
}
