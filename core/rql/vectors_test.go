package rql

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realmsync/core/value"
)

// vectorFile finds a file of the golden vectors: REALM_VECTORS, ../shared/vectors from the repository root, testdata.
func vectorFile(t testing.TB, name string) string {
	t.Helper()
	folders := []string{filepath.Join("..", "..", "..", "shared", "vectors"), "testdata"}
	if dir := os.Getenv("REALM_VECTORS"); dir != "" {
		folders = []string{dir}
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatalf("vector file %s is in none of %v", name, folders)
	return ""
}

func (f *fixture) exists(class string, key value.Key) bool { return f.byKey[class][key] != nil }

func (f *fixture) args(t testing.TB, raw []rawValue) []Arg {
	var out []Arg
	for _, r := range raw {
		if r.T != "list" {
			out = append(out, Scalar(f.value(t, r)))
			continue
		}
		var elements []rawValue
		noError(t, json.Unmarshal(r.V, &elements))
		var values []value.Value
		for _, e := range elements {
			values = append(values, f.value(t, e))
		}
		out = append(out, List(values...))
	}
	return out
}

type vectorCase struct {
	ID            int
	Group         string
	Class         string
	Query         string
	Args          []rawValue
	Match         []string
	Error         string
	Description   string
	Notes         []string `json:"description_notes"`
	Reparse       string
	Deviation     string
	RequiredMatch []string `json:"required_match"`
}

func loadCases(t testing.TB) []vectorCase {
	t.Helper()
	file, err := os.Open(vectorFile(t, "rql/cases.jsonl"))
	noError(t, err)
	defer file.Close()
	var out []vectorCase
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c vectorCase
		noError(t, json.Unmarshal(lines.Bytes(), &c))
		out = append(out, c)
	}
	noError(t, lines.Err())
	return out
}

// bindCase parses and binds one case, with the objects of the fixture.
func (f *fixture) bindCase(t testing.TB, c vectorCase) (*Bound, error) {
	q, err := Parse(c.Query, f.args(t, c.Args)...)
	if err != nil {
		return nil, err
	}
	return q.Bind(f.schema, c.Class, WithObjects(f.exists))
}

func (f *fixture) run(t testing.TB, b *Bound) []string {
	objects, err := b.Select(f.objects[b.Class.Name])
	noError(t, err)
	keys := []string{}
	for _, o := range objects {
		keys = append(keys, o.(*testObject).pk)
	}
	return keys
}

// supportedCases is how many lines of the published vectors (seed 1) this version answers. It may only grow.
const supportedCases = 2335

func TestVectors(t *testing.T) {
	f := loadFixture(t)
	supported, unsupported, reasons := 0, map[string]int{}, map[string]int{}
	cases := loadCases(t)
	for _, c := range cases {
		b, err := f.bindCase(t, c)
		if errors.Is(err, ErrUnsupported) {
			unsupported[c.Group]++
			reasons[err.Error()]++
			continue
		}
		supported++
		if c.Deviation != "" {
			if c.RequiredMatch == nil {
				continue // nothing is recorded that should be imitated
			}
			c.Match, c.Error = c.RequiredMatch, ""
		}
		if c.Error != "" {
			class, message, _ := strings.Cut(c.Error, ": ")
			if err == nil {
				t.Errorf("%d %s: must be refused with %s, matched %v", c.ID, c.Query, c.Error, f.run(t, b))
				continue
			}
			if got := ClassOf(err).Error(); got != class {
				t.Errorf("%d %s: refused with %s: %s, want %s", c.ID, c.Query, got, err, c.Error)
			}
			if i := strings.Index(message, "': syntax error"); class == "SyntaxError" && i >= 0 {
				message = message[:i+3]
			}
			if i := strings.Index(message, "': invalid character"); class == "SyntaxError" && i >= 0 {
				message = message[:i+3]
			}
			if !strings.HasPrefix(err.Error(), message) || class != "SyntaxError" && err.Error() != message {
				t.Errorf("%d %s: message\n got %s\nwant %s", c.ID, c.Query, err, message)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d %s: must be accepted, got %s: %s", c.ID, c.Query, ClassOf(err), err)
			continue
		}
		if got := f.run(t, b); !equalStrings(got, c.Match) {
			t.Errorf("%d %s %s: matches\n got %v\nwant %v", c.ID, c.Class, c.Query, got, c.Match)
		}
		if len(c.Notes) == 0 && c.Deviation == "" && b.String() != c.Description {
			t.Errorf("%d %s: canonical text\n got %s\nwant %s", c.ID, c.Query, b, c.Description)
		}
	}
	t.Logf("%d of %d cases supported", supported, len(cases))
	for group, n := range unsupported {
		t.Logf("unsupported: %4d of group %s", n, group)
	}
	for reason, n := range reasons {
		if n > 20 {
			t.Logf("unsupported: %4d: %s", n, reason)
		}
	}
	if len(cases) == 3844 {
		if supported < supportedCases {
			t.Errorf("%d cases are supported, fewer than the %d of before", supported, supportedCases)
		}
	}
}

func equalStrings(a, b []string) bool {
	return strings.Join(a, "\x00") == strings.Join(b, "\x00") && len(a) == len(b)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
