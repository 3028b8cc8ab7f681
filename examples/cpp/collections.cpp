// Collections: a recipe with a list of steps, a set of tags, a dictionary of amounts and an embedded author. Two devices change all of
// them offline, and both changes survive.
//
//   build/bin/realm-sync-server serve --dev &
//   build/bin/examples/collections [URL APP_ID]
#include "example.hpp"

// An embedded object belongs to the object that holds it, and goes with it.
struct Author {
    std::string name;
    int64_t recipes = 0;
};
REALM_EMBEDDED_SCHEMA(Author, name, recipes)

struct Recipe {
    realm::primary_key<realm::object_id> _id{realm::object_id::generate()};
    std::string book;
    std::vector<std::string> steps;
    std::set<std::string> tags;
    std::map<std::string, double> amounts;// keys may not contain '.' nor begin with '$'
    Author* author = nullptr;
    int64_t cooked = 0;
};
REALM_SCHEMA(Recipe, _id, book, steps, tags, amounts, author, cooked)

namespace {

struct device {
    realm::App app;
    realm::user user;
    realm::db realm;

    device(const std::string& folder, const server_address& server, const std::string& book)
        : app(configure(server, folder)), user(app.login(realm::App::credentials::anonymous()).get()), realm(user.flexible_sync_configuration()) {
        bool accepted = realm.subscriptions().update([&](realm::mutable_sync_subscription_set& subscriptions) {
                                                 subscriptions.add<Recipe>("book", [&](auto& recipe) { return recipe.book == book; });
                                             })
                                .get();
        expect(accepted, "the server accepts the subscription");
    }
    static realm::App::configuration configure(const server_address& server, const std::string& folder) {
        realm::App::configuration c;
        c.app_id = server.app_id;
        c.base_url = server.url;
        c.path = folder;
        c.enable_caching = false;// two devices in one process
        return c;
    }
    void upload() { realm.get_sync_session()->wait_for_upload_completion().get(); }
    void download() {
        realm.get_sync_session()->wait_for_download_completion().get();
        realm.refresh();
    }
    realm::managed<Recipe> recipe() { return realm.objects<Recipe>()[0]; }
};

}// namespace

int main(int argc, char** argv) {
    return run_example([&] {
        server_address server(argc, argv);
        temporary_folder files;
        auto book = realm::object_id::generate().to_string();
        device tablet(files.folder("tablet"), server, book), phone(files.folder("phone"), server, book);

        // Collections are filled like any C++ container, and stored with their object.
        Author author;
        author.name = "Ada";
        Recipe made;
        made.book = book;
        made.steps = {"mix", "bake"};
        made.tags = {"sweet"};
        made.amounts = {{"flour", 500}, {"sugar", 100}};
        made.author = &author;
        tablet.realm.write([&] { tablet.realm.add(std::move(made)); });
        tablet.upload();
        phone.download();

        // An observer is told positions; of a dictionary, keys.
        size_t inserted = 0;
        auto token = tablet.recipe().steps.observe([&](realm::collection_change change) { inserted += change.insertions.size(); });

        tablet.realm.get_sync_session()->pause();
        phone.realm.get_sync_session()->pause();
        tablet.realm.write([&] {
            auto recipe = tablet.recipe();
            recipe.steps.push_back("eat");
            recipe.tags.insert("easy");
            recipe.amounts["flour"] = 450;
            recipe.author->recipes++;
            recipe.cooked += 1;
        });
        phone.realm.write([&] {
            auto recipe = phone.recipe();
            recipe.steps.insert(0, "wash your hands");
            recipe.tags.erase(recipe.tags.find("sweet"));
            recipe.amounts["salt"] = 5;
            recipe.author->recipes++;
            recipe.cooked += 1;
        });
        tablet.realm.get_sync_session()->resume();
        phone.realm.get_sync_session()->resume();
        tablet.upload();
        phone.upload();
        tablet.download();
        phone.download();

        for (auto device: {&tablet, &phone}) {
            auto recipe = device->recipe();
            std::cout << (device == &tablet ? "tablet:" : "phone: ");
            for (auto step: recipe.steps) std::cout << ' ' << step << ',';
            for (auto tag: recipe.tags) std::cout << " #" << tag;
            for (auto [what, amount]: recipe.amounts) std::cout << ", " << amount << " g " << what;
            std::cout << ", cooked " << *recipe.cooked << " times\n";
            expect(recipe.steps.detach() == std::vector<std::string>{"wash your hands", "mix", "bake", "eat"}, "the steps of both are there");
            expect(recipe.tags.detach() == std::set<std::string>{"easy"}, "one tag was added, one removed");
            expect(recipe.amounts["flour"] == 450 && recipe.amounts["salt"] == 5, "each changed an amount");
            expect(recipe.author->recipes == 2 && recipe.cooked == 2, "additions add up");
        }
        expect(inserted == 2, "the observer was told of both steps");
    });
}
