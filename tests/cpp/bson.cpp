// BSON values, and their extended JSON.
#include "check.hpp"

#include <cpprealm/bson.hpp>

#include <cmath>
#include <map>

using realm::bsoncxx;
using type = bsoncxx::type;

namespace {

const auto moment = bsoncxx::time_point(std::chrono::milliseconds(1500000000123));
const realm::object_id oid("5e5e6f0abe4ae2a2c2c2d329");
const realm::uuid id("18de7916-7f84-11ec-a8a3-0242ac120002");

bsoncxx parse(const std::string& text) { return realm::internal::extended_json::parse(text); }

// Each way of constructing, with the type and the text that come of it.
struct example {
    bsoncxx value;
    type kind;
    std::string text;
};
std::vector<example> examples() {
    return {
            {bsoncxx(), type::b_null, "null"},
            {int32_t(-7), type::b_int32, R"({"$numberInt":"-7"})"},
            {INT64_MIN, type::b_int64, R"({"$numberLong":"-9223372036854775808"})"},
            {true, type::b_bool, "true"},
            {false, type::b_bool, "false"},
            {1.5, type::b_double, R"({"$numberDouble":"1.5"})"},
            {0.1, type::b_double, R"({"$numberDouble":"0.1"})"},
            {1.0 / 3, type::b_double, R"({"$numberDouble":"0.3333333333333333"})"},
            {-INFINITY, type::b_double, R"({"$numberDouble":"-Infinity"})"},
            {"a \"b\" \\ \n \x01 \xc3\xa4", type::b_string, "\"a \\\"b\\\" \\\\ \\n \\u0001 \xc3\xa4\""},
            {std::string("x\0y", 3), type::b_string, "\"x\\u0000y\""},
            {std::vector<uint8_t>{1, 2, 3}, type::b_binary, R"({"$binary":{"base64":"AQID","subType":"00"}})"},
            {std::vector<uint8_t>{255}, type::b_binary, R"({"$binary":{"base64":"/w==","subType":"00"}})"},
            {std::vector<uint8_t>(), type::b_binary, R"({"$binary":{"base64":"","subType":"00"}})"},
            {bsoncxx::timestamp(1, 2), type::b_timestamp, R"({"$timestamp":{"t":1,"i":2}})"},
            {bsoncxx::date(moment), type::b_datetime, R"({"$date":{"$numberLong":"1500000000123"}})"},
            {oid, type::b_objectId, R"({"$oid":"5e5e6f0abe4ae2a2c2c2d329"})"},
            {realm::decimal128("1.50"), type::b_decimal128, R"({"$numberDecimal":"1.50"})"},
            {bsoncxx::regular_expression("a.*\"\\", "mi"), type::b_regular_expression, R"({"$regularExpression":{"pattern":"a.*\"\\","options":"im"}})"},
            {bsoncxx::max_key(), type::b_max_key, R"({"$maxKey":1})"},
            {bsoncxx::min_key(), type::b_min_key, R"({"$minKey":1})"},
            {bsoncxx::document({{"b", 1}, {"a", bsoncxx()}}), type::b_document, R"({"b":{"$numberInt":"1"},"a":null})"},
            {bsoncxx::document(), type::b_document, "{}"},
            {bsoncxx::array{int32_t(1), "two", bsoncxx::array{}}, type::b_array, R"([{"$numberInt":"1"},"two",[]])"},
            {id, type::b_uuid, R"({"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAg==","subType":"04"}})"},
    };
}

}// namespace

