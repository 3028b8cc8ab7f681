package rql

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"realmsync/core/value"
)

func TestFlexibleSyncCheck(t *testing.T) {
	for text, allowed := range map[string]bool{
		"age < 3": true, "TRUEPREDICATE": true, "name CONTAINS[c] 'a' OR !(age IN {1,2})": true, "age == shoe": true, "boss == null": true,
		"val BETWEEN {1, 2}": true, "boss.age > 3": false, "age == 1 OR 3 < boss.age": false, "age == 1 SORT(age ASC)": false,
		"age == 1 LIMIT(1)": false, "TRUEPREDICATE DISTINCT(age)": false, "!(boss.name IN {'x'})": false, "age BETWEEN {1, 2} AND pet.kind LIKE '*'": false,
	} {
		err := FlexibleSyncCheck(bindSpec(t, text))
		switch {
		case allowed && err != nil:
			t.Errorf("%s: %v", text, err)
		case !allowed && (!errors.Is(err, ErrNotSyncable) || !strings.HasPrefix(err.Error(), "Invalid query: ")):
			t.Errorf("%s: must be refused, got %v", text, err)
		}
	}
	q, err := Parse("n == 1")
	noError(t, err)
	part, err := q.Bind(specSchema(), "Part")
	noError(t, err)
	if err := FlexibleSyncCheck(part); !errors.Is(err, ErrNotSyncable) {
		t.Errorf("embedded class: %v", err)
	}
}

func TestCheckQueryable(t *testing.T) {
	onlyAge := func(name string) bool { return name == "age" }
	if err := CheckQueryable(bindSpec(t, "age == 1 AND _id > 3"), onlyAge); err != nil {
		t.Error(err)
	}
	err := CheckQueryable(bindSpec(t, "age == 1 OR !(name IN {'x'})"), onlyAge)
	if !errors.Is(err, ErrNotSyncable) || !strings.Contains(err.Error(), `"TopLevel": key "name" is not a queryable field`) {
		t.Error(err)
	}
}

