package vectortest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// Range is a run of instructions, from First up to but not including End.
type Range struct{ First, End int }

// CompareRecordings compares what was recorded with what the original has recorded, in order. Within the ranges of free, which are the implicit
// instructions of one deletion or one creation each, only the order of those in one property counts: the original follows the order in which it
// stores link columns (vectors/README.md section 5).
func CompareRecordings(want, have []changeset.Instruction, free []Range) error {
	want, have = settle(want, free), settle(have, free)
	for i := range min(len(want), len(have)) {
		if a, b := bytesOf(&want[i]), bytesOf(&have[i]); a != b {
			return fmt.Errorf("instruction %d is\n\t%s, not\n\t%s", i, describe(&have[i]), describe(&want[i]))
		}
	}
	if len(want) != len(have) {
		return fmt.Errorf("there are %d instructions, not %d", len(have), len(want))
	}
	return nil
}

// settle brings the instructions of ranges into an order that doesn't depend on the recorder.
func settle(in []changeset.Instruction, free []Range) []changeset.Instruction {
	out := slices.Clone(in)
	for _, r := range free {
		if r.End > len(out) {
			continue // too few: that is found anyway
		}
		slices.SortStableFunc(out[r.First:r.End], func(a, b changeset.Instruction) int {
			return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Key.String(), b.Key.String()), strings.Compare(a.Field, b.Field),
				slices.Compare(keysOf(&a), keysOf(&b)))
		})
	}
	return out
}

func keysOf(in *changeset.Instruction) (out []string) {
	for _, s := range in.Path {
		if !s.IsPos {
			out = append(out, s.Key)
		}
	}
	return out
}

func bytesOf(in *changeset.Instruction) string {
	out, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{*in}})
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func describe(in *changeset.Instruction) string {
	return fmt.Sprintf("%s %+v (%x)", in.Address(), *in, bytesOf(in))
}

// Unlinking returns the runs of instructions in front of an EraseObject that may be the implicit ones of the deletion: those that take links away.
func Unlinking(in []changeset.Instruction) (out []Range) {
	for end := range in {
		if in[end].Op != changeset.EraseObject {
			continue
		}
		first := end
		for first > 0 && unlinks(&in[first-1]) {
			first--
		}
		out = append(out, Range{first, end})
	}
	return out
}

func unlinks(in *changeset.Instruction) bool {
	switch in.Op {
	case changeset.Update:
		return in.Value.IsNull() && !in.Default
	case changeset.SetErase:
		return in.Value.Kind() == value.KindLink
	default:
		return in.Op == changeset.ArrayErase
	}
}
