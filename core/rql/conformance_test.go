package rql

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"realmsync/core/value"
)

// classOf parses and binds a query against the schema of the specification.
func classOf(t testing.TB, text string, args ...Arg) *Class {
	t.Helper()
	q, err := Parse(text, args...)
	if err == nil {
		_, err = q.Bind(specSchema(), "Person")
	}
	if err == nil {
		return nil
	}
	class := ClassOf(err)
	if class == nil {
		t.Fatalf("%s: %v is no query error", text, err)
	}
	return class
}

// Items 1 to 9 of the checklist of spec section 15, which are about syntax: the class of each text.
func TestConformanceSyntax(t *testing.T) {
	for text, want := range map[string]*Class{
		"NOT age == 1": nil, "not age == 1": nil, "Not age == 1": ErrSyntax, "nOT age == 1": ErrSyntax, // 1
		"age IN {1}": nil, "age in {1}": nil, "age In {1}": ErrSyntax, "a == 1 And b == 2": nil, "a == 1 oR b == 2": nil,
		"name Contains 'x'": nil, "active == TRUE": nil, "active == True": ErrInvalidQuery, "Any tags == 'x'": ErrSyntax,
		"age+1 == 31": ErrSyntax, "age +1 == 31": ErrSyntax, "1-0 == age": ErrSyntax, "age-1 == 29": ErrInvalidQuery, // 2
		"age + 1 == 31": ErrUnsupported, "2*age == 60": ErrUnsupported, "-age == -30": ErrSyntax,
		"age == 0x1F": nil, "age == +0x1E": ErrSyntax, "age == 99999999999999999999": nil, // 3
		`name == '\a'`: ErrSyntax, `name == 'it\'s'`: nil, `name == '\u00e5'`: nil, `name == '\u00g5'`: ErrSyntax, // 4
		`name == b64"QW5u"`: ErrSyntax, `name == B64"QW5u"`: nil, `name == B64"Q"`: ErrSyntax,
		"born == T-5:10": ErrSyntax, "born == 1899-12-31@00:00:00": ErrInvalidQuery, "born == 1970-01-01T00:16:40Z": ErrSyntax, // 5
		"oid == oid( 5f0000000000000000000001 )": ErrSyntax, "oid == OID(5f0000000000000000000001)": ErrSyntax, // 6
		"any == 1": ErrSyntax, "binary == 1": ErrInvalidQuery, "1 < age < 50": ErrSyntax, // 6, 7
		"": ErrSyntax, "  \t": ErrSyntax, "age": ErrSyntax, "30": ErrSyntax, "!active": ErrSyntax, // 8
		"SORT(age ASC)": ErrSyntax, "age == 1 SORT(age)": ErrSyntax, "age == 1 LIMIT(-1)": ErrSyntax, "age == 1 LIMIT(1.0)": ErrSyntax, // 9
		"age == 1 LIMIT(0x1)": ErrSyntax, "age == 1 SORT(age ASC) AND a == 1": ErrSyntax, "(age == 1 LIMIT(1))": ErrSyntax,
		"age == 1 LIMIT(1) SORT(name DESC, age ASC) DISTINCT(a, b)": nil,
		"((age)) == ((30))": nil, "(name) CONTAINS 'n'": ErrSyntax, "name CONTAINS ('n')": ErrSyntax, "age IN ({30})": nil,
		"age + 1 BETWEEN {1,2}": ErrSyntax, "age IN {1, 2": ErrSyntax, "age == 1 AND": ErrSyntax, "()": ErrSyntax, "(age == 1": ErrSyntax,
		"age == 1)": ErrSyntax, "name == \"x": ErrSyntax, "age ~ 1": ErrSyntax, "age == 1 & a == 2": ErrSyntax, "\xff == 1": ErrSyntax,
		"SUBQUERY(pet, p, a == 1).@count > 0": ErrSyntax, "@links[0] == 1": ErrSyntax,
		"pet GEOWITHIN geoCircle([-74, 40.7], 1.0)": ErrSyntax, "pet GEOWITHIN geoCircle([-74.0, 40.7], 1.0)": ErrRuntime, "part GEOWITHIN geoCircle([-74.0, 40.7], 1.0)": ErrRuntime,
	} {
		if got := classOf(t, text); got != want {
			t.Errorf("%q: class %v, want %v", text, got, want)
		}
	}
}

