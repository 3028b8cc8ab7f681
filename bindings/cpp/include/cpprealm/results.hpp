// Results: live collections of objects.
#pragma once

#include <cpprealm/internal/collection_observer.hpp>
#include <cpprealm/link.hpp>
#include <cpprealm/observation.hpp>

#include <iterator>

namespace realm {

namespace internal::bridge {
// One key of a sort order. key_path may follow links: "owner.name".
struct sort_descriptor {
    std::string key_path;
    bool ascending;
};
}// namespace internal::bridge
using sort_descriptor = internal::bridge::sort_descriptor;

namespace internal {

using shared_results = std::shared_ptr<results_handle>;

// Consecutive objects of results, loaded with their rows in one call.
class page {
public:
    static constexpr size_t capacity = 256;

    page() = default;
    page(page&& o) noexcept { swap(o); }
    page& operator=(page&& o) noexcept {
        swap(o);
        return *this;
    }

    bool holds(size_t index) const noexcept { return index - m_first < m_count; }
    core_ptr at(size_t index) const {
        auto object = realm_rows_object(m_rows.get(), index - m_first);
        if (!object) throw std::bad_alloc();
        return core_ptr(new object_core(m_owner, *m_binding, object));
    }
    size_t end() const noexcept { return m_first + m_count; }
    void clear() noexcept {
        m_rows.reset();
        m_first = m_count = 0;
    }
    void load(const instance_ptr& owner, const class_binding& binding, realm_results_t* r, size_t first, size_t count) {
        clear();
        call(realm_results_load_rows, r, first, count, m_rows.out(), &m_count);
        m_owner = owner;
        m_binding = &binding;
        m_first = first;
    }

private:
    void swap(page& o) noexcept {
        std::swap(m_owner, o.m_owner);
        std::swap(m_binding, o.m_binding);
        m_rows.swap(o.m_rows);
        std::swap(m_first, o.m_first);
        std::swap(m_count, o.m_count);
    }

    instance_ptr m_owner;
    const class_binding* m_binding = nullptr;
    rows_handle m_rows;
    size_t m_first = 0;
    size_t m_count = 0;
};

// Pages of results that are read here and there. A page of which some objects have been asked one by one is loaded whole and kept: at worst
// that costs, for all pages together, what iterating over the results costs.
class page_shelf {
public:
    // Notes that an object has been loaded by itself.
    void note(size_t index) {
        auto number = index / page::capacity;
        if (number >= m_places.size()) m_places.resize(number + 1);
        m_places[number].asked++;
    }
    // The page that holds the object, or is to be loaded now; else null.
    page* find(size_t index) {
        auto number = index / page::capacity;
        if (number >= m_places.size()) return nullptr;
        auto& place = m_places[number];
        if (!place.loaded && place.asked >= patience && m_loaded < most) {
            place.loaded = std::make_unique<page>();
            m_loaded++;
        }
        return place.loaded.get();
    }
    void clear() noexcept {
        m_places.clear();
        m_loaded = 0;
    }

private:
    static constexpr size_t most = 2048;// pages: 524,288 objects, 24 bytes for each value and 9 for the object, and their strings
    static constexpr uint32_t patience = 1;
    struct place {
        uint32_t asked = 0;
        std::unique_ptr<page> loaded;
    };
    std::vector<place> m_places;
    size_t m_loaded = 0;
};

}// namespace internal

// Live results: size and elements follow the snapshot of their database. They belong to its thread unless frozen.
template <typename T, typename>
struct results {
    using value_type = T;

    // What changed: deletions and modifications are positions before, insertions positions after.
    struct results_change {
        results* collection = nullptr;// the object on which observe() was called
        std::vector<uint64_t> deletions;
        std::vector<uint64_t> insertions;
        std::vector<uint64_t> modifications;
        bool collection_root_was_deleted = false;
        bool empty() const noexcept { return deletions.empty() && insertions.empty() && modifications.empty() && !collection_root_was_deleted; }
    };

    // Iterates what the results held when begin() was called, so that the loop may change them.
    class iterator {
    public:
        using value_type = managed<T>;
        using difference_type = std::ptrdiff_t;
        using pointer = const managed<T>*;
        using reference = managed<T>;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        managed<T> operator*() const {
            if (!m_state->current.holds(m_index)) m_state->current.load(m_state->owner, *m_state->binding, m_state->handle.get(), m_index, internal::page::capacity);
            if (!m_state->current.holds(m_index)) throw std::out_of_range("Index out of range.");
            return managed<T>(m_state->current.at(m_index));
        }
        iterator& operator++() {
            m_index++;
            return *this;
        }
        iterator operator++(int) {
            auto before = *this;
            m_index++;
            return before;
        }
        bool operator==(const iterator& o) const { return done() == o.done() && (done() || m_index == o.m_index); }
        bool operator!=(const iterator& o) const { return !(*this == o); }

