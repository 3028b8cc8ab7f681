package main

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// better returns what the C++ headers are to record where the original records want. There are two differences, and both are meant:
//
//   - realm-cpp writes the sum when a program says `o.i += 2`, so that of two devices that add at the same time one is lost. Ours record
//     AddInteger, and both count. have must add as much as leads to the original's sum.
//   - realm-cpp makes an embedded object in a dictionary a second time behind its properties, which resets it on all other devices
//     (changeset.md 6.12).
func better(want, have []changeset.Instruction, earlier []string) (out []changeset.Instruction, err error) {
	made := map[string]bool{}
	for i := range want {
		in := want[i]
		switch {
		case in.Op == changeset.Update && in.Value.Kind() == value.KindObject && len(in.Path) > 0 && !in.IsArrayUpdate():
			if place := in.Address(); made[place] {
				continue
			} else {
				made[place] = true
			}
		case in.Op == changeset.Update && in.Value.Kind() == value.KindInt && len(out) < len(have) && have[len(out)].Op == changeset.AddInteger:
			before, err := last(&in, earlier)
			if err != nil {
				return nil, err
			}
			sum := in.Value.Int()
			in.Op, in.Value, in.Add = changeset.AddInteger, value.Value{}, sum-before
		}
		out = append(out, in)
	}
	return out, nil
}

// last returns what the earlier changesets have set the place of an instruction to.
func last(at *changeset.Instruction, earlier []string) (v int64, err error) {
	for _, text := range earlier {
		c, err := decode(text)
		if err != nil {
			return 0, err
		}
		for i := range c {
			if c[i].Op == changeset.Update && c[i].Address() == at.Address() && c[i].Value.Kind() == value.KindInt {
				v = c[i].Value.Int()
			}
		}
	}
	return v, nil
}