func TestSyntaxErrorsSayWhere(t *testing.T) {
	for _, c := range []struct {
		text     string
		offset   int
		expected string
	}{
		{"age == ", 7, ""},
		{"age 30", 4, "a comparison operator"},
		{"age == 30 SORT(age)", 18, "ascending or descending or '.' or '['"},
		{"age IN {1 2}", 10, "',' or '}'"},
		{"name == 'x' garbage", 12, "end of file"},
		{"age == #", 7, ""},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrSyntax) || !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if e.Offset != c.offset || e.Expected != c.expected {
			t.Errorf("%s: offset %d expecting %q, want %d and %q", c.text, e.Offset, e.Expected, c.offset, c.expected)
		}
		if !strings.HasPrefix(err.Error(), "Invalid predicate: '"+c.text+"': ") {
			t.Errorf("%s: %s", c.text, err)
		}
	}
}

// Items 10 and 15: names, quantifiers, constants and arguments, with the texts of the original (spec section 14, table of
// rejected queries).
func TestBindErrors(t *testing.T) {
	for _, c := range []struct {
		text    string
		args    []Arg
		class   *Class
		message string
	}{
		{"age > 20 && active == True", nil, ErrInvalidQuery, "'Person' has no property 'True'"},
		{"age == 'abc'", nil, ErrInvalidQuery, "Unsupported comparison between type 'int' and type 'string'"},
		{"oid == '5f0000000000000000000001'", nil, ErrInvalidQuery, "Unsupported comparison between type 'objectId' and type 'string'"},
		{"null == null", nil, ErrInvalidQuery, "Cannot compare two constants"},
		{"age == inf", nil, ErrInvalidQuery, "Infinity not supported for int"},
		{"active == inf", nil, ErrInvalidQuery, "Infinity not supported for bool"},
		{"age BETWEEN {29}", nil, ErrInvalidQuery, "Operator 'BETWEEN' requires list with 2 elements."},
		{"name CONTAINS 3", nil, ErrInvalidQuery, "Unsupported comparison operator 'contains' against type 'int', right side must be a string or binary type"},
		{"boss.val ==[c] 3", nil, ErrInvalidQuery, "Unsupported comparison operator '=[c]' against type 'int', right side must be a string or binary type"},
		{"val CONTAINS null", nil, ErrInvalidQuery, "Unsupported comparison operator 'contains' against type 'null', right side must be a string or binary type"},
		{"age IN 30", nil, ErrInvalidQueryArg, "The keypath following 'IN' must contain a list. Found '30'"},
		{"ANY age == 30", nil, ErrInvalidQuery, "The keypath following 'ANY' must contain a list"},
		{"SOME age == 30", nil, ErrInvalidQuery, "The keypath following 'ANY' must contain a list"},
		{`boss == obj("Nope", 1)`, nil, ErrInvalidQuery, "Unknown object type 'Nope'"},
		{`boss > obj("Person", 1)`, nil, ErrInvalidQuery, "Unsupported operator > in query. Only equal (==) and not equal (!=) are supported for this type."},
		{"boss == 1", nil, ErrInvalidQuery, "Unsupported comparison between 'boss' and type 'int'"},
		{"age.foo == 1", nil, ErrInvalidQuery, "Property 'Person.age' has no property 'foo'"},
		{"age[0] == 1", nil, ErrInvalidQuery, "Property 'Person.age' does not support index 'FIRST'"},
		{"age[3] == 1", nil, ErrInvalidQuery, "Property 'Person.age' does not support index '3'"},
		{"age[0][1] == 1", nil, ErrInvalidQuery, "Only Property of type 'any' can have nested collections"},
		{"age.@count == 1", nil, ErrInvalidQuery, "Operation '@count' is not supported on property of type 'int'"},
		{"@links.Person.nope == 2", nil, ErrInvalidQuery, "No property 'nope' found in type 'Person' which links to type 'Person'"},
		{"TRUEPREDICATE SORT(tags ASC)", nil, ErrInvalidArgument, "Cannot sort on a collection property"},
		{"TRUEPREDICATE SORT(nope ASC)", nil, ErrInvalidQuery, "No property 'nope' found on object type 'Person' specified in 'sort' clause"},
		{"TRUEPREDICATE DISTINCT(age.b)", nil, ErrInvalidQuery, "No property 'b' found on object type 'Person' specified in 'distinct' clause"},
		{"TRUEPREDICATE SORT(tags[0] ASC)", nil, ErrInvalidQuery, "No property '[FIRST]' found on object type 'Person' specified in 'sort' clause"},
		{"age == $0", []Arg{Scalar(value.Bool(true))}, ErrInvalidQueryArg, "Cannot compare argument $0 with value 'true' to a int"},
		{"age == $0", []Arg{Scalar(value.FromLink("Pet", value.StringKey("rex")))}, ErrInvalidQueryArg, `Cannot compare $0 which links to 'Pet' with primary key '"rex"' to a int`},
		{"age > $1", []Arg{Scalar(value.Int(1))}, ErrInvalidQueryArg, "Request for argument at index 1 but only 1 argument is provided"},
		{"age > $2", []Arg{{}, {}}, ErrInvalidQueryArg, "Request for argument at index 2 but only 2 arguments are provided"},
		{"age > $0", nil, ErrInvalidQueryArg, "Request for argument at index 0 but no arguments are provided"},
		{"age IN {$0}", []Arg{List(value.Int(1))}, ErrInvalidQueryArg, "Request for scalar argument at index 0 but a list was provided"},
		{"age IN ANY $0", []Arg{Scalar(value.Int(1))}, ErrInvalidQuery, "ANY/ALL/NONE are only allowed on arguments which contain a list but '$0' is not a list."},
		{"boss == $0", []Arg{Scalar(value.FromLink("Pet", value.StringKey("rex")))}, ErrInvalidQueryArg, `The relationship 'boss' which links to type 'Person' cannot be compared to an argument of type 'Pet' with primary key '"rex"'`},
		{"$K0 == 30", []Arg{Scalar(value.Int(1))}, ErrInvalidQueryArg, "Invalid index type for '$K0'. Expected a string, but found type 'int'"},
		{"age == $0", []Arg{Scalar(value.Float(float32(nan())))}, ErrInvalidQuery, "NaN not supported for int"},
		{"name ==[c] $0", []Arg{Scalar(value.String("a\xff"))}, ErrInvalidArgument, "Malformed UTF-8: a\xff"},
	} {
		q, err := Parse(c.text, c.args...)
		noError(t, err)
		_, err = q.Bind(specSchema(), "Person")
		if ClassOf(err) != c.class || err.Error() != c.message {
			t.Errorf("%s:\n got %v: %v\nwant %v: %s", c.text, ClassOf(err), err, c.class, c.message)
		}
	}
	q, err := Parse("TRUEPREDICATE")
	noError(t, err)
	if _, err := q.Bind(specSchema(), "Nope"); !errors.Is(err, ErrInvalidQuery) {
		t.Errorf("unknown class: %v", err)
	}
	if _, err := q.Bind(specSchema(), "Log"); !errors.Is(err, ErrIllegalOperation) {
		t.Errorf("asymmetric class: %v", err)
	}
	if _, err := q.Bind(nil, "Person"); !errors.Is(err, ErrInvalidQuery) {
		t.Errorf("no schema: %v", err)
	}
}

