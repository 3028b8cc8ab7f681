// Values, keys and states in the JSON form of ../../../core/changeset/vectortest (vectors/README.md, sections 1 and 2).
#pragma once

#include <external/json/json.hpp>
#include <realm/dictionary.hpp>
#include <realm/group.hpp>
#include <realm/list.hpp>
#include <realm/object-store/object_schema.hpp>
#include <realm/object-store/property.hpp>
#include <realm/object-store/schema.hpp>
#include <realm/object-store/shared_realm.hpp>
#include <realm/set.hpp>
#include <realm/table.hpp>

#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>

namespace peer {

using json = nlohmann::json;
using namespace realm;

[[noreturn]] inline void fail(const std::string& text)
{
    throw std::runtime_error(text);
}

template <class T>
std::string bits(T v)
{
    char out[2 * sizeof v + 1];
    for (size_t i = 0; i < sizeof v; i++)
        snprintf(out + 2 * i, 3, "%02x", reinterpret_cast<const unsigned char*>(&v)[sizeof v - 1 - i]);
    return out;
}

template <class T>
T from_bits(const std::string& hex)
{
    if (hex.size() != 2 * sizeof(T))
        fail("bits of another length: " + hex);
    T out;
    for (size_t i = 0; i < sizeof out; i++)
        reinterpret_cast<unsigned char*>(&out)[sizeof out - 1 - i] = std::stoi(hex.substr(2 * i, 2), nullptr, 16);
    return out;
}

inline std::string hex_of(BinaryData data)
{
    std::string out;
    for (size_t i = 0; i < data.size(); i++) {
        char two[3];
        snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(data.data()[i]));
        out += two;
    }
    return out;
}

inline TableRef table_of(const Group& group, const std::string& name)
{
    auto table = const_cast<Group&>(group).get_table("class_" + name); // a group that can't write refuses by itself
    if (!table)
        fail("there is no class " + name);
    return table;
}

// Reader turns JSON into values. What they point to lives as long as the reader.
class Reader {
public:
    explicit Reader(const Group& group)
        : group(group)
    {
    }

    Mixed value(const json& v)
    {
        if (v.is_null())
            return {};
        if (v.contains("decimal"))
            return Decimal128(from_bits<Decimal128::Bid128>(v["bits"]));
        auto& [name, x] = *v.items().begin();
        if (name == "int")
            return int64_t(std::stoll(x.get<std::string>()));
        if (name == "bool")
            return x.get<bool>();
        if (name == "string")
            return StringData(keep(x.get<std::string>()));
        if (name == "binary") {
            const auto hex = x.get<std::string>();
            std::string bytes;
            for (size_t i = 0; i < hex.size(); i += 2)
                bytes += char(std::stoi(hex.substr(i, 2), nullptr, 16));
            auto& kept = keep(std::move(bytes));
            return BinaryData(kept.data(), kept.size());
        }
        if (name == "timestamp")
            return Timestamp(std::stoll(x["s"].get<std::string>()), x["ns"].get<int32_t>());
        if (name == "float")
            return from_bits<float>(x);
        if (name == "double")
            return from_bits<double>(x);
        if (name == "objectId")
            return ObjectId(StringData(x.get_ref<const std::string&>()));
        if (name == "uuid")
            return UUID(StringData(x.get_ref<const std::string&>()));
        if (name == "link") {
            auto table = table_of(group, x[0]);
            return ObjLink(table->get_key(), table->get_objkey_from_primary_key(value(x[1])));
        }
        fail("what value is " + v.dump());
    }

private:
    const std::string& keep(std::string s) { return kept.emplace_back(std::move(s)); }

    const Group& group;
    std::deque<std::string> kept;
};

json dump_object(const Obj&);
json dump_dictionary(const Dictionary&);

inline json dump_value(const Obj& owner, ColKey col, const Mixed& v);

// dump_list is of a collection whose elements have positions.
inline json dump_list(const CollectionBase& list)
{
    json out = json::array();
    auto mixed = dynamic_cast<const Lst<Mixed>*>(&list);
    for (size_t i = 0; i < list.size(); i++) {
        const auto v = list.get_any(i);
        if (mixed && v.is_type(type_List))
            out.push_back({{"list", dump_list(*mixed->get_list(i))}});
        else if (mixed && v.is_type(type_Dictionary))
            out.push_back({{"dictionary", dump_dictionary(*mixed->get_dictionary(i))}});
        else
            out.push_back(dump_value(list.get_obj(), list.get_col_key(), v));
    }
    return out;
}

json dump_dictionary(const Dictionary& d)
{
    json out = json::object();
    for (size_t i = 0; i < d.size(); i++) {
        const auto [key, v] = d.get_pair(i);
        const std::string name = key.get_string();
        if (v.is_type(type_List))
            out[name] = {{"list", dump_list(*d.get_list(StringData(name)))}};
        else if (v.is_type(type_Dictionary))
            out[name] = {{"dictionary", dump_dictionary(*d.get_dictionary(StringData(name)))}};
        else
            out[name] = dump_value(d.get_obj(), d.get_col_key(), v);
    }
    return out;
}

inline json dump_link(const Obj& to)
{
    if (!to.is_valid())
        return nullptr;
    if (to.get_table()->is_embedded())
        return {{"object", dump_object(to)}};
    return {{"link", {std::string(to.get_table()->get_class_name()), dump_value(to, {}, to.get_primary_key())}}};
}

