package reset

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/value"
)

func writer(r *rand.Rand, st *memstate.State) *statetest.Writer {
	return &statetest.Writer{Rand: r, State: st, Keys: 4, Name: "own", Bare: true, Items: true, Moves: true, Again: true}
}

// work applies n random operations to a state, as that many changesets of one or more.
func work(t *testing.T, r *rand.Rand, st *memstate.State, n int) (out []*changeset.Changeset) {
	t.Helper()
	w := writer(r, st)
	for range n {
		c := &changeset.Changeset{}
		for range 1 + r.IntN(4) {
			ops := w.Operation()
			for danglesIn(st, ops) {
				ops = w.Operation()
			}
			require.NoError(t, st.Apply(&changeset.Changeset{Instructions: ops}))
			c.Instructions = append(c.Instructions, ops...)
		}
		out = append(out, c)
	}
	return out
}

// danglesIn tells whether there is a link to an object that doesn't exist: the writer makes such, programs can't.
func danglesIn(st *memstate.State, ops []changeset.Instruction) bool {
	return slices.ContainsFunc(ops, func(in changeset.Instruction) bool {
		if in.Value.Kind() != value.KindLink {
			return false
		}
		exists, err := st.Exists(in.Value.Link().Class, in.Value.Link().Key)
		return err != nil || !exists
	})
}

// recoverAll applies the changesets to fresh, and returns what is to be uploaded.
func recoverAll(t *testing.T, fresh, local *memstate.State, changesets []*changeset.Changeset) []*changeset.Changeset {
	t.Helper()
	r := NewRecovery(fresh, local)
	var out []*changeset.Changeset
	for _, c := range changesets {
		left, err := r.Apply(c)
		require.NoError(t, err)
		out = append(out, left)
	}
	copied, err := r.Finish()
	require.NoError(t, err)
	last := -1
	for _, c := range copied {
		require.Greater(t, c.Changeset, last)
		last = c.Changeset
		out[last].Instructions = append(out[last].Instructions, c.Instructions...)
	}
	return out
}

// Whatever a client and a server have done since they parted: all can be recovered, the server gets by the uploads what the client has, the client's
// realm becomes that, and without changes of the server nothing of the client's is lost.
func TestRecoverRandom(t *testing.T) {
	copies := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		base := statetest.World()
		work(t, r, base, 20)
		local := base.Clone()
		changes := work(t, r, local, 1+r.IntN(12))
		fresh := base.Clone()
		quiet := seed%3 == 0
		if !quiet {
			work(t, r, fresh, 1+r.IntN(12))
		}
		server := fresh.Clone()

		uploads := recoverAll(t, fresh, local, changes)
		for _, c := range uploads {
			require.NoError(t, server.Apply(c), "seed %d", seed)
			for _, in := range c.Instructions {
				if in.Op == changeset.Clear {
					copies++
				}
			}
		}
		require.True(t, string(fresh.JSON()) == string(server.JSON()), "seed %d: the uploads don't make what the client has", seed)
		if quiet {
			require.True(t, string(local.JSON()) == string(fresh.JSON()), "seed %d: nobody else has changed anything", seed)
		}
		_, err := Transfer(fresh, local)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, string(fresh.JSON()), string(local.JSON()), "seed %d", seed)
		counts, err := Transfer(fresh, local)
		require.NoError(t, err)
		require.Equal(t, Counts{}, counts, "seed %d: there was nothing left to do", seed)
	}
	require.Greater(t, copies, 100)
}

// Transfer changes only what differs.
func TestTransferRandom(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 8))
		from, to := statetest.World(), statetest.World()
		work(t, r, from, 25)
		work(t, r, to, 25)
		if seed%2 == 0 {
			to = from.Clone()
			work(t, r, to, 2)
		}
		_, err := Transfer(from, to)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, string(from.JSON()), string(to.JSON()), "seed %d", seed)
	}
}
