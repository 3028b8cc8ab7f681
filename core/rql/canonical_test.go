package rql

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

// specSchema has the scalar properties of the fixture of spec/query-language.md sections 9, 10 and 14.
func specSchema() *schema.Schema {
	single := func(name string, kind value.Kind, nullable bool) schema.Property {
		return schema.Property{Name: name, Type: kind, Nullable: nullable}
	}
	link := func(name, target string) schema.Property {
		return schema.Property{Name: name, Type: value.KindLink, Nullable: true, LinkTarget: target}
	}
	return schema.New(
		schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{
			single("_id", value.KindInt, false), single("name", value.KindString, true), single("nick", value.KindString, true),
			single("first name", value.KindString, true), single("a", value.KindInt, false), single("b", value.KindInt, false),
			single("age", value.KindInt, false), single("shoe", value.KindInt, true), single("score", value.KindDouble, true),
			single("rate", value.KindDouble, false), single("bal", value.KindDecimal, false), single("active", value.KindBool, true),
			single("born", value.KindTimestamp, true), single("oid", value.KindObjectID, true), single("uid", value.KindUUID, true),
			single("blob", value.KindBinary, true), single("val", value.KindMixed, true), single("color", value.KindInt, false),
			link("boss", "Person"), link("pet", "Pet"), link("part", "Part"),
			{Name: "bio", Type: value.KindString, Nullable: true, FullText: true},
			{Name: "tags", Type: value.KindString, Collection: schema.List},
		}},
		schema.Class{Name: "Pet", PrimaryKey: "_id", Properties: []schema.Property{
			single("_id", value.KindString, false), single("kind", value.KindString, false), single("val", value.KindMixed, true)}},
		schema.Class{Name: "Log", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{single("_id", value.KindInt, false)}},
		schema.Class{Name: "Part", Kind: schema.Embedded, Properties: []schema.Property{single("n", value.KindInt, false)}},
	)
}

func bindSpec(t testing.TB, text string, args ...Arg) *Bound {
	t.Helper()
	q, err := Parse(text, args...)
	noError(t, err)
	b, err := q.Bind(specSchema(), "Person")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return b
}