    private:
        friend struct results;
        struct state {
            internal::instance_ptr owner;
            const internal::class_binding* binding;
            internal::results_handle handle;
            internal::page current;
            size_t count = 0;
        };
        bool done() const { return !m_state || m_index >= m_state->count; }
        std::shared_ptr<state> m_state;
        size_t m_index = 0;
    };

    results() = default;
    results(internal::bind_t, internal::instance_ptr owner, internal::results_handle&& h)
        : m_owner(std::move(owner)), m_binding(&internal::binding_of<T>(*m_owner)), m_handle(std::make_shared<internal::results_handle>(std::move(h))) {}
    results(const results& o) : m_owner(o.m_owner), m_binding(o.m_binding), m_handle(o.m_handle), m_frozen(o.m_frozen) {}
    results(results&&) noexcept = default;
    results& operator=(const results& o) {
        results copy(o);
        return *this = std::move(copy);
    }
    results& operator=(results&&) noexcept = default;

    // How many objects there are. Repeated calls on one snapshot are free.
    size_t size() {
        auto stamp = owner()->stamp();
        if (m_counted && m_count_stamp == stamp && !m_frozen) return m_count;
        size_t n = 0;
        internal::call(realm_results_count, m_handle->get(), &n);
        if (!m_frozen) {
            m_count = n;
            m_count_stamp = stamp;
            m_counted = true;
        }
        return n;
    }
    // The object at a position. std::out_of_range beyond the end.
    managed<T> operator[](size_t index) {
        auto stamp = owner()->stamp();
        if (m_frozen) return managed<T>(load_one(index));
        if (m_page_stamp != stamp) {
            m_page.clear();
            m_shelf.clear();
            m_page_stamp = stamp;
            m_next = 0;
        }
        if (m_page.holds(index)) {
            m_next = m_page.end();
            return managed<T>(m_page.at(index));
        }
        // Going on where the last access ended asks for many, jumping about for one, or for one of the pages that are kept.
        if (index != m_next) {
            if (auto* kept = m_shelf.find(index)) {
                if (!kept->holds(index)) kept->load(m_owner, *m_binding, m_handle->get(), index - index % internal::page::capacity, internal::page::capacity);
                if (kept->holds(index)) return managed<T>(kept->at(index));
            }
        }
        m_batch = index == m_next ? std::min(m_batch * 4, internal::page::capacity) : 1;
        m_page.load(m_owner, *m_binding, m_handle->get(), index, m_batch);
        if (auto loaded = m_owner->stamp(); loaded != m_page_stamp) {// it was the first use after the snapshot had been given up
            m_shelf.clear();
            m_page_stamp = loaded;
        }
        if (!m_page.holds(index)) throw std::out_of_range("Index out of range.");
        m_next = m_page.end();
        if (m_batch == 1) m_shelf.note(index);
        return managed<T>(m_page.at(index));
    }
    iterator begin() {
        iterator it;
        it.m_state = std::make_shared<typename iterator::state>();
        it.m_state->owner = owner();
        it.m_state->binding = m_binding;
        internal::call(realm_results_snapshot, m_handle->get(), it.m_state->handle.out());
        internal::call(realm_results_count, it.m_state->handle.get(), &it.m_state->count);
        return it;
    }
    iterator end() { return iterator(); }

    // The objects of the class that match a query text with $0, $1 ... arguments. Starts from all objects, whatever these results are.
    results where(const std::string& query, const std::vector<realm::mixed>& arguments) {
        internal::query_piece piece;
        for (auto& a: arguments) {
            piece.arguments.emplace_back();
            piece.arguments.back().cell = internal::to_cell(a);
            piece.arguments.back().own();
        }
        auto text = internal::query_text::of(std::move(piece));
        text.text = query;
        return select(text);
    }
    // The objects of the class for which the callback's condition holds. It is called once, with a prototype.
    results where(std::function<rbool(managed<T>&)>&& condition) { return select(query_of<T>(owner(), *m_binding, condition)); }
    results sort(const std::string& key_path, bool ascending) { return sort(std::vector<sort_descriptor>{{key_path, ascending}}); }
    results sort(const std::vector<sort_descriptor>& descriptors) {
        std::vector<realm_sort_t> sorts;
        for (auto& d: descriptors) sorts.push_back({internal::to_abi(d.key_path), d.ascending});
        internal::results_handle h;
        auto& database = owner();
        internal::call(realm_results_sort, m_handle->get(), sorts.data(), sorts.size(), h.out());
        return results(internal::bind, database, std::move(h), m_frozen);
    }