// dump_value is of a value that holds no collection.
inline json dump_value(const Obj& owner, ColKey col, const Mixed& v)
{
    if (v.is_null())
        return nullptr;
    switch (v.get_type()) {
        case type_Int:
            return {{"int", std::to_string(v.get_int())}};
        case type_Bool:
            return {{"bool", v.get_bool()}};
        case type_String:
            return {{"string", std::string(v.get_string())}};
        case type_Binary:
            return {{"binary", hex_of(v.get_binary())}};
        case type_Timestamp:
            return {{"timestamp", {{"s", std::to_string(v.get_timestamp().get_seconds())}, {"ns", v.get_timestamp().get_nanoseconds()}}}};
        case type_Float:
            return {{"float", bits(v.get_float())}};
        case type_Double:
            return {{"double", bits(v.get_double())}};
        case type_Decimal:
            return {{"decimal", v.get<Decimal128>().to_string()}, {"bits", bits(*v.get<Decimal128>().raw())}};
        case type_ObjectId:
            return {{"objectId", v.get_object_id().to_string()}};
        case type_UUID:
            return {{"uuid", v.get_uuid().to_string()}};
        case type_Link: {
            const auto key = v.get<ObjKey>();
            return key.is_unresolved() ? json(nullptr) : dump_link(owner.get_target_table(col)->get_object(key));
        }
        case type_TypedLink: {
            const auto link = v.get_link();
            return link.is_unresolved() ? json(nullptr) : dump_link(owner.get_table()->get_parent_group()->get_object(link));
        }
        default:
            fail("a value of type " + std::to_string(int(v.get_type())));
    }
}

// inner is the collection in a property of type mixed; null if it holds none.
inline std::shared_ptr<CollectionBase> inner(const Obj& o, ColKey col)
{
    const auto v = o.get_any(col);
    if (!v.is_type(type_List, type_Dictionary))
        return nullptr;
    return std::dynamic_pointer_cast<CollectionBase>(o.get_collection_ptr(Path{PathElement(col)}));
}

inline json dump_property(const Obj& o, ColKey col)
{
    if (col.is_dictionary())
        return dump_dictionary(o.get_dictionary(col));
    if (col.is_collection())
        return dump_list(*o.get_collection_ptr(col));
    const auto inside = inner(o, col);
    if (auto d = std::dynamic_pointer_cast<Dictionary>(inside))
        return {{"dictionary", dump_dictionary(*d)}};
    if (inside)
        return {{"list", dump_list(*inside)}};
    return dump_value(o, col, o.get_any(col));
}

json dump_object(const Obj& o)
{
    json out = json::object();
    const auto table = o.get_table();
    for (auto col : table->get_column_keys())
        out[table->get_column_name(col)] = dump_property(o, col);
    return out;
}

// dump returns the objects of all classes of the schema: {class: [object]}.
inline json dump(Realm& realm)
{
    json out = json::object();
    for (auto& class_ : realm.schema()) {
        if (class_.table_type != ObjectSchema::ObjectType::TopLevel)
            continue;
        auto& objects = out[class_.name] = json::array();
        for (auto& o : *table_of(realm.read_group(), class_.name))
            objects.push_back(dump_object(o));
    }
    return out;
}

inline PropertyType type_of(const std::string& name)
{
    static const std::map<std::string, PropertyType> types = {
        {"Int", PropertyType::Int},         {"Bool", PropertyType::Bool},     {"String", PropertyType::String},     {"Binary", PropertyType::Data},
        {"Timestamp", PropertyType::Date},  {"Float", PropertyType::Float},   {"Double", PropertyType::Double},     {"Decimal", PropertyType::Decimal},
        {"Link", PropertyType::Object},     {"Mixed", PropertyType::Mixed},   {"ObjectId", PropertyType::ObjectId}, {"UUID", PropertyType::UUID},
    };
    const auto found = types.find(name);
    if (found == types.end())
        fail("what type is " + name);
    return found->second;
}

// parse_schema reads the form of a state's schema.
inline Schema parse_schema(const json& form)
{
    std::vector<ObjectSchema> classes;
    for (auto& [name, c] : form.items()) {
        ObjectSchema class_;
        class_.name = name;
        const std::string kind = c.value("kind", "top-level");
        class_.table_type = kind == "embedded"     ? ObjectSchema::ObjectType::Embedded
                            : kind == "asymmetric" ? ObjectSchema::ObjectType::TopLevelAsymmetric
                                                   : ObjectSchema::ObjectType::TopLevel;
        class_.primary_key = c.value("pk", "");
        for (auto& [property, p] : c["properties"].items()) {
            Property out;
            out.name = property;
            out.type = type_of(p["type"]);
            if (p.value("nullable", false))
                out.type |= PropertyType::Nullable;
            const std::string collection = p.value("collection", "Single");
            if (collection == "List")
                out.type |= PropertyType::Array;
            else if (collection == "Set")
                out.type |= PropertyType::Set;
            else if (collection == "Dictionary")
                out.type |= PropertyType::Dictionary;
            out.object_type = p.value("link_target", "");
            out.is_primary = property == class_.primary_key;
            class_.persisted_properties.push_back(std::move(out));
        }
        classes.push_back(std::move(class_));
    }
    return Schema(std::move(classes));
}

} // namespace peer
