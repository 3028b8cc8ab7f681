// Changes of objects, told as instructions (vectors/README.md, section 1) and made by the calls that an SDK makes.
#pragma once

#include "values.hpp"

namespace peer {

// Place is what a path leads to: a property, a collection, or an embedded object.
struct Place {
    Obj object;
    ColKey col;                             // null: the object itself
    std::shared_ptr<CollectionBase> inside; // the collection, if it isn't a property
};

class Writer {
public:
    explicit Writer(Realm& realm)
        : group(realm.read_group())
        , read(group)
    {
    }

    void make(const json& in)
    {
        const std::string op = in["op"];
        auto table = table_of(group, in["table"]);
        if (op == "CreateObject") {
            if (table->get_primary_key_column())
                table->create_object_with_primary_key(read.value(in["object"]));
            else
                table->create_object();
            return;
        }
        const auto key = table->find_primary_key(read.value(in["object"]));
        if (!key)
            fail("there is no such object: " + in.dump());
        if (op == "EraseObject") {
            table->remove_object(key);
            return;
        }
        Place at{table->get_object(key), table->get_column_key(in["field"].get<std::string>()), nullptr};
        if (!at.col)
            fail("there is no such property: " + in.dump());
        const json path = in.value("path", json::array());
        if (op == "Update" || op == "AddInteger" || op == "ArrayInsert" || op == "ArrayMove" || op == "ArrayErase") {
            if (path.empty()) {
                change(at, op, in);
                return;
            }
            for (size_t i = 0; i + 1 < path.size(); i++)
                at = step(at, path[i]);
            if (is_object(at)) {
                at = Place{object(at), object(at).get_table()->get_column_key(path.back().get<std::string>()), nullptr};
                change(at, op, in);
            }
            else
                change(*collection(at), path.back(), op, in);
            return;
        }
        for (auto& element : path)
            at = step(at, element);
        auto c = collection(at);
        if (op == "Clear") {
            c->clear();
            return;
        }
        auto set = dynamic_cast<SetBase*>(c.get());
        if (!set)
            fail("not a set: " + in.dump());
        if (op == "SetInsert")
            set->insert_any(linked(read.value(in["value"]), at));
        else if (op == "SetErase")
            set->erase_any(linked(read.value(in["value"]), at));
        else
            fail("what operation is " + op);
    }

private:
    // is_object tells whether the place is an embedded object, or a property that holds one.
    static bool is_object(const Place& p)
    {
        if (p.inside)
            return false;
        return !p.col || (p.col.get_type() == col_type_Link && !p.col.is_collection());
    }

    static Obj object(const Place& p) { return p.col ? p.object.get_linked_object(p.col) : p.object; }

    static std::shared_ptr<CollectionBase> collection(const Place& p)
    {
        if (p.inside)
            return p.inside;
        if (p.col.is_collection())
            return p.object.get_collection_ptr(p.col);
        if (auto c = inner(p.object, p.col))
            return c;
        fail("there is no collection in " + std::string(p.object.get_table()->get_column_name(p.col)));
    }

    static Place step(const Place& from, const json& element)
    {
        if (is_object(from)) {
            auto o = object(from);
            return {o, o.get_table()->get_column_key(element.get<std::string>()), nullptr};
        }
        auto c = collection(from);
        if (auto links = dynamic_cast<LnkLst*>(c.get()))
            return {links->get_object(element.get<size_t>()), {}, nullptr};
        if (auto list = dynamic_cast<Lst<Mixed>*>(c.get())) {
            const auto i = element.get<size_t>();
            if (list->get_any(i).is_type(type_List))
                return {from.object, {}, list->get_list(i)};
            return {from.object, {}, list->get_dictionary(i)};
        }
        if (auto d = dynamic_cast<Dictionary*>(c.get())) {
            const auto key = element.get<std::string>();
            const auto v = d->get(StringData(key));
            if (v.is_type(type_List))
                return {from.object, {}, d->get_list(StringData(key))};
            if (v.is_type(type_Dictionary))
                return {from.object, {}, d->get_dictionary(StringData(key))};
            return {d->get_object(StringData(key)), {}, nullptr};
        }
        fail("nothing can be inside of " + element.dump());
    }

    // linked is the value as collections and properties of links want it.
    static Mixed linked(const Mixed& v, const Place& p) { return p.inside ? v : linked(v, p.col); }

    static Mixed linked(const Mixed& v, ColKey col)
    {
        if (v.is_type(type_TypedLink) && col && col.get_type() != col_type_Mixed && !col.is_dictionary())
            return v.get_link().get_obj_key();
        return v;
    }

    static std::optional<CollectionType> made_collection(const json& v)
    {
        if (!v.is_object() || !v.contains("new") || v["new"] == "object")
            return std::nullopt;
        return v["new"] == "list" ? CollectionType::List : CollectionType::Dictionary;
    }

    static bool made_object(const json& v) { return v.is_object() && v.contains("new") && v["new"] == "object"; }

    // change is of a property.
    void change(Place& p, const std::string& op, const json& in)
    {
        if (op == "AddInteger") {
            p.object.add_int(p.col, std::stoll(in["add"].get<std::string>()));
            return;
        }
        const auto& v = in["value"];
        const bool is_default = in.value("is_default", false);
        if (made_object(v))
            p.object.create_and_set_linked_object(p.col, is_default);
        else if (auto kind = made_collection(v))
            p.object.set_collection(p.col, *kind);
        else
            p.object.set_any(p.col, linked(read.value(v), p.col), is_default);
    }

    // change is of a place in a collection.
    void change(CollectionBase& c, const json& at, const std::string& op, const json& in)
    {
        if (auto d = dynamic_cast<Dictionary*>(&c)) {
            const auto key = at.get<std::string>();
            const auto& v = in["value"];
            if (op != "Update")
                fail(op + " of a dictionary");
            if (v.is_object() && v.contains("erased"))
                d->erase(StringData(key));
            else if (made_object(v))
                d->create_and_insert_linked_object(StringData(key));
            else if (auto kind = made_collection(v))
                d->insert_collection(StringData(key), *kind);
            else
                d->insert(StringData(key), read.value(v));
            return;
        }
        const auto i = at.get<size_t>();
        if (op == "ArrayErase" || op == "ArrayMove") {
            auto list = dynamic_cast<LstBase*>(&c);
            if (!list)
                fail("not a list: " + in.dump());
            if (op == "ArrayErase")
                list->remove(i, i + 1);
            else
                list->move(i, in["ndx_2"].get<size_t>());
            return;
        }
        const auto& v = in["value"];
        const bool insert = op == "ArrayInsert";
        if (auto links = dynamic_cast<LnkLst*>(&c)) {
            if (made_object(v))
                insert ? links->create_and_insert_linked_object(i) : links->create_and_set_linked_object(i);
            else
                insert ? links->insert_any(i, linked(read.value(v), c.get_col_key())) : links->set_any(i, linked(read.value(v), c.get_col_key()));
            return;
        }
        auto list = dynamic_cast<LstBase*>(&c);
        if (!list)
            fail("not a list: " + in.dump());
        if (auto kind = made_collection(v)) {
            auto mixed = dynamic_cast<Lst<Mixed>*>(&c);
            insert ? mixed->insert_collection(i, *kind) : mixed->set_collection(i, *kind);
            return;
        }
        insert ? list->insert_any(i, read.value(v)) : list->set_any(i, read.value(v));
    }

    Group& group;
    Reader read;
};

} // namespace peer
