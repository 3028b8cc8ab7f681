// Three devices that edit the same list, set, dictionary, embedded objects, mixed value and counter while they are offline: after each
// round they have the same, and no addition to the counter is lost. As NAME URL APP_ID; SEED and ROUNDS in the environment choose others.
// With REALM_RULES=strict the app's rules of merging are strict (scripts/with-server.sh makes it so), and nothing is kept from the devices.
#include "sync.hpp"

#include <random>

namespace realm {

struct part {
    std::string name;
    int64_t count = 0;
    std::vector<int64_t> numbers;
};
REALM_EMBEDDED_SCHEMA(part, name, count, numbers)

struct document {
    primary_key<object_id> _id{object_id::generate()};
    std::string owner;
    std::vector<int64_t> list;
    std::vector<std::string> texts;
    std::vector<realm::mixed> values;
    std::vector<part*> parts;
    std::vector<document*> others;
    std::set<int64_t> set;
    std::set<std::string> words;
    std::map<std::string, int64_t> map;
    std::map<std::string, realm::mixed> settings;
    std::map<std::string, part*> shelf;
    part* single = nullptr;
    realm::mixed any;
    int64_t counter = 0;
};
REALM_SCHEMA(document, _id, owner, list, texts, values, parts, others, set, words, map, settings, shelf, single, any, counter)

}// namespace realm

namespace {

using realm::document;
using realm::part;

const bool strict = std::getenv("REALM_RULES") && std::string(std::getenv("REALM_RULES")) == "strict";
const auto rules = strict ? realm::merge_rules::strict : realm::merge_rules::compatible;

// A device with its documents.
struct editor : check::device {
    editor(const check::server& s, const std::string& folder, const std::string& called) : device(s, folder + called, rules), name(called) {}
    std::string name;
    bool follow(const std::string& owner) {
        return db.subscriptions().update([&](realm::mutable_sync_subscription_set& subs) { subs.add<document>("documents", [&](auto& o) { return o.owner == owner; }); }).get();
    }
    realm::results<document> documents() { return db.objects<document>().sort("_id", true); }
    realm::managed<document> get(size_t i) { return documents()[i]; }
    // Everything, as text that can be compared: links by key.
    std::string text() {
        std::string all;
        for (auto d: documents()) {
            std::ostringstream out;
            d.to_json(out);
            auto text = out.str();
            // A link in a mixed value is written with the object's number, which each device gives by itself.
            if (auto at = text.find("\"any\":{ \"$link\""); at != std::string::npos)
                text.replace(at, text.find("}}", at) + 2 - at, "\"any\":" + (*d.any.get_stored_link<document*>()->_id).to_string());
            all += text + "\n";
        }
        return all;
    }
};

// Whether all have the same; says how they differ when they don't.
bool agree(const std::vector<editor*>& editors, bool say = false) {
    auto first = editors[0]->text();
    bool same = true;
    for (auto e: editors) {
        auto text = e->text();
        if (text == first) continue;
        same = false;
        if (say) std::fprintf(stderr, "one device has\n%sand another\n%s", first.c_str(), text.c_str());
    }
    return same;
}
bool converge(const std::vector<editor*>& editors) {
    bool done = check::eventually([&] {
        for (auto e: editors) e->upload();
        for (auto e: editors) e->download();
        return agree(editors);
    });
    return done || agree(editors, true);
}

// Random edits of a document. With the original's rules of merging they keep to what these can do: elements of a list of embedded objects are not
// moved, and no two devices make the same key of a dictionary of embedded objects (merge.md 13.2 and 14: X1, X2).
struct random_edits {
    std::mt19937_64 random;

    size_t below(size_t n) { return n ? size_t(random() % n) : 0; }
    int64_t number() { return int64_t(below(20)); }
    std::string word() { return std::string(1, char('a' + below(8))); }
    realm::mixed value() {
        switch (below(6)) {
            case 0: return number();
            case 1: return word();
            case 2: return true;
            case 3: return double(below(8)) / 4;
            case 4: return realm::decimal128("1.5");
            default: return std::monostate();
        }
    }
    part make_part() {
        part p;
        p.name = word();
        p.count = number();
        p.numbers = {number(), number()};
        return p;
    }
    template <typename L, typename V>
    void edit_list(L& list, V&& v) {
        auto n = list.size();
        switch (below(n ? 12 : 2)) {
            case 0:
            case 1:
            case 2: list.push_back(v); break;
            case 3:
            case 4: list.insert(below(n + 1), v); break;
            case 5:
            case 6: list.set(below(n), v); break;
            case 7:
            case 8: list.erase(below(n)); break;
            case 9:
                if (strict || !std::is_pointer_v<std::decay_t<V>>) list.move(below(n), below(n));
                break;
            case 10: list.pop_back(); break;
            default:
                if (below(6) == 0) list.clear();
                else
                    list.push_back(v);
        }
    }
    template <typename P>
    void edit_part(P&& p) {
        switch (below(4)) {
            case 0: p.name = word(); break;
            case 1: p.count += number(); break;
            case 2: p.count--; break;
            default: edit_list(p.numbers, number());
        }
    }
    // Where a device keeps its parts.
    static std::string shelf_of(const std::string& name) { return strict ? "" : name; }
    // `added` is what the counter of this document went up by.
    void edit(editor& e, size_t document_index, int64_t& added) {
        auto d = e.get(document_index);
        auto p = make_part();
        switch (below(18)) {
            case 0:
            case 1: edit_list(d.list, number()); break;
            case 2: edit_list(d.texts, word()); break;
            case 3: edit_list(d.values, value()); break;
            case 4: edit_list(d.parts, &p); break;
            case 5:
                if (d.parts.size()) edit_part(*d.parts[below(d.parts.size())]);
                break;
            case 6: {
                auto other = e.get(below(e.documents().size()));
                if (d.others.size() < 5) d.others.push_back(other);
                else
                    d.others.erase(below(d.others.size()));
                break;
            }
            case 7: {
                auto n = number();
                auto at = d.set.find(n);
                if (at == d.set.end()) d.set.insert(n);
                else
                    d.set.erase(at);
                break;
            }
            case 8:
                if (below(10) == 0) d.words.clear();
                else
                    d.words.insert(word());
                break;
            case 9: d.map[word()] = number(); break;
            case 10: {
                auto key = word();
                if (d.map.contains_key(key)) d.map.erase(key);
                break;
            }
            case 11: d.settings[word()] = value(); break;
            case 12: {
                auto key = shelf_of(e.name) + word();
                if (!d.shelf.contains_key(key)) d.shelf[key] = &p;
                else if (below(3) == 0)
                    d.shelf.erase(key);
                break;
            }
            case 13: {
                auto key = shelf_of(std::string(1, char('A' + below(3)))) + word();
                if (auto found = *d.shelf[key]) edit_part(**found);
                break;
            }
            case 14:
                if (below(5) == 0) d.single = nullptr;
                else if (!d.single || below(3) == 0)
                    d.single = &p;
                else
                    edit_part(*d.single.operator->());
                break;
            case 15:
                if (below(4)) d.any = value();
                else
                    d.any.set_link(e.get(below(e.documents().size())));
                break;
            default: {
                auto n = number() - 5;
                if (below(2)) d.counter += n;
                else {
                    n = 1;
                    d.counter++;
                }
                added += n;
            }
        }
    }
};

long environment(const char* name, long otherwise) {
    auto text = std::getenv(name);
    return text ? std::atol(text) : otherwise;
}

}// namespace

