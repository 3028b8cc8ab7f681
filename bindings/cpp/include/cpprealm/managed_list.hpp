// Accessors of lists.
#pragma once

#include <cpprealm/internal/collection_observer.hpp>
#include <cpprealm/results.hpp>

namespace realm {

namespace internal {

// What going through a collection yields: plain values, and for links live objects (empty handles for the nulls of dictionaries).
template <typename E>
struct element {
    using type = E;
    static E get(collection_core& c, size_t index) {
        return c.read(index, [](const realm_value_t& cell, std::string&&) { return persisted<E>::read(cell); });
    }
};
template <typename T>
struct element<T*> {
    using type = managed<T>;
    static managed<T> get(collection_core& c, size_t index) { return managed<T>(c.object(index, binding_of<T>(*c.owner()))); }
};

// What all lists have.
template <typename E>
class list_accessor : public collection_accessor {
public:
    using collection_accessor::collection_accessor;
    using iterator = collection_iterator<element<E>, std::input_iterator_tag>;

    iterator begin() const {
        auto c = shared();
        c->expect_walk();
        return iterator(bind, std::move(c), 0);
    }
    iterator end() const {
        auto c = shared();
        auto n = c->size();
        return iterator(bind, std::move(c), n);
    }
    size_t size() const { return opened().size(); }
    bool empty() const { return size() == 0; }
    // Stores and appends; a pointer's object is stored as db::add does, an embedded one is a new object.
    void push_back(const E& v) {
        auto& c = opened();
        collection_writer<std::vector<E>>{c, false}.append(v);
    }
    template <typename... Args>
    void emplace_back(Args&&... args) { push_back(E(std::forward<Args>(args)...)); }
    // Puts in front of the element at a position, or behind the last one.
    void insert(size_t index, const E& v) {
        auto& c = opened();
        collection_writer<std::vector<E>>{c, false}.insert(index, v);
    }
    // Takes the element at `from` out and puts it in again so that it is at `to`.
    void move(size_t from, size_t to) { opened().change(0, realm_list_move, from, to); }
    void pop_back() {
        auto& c = opened();
        auto n = c.size();
        if (!n) c.fail_index("remove", 0);
        c.change(-1, realm_collection_erase, n - 1);
    }
    void erase(size_t index) { opened().change(-1, realm_collection_erase, index); }
    void clear() { opened().change_somehow(realm_collection_clear); }
    // A plain copy; linked objects are copied to the heap, for the caller to delete.
    std::vector<E> detach() const { return detach_collection<std::vector<E>>(opened()); }
    // Calls back first with nothing, then after each change, when the database advances, on its thread.
    notification_token observe(std::function<void(collection_change)>&& callback) { return observe_collection<collection_change>(shared(), std::move(callback)); }
};

}// namespace internal

// A live list of values. It borrows from the object it is a member of; copies stand alone.
template <typename X>
struct managed<std::vector<X>> : internal::list_accessor<X> {
    using internal::list_accessor<X>::list_accessor;

    // The value at a position. Throws std::out_of_range.
    X operator[](size_t index) const { return internal::element<X>::get(this->opened(), index); }
    void set(size_t index, const X& v) {
        auto cell = internal::to_cell<X>(v);
        this->opened().change(0, realm_list_set, index, &cell);
    }
    // Position of the first element with that value, or not_in_collection.
    size_t find(const X& v) const { return this->opened().find(internal::to_cell<X>(v)); }
    // The values, sorted, live.
    results<X> sort(bool ascending) const { return results<X>(internal::bind, this->shared(), ascending ? 1 : -1); }
    results<X> as_results() const { return results<X>(internal::bind, this->shared(), 0); }
};

// A live list of links, or of embedded objects.
template <typename T>
struct managed<std::vector<T*>> : internal::list_accessor<T*> {
    using internal::list_accessor<T*>::list_accessor;
    using internal::list_accessor<T*>::push_back;
    using internal::list_accessor<T*>::insert;

    // The object at a position. Throws std::out_of_range.
    typename managed<T*>::ref_type operator[](size_t index) const { return ref(internal::access::pointer(internal::element<T*>::get(this->opened(), index))); }
    // Appends a link to an object of the database.
    void push_back(const managed<T>& o) { put_in(this->opened().size(), internal::access::pointer(o)); }
    void push_back(const managed<T*>& o) { put_in(this->opened().size(), internal::access::target(o)); }
    void insert(size_t index, const managed<T>& o) { put_in(index, internal::access::pointer(o)); }
    void set(size_t index, T* o) {
        auto& c = this->opened();
        if (!o) throw std::invalid_argument("A list cannot hold a null pointer.");
        if constexpr (internal::is_embedded<T>()) {
            realm_object_t* made = nullptr;
            c.change(0, realm_list_set_embedded, index, &made);
            (void) internal::fill_embedded(c.owner(), made, *o);
        } else {
            auto cell = internal::link_cell(*internal::add_object(c.owner(), *o));
            c.change(0, realm_list_set, index, &cell);
        }
    }
    void set(size_t index, const managed<T>& o) {
        auto& c = this->opened();
        refuse_embedded();
        auto cell = internal::link_within(c.owner(), internal::access::pointer(o));
        c.change(0, realm_list_set, index, &cell);
    }
    // Position of the first link to the object, or not_in_collection.
    size_t find(const managed<T>& o) const { return position(internal::access::pointer(o)); }
    size_t find(const managed<T*>& o) const { return position(internal::access::target(o)); }
    size_t find(const typename managed<T*>::ref_type& o) const { return position(internal::access::pointer(*o)); }

    // Those objects of the list that match, in its order; live.
    results<T> where(const std::string& query, const std::vector<realm::mixed>& arguments) const {
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
    results<T> where(std::function<rbool(managed<T>&)>&& condition) const {
        auto& owner = this->opened().owner();
        return select(results<T>::template query_of<T>(owner, internal::binding_of<T>(*owner), condition));
    }
    results<T> sort(const std::string& key_path, bool ascending) const { return select({}).sort(key_path, ascending); }
    results<T> sort(const std::vector<sort_descriptor>& descriptors) const { return select({}).sort(descriptors); }
    results<T*> as_results() const { return results<T*>(internal::bind, this->shared()); }

private:
    static typename managed<T*>::ref_type ref(internal::core_ptr o) { return typename managed<T*>::ref_type(std::move(o)); }
    static void refuse_embedded() {
        if constexpr (internal::is_embedded<T>()) throw std::logic_error("Cannot add existing embedded object to managed list.");
    }
    void put_in(size_t index, const internal::core_ptr& o) {
        auto& c = this->opened();
        refuse_embedded();
        auto cell = internal::link_within(c.owner(), o);
        c.change(1, realm_list_insert, index, &cell);
    }
    size_t position(const internal::core_ptr& o) const {
        auto& c = this->opened();
        if (!o || o->query() || !realm_is_same(o->owner()->get(), c.owner()->get())) return not_in_collection;
        return c.find(internal::link_cell(*o));
    }
    results<T> select(const internal::query_text& q) const {
        auto& c = this->opened();
        internal::results_handle h;
        internal::call(realm_collection_query, c.get(), internal::to_abi(q.text), q.cells.data(), q.cells.size(), h.out());
        return results<T>(internal::bind, c.owner(), std::move(h), c.is_frozen());
    }
};

}// namespace realm