func TestParseSync(t *testing.T) {
	// Spec section 11: the server accepts everything that clients print.
	for _, text := range []string{`(age < 3) OR (name == "Rex")`, `(boss == obj("class_Person",1))`, `(name == B64"aXQncw==")`, `(born > T1000:0)`,
		`(3 < age)`, `(rate == 1.0000000000000001e+300)`, `(age IN {1, 2})`, `(age between {1, 2})`,
		`(pet GEOWITHIN GeoCircle([-80, 30], 1))`, `(pet GEOWITHIN GeoPolygon({[-80, 30, 5], [1, 2], [3, 4], [-80, 30]}))`} {
		if _, err := ParseSync(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`(TRUEPREDICATE SORT(i ASC) LIMIT(5))`, `(i == 1) OR (i > 2 LIMIT(5))`, `(i > 2 DISTINCT(i))`} {
		if _, err := ParseSync(text); !errors.Is(err, ErrNotSyncable) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := Parse(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s in a query that isn't a subscription: %v", text, err)
		}
	}
	if _, err := ParseSync(`(i > LIMIT(5))`); !errors.Is(err, ErrSyntax) {
		t.Errorf("a descriptor where a value is missing: %v", err)
	}
	if _, err := ParseSync(`name == "` + strings.Repeat("x", MaxSyncText) + `"`); !errors.Is(err, ErrLimit) {
		t.Errorf("too long: %v", err)
	}
}

func TestEqualityKeys(t *testing.T) {
	for text, want := range map[string]string{
		"age == 1":                       "age[1]",
		"1 == age":                       "age[1]",
		"age IN {1, 2} AND name == 'x'":  `name["x"] age[1 2]`,
		"age == 1 AND (a < 5 OR b < 10)": "age[1]",
		"age == 1 OR age == 2":           "age[1 2]",
		"age == 1 OR a == 2":             "",
		"(age == 1 AND a == 2) OR (age == 3 AND b < 1)": "age[1 3]",
		"(age == 1) OR TRUEPREDICATE":                   "",
		"!(age == 1)":                                   "",
		"age != 1":                                      "",
		"age > 1":                                       "",
		"TRUEPREDICATE":                                 "",
		"name ==[c] 'x'":                                "",
		"name IN[c] {'x', 'y'}":                         "",
		"rate == 1.0":                                   "", // 0.0 and -0.0 are equal, not identical
		"bal == 1":                                      "",
		"val == 1":                                      "",
		"boss.age == 1":                                 "",
		"boss == null":                                  "",
		"nick == null":                                  "nick[NULL]",
		"active == true":                                "active[true]",
		"age IN {1, 2} AND age == 1":                    "age[1]",
		"age == 1.5":                                    "",
		"oid IN {oid(5f0000000000000000000001)}":        "oid[oid(5f0000000000000000000001)]",
	} {
		var got []string
		for _, k := range EqualityKeys(bindSpec(t, text)) {
			var values []string
			for _, v := range k.Values {
				values = append(values, printValue(v))
			}
			got = append(got, fmt.Sprint(k.Name, values))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
}

// Every object that matches meets the equality keys.
func TestEqualityKeysHold(t *testing.T) {
	f := loadFixture(t)
	checked := 0
	for _, c := range loadCases(t) {
		b, err := f.bindCase(t, c)
		if err != nil {
			continue
		}
		for _, key := range EqualityKeys(b) {
			for _, o := range f.objects[c.Class] {
				ok, err := b.Match(o)
				noError(t, err)
				if !ok {
					continue
				}
				checked++
				v, _ := o.Get(key.Property)
				found := false
				for _, k := range key.Values {
					found = found || k.Identical(v)
				}
				if !found {
					t.Errorf("%d %s: object %s matches, but %s is %s", c.ID, c.Query, o.(*testObject).pk, key.Name, printValue(v))
				}
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d objects were checked", checked)
	}
}

func TestProperties(t *testing.T) {
	b := bindSpec(t, "age > 3 AND (boss.name == 'x' OR age == shoe) AND name IN {'a'} AND a BETWEEN {1, 2}")
	var names []string
	for _, i := range b.Properties() {
		names = append(names, b.Class.Properties[i].Name)
	}
	if got := strings.Join(names, " "); got != "name a age shoe boss" {
		t.Error(got)
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("!(", n) + "age == 1" + strings.Repeat(")", n) }
	for name, text := range map[string]string{
		"text":        `name == "` + strings.Repeat("x", MaxText) + `"`,
		"parentheses": strings.Repeat("(", 1_000_00) + "age == 1",
		"not":         strings.Repeat("!", 1_000_00) + "age == 1",
		"nesting":     deep(MaxNesting + 1),
		"arithmetic":  "age == a" + strings.Repeat(" + a", 2*MaxNesting+1),
		"subquery":    strings.Repeat("SUBQUERY(a, $x, ", 100_000),
		"path":        strings.Repeat("boss.", MaxPath) + "age == 1",
	} {
		if _, err := Parse(text); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v, want %v", name, ClassOf(err), ErrLimit)
		}
	}
	if _, err := Parse("age == 1", make([]Arg, MaxArgs+1)...); !errors.Is(err, ErrLimit) {
		t.Errorf("arguments: %v", err)
	}
	q, err := Parse("$K0 == 1", Scalar(value.String(strings.Repeat("boss.", MaxPath)+"age")))
	noError(t, err)
	if _, err := q.Bind(specSchema(), "Person"); !errors.Is(err, ErrLimit) {
		t.Errorf("path argument: %v", err)
	}
	// What is accepted is accepted again as canonical text, by the server.
	b := bindSpec(t, deep(MaxNesting))
	q, err = ParseSync(Combine(b.String()))
	noError(t, err)
	if _, err = q.Bind(specSchema(), "Person"); err != nil {
		t.Error(err)
	}
	// Wide queries are not deep.
	wide := "age == 1" + strings.Repeat(" OR age == 2", 20_000)
	if got := len(bindSpec(t, wide).String()); got < 200_000 {
		t.Errorf("canonical text has %d bytes", got)
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	_, err := Parse(strings.Repeat("x", MaxText) + " ")
	if err == nil || len(err.Error()) > 2*quoted {
		t.Errorf("the error echoes %d bytes", len(err.Error()))
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	values := map[string]value.Value{"name": value.String("ÅNNa"), "age": value.Int(3), "rate": value.Double(1), "uid": value.FromUUID(value.UUID{1}),
		"val": value.Int(9), "born": value.FromTimestamp(value.Timestamp{Seconds: 1})}
	b := bindSpec(t, `age < 5 AND name CONTAINS[c] 'nn' AND name LIKE '?N*a' AND (rate == 2.0 OR rate < 3) AND age IN {1,2,3}
		AND name IN {'ÅNNa'} AND uid IN {uuid(01000000-0000-0000-0000-000000000000)} AND val BETWEEN {1, 10} AND boss.name == null
		AND age == ALL {3} AND born BETWEEN {T0:0, T5:0} AND name ==[c] 'ånna' AND !(age > 4)`)
	o := &testObject{values: make([]value.Value, len(b.Class.Properties)), links: make([]*testObject, len(b.Class.Properties))}
	for name, v := range values {
		o.values[propertyIndex(b.Class, name)] = v
	}
	var object Object = o
	if ok, err := b.Match(object); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = b.Match(object) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

type failingObject struct{}

var errBroken = errors.New("broken object")

func (failingObject) Get(int) (value.Value, error) { return value.Null(), errBroken }
func (failingObject) Follow(int) (Object, error)   { return nil, errBroken }

// An error of the object is neither a match nor a mismatch, under NOT and OR as well.
func TestObjectErrorsSurface(t *testing.T) {
	for _, text := range []string{"age == 1", "!(age == 1)", "age == 1 OR a == 1", "age == 1 AND a == 1", "rate < 1.0", "name < 'x'", "age IN {1}",
		"age BETWEEN {1, 2}", "name LIKE 'x'", "'x' LIKE name", "boss.age == 1", "age == ALL {1}", "val == 1", "name ==[c] nick", "a == b"} {
		if ok, err := bindSpec(t, text).Match(failingObject{}); ok || !errors.Is(err, errBroken) {
			t.Errorf("%s: %v, %v", text, ok, err)
		}
		b := bindSpec(t, "TRUEPREDICATE SORT(age ASC)")
		if _, err := b.Select([]Object{failingObject{}, failingObject{}}); !errors.Is(err, errBroken) {
			t.Error(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{"int": "age < 3", "string": "name == 'Ann'", "contains": "name CONTAINS 'nn'", "and": "age < 5 AND name == 'Ann'"} {
		b.Run(name, func(b *testing.B) {
			bound := bindSpec(b, text)
			o := &testObject{values: make([]value.Value, len(bound.Class.Properties))}
			o.values[propertyIndex(bound.Class, "age")] = value.Int(3)
			o.values[propertyIndex(bound.Class, "name")] = value.String("Anna")
			var object Object = o
			for b.Loop() {
				_, _ = bound.Match(object)
			}
		})
	}
}
