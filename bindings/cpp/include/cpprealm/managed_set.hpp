// Accessors of sets.
#pragma once

#include <cpprealm/managed_list.hpp>

namespace realm {

namespace internal {

// What all sets have. Elements are unique and in ascending order of value, objects in order of creation.
//
// An iterator is a position, and the element is looked up when it is asked for, as in the original (KEEP-4): after a change it denotes
// what is at that position then.
template <typename E>
class set_accessor : public collection_accessor {
public:
    using collection_accessor::collection_accessor;
    using value_type = typename element<E>::type;
    using iterator = collection_iterator<element<E>, std::forward_iterator_tag>;

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
    void clear() { opened().change_somehow(realm_collection_clear); }
    // Removes the element at the iterator's position.
    void erase(const iterator& i) { opened().change(-1, realm_collection_erase, i.index(bind)); }
    // A plain copy; linked objects are copied to the heap, for the caller to delete.
    std::set<E> detach() const { return detach_collection<std::set<E>>(opened()); }
    // Calls back first with nothing, then after each change, when the database advances, on its thread.
    notification_token observe(std::function<void(collection_change)>&& callback) { return observe_collection<collection_change>(shared(), std::move(callback)); }

protected:
    std::pair<iterator, bool> insert_cell(const realm_value_t& cell) {
        auto& c = opened();
        size_t position = 0;
        bool added = false;
        c.change_somehow(realm_set_add, &cell, &position, &added);
        return {iterator(bind, shared(), position), added};
    }
    iterator find_cell(const realm_value_t& cell) const {
        auto position = opened().find(cell);
        return position == not_in_collection ? end() : iterator(bind, shared(), position);
    }
};

}// namespace internal

// A live set of values. It borrows from the object it is a member of; copies stand alone.
template <typename X>
struct managed<std::set<X>> : internal::set_accessor<X> {
    using internal::set_accessor<X>::set_accessor;
    using iterator = typename internal::set_accessor<X>::iterator;

    iterator find(const X& v) const { return this->find_cell(internal::to_cell<X>(v)); }
    // Where the value is then, and whether it is new.
    std::pair<iterator, bool> insert(const X& v) { return this->insert_cell(internal::to_cell<X>(v)); }
    iterator insert(const iterator&, const X& v) { return insert(v).first; }
};

// A live set of links.
template <typename T>
struct managed<std::set<T*>> : internal::set_accessor<T*> {
    using internal::set_accessor<T*>::set_accessor;
    using iterator = typename internal::set_accessor<T*>::iterator;

    iterator find(const managed<T>& o) const { return find_object(internal::access::pointer(o)); }
    iterator find(const managed<T*>& o) const { return find_object(internal::access::target(o)); }
    // A pointer's object is stored, as db::add does.
    std::pair<iterator, bool> insert(T* o) {
        auto& c = this->opened();
        if (!o) throw std::invalid_argument("A set cannot hold a null pointer.");
        return this->insert_cell(internal::link_cell(*internal::add_object(c.owner(), *o)));
    }
    std::pair<iterator, bool> insert(const managed<T>& o) { return insert_object(internal::access::pointer(o)); }
    std::pair<iterator, bool> insert(const managed<T*>& o) { return insert_object(internal::access::target(o)); }
    iterator insert(const iterator&, T* o) { return insert(o).first; }
    iterator insert(const iterator&, const managed<T>& o) { return insert(o).first; }
    iterator insert(const iterator&, const managed<T*>& o) { return insert(o).first; }

private:
    std::pair<iterator, bool> insert_object(const internal::core_ptr& o) { return this->insert_cell(internal::link_within(this->opened().owner(), o)); }
    iterator find_object(const internal::core_ptr& o) const {
        if (!o || o->query() || !realm_is_same(o->owner()->get(), this->opened().owner()->get())) return this->end();
        return this->find_cell(internal::link_cell(*o));
    }
};

}// namespace realm
