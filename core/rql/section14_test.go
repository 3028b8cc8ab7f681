package rql

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSection14 runs the cases of spec section 14 on its fixture; both were taken from the tables there, in the form of the
// vectors. Where the original has a defect (‡), the answer is the required one.
func TestSection14(t *testing.T) {
	f := section14(t)
	count := 0
	for line := range bytes.Lines(readTestdata(t, "section14.jsonl")) {
		var c vectorCase
		noError(t, json.Unmarshal(line, &c))
		count++
		b, err := f.bindCase(t, c)
		if c.Error != "" {
			class, message, _ := strings.Cut(c.Error, ": ")
			message = strings.TrimSuffix(message, "[…]")
			switch {
			case err == nil:
				t.Errorf("%d %s: must be refused with %s, matched %v", c.ID, c.Query, c.Error, f.run(t, b))
			case ClassOf(err).Error() != class || !strings.HasPrefix(err.Error(), message):
				t.Errorf("%d %s:\n got %s: %s\nwant %s", c.ID, c.Query, ClassOf(err), err, c.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d %s: must be accepted, got %s: %s", c.ID, c.Query, ClassOf(err), err)
			continue
		}
		if got := f.run(t, b); !slices.Equal(got, c.Match) {
			t.Errorf("%d %s %s: matches\n got %v\nwant %v", c.ID, c.Class, c.Query, got, c.Match)
		}
		if len(b.Descriptors) == 0 {
			f.checkComplement(t, c)
		}
	}
	if count != 350 {
		t.Errorf("%d cases were run", count)
	}
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	noError(t, err)
	return raw
}