// The tables of spec sections 9 and 10.
func TestCanonicalText(t *testing.T) {
	for text, want := range map[string]string{
		`age >= 41`:                          `age > 40`,
		`age <= 25 && name = 'x'`:            `age < 26 and name == "x"`,
		`score >= 10`:                        `score >= 10`,
		`score >= 10.5`:                      `score >= 10.5`,
		`!(a == 1 || b == 2)`:                `!((a == 1 or b == 2))`,
		`a==1 and (b==2 or age==3)`:          `a == 1 and (b == 2 or age == 3)`,
		`name ==[c] 'ann'`:                   `name ==[c] "ann"`,
		`name == "it's"`:                     `name == B64"aXQncw=="`,
		`boss.name == null`:                  `boss.name == NULL`,
		`blob == binary(B64"AAH/")`:          `blob == binary(B64"AAH/")`,
		`score IN {1.5, 2.5}`:                `(score == 1.5 or score == 2.5)`,
		`name IN {5}`:                        `FALSEPREDICATE`,
		`age BETWEEN {1,2}`:                  `age between {1, 2}`,
		`score BETWEEN {1.0,2.0}`:            `score >= 1 and score <= 2`,
		`boss = obj('Person',1)`:             `boss == obj("class_Person",1)`,
		`born > 1970-01-01@00:16:40`:         `born > T1000:0`,
		`30 <= age`:                          `30 <= age`,
		`age IN {3, 1, 2}`:                   `age IN {3, 1, 2}`,
		`first\ name == 'x'`:                 `first\ name == "x"`,
		`age == 1 SORT(first\ name ASC)`:     `age == 1 SORT(first\ name ASC)`,
		`rate < 0.1`:                         `rate < 0.10000000000000001`,
		`rate == 1e300`:                      `rate == 1.0000000000000001e+300`,
		`rate == 2.5e-7`:                     `rate == 2.4999999999999999e-07`,
		`rate == 3.0`:                        `rate == 3`,
		`rate == -0.0`:                       `rate == -0`,
		`bal == 0.5`:                         `bal == 5E-1`,
		`bal == 1E10`:                        `bal == 1E10`,
		`bal == 1200E3`:                      `bal == 1.200E6`,
		`bal == 12345678901234567890.5`:      `bal == +123456789012345678905E-1`,
		`score == null`:                      `score == NULL`,
		`val == 0.1`:                         `val == 0.10000000000000001`,
		`val == null`:                        `val == null`,
		`val IN {1, null}`:                   `val == {1, NULL}`,
		`boss == {obj('Person',1),null}`:     `boss == {obj("class_Person",1),NULL}`,
		`age >= -9223372036854775808`:        `TRUEPREDICATE`,
		`a == 1 OR b == 2 OR age == 3`:       `(a == 1 or b == 2 or age == 3)`,
		`TRUEPREDICATE SORT(a ASC) LIMIT(5)`: `TRUEPREDICATE SORT(a ASC) LIMIT(5)`,
		// Section 10: what the typed C++ queries print is its own canonical text.
		`age < 4`: `age < 4`, `age > 2`: `age > 2`, `name CONTAINS[c] "N"`: `name CONTAINS[c] "N"`, `name == ""`: `name == ""`,
		`nick == NULL`: `nick == NULL`, `active == true`: `active == true`, `color < 1`: `color < 1`, `born < T1000:5`: `born < T1000:5`,
		`oid != oid(5f0000000000000000000001)`:              `oid != oid(5f0000000000000000000001)`,
		`uid == uuid(18de7916-7f84-11ec-a8a3-0242ac120002)`: `uid == uuid(18de7916-7f84-11ec-a8a3-0242ac120002)`,
		`bal > 10.50`: `bal > 10.50`, `blob == binary("ab")`: `blob == binary("ab")`, `val == 5`: `val == 5`, `boss != NULL`: `boss != NULL`,
		`3 < boss.age`: `3 < boss.age`, `"x" == boss.name`: `"x" == boss.name`, `3 == boss.boss.age`: `3 == boss.boss.age`,
		`NULL == boss.nick`: `NULL == boss.nick`, `pet.kind CONTAINS "a"`: `pet.kind CONTAINS "a"`, `boss.pet == NULL`: `boss.pet == NULL`,
		`5 == pet.val`: `5 == pet.val`, `((a == 1 or b == 2) or age == 3)`: `((a == 1 or b == 2) or age == 3)`,
		`(a == 1 and b == 2 or age == 3)`: `(a == 1 and b == 2 or age == 3)`, `(a == 1 or b == 2) and age == 3`: `(a == 1 or b == 2) and age == 3`,
		`!(TRUEPREDICATE)`: `!(TRUEPREDICATE)`, `boss != NULL and pet != NULL`: `boss != NULL and pet != NULL`,
	} {
		if got := bindSpec(t, text).String(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if strings.HasSuffix(want, "-0") {
			continue // reads back as the int 0: the caveat at the end of section 9
		}
		if again := bindSpec(t, want).String(); want != again {
			t.Errorf("%s: canonical text is not stable: %s", want, again)
		}
	}
}

// Doubles that become decimals, as arguments do (spec section 5.3): exact where 15 digits suffice, else 15 digits.
func TestCanonicalDecimalArguments(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{
		{30, "bal == 30"}, {10.5, "bal == 10.5"}, {0, "bal == 0"}, {-2.5, "bal == -2.5"}, {0.1, "bal == 1.00000000000000E-1"},
		{9007199254740992, "bal == 9.00719925474099E15"}, {1e300, "bal == 1.00000000000000E300"},
	} {
		if got := bindSpec(t, "bal == $0", Scalar(value.Double(c.f))).String(); got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.f, got, c.want)
		}
	}
}