func nan() float64 { z := 0.0; return z / z }

// Without WithNavigation nothing is accepted that needs more of objects than Object has.
func TestUnsupported(t *testing.T) {
	for _, text := range []string{"tags == 'x'", "ALL tags == 'x'", "tags.@count == 1", "tags[0] == 'x'", "name.@count == 1", "val.@type == 'int'",
		"val.a == 1", "val[0] == 1", "age + 1 == 2", "tags.@max == 1", "@links.@count == 0", "@links.Person.boss.age == 1",
		"SUBQUERY(@links.Person.boss, $x, $x.age > 1).@count > 0", "bio TEXT 'x'", "boss == O1", "val == L1:1", "'x' IN tags",
		"name IN tags", "age == 1 AND tags == 'x'", "!(tags == 'x')", "age.@max == 2", "pet.@count == 1", "age == 1 + 2"} {
		if got := classOf(t, text); got != ErrUnsupported {
			t.Errorf("%s: class %v, want %v", text, got, ErrUnsupported)
		}
	}
}

// Of several errors the one is reported that the original meets first.
func TestFirstError(t *testing.T) {
	for text, want := range map[string]string{
		"a1 == 1 AND a2 == 2":                       "a1",
		"a1 == 1 AND a2 == 2 AND a3 == 3":           "a3",
		"a == 1 OR a2 == 2 OR a == 3":               "a2",
		"a1 == 1 OR a2 == 2 OR a == 3":              "a1",
		"(a1 == 1 OR a2 == 2) OR a3 == 3 OR a == 4": "a3",
		"a1 == 1 AND (a2 == 2 OR a3 == 3)":          "a1",
		"(a1 == 1 AND a2 == 2) OR a3 == 3":          "a1",
		"a1 == a2":                                  "a2",
		"a1 == 'x' + 1":                             "a1",
	} {
		q, err := Parse(text)
		noError(t, err)
		_, err = q.Bind(specSchema(), "Person", WithNavigation())
		if wanted := "'Person' has no property '" + want + "'"; err == nil || err.Error() != wanted {
			t.Errorf("%s: %v, want %s", text, err, wanted)
		}
	}
}

