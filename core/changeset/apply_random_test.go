package changeset_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// disturb changes an instruction so that it may not fit any more.
func disturb(r *rand.Rand, in changeset.Instruction) changeset.Instruction {
	in.Path = slices.Clone(in.Path)
	switch r.IntN(9) {
	case 0:
		in.PriorSize += uint32(r.IntN(3)) - 1
	case 1:
		in.Dest = uint32(r.IntN(5))
	case 2:
		in.Op = changeset.Op(r.IntN(15))
	case 3:
		in.Collection = schema.Collection(r.IntN(4))
	case 4:
		kinds := []value.Value{value.Null(), value.Int(1), value.String("x"), value.Double(1), value.FromLink("T", value.IntKey(1)), value.FromLink("T", value.StringKey("")),
			value.FromLink("E", value.IntKey(1)), value.Marker(value.KindObject), value.Marker(value.KindList), value.Marker(value.KindDictionary), value.Marker(value.KindSet), value.Marker(value.KindErased)}
		in.Value = kinds[r.IntN(len(kinds))]
	case 5:
		in.Field = []string{"_id", "i", "l", "s", "d", "m", "ml", "e", "el", "ed", "?"}[r.IntN(11)]
	default:
		step := changeset.Step{Key: []string{"x", "l", "a", "", "$", "a.b", "m", "f"}[r.IntN(8)]}
		if r.IntN(2) == 0 {
			step = changeset.Step{Pos: uint32(r.IntN(4)), IsPos: true}
		}
		if n := len(in.Path); n > 0 && r.IntN(2) == 0 {
			in.Path[r.IntN(n)] = step
		} else {
			in.Path = append(in.Path, step)
		}
	}
	return in
}

// What clients record applies, and applying it at once does what applying it one by one does. Any other instruction does something that
// leaves a state which can be written and read back, or is refused as a bad changeset, and then the roll-back leaves nothing behind.
func TestApplyRandom(t *testing.T) {
	refused, accepted := 0, 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		st := statetest.World()
		w := &statetest.Writer{Rand: r, State: st, Keys: 4, Name: "own", Bare: true, Items: true, Moves: true, Again: true}
		all := &changeset.Changeset{}
		for range 120 {
			c := &changeset.Changeset{Instructions: w.Operation()}
			require.NoError(t, st.Apply(c), "seed %d", seed)
			all.Instructions = append(all.Instructions, c.Instructions...)

			before := st.JSON()
			c = &changeset.Changeset{Instructions: w.Operation()}
			c.Instructions[len(c.Instructions)-1] = disturb(r, c.Instructions[len(c.Instructions)-1])
			st.Begin()
			err := changeset.Apply(st, c)
			if err == nil {
				accepted++
				after := st.JSON()
				back, err := memstate.Parse(after)
				require.NoError(t, err, "seed %d", seed)
				require.Equal(t, string(after), string(back.JSON()), "seed %d", seed)
			} else {
				refused++
				require.ErrorIs(t, err, changeset.ErrBadChangeset, "seed %d", seed)
				var bad *changeset.BadChangesetError
				require.True(t, errors.As(err, &bad) && bad.Index == len(c.Instructions)-1 && bad.Text != "", "seed %d: %v", seed, err)
			}
			st.Rollback()
			require.Equal(t, string(before), string(st.JSON()), "seed %d", seed)
		}
		whole := statetest.World()
		require.NoError(t, whole.Apply(all), "seed %d", seed)
		require.Equal(t, string(st.JSON()), string(whole.JSON()), "seed %d", seed)
		data, err := changeset.Encode(all)
		require.NoError(t, err)
		decoded, err := changeset.Decode(data)
		require.NoError(t, err)
		require.Equal(t, all.Instructions, decoded.Instructions)
	}
	t.Logf("%d disturbed instructions were refused, %d did something", refused, accepted)
	require.Greater(t, refused, 300)
	require.Greater(t, accepted, 300)
}