// Conformance item 28, for the cases whose texts TestVectors doesn't compare: canonical text is accepted again.
func TestVectorsReparse(t *testing.T) {
	f := loadFixture(t)
	checked := 0
	for _, c := range loadCases(t) {
		if len(c.Notes) == 0 && c.Reparse == "" && c.Deviation == "" {
			continue
		}
		b, err := f.bindCase(t, c)
		if err != nil {
			continue
		}
		q, err := newQuery(b.String(), nil, true) // the server reads it, which accepts signed coordinates
		if err != nil {
			t.Errorf("%d %s: canonical text %s does not parse: %v", c.ID, c.Query, b, err)
			continue
		}
		again, err := q.Bind(f.schema, c.Class, f.options()...)
		if err != nil {
			t.Errorf("%d %s: canonical text %s does not bind: %v", c.ID, c.Query, b, err)
			continue
		}
		checked++
		// A whole number that was a double is an int when it is read again, which changes how NaN compares; numbers of fewer
		// digits are no issue here.
		if c.Reparse == "" {
			if got, want := f.run(t, again), f.run(t, b); !slices.Equal(got, want) {
				t.Errorf("%d %s: canonical text %s matches\n got %v\nwant %v", c.ID, c.Query, b, got, want)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d canonical texts were checked", checked)
	}
}

// The bodies that the original's client sends (vectors/wire/query_bodies.jsonl).
func TestQueryBodies(t *testing.T) {
	property := func(name string, kind value.Kind) schema.Property { return schema.Property{Name: name, Type: kind} }
	s := schema.New(
		schema.Class{Name: "Item", PrimaryKey: "_id", Properties: []schema.Property{property("_id", value.KindInt),
			property("i", value.KindInt), {Name: "s", Type: value.KindString, Nullable: true}, property("b", value.KindBool),
			property("d", value.KindDouble), property("ts", value.KindTimestamp), property("oid", value.KindObjectID),
			property("uuid", value.KindUUID), property("dec", value.KindDecimal), property("bin", value.KindBinary),
			{Name: "person", Type: value.KindLink, Nullable: true, LinkTarget: "Person"},
			{Name: "li", Type: value.KindInt, Collection: schema.List},
			{Name: "ll", Type: value.KindLink, Collection: schema.List, LinkTarget: "Item"}}},
		schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{property("_id", value.KindInt),
			property("name", value.KindString), property("age", value.KindInt)}},
	)
	raw, err := vectors.Load("wire/query_bodies.jsonl")
	noError(t, err)
	compared := 0
	for line := range bytes.Lines(raw) {
		var c struct {
			Name, Body    string
			Subscriptions []struct {
				Class, Query string
				Name         *string
			}
		}
		noError(t, json.Unmarshal(line, &c))
		type subscription struct{ class, text, name string }
		var set []subscription
		for _, sub := range c.Subscriptions {
			q, err := Parse(sub.Query)
			noError(t, err)
			b, err := q.Bind(s, sub.Class, WithNavigation())
			noError(t, err)
			entry := subscription{class: sub.Class, text: b.String()}
			if sub.Name != nil {
				entry.name = *sub.Name
				set = slices.DeleteFunc(set, func(old subscription) bool { return old.name == entry.name })
			}
			set = append(set, entry)
		}
		compared++
		texts := map[string][]string{}
		for _, sub := range set {
			texts[sub.class] = append(texts[sub.class], sub.text)
		}
		var want map[string]string
		noError(t, json.Unmarshal([]byte(c.Body), &want))
		if len(texts) != len(want) {
			t.Errorf("%s: classes %v, want %v", c.Name, texts, want)
		}
		for class, w := range want {
			got := Combine(texts[class]...)
			if c.Name == "every literal" || c.Name == "links and collections" {
				// The original prints a chain of three or more operands in another order (spec section 9).
				got, w = sortedWords(got), sortedWords(w)
			}
			if got != w {
				t.Errorf("%s: %s\n got %s\nwant %s", c.Name, class, got, w)
			}
		}
	}
	if compared != 14 {
		t.Errorf("only %d bodies were compared", compared)
	}
}

func sortedWords(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("(){}, ", r) })
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestCombine(t *testing.T) {
	if got := Combine("b == 2", "a == 1", "b == 2"); got != "(a == 1) OR (b == 2)" {
		t.Error(got)
	}
	if got := Combine(); got != "" {
		t.Error(got)
	}
}

func TestAlternatives(t *testing.T) {
	body := Combine(`(a == 1 or b == 2)`, `name == "Rex"`, `TRUEPREDICATE`)
	q, err := ParseSync(body)
	noError(t, err)
	var got []string
	for _, part := range q.Alternatives() {
		b, err := part.Bind(specSchema(), "Person")
		noError(t, err)
		got = append(got, b.String())
		again, err := ParseSync(part.Text())
		noError(t, err)
		if again.String() != part.String() {
			t.Errorf("text of the alternative %s does not parse to itself: %s", part, again)
		}
	}
	if want := []string{`(a == 1 or b == 2)`, `TRUEPREDICATE`, `name == "Rex"`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	single, err := Parse("a == 1 AND b == 2")
	noError(t, err)
	if parts := single.Alternatives(); len(parts) != 1 || parts[0] != single {
		t.Errorf("a query without OR is its only alternative, got %v", parts)
	}
}