// oneObject evaluates a predicate on an object with a few values.
func oneObject(t testing.TB, text string, values map[string]value.Value, args ...Arg) bool {
	t.Helper()
	b := bindSpec(t, text, args...)
	o := &testObject{values: make([]value.Value, len(b.Class.Properties)), links: make([]*testObject, len(b.Class.Properties))}
	for name, v := range values {
		o.values[propertyIndex(b.Class, name)] = v
	}
	ok, err := b.Match(o)
	noError(t, err)
	return ok
}

// Items 3, 12, 14 to 17 and 19: what single comparisons say. An integer of any number of digits is one: it clamps (section 2).
func TestSemantics(t *testing.T) {
	s, i, d := value.String, value.Int, value.Double
	for _, c := range []struct {
		text     string
		property string
		value    value.Value
		want     bool
	}{
		{"age == 036", "age", i(30), true}, {"age == 09", "age", i(0), true}, {"age == 0x1e", "age", i(30), true},
		{"age < 99999999999999999999", "age", i(1<<63 - 1), false},
		{"age == " + strings.Repeat("9", 10_000), "age", i(1<<63 - 1), true},
		{"age == -" + strings.Repeat("9", 10_000), "age", i(-1 << 63), true}, {"age == 0x" + strings.Repeat("f", 10_000), "age", i(1<<63 - 1), true},
		{"age == '30abc'", "age", i(30), true}, {"age == 30.0", "age", i(30), true},
		{"age BETWEEN {29.5, 30.5}", "age", i(30), true}, {"age BETWEEN {31, 29}", "age", i(30), false}, {"age < 1e30", "age", i(30), true},
		{"shoe != 38", "shoe", value.Null(), true}, {"shoe < 38", "shoe", value.Null(), false}, {"shoe >= null", "shoe", value.Null(), true},
		{"shoe >= null", "shoe", i(1), false}, {"shoe BETWEEN {null, 40}", "shoe", value.Null(), false}, {"shoe BETWEEN {1, 40}", "shoe", value.Null(), false},
		{"name > null", "name", s("a"), true}, {"name > null", "name", value.Null(), false}, {"name <= null", "name", value.Null(), true},
		{"name < 'a'", "name", value.Null(), true}, {"'a' > name", "name", value.Null(), false},
		{"score < 10.0", "score", d(nan()), false}, {"score < 10", "score", d(nan()), true}, {"score != nan", "score", value.DoubleBits(doubleNaN), true},
		{"score == nan", "score", value.DoubleBits(doubleNaN), false}, {"nan == score", "score", value.DoubleBits(doubleNaN), true},
		{"score == 9007199254740993", "score", d(9007199254740992), false}, {"val == 9007199254740993", "val", d(9007199254740992), false},
		{"score IN {5}", "score", d(5), true}, {"score IN {5}", "score", value.Null(), false}, {"active IN {1}", "active", value.Bool(true), false},
		{"bal == 0.1", "bal", value.FromDecimal(mustDecimal("0.10")), true}, {"bal < 10", "bal", value.FromDecimal(mustDecimal("NaN")), true},
		{"val == 'ABC'", "val", s("abc"), false}, {"val ==[c] 'ABC'", "val", s("abc"), true}, {"val > 5", "val", s("abc"), false},
		{"val == binary('abc')", "val", s("abc"), false}, {"val == '5'", "val", i(5), false}, {"val != 5", "val", value.Null(), true},
		{"name ==[c] 'ånn'", "name", s("Ånn"), true}, {"name ==[c] 'жук'", "name", s("ЖУК"), false}, {"name ==[c] '×'", "name", s("÷"), false},
		{"name ==[c] 'Ÿ'", "name", s("ÿ"), false}, {"name !=[c] 'ANN'", "name", s("ann"), false}, {"name ==[c] {'ANN', 'BOB'}", "name", s("bob"), true},
		{"name LIKE '?nn'", "name", s("Ånn"), true}, {"name LIKE 'a*b?c'", "name", s("axxbyc"), true}, {"name LIKE '**'", "name", s(""), true},
		{"name LIKE '*a*a*'", "name", s("a"), false}, {"name LIKE '*ab'", "name", s("abab"), true}, {"name LIKE '?'", "name", s(""), false},
		{"name LIKE '*?'", "name", s("Å"), true}, {"name LIKE 'a*?a'", "name", s("aa"), false}, {"name LIKE '100%_x'", "name", s("100%_x"), true},
		{"name LIKE[c] 'A?Å*'", "name", s("axåz"), true}, {"name LIKE null", "name", value.Null(), true}, {"name LIKE ''", "name", s(""), true},
		{"name BEGINSWITH null", "name", value.Null(), true}, {"name BEGINSWITH ''", "name", value.Null(), false}, {"name ENDSWITH[c] 'NN'", "name", s("Ånn"), true},
		{"name CONTAINS 'n'", "name", s("Ann"), true}, {"name BEGINSWITH {'A', 'b'}", "name", s("bob"), true}, {"'Annie' BEGINSWITH name", "name", s("Ann"), true},
		{"'Annie' CONTAINS name", "name", value.Null(), true}, {"'ANNIE' CONTAINS[c] name", "name", s("nn"), true},
		{"age == ALL {}", "age", i(1), true}, {"age == NONE {}", "age", i(1), true}, {"age == {}", "age", i(1), false}, {"age != {}", "age", i(1), false},
		{"age > ALL {20, 35}", "age", i(41), true}, {"age != {30, 25}", "age", i(30), true}, {"age != ALL {30, 25}", "age", i(30), false},
		{"age == NONE {30, 25}", "age", i(30), false}, {"ALL {20, 35} < age", "age", i(30), false}, {"ANY {20, 35} < age", "age", i(30), true},
		{"name IN {'Ann', 5, null}", "name", value.Null(), true}, {"age IN {30, '25', 41.0}", "age", i(41), true}, {"age IN {30.5}", "age", i(30), false},
		{"uid IN {uuid(00000000-0000-0000-0000-000000000001)}", "uid", value.FromUUID(value.UUID{15: 1}), true},
		{"age == age", "age", i(1), true}, {"boss.name == null", "age", i(1), true}, {"boss.name != 'Ann'", "age", i(1), true},
		{"born > T-5:-10", "born", value.FromTimestamp(value.Timestamp{Seconds: -5, Nanoseconds: -9}), true},
		{"born == 1969-12-31@23:59:55:10", "born", value.FromTimestamp(value.Timestamp{Seconds: -5, Nanoseconds: -10}), true},
		{"born == 2040-13-32@24:60:60", "born", value.FromTimestamp(value.Timestamp{Seconds: 2243379660}), true},
	} {
		if got := oneObject(t, c.text, map[string]value.Value{c.property: c.value}); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.text, printValue(c.value), got, c.want)
		}
	}
}