int main() {
    check::suite suite("bson");

    suite.run("text", [] {
        for (auto& e: examples()) {
            CHECK(e.value.get_type() == e.kind);
            CHECK_EQUAL(e.value.to_json(), e.text);
            CHECK_EQUAL(e.value.to_string(), e.text);
            auto back = parse(e.text);
            CHECK(back == e.value && !(back != e.value));
            CHECK_EQUAL(parse(" \t\n" + e.text + "\r ").to_json(), e.text);
        }
        CHECK_EQUAL(bsoncxx(NAN).to_json(), std::string(R"({"$numberDouble":"NaN"})"));
        CHECK(std::isnan(static_cast<double>(parse(R"({"$numberDouble":"NaN"})"))));
    });

    suite.run("equality", [] {
        auto all = examples();
        for (size_t i = 0; i < all.size(); i++)
            for (size_t j = 0; j < all.size(); j++) CHECK((all[i].value == all[j].value) == (i == j));
        CHECK(bsoncxx(int32_t(123)) != bsoncxx(int64_t(123)));
        CHECK(bsoncxx("x") == "x" && "x" == bsoncxx("x") && bsoncxx("x") != "y" && bsoncxx("x") == std::string("x"));
        CHECK(bsoncxx(oid) == oid && oid == bsoncxx(oid) && bsoncxx(id) == id && bsoncxx(realm::decimal128("1")) == realm::decimal128("1"));
        CHECK(bsoncxx(int64_t(3)) == int64_t(3) && bsoncxx(int32_t(3)) != int64_t(3) && bsoncxx(2.5) == 2.5 && bsoncxx(true) == true);
        CHECK(bsoncxx::date(moment) == bsoncxx::date(moment) && bsoncxx::max_key() == bsoncxx::max_key() && bsoncxx::min_key() == bsoncxx::min_key());
        CHECK(bsoncxx::timestamp(1, 2) == bsoncxx::timestamp(1, 2) && bsoncxx::timestamp(1, 2) != bsoncxx::timestamp(2, 1));
        CHECK(bsoncxx::document({{"a", 1}}) == bsoncxx::document({{"a", 1}}) && bsoncxx::document({{"a", 1}}) != bsoncxx::document({{"a", 2}}));
        bsoncxx::regular_expression r("a", "imsx"), same("a", bsoncxx::regular_expression::option(15));
        CHECK(r == same && bsoncxx(r) == bsoncxx(same) && r != bsoncxx::regular_expression());
        CHECK((r.get_options() & bsoncxx::regular_expression::option::extended) == bsoncxx::regular_expression::option::extended);
        CHECK_THROWS(std::runtime_error, bsoncxx::regular_expression("a", "iq"));
    });

    suite.run("conversions", [] {
        CHECK_EQUAL(bsoncxx(int32_t(1)).operator int32_t(), 1);
        CHECK_EQUAL(bsoncxx(int64_t(1)).operator int64_t(), 1);
        CHECK(bsoncxx(true).operator bool());
        CHECK_EQUAL(bsoncxx(1.5).operator double(), 1.5);
        (void) bsoncxx().operator std::nullopt_t();
        (void) bsoncxx(bsoncxx::min_key()).operator realm::bsoncxx::min_key();
        (void) bsoncxx(bsoncxx::max_key()).operator realm::bsoncxx::max_key();
        CHECK_EQUAL(bsoncxx(bsoncxx::timestamp(1, 2)).operator realm::bsoncxx::timestamp().get_increment(), 2u);
        CHECK(bsoncxx(bsoncxx::date(moment)).operator realm::bsoncxx::date().get_date() == moment);
        CHECK(bsoncxx(realm::decimal128("2")).operator realm::decimal128() == realm::decimal128("2"));
        CHECK(bsoncxx(oid).operator realm::object_id() == oid);
        CHECK(bsoncxx(id).operator realm::uuid() == id);
        CHECK_EQUAL(bsoncxx(bsoncxx::regular_expression("p", "i")).operator realm::bsoncxx::regular_expression().get_pattern(), std::string("p"));
        CHECK(bsoncxx(std::vector<uint8_t>{7}).operator std::vector<uint8_t>() == std::vector<uint8_t>{7});
        CHECK_EQUAL(bsoncxx("s").operator std::string(), std::string("s"));
        CHECK_EQUAL(bsoncxx(bsoncxx::document({{"a", 1}})).operator realm::bsoncxx::document().size(), 1u);
        CHECK_EQUAL(bsoncxx(bsoncxx::array{1, 2}).operator std::vector<realm::bsoncxx>().size(), 2u);
        std::string text = bsoncxx("implicit");
        bsoncxx::array list = bsoncxx(bsoncxx::array{1});
        CHECK(text == "implicit" && list.size() == 1);
        CHECK_THROWS(std::runtime_error, bsoncxx(int32_t(1)).operator int64_t());
        CHECK_THROWS(std::runtime_error, bsoncxx("s").operator realm::bsoncxx::document());
        // As the original's tests spell them.
        auto nested = bsoncxx(std::vector<bsoncxx>({{"one", 123, true}}));
        CHECK(nested.get_type() == type::b_array);
        auto blank = bsoncxx::document({{}});
        (void) blank;
    });

    suite.run("documents", [] {
        bsoncxx::document d({{"name", "foo"}});
        CHECK(!d.empty() && d["name"] == "foo" && "foo" == static_cast<bsoncxx>(d["name"]));
        d["b"] = int64_t(1);
        d["a"] = oid;
        d["name"] = "bar";
        d["copy"] = d["a"];
        CHECK(d["a"] == oid && d["copy"] == d["a"] && d["b"] == int64_t(1) && d["b"] != d["a"]);
        CHECK_EQUAL(d["a"].key, std::string("a"));
        bsoncxx missing = d["missing"];
        CHECK(missing.get_type() == type::b_null);
        std::string names;
        for (auto e: d) {
            const std::pair<std::string, bsoncxx>& entry = e;
            names += entry.first + " ";
        }
        CHECK_EQUAL(names, std::string("name b a copy missing "));
        // A value that was made of a document doesn't change with it.
        bsoncxx v(d);
        d["name"] = bsoncxx();
        CHECK(static_cast<bsoncxx::document>(v).size() == 5 && static_cast<bsoncxx::document>(v) != d);
    });

    suite.run("relaxed text", [] {
        CHECK(parse("12") == int64_t(12) && parse("-0") == int64_t(0) && parse("9223372036854775807") == INT64_MAX);
        CHECK(parse("9223372036854775808") == 9223372036854775808.0 && parse("1.5e3") == 1500.0 && parse("1E-2") == 0.01);
        CHECK(parse(R"({"$date":12})") == bsoncxx::date(bsoncxx::time_point(std::chrono::milliseconds(12))));
        CHECK(parse(R"({"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120002"})") == id);
        CHECK(parse(R"({"$binary":{"subType":"80","base64":"AQID"}})") == std::vector<uint8_t>({1, 2, 3}));
        CHECK(parse(R"("\u00e4\ud83d\ude00\/")") == "\xc3\xa4\xf0\x9f\x98\x80/");
        // No special types: another member, an unknown name.
        CHECK(parse(R"({"$oid":"x","a":1})").get_type() == type::b_document);
        CHECK(parse(R"({"$unknown":"x"})").get_type() == type::b_document);
        CHECK_EQUAL(parse(R"({"a":1,"b":2,"a":3})").to_json(), std::string(R"({"a":{"$numberLong":"3"},"b":{"$numberLong":"2"}})"));
    });

    suite.run("bad text", [] {
        for (auto text: {"", "nul", "tru", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
                         "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "01", "-", "1.", "1e", ".5", "+1", "1 2", "NaN", "{\"$numberInt\":1}", "{\"$numberInt\":\"2147483648\"}",
                         "{\"$numberInt\":\"\"}", "{\"$numberInt\":\" 1\"}", "{\"$numberLong\":\"9223372036854775808\"}", "{\"$numberDouble\":\"x\"}", "{\"$numberDouble\":\"0x10\"}",
                         "{\"$numberDouble\":\"\"}", "{\"$numberDecimal\":\"x\"}", "{\"$oid\":\"12\"}", "{\"$uuid\":\"12\"}", "{\"$date\":\"2020-01-01T00:00:00Z\"}",
                         "{\"$date\":9223372036854775807}", "{\"$timestamp\":{\"t\":-1,\"i\":0}}", "{\"$timestamp\":{\"t\":1}}", "{\"$binary\":{\"base64\":\"A\",\"subType\":\"00\"}}",
                         "{\"$binary\":{\"base64\":\"?\",\"subType\":\"00\"}}", "{\"$binary\":\"AQID\"}", "{\"$regularExpression\":{\"pattern\":\"a\"}}"}) {
            bool thrown = false;
            try {
                auto v = parse(text);
                check::fail(__FILE__, __LINE__, std::string(text) + " is " + v.to_json());
            } catch (const std::invalid_argument&) { thrown = true; }
            CHECK(thrown);
        }
        CHECK_THROWS(std::runtime_error, parse("{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"q\"}}"));
        // The depth is bounded, whatever the text.
        CHECK_THROWS(std::invalid_argument, parse(std::string(1000000, '[')));
        CHECK_THROWS(std::invalid_argument, parse(std::string(101, '[') + std::string(101, ']')));
        CHECK(parse(std::string(100, '[') + std::string(100, ']')).get_type() == type::b_array);
    });

    return suite.result();
}