    // Calls back first with nothing, then after each change, when the database advances, on its thread.
    notification_token observe(std::function<void(results_change)>&& callback);

    results freeze();
    results thaw();
    bool is_frozen() const { return m_frozen; }

    // Turns a query callback into query text.
    template <typename U, typename Fn>
    CPPREALM_COLD static internal::query_text query_of(const internal::instance_ptr& owner, const internal::class_binding& binding, Fn&& condition) {
        auto path = std::make_unique<internal::query_path>();
        path->owner = owner;
        managed<U> prototype(internal::core_ptr(new internal::object_core(std::move(path), binding)));
        rbool found = condition(prototype);
        return internal::query_text::of(found.take());
    }

    results(internal::bind_t, internal::instance_ptr owner, internal::results_handle&& h, bool frozen) : results(internal::bind, std::move(owner), std::move(h)) { m_frozen = frozen; }

private:
    friend struct db;
    const internal::instance_ptr& owner() const {
        if (!m_owner) throw std::runtime_error("These results are empty: assign results of a database first.");
        return m_owner;
    }
    internal::core_ptr load_one(size_t index) const {
        internal::page one;
        one.load(m_owner, *m_binding, m_handle->get(), index, 1);
        if (!one.holds(index)) throw std::out_of_range("Index out of range.");
        return one.at(index);
    }
    results select(const internal::query_text& q) {
        internal::results_handle h;
        internal::call(realm_results_query, owner()->get(), m_binding->key, internal::to_abi(q.text), q.cells.data(), q.cells.size(), h.out());
        return results(internal::bind, m_owner, std::move(h), m_frozen);
    }
    results moved_to(internal::instance_ptr target, bool frozen) {
        internal::results_handle h;
        internal::call(realm_results_resolve, m_handle->get(), target->get(), h.out());
        return results(internal::bind, std::move(target), std::move(h), frozen);
    }

    internal::instance_ptr m_owner;
    const internal::class_binding* m_binding = nullptr;
    internal::shared_results m_handle;
    bool m_frozen = false;
    // What was read, good while the stamp stands. Copies start without; frozen results don't use it, several threads may read them.
    bool m_counted = false;
    size_t m_count = 0;
    uint64_t m_count_stamp = 0;
    internal::page m_page;
    internal::page_shelf m_shelf;
    uint64_t m_page_stamp = 0;
    size_t m_next = 0;
    size_t m_batch = 1;
};

namespace internal {

template <typename T>
struct results_observer {
    results<T>* collection;
    shared_results kept;
    instance_ptr owner;
    std::function<void(typename results<T>::results_change)> callback;
};

}// namespace internal

template <typename T, typename V>
notification_token results<T, V>::observe(std::function<void(results_change)>&& callback) {
    using observer = internal::results_observer<T>;
    auto shared = std::make_shared<observer>(observer{this, m_handle, owner(), std::move(callback)});
    internal::token_handle token;
    internal::call(
            realm_results_observe, m_handle->get(),
            [](void* p, const realm_collection_changes_t* c) {
                auto kept = *static_cast<std::shared_ptr<observer>*>(p);// the callback may drop the token
                internal::guarded([&] {
                    results_change change;
                    change.collection = kept->collection;
                    change.deletions = internal::positions(c->deletions, c->n_deletions);
                    change.insertions = internal::positions(c->insertions, c->n_insertions);
                    change.modifications = internal::positions(c->modifications, c->n_modifications);
                    kept->callback(std::move(change));
                });
            },
            internal::new_userdata(shared), internal::free_userdata<std::shared_ptr<observer>>, token.out());
    return notification_token(internal::bind, std::move(token), shared);
}

namespace internal {
template <typename T>
rbool constant_condition(const managed<T>& o, const char* text) {
    auto& core = access::pointer(o);
    if (!core || !core->query()) throw std::runtime_error("Managed object is not used in a query context");
    query_piece out;
    out.text = text;
    return out;
}
}// namespace internal

// Inside a query callback: the condition that everything, or nothing, meets.
template <typename T>
rbool truepredicate(const T& o) {
    return internal::constant_condition(o, "TRUEPREDICATE");
}
template <typename T>
rbool falsepredicate(const T& o) {
    return internal::constant_condition(o, "FALSEPREDICATE");
}

// The values of a list, live: in its order, or sorted. They belong to the thread of their database unless that is frozen.
template <typename X>
struct results<X, std::enable_if_t<internal::is_persisted<X>>> {
    using value_type = X;

