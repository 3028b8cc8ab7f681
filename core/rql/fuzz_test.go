package rql

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// FuzzParse holds that no text crashes the parser, the binder or the evaluation (item 33), that the regular form parses to
// an equal tree, and that canonical text is accepted again.
func FuzzParse(f *testing.F) {
	fixture := loadFixture(f)
	for i, c := range loadCases(f) {
		if i%5 == 0 {
			f.Add(c.Query)
		}
	}
	for _, text := range []string{"val.a[0][*].@type == ALL {'int', 'null'}", "home GEOWITHIN $1", "bio TEXT 'a -b c*'", "$K1 == 1",
		"SUBQUERY(@links.Person.boss, $x, SUBQUERY($x.pets, $x, age + 1 > $x.age).@count > 0).@count == 1", "ALL {1, 2.5} - i < li.@sum * 2 / ANY fset.age",
		"TRUEPREDICATE SORT(meta['a'] ASC) DISTINCT(boss.meta.b)"} {
		f.Add(text)
	}
	f.Add("a == 1 or (b == 2 and (c == 3 and d == 4)) SORT(a\\ b DESC)")
	args := []Arg{Scalar(value.Int(5)), Scalar(value.String("owner.name")), List(value.Int(5), value.String("abc"), value.Null())}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, args...)
		if err != nil {
			if ClassOf(err) == nil {
				t.Fatalf("%q: %v is no query error", text, err)
			}
			if _, err := ParseSync(text); err != nil && ClassOf(err) == nil {
				t.Fatalf("%q: %v is no query error", text, err)
			}
			return
		}
		printed := q.String()
		again, err := newQuery(printed, args, true)
		if err != nil {
			t.Fatalf("%q prints as %q, which does not parse: %v", text, printed, err)
		}
		if got, want := dump(again), dump(q); got != want {
			t.Fatalf("%q prints as %q, which is another query:\n got %s\nwant %s", text, printed, got, want)
		}
		for _, class := range []string{"Item", "Person", "Note"} {
			b, err := q.Bind(fixture.schema, class, fixture.options()...)
			if err != nil {
				if ClassOf(err) == nil {
					t.Fatalf("%q: %v is no query error", text, err)
				}
				continue
			}
			if _, err := b.Select(fixture.objects[class]); err != nil && ClassOf(err) != ErrLimit {
				t.Fatalf("%q: %v", text, err)
			}
			b.Reads(func(*schema.Class, int) {})
			_ = FlexibleSyncCheck(b)
			canonical := b.String()
			if !utf8.ValidString(text) {
				continue
			}
			second, err := newQuery(canonical, nil, true)
			if err != nil {
				t.Fatalf("%q has the canonical text %q, which does not parse: %v", text, canonical, err)
			}
			if _, err := second.Bind(fixture.schema, class, fixture.options()...); err != nil {
				t.Fatalf("%q has the canonical text %q, which does not bind: %v", text, canonical, err)
			}
		}
	})
}

// dump writes a syntax tree without positions and sources.
func dump(q *Query) string {
	var out strings.Builder
	dumpValue(&out, reflect.ValueOf(q.root))
	dumpValue(&out, reflect.ValueOf(q.clauses))
	return out.String()
}

func dumpValue(out *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			out.WriteString("nil")
			return
		}
		dumpValue(out, v.Elem())
	case reflect.Slice:
		out.WriteByte('[')
		for i := range v.Len() {
			dumpValue(out, v.Index(i))
			out.WriteByte(' ')
		}
		out.WriteByte(']')
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Error]() {
			fmt.Fprintf(out, "%q", v.FieldByName("Message").String())
			return
		}
		out.WriteString(v.Type().Name())
		out.WriteByte('{')
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			// The source of a literal counts only where it is read again; then its value counts as well.
			if name == "pos" || name == "text" && v.Type() == reflect.TypeFor[constant]() {
				continue
			}
			out.WriteString(name + ":")
			dumpValue(out, v.Field(i))
			out.WriteByte(' ')
		}
		out.WriteByte('}')
	case reflect.String:
		fmt.Fprintf(out, "%q", v.String())
	default:
		fmt.Fprintf(out, "%v", v)
	}
}

// FuzzMatchText compares LIKE, BEGINSWITH and their kin with plain definitions.
func FuzzMatchText(f *testing.F) {
	f.Add("Ånn*", "?nn**")
	f.Add("abcabc", "*a*?c")
	f.Add("", "**")
	f.Fuzz(func(t *testing.T, text, pattern string) {
		if len(text) > 40 || len(pattern) > 12 || !utf8.ValidString(text) || !utf8.ValidString(pattern) {
			return
		}
		if got, want := newNeedle(OpLike, false, pattern).match(text), slowLike([]rune(text), []rune(pattern)); got != want {
			t.Fatalf("%q LIKE %q: %v, want %v", text, pattern, got, want)
		}
		for _, op := range []Op{OpBeginsWith, OpEndsWith, OpContains, OpLike} {
			folded, foldedPattern := string(appendFold(nil, text)), string(appendFold(nil, pattern))
			want := matchText(op, false, folded, foldedPattern)
			if got := newNeedle(op, true, pattern).match(text); got != want {
				t.Fatalf("%q %s[c] %q: %v, want %v", text, op, pattern, got, want)
			}
			if got := matchText(op, true, text, pattern); got != want {
				t.Fatalf("%q %s[c] %q on the general path: %v, want %v", text, op, pattern, got, want)
			}
		}
	})
}

func slowLike(text, pattern []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(text) == 0
	case pattern[0] == '*':
		return slowLike(text, pattern[1:]) || len(text) > 0 && slowLike(text[1:], pattern)
	case len(text) == 0:
		return false
	default:
		return (pattern[0] == '?' || pattern[0] == text[0]) && slowLike(text[1:], pattern[1:])
	}
}
