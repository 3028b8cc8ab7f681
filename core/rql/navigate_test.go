package rql

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// section14 loads the fixture of spec section 14.
func section14(t testing.TB) *fixture {
	t.Helper()
	return readFixture(t, readTestdata(t, "section14.json"))
}

// find evaluates a query on a class of a fixture.
func (f *fixture) find(t testing.TB, class, text string, args ...Arg) ([]string, error) {
	t.Helper()
	q, err := Parse(text, args...)
	noError(t, err)
	b, err := q.Bind(f.schema, class, f.options()...)
	if err != nil {
		return nil, err
	}
	return f.run(t, b), nil
}

// The table "Deliberately absent" of the vectors' README: queries on which the original ends the process or reads undefined
// memory must be answered.
func TestDeliberatelyAbsent(t *testing.T) {
	f := section14(t)
	all := []string{"1", "2", "3", "4", "5"}
	for _, c := range []struct {
		text  string
		match []string
		class *Class
	}{
		{"age >= -9223372036854775808 OR age == 1", all, nil},
		{"age <= 9223372036854775807 OR age == 1", all, nil},
		{"age == 1 OR age >= -9223372036854775808", all, nil},
		{"!(age >= -9223372036854775808)", []string{}, nil},
		{"(age - 9223372036854775807 - 1 - age) / -1 == -9223372036854775808", all, nil},
		{"boss.@max.attrs == 1", nil, ErrInvalidQuery},
		{"@values == 1", nil, ErrInvalidQuery},
		{"age TEXT 'x'", nil, ErrInvalidQuery},
		{"tags TEXT 'x'", nil, ErrInvalidQuery},
		{"boss.age TEXT 'x'", nil, ErrInvalidQuery},
		{"@links.Pet.kind.age == 1", nil, ErrInvalidQuery},
		{"@links.Note.text == 1", nil, ErrInvalidQuery},
		{"@links.Note.who.@count == 2", []string{"1"}, nil},
		{"TRUEPREDICATE SORT(tags[0] ASC)", nil, ErrInvalidQuery},
		{"SUBQUERY(pets[0], $p, $p.age > 1).@count > 0", nil, ErrInvalidQuery},
		{"nums + marks == 1", nil, ErrLogic},
		{"NONE attrs.@keys == 'a'", []string{"2", "3", "5"}, nil},
		{"val.@count == null", []string{"1", "4", "5"}, nil},
		{"val.@count == 3", []string{"2"}, nil},
		{"val.@count == 2", []string{"3"}, nil},
		{"age BETWEEN {null, 30}", []string{}, nil},
		{"age BETWEEN {25.5, 30.5}", []string{"1", "5"}, nil},
		{"born BETWEEN {null, T2000:0}", []string{}, nil},
	} {
		got, err := f.find(t, "Person", c.text)
		if c.class != nil {
			if ClassOf(err) != c.class {
				t.Errorf("%s: %v, want class %v (%v)", c.text, err, c.class, got)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.match) {
			t.Errorf("%s: %v %v, want %v", c.text, got, err, c.match)
		}
	}
}

// Aliases (spec section 1): resolved over and over, for paths, backlinks, aggregates and descriptors, and never for ever.
func TestAliases(t *testing.T) {
	f := section14(t)
	aliases := Aliases{
		Properties: map[Alias]string{
			{"Person", "years"}: "Years", {"Person", "Years"}: "age", {"Person", "animals"}: "pets", {"Pet", "sort"}: "kind",
			{"Person", "notes"}: "@links.Note.who", {"Person", "a"}: "b", {"Person", "b"}: "a", {"Note", "author"}: "who",
		},
		Classes: map[string]string{"Remark": "Note", "x": "y", "y": "x"},
	}
	for _, c := range []struct {
		text, canonical string
		match           []string
	}{
		{"years == 30 SORT(Years DESC)", "age == 30 SORT(age DESC)", []string{"1", "5"}},
		{"animals.sort == 'fish'", `pets.kind == "fish"`, []string{"5"}},
		{"SUBQUERY(animals, $x, $x.sort == 'cat').@count > 0", `SUBQUERY(pets, $x, $x.kind == "cat").@count > 0`, []string{"1", "4"}},
		{"notes.text == 'hi'", `@links.Note.who.text == "hi"`, []string{"1"}},
		{"notes.@count == 2", `@links.Note.who.@count == 2`, []string{"1"}},
		{"@links.Remark.author.@count == 2", `@links.Note.who.@count == 2`, []string{"1"}},
		{"boss.@max.years == 30", `boss.@max.age == 30`, []string{"2", "5"}},
	} {
		q, err := Parse(c.text)
		noError(t, err)
		b, err := q.Bind(f.schema, "Person", append(f.options(), WithAliases(aliases))...)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := f.run(t, b); b.String() != c.canonical || !slices.Equal(got, c.match) {
			t.Errorf("%s: %s matches %v, want %s and %v", c.text, b, got, c.canonical, c.match)
		}
	}
	for text, want := range map[string]string{
		"a == 1":                "Substitution loop detected while processing 'a' -> 'b' found in type 'Person'",
		"@links.x.who.age == 1": "Substitution loop detected while processing class name mapping from 'x' to 'y'.",
	} {
		q, err := Parse(text)
		noError(t, err)
		_, err = q.Bind(f.schema, "Person", append(f.options(), WithAliases(aliases))...)
		if !errors.Is(err, ErrMapping) || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Keys come from arguments with any text; what is printed must be read again as the same key.
func TestCanonicalKeys(t *testing.T) {
	f := section14(t)
	for key, want := range map[string]string{
		"a": "'a'", "foo bar": "'foo bar'", "it's": `"it's"`, `it's "so"`: `B64"aXQncyAic28i"`, `a\q`: `B64"YVxx"`, `a\n`: `'a\n'`, `a\`: `B64"YVw="`, "a\x00b": `'` + "a\x00b" + `'`,
	} {
		q, err := Parse("attrs[$0] == 1", Scalar(value.String(key)))
		noError(t, err)
		b, err := q.Bind(f.schema, "Person", f.options()...)
		noError(t, err)
		if got := b.String(); got != "attrs["+want+"] == 1" {
			t.Errorf("%q prints as %s, want %s", key, got, want)
		}
		q, err = ParseSync(b.String())
		noError(t, err)
		again, err := q.Bind(f.schema, "Person", f.options()...)
		noError(t, err)
		if got := again.Root.(*Comparison).Left.(*KeyPath).Steps[0].Key; got != key {
			t.Errorf("%q comes back as %q", key, got)
		}
	}
}

// What a query of one text and few objects can cost is bounded.
func TestLimitsOfNavigation(t *testing.T) {
	f := section14(t)
	// Everyone is everyone's boss: each hop forward and back multiplies.
	long := "boss" + strings.Repeat(".@links.Person.boss.boss", 15) + ".age > 100"
	class := f.schema.Class("Person")
	property := propertyIndex(class, "boss")
	center := f.objects["Person"][0].(*testObject)
	incoming := &testCollection{}
	for range 20 {
		incoming.add(testElement{value: value.FromLink(center.self.Class, center.self.Key), object: center})
	}
	center.links[property] = center
	f.linked[center.self] = map[testOrigin]*testCollection{{"Person", property}: incoming}
	q, err := Parse(long)
	noError(t, err)
	b, err := q.Bind(f.schema, "Person", f.options()...)
	noError(t, err)
	if b.budget != maxReached {
		t.Errorf("a budget of %d", b.budget)
	}
	b.budget /= 100
	if _, err := b.Match(center); !errors.Is(err, ErrLimit) {
		t.Errorf("a path to 20^15 objects: %v", err)
	}

	pattern := "*" + strings.Repeat("a", MaxWildcards) + "?*"
	if _, err := f.find(t, "Person", "name LIKE '"+pattern+"'"); !errors.Is(err, ErrLimit) {
		t.Errorf("a long part with a wildcard: %v", err)
	}
	for _, text := range []string{pattern[1:], "*" + strings.Repeat("a", 2*MaxWildcards) + "*", "*" + pattern[3:]} {
		if _, err := f.find(t, "Person", "name LIKE '"+text+"'"); err != nil {
			t.Errorf("a pattern without a long part to search for: %v", err)
		}
	}
	if matchText(OpLike, false, strings.Repeat("a", 1000), pattern) {
		t.Error("a stored pattern beyond the limit matches")
	}

	ring := strings.Repeat("[1.0, 1.0], ", MaxVertices) + "[1.0, 1.0]"
	if _, err := f.find(t, "Person", "home GEOWITHIN geoPolygon({"+ring+"})"); !errors.Is(err, ErrLimit) {
		t.Errorf("a polygon of many vertices: %v", err)
	}
}

// An object that isn't Navigable is an error, not a wrong answer.
func TestNotNavigable(t *testing.T) {
	f := section14(t)
	for _, text := range []string{"tags == 'x'", "tags.@count == 1", "val.n == 1", "@links.@count == 1", "pets.age == 1", "nums.@max == 1",
		"SUBQUERY(pets, $p, TRUEPREDICATE).@count == 0", "pets GEOWITHIN geoCircle([1.0, 1.0], 1)"} {
		q, err := Parse(text)
		noError(t, err)
		b, err := q.Bind(f.schema, "Person", f.options()...)
		if errors.Is(err, ErrRuntime) {
			continue // pets are no points
		}
		noError(t, err)
		if _, err := b.Match(scalarObject{}); !errors.Is(err, errNotNavigable) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// scalarObject has a dictionary in every property, and no way to look into it.
type scalarObject struct{}

func (scalarObject) Get(int) (value.Value, error) { return value.Marker(value.KindDictionary), nil }
func (scalarObject) Follow(int) (Object, error)   { return nil, nil }

func TestReads(t *testing.T) {
	f := section14(t)
	for text, want := range map[string]string{
		"age == 1 AND boss.name == 'x'":                                      "Person.age Person.boss Person.name",
		"@links.Note.who.text == 'x'":                                        "Note.text Note.who",
		"SUBQUERY(pets, $p, $p.kind == 'x' AND $p.best.age > 1).@count == 1": "Person.age Person.pets Pet.best Pet.kind",
		"pets.@max.age + nums.@sum == 1":                                     "Person.nums Person.pets Pet.age",
		"home GEOWITHIN geoCircle([1.0, 1.0], 1)":                            "Geo.coordinates Geo.type Person.home",
		"bio TEXT 'x' SORT(boss.age ASC) DISTINCT(attrs.a)":                  "Person.age Person.attrs Person.bio Person.boss",
		"attrs.a == 1":     "Person.attrs",
		"attrs.a.b == 1":   "Person.attrs ...",
		"val.name == 'x'":  "Person.val ...",
		"@links.@count==1": "...",
	} {
		q, err := Parse(text)
		noError(t, err)
		b, err := q.Bind(f.schema, "Person", f.options()...)
		noError(t, err)
		var got []string
		complete := b.Reads(func(class *schema.Class, property int) {
			got = append(got, class.Name+"."+class.Properties[property].Name)
		})
		slices.Sort(got)
		got = slices.Compact(got)
		if !complete {
			got = append(got, "...")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s reads %v, want %s", text, got, want)
		}
	}
}
