package merge

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"realmsync/core/changeset"
	"realmsync/tests/vectors"
)

// Whatever can be decoded merges or fails; with the index as without, from one side as from the other; what was given stays as it
// was; and what comes out can be encoded.
func FuzzMerge(f *testing.F) {
	n := 0
	if err := vectors.Lines("merge/pairs.jsonl", func(line []byte) error {
		if n++; n%40 != 0 {
			return nil
		}
		var p pairLine
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		a, err := hex.DecodeString(p.Left.Hex)
		if err != nil {
			return err
		}
		b, err := hex.DecodeString(p.Right.Hex)
		f.Add(a, b, p.Left.Timestamp, p.Right.Timestamp)
		return err
	}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b []byte, timeA, timeB uint64) {
		left, err := changeset.Decode(a)
		if err != nil {
			return
		}
		right, err := changeset.Decode(b)
		if err != nil {
			return
		}
		if len(left.Instructions)*len(right.Instructions) > 1<<16 {
			return
		}
		before := append(texts([]*Entry{{Changeset: left}}), texts([]*Entry{{Changeset: right}})...)
		run := func(rules Rules, swapped, allPairs bool) (*Entry, *Entry, error) {
			l, r := &Entry{Changeset: left, Timestamp: timeA, FileIdent: 2}, &Entry{Changeset: right, Timestamp: timeB, FileIdent: 3}
			if swapped {
				return l, r, mergeBy(rules, []*Entry{r}, []*Entry{l}, allPairs)
			}
			return l, r, mergeBy(rules, []*Entry{l}, []*Entry{r}, allPairs)
		}
		for _, rules := range []Rules{Compatible, Strict} {
			l, r, err := run(rules, false, false)
			for _, other := range []struct{ swapped, allPairs bool }{{false, true}, {true, false}, {true, true}} {
				l2, r2, err2 := run(rules, other.swapped, other.allPairs)
				if (err == nil) != (err2 == nil) {
					t.Fatalf("%+v: %v, %v", other, err, err2)
				}
				if err == nil && !reflect.DeepEqual([]any{texts([]*Entry{l}), texts([]*Entry{r}), l.Dirty, r.Dirty}, []any{texts([]*Entry{l2}), texts([]*Entry{r2}), l2.Dirty, r2.Dirty}) {
					t.Fatalf("%+v: %v %v, %v %v", other, texts([]*Entry{l}), texts([]*Entry{r}), texts([]*Entry{l2}), texts([]*Entry{r2}))
				}
			}
			if !reflect.DeepEqual(before, append(texts([]*Entry{{Changeset: left}}), texts([]*Entry{{Changeset: right}})...)) {
				t.Fatal("what was given has changed")
			}
			if err != nil {
				if !errors.Is(err, ErrTransform) || l.Changeset != left || r.Changeset != right {
					t.Fatal(err)
				}
				continue
			}
			for _, e := range []*Entry{l, r} {
				if _, err := changeset.Encode(e.Changeset); err != nil {
					t.Fatal(err)
				}
			}
		}
		Touch(left, right)
	})
}