func mustDecimal(s string) value.Decimal {
	d, ok := parseDecimal(s)
	if !ok {
		panic(s)
	}
	return d
}

// Item 11, on the values of class Mix of the specification: the order of SORT(v ASC).
func TestTotalOrder(t *testing.T) {
	id, _ := value.ParseObjectID("5f0000000000000000000001")
	uid, _ := value.ParseUUID("11111111-1111-4111-8111-111111111111")
	mix := []value.Value{value.Null(), value.Bool(false), value.Bool(true), value.Int(5), value.Double(5.5), value.Float(5),
		value.FromDecimal(mustDecimal("6")), value.String("abc"), value.String(""), value.Binary([]byte("abc")),
		value.FromTimestamp(value.Timestamp{Seconds: 10}), value.FromObjectID(id), value.FromUUID(uid),
		value.FromLink("Person", value.IntKey(1)), value.Marker(value.KindList), value.Marker(value.KindDictionary),
		value.DoubleBits(doubleNaN), value.FromDecimal(mustDecimal("NaN")), value.Int(9007199254740993), value.Double(9007199254740992),
		value.String("ABC"), value.Double(5), value.FromTimestamp(value.Timestamp{Seconds: -1, Nanoseconds: -5})}
	numbers := make([]int, len(mix))
	for i := range numbers {
		numbers[i] = i + 1
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return order(mix[a-1], mix[b-1]) })
	want := []int{1, 2, 3, 17, 18, 4, 6, 22, 5, 7, 20, 19, 9, 21, 8, 10, 23, 11, 12, 13, 14, 15, 16}
	if !slices.Equal(numbers, want) {
		t.Errorf("got %v\nwant %v", numbers, want)
	}
	for _, a := range mix {
		for _, b := range mix {
			if order(a, b) != -order(b, a) {
				t.Errorf("order of %s and %s is not antisymmetric", printValue(a), printValue(b))
			}
		}
	}
}