    // What changed: deletions and modifications are positions before, insertions positions after.
    struct results_change {
        results* collection = nullptr;// the object on which observe() was called
        std::vector<uint64_t> deletions;
        std::vector<uint64_t> insertions;
        std::vector<uint64_t> modifications;
        bool collection_root_was_deleted = false;
        bool empty() const noexcept { return deletions.empty() && insertions.empty() && modifications.empty() && !collection_root_was_deleted; }
    };
    class iterator {
    public:
        using value_type = X;
        using difference_type = std::ptrdiff_t;
        using pointer = const X*;
        using reference = X;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        iterator(results of, size_t index) : m_results(std::move(of)), m_index(index) {}
        X operator*() { return m_results[m_index]; }
        iterator& operator++() {
            m_index++;
            return *this;
        }
        iterator operator++(int) {
            auto before = *this;
            m_index++;
            return before;
        }
        bool operator==(const iterator& o) const { return m_index == o.m_index; }
        bool operator!=(const iterator& o) const { return m_index != o.m_index; }

    private:
        results m_results;
        size_t m_index = 0;
    };

    // Only to be assigned to.
    results() = default;
    // direction: 1 ascending, -1 descending, 0 as the list has them.
    results(internal::bind_t, internal::collection_ptr list, int direction) : m_list(std::move(list)), m_direction(direction) {}

    size_t size() { return list().size(); }
    // The value at a position. std::out_of_range beyond the end.
    X operator[](size_t index) {
        if (index >= size()) throw std::out_of_range("Index out of range.");
        return list().read(m_direction ? order()[index] : index, [](const realm_value_t& cell, std::string&&) { return internal::persisted<X>::read(cell); });
    }
    iterator begin() {
        list().expect_walk();
        return iterator(*this, 0);
    }
    iterator end() { return iterator(*this, size()); }
    bool is_frozen() const { return m_list && m_list->is_frozen(); }
    results freeze();
    results thaw();

    // Calls back first with nothing, then after each change, when the database advances, on its thread.
    notification_token observe(std::function<void(results_change)>&& callback) {
        // Positions in the list become positions in the order: before the change, and after it.
        auto before = std::make_shared<std::vector<uint64_t>>();
        return internal::observe_raw(source(), [self = this, copy = *this, before, callback = std::move(callback)](const realm_collection_changes_t& c) mutable {
            results_change out;
            out.collection = self;
            out.collection_root_was_deleted = c.root_deleted;
            out.deletions = internal::positions(c.deletions, c.n_deletions);
            out.insertions = internal::positions(c.insertions, c.n_insertions);
            out.modifications = internal::positions(c.modifications, c.n_modifications);
            if (copy.m_direction) {
                std::vector<uint64_t> after;
                if (!c.root_deleted) {
                    auto& order = copy.order();
                    after.resize(order.size());
                    for (size_t i = 0; i < order.size(); i++) after[order[i]] = i;
                }
                renumber(out.deletions, *before);
                renumber(out.modifications, *before);
                renumber(out.insertions, after);
                *before = std::move(after);
            }
            callback(std::move(out));
        });
    }

private:
    internal::collection_core& list() const { return *source(); }
    const internal::collection_ptr& source() const {
        if (!m_list) throw std::runtime_error("These results are empty: assign results of a list first.");
        return m_list;
    }
    // The positions in the list, sorted; kept while the database stands still.
    const std::vector<size_t>& order() {
        auto stamp = list().owner()->stamp();
        if (m_sorted && m_stamp == stamp) return m_order;
        size_t n = 0, capacity = list().size();
        do {
            capacity = std::max(capacity, n);
            m_order.resize(capacity);
            internal::call(realm_collection_sort, list().get(), m_direction > 0, m_order.data(), capacity, &n);
        } while (n > capacity);
        m_order.resize(n);
        m_sorted = true;
        m_stamp = stamp;
        return m_order;
    }
    static void renumber(std::vector<uint64_t>& positions, const std::vector<uint64_t>& places) {
        for (auto& p: positions)
            if (p < places.size()) p = places[p];
        std::sort(positions.begin(), positions.end());
    }
    results moved_to(const internal::instance_ptr& target) const {
        internal::collection_handle h;
        internal::call(realm_collection_resolve, list().get(), target->get(), h.out());
        if (!h) throw std::runtime_error("The list of these results does not exist there.");
        return results(internal::bind, internal::collection_ptr(new internal::collection_core(target, std::move(h), list().name())), m_direction);
    }

    internal::collection_ptr m_list;
    int m_direction = 0;
    bool m_sorted = false;
    uint64_t m_stamp = 0;
    std::vector<size_t> m_order;
};

// The objects of a list, as far as the original lets one use them: their number.
template <typename T>
struct results<T*> {
    results(internal::bind_t, internal::collection_ptr list) : m_list(std::move(list)) {}
    size_t size() { return m_list->size(); }

private:
    internal::collection_ptr m_list;
};

}// namespace realm