int main(int argc, char** argv) {
    auto server = check::server_of(argc, argv);
    check::suite suite("sync_collections");

    suite.run("each kind once", [&] {
        check::temp_dir dir;
        editor a(server, dir.file("device"), "A"), b(server, dir.file("device"), "B");
        auto owner = check::unique("owner");
        CHECK(a.follow(owner) && b.follow(owner));
        document made;
        made.owner = owner;
        made.list = {1, 2, 3};
        made.set = {1, 2};
        made.map = {{"a", 1}, {"b", 2}};
        part p;
        p.name = "part";
        made.single = &p;
        made.parts = {&p};
        made.counter = 10;
        a.db.write([&] { a.db.add(document(made)); });
        CHECK(converge({&a, &b}));
        CHECK(b.documents().size() == 1 && b.get(0).list.size() == 3);
        a.session().pause();
        b.session().pause();
        a.db.write([&] {
            auto d = a.get(0);
            d.list.push_back(4);
            d.list.erase(0);
            d.set.insert(7);
            d.map["c"] = 3;
            d.single->name = "of a";
            d.single->count += 5;
            d.parts[0]->numbers.push_back(1);
            d.counter += 5;
        });
        b.db.write([&] {
            auto d = b.get(0);
            d.list.insert(0, 0);
            d.set.erase(d.set.find(1));
            d.map.erase("a");
            d.single->count -= 2;
            d.parts[0]->numbers.push_back(2);
            d.any = "of b";
            d.counter -= 2;
        });
        a.session().resume();
        b.session().resume();
        CHECK(converge({&a, &b}));
        auto d = a.get(0);
        CHECK(d.list.detach() == (std::vector<int64_t>{0, 2, 3, 4}) && d.set.detach() == (std::set<int64_t>{2, 7}) && d.map.detach() == (std::map<std::string, int64_t>{{"b", 2}, {"c", 3}}));
        CHECK(d.single->name == "of a" && d.single->count == 3 && d.parts[0]->numbers.size() == 2 && d.counter == 13 && d.any == realm::mixed("of b"));
    });

    suite.run("random rounds", [&] {
        const auto seed = uint64_t(environment("SEED", long(std::random_device()())));
        const auto rounds = environment("ROUNDS", 200);
        std::printf("  SEED=%llu ROUNDS=%ld\n", static_cast<unsigned long long>(seed), rounds);
        random_edits edits{std::mt19937_64(seed)};
        check::temp_dir dir;
        editor a(server, dir.file("device"), "A"), b(server, dir.file("device"), "B"), c(server, dir.file("device"), "C");
        std::vector<editor*> all{&a, &b, &c};
        auto owner = check::unique("owner");
        for (auto e: all) CHECK(e->follow(owner));
        constexpr size_t documents = 2;
        a.db.write([&] {
            for (size_t i = 0; i < documents; i++) {
                document made;
                made.owner = owner;
                a.db.add(std::move(made));
            }
        });
        CHECK(converge(all));
        int64_t counters[documents] = {};
        for (long round = 0; round < rounds; round++) {
            for (auto e: all) e->session().pause();
            for (auto e: all) {
                for (size_t transactions = 1 + edits.below(3); transactions > 0; transactions--)
                    e->db.write([&] {
                        for (size_t n = 1 + edits.below(5); n > 0; n--) {
                            auto at = edits.below(documents);
                            edits.edit(*e, at, counters[at]);
                        }
                    });
            }
            for (auto e: all) e->session().resume();
            bool same = converge(all);
            CHECK(same);
            for (size_t i = 0; i < documents; i++) CHECK_EQUAL(*a.get(i).counter, counters[i]);
            if (!same) break;
        }
        // One that comes later sees the same.
        editor d(server, dir.file("device"), "D");
        CHECK(d.follow(owner));
        CHECK(converge({&a, &d}));
    });

    return suite.result();
}
