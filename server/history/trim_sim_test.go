package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/merge"
)

// countdown is a context that is cancelled when it was looked at a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// trim trims, now and then, and not always to the end.
func (s *simulation) trim() error {
	if s.trims == nil || s.trims.IntN(3) == 0 {
		return nil
	}
	ctx := context.Context(&countdown{context.Background(), s.trims.IntN(12)})
	if s.trims.IntN(2) == 0 {
		ctx = context.Background()
	}
	_, err := s.engine.Trim(ctx, Retention{Batch: 1 + s.trims.IntN(4), Sweep: s.trims.IntN(2) == 0})
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// final describes what everybody has.
func (s *simulation) final() (string, error) {
	snapshot, err := s.engine.Snapshot(context.Background())
	if err != nil {
		return "", err
	}
	defer snapshot.Close()
	state := memstate.New(snapshot.Catalog.Schema)
	err = snapshot.Rows(snapshot.Catalog.Class("T"), func(row *Row) (bool, error) {
		ins, err := row.AppendState(nil, snapshot.Catalog, "T")
		if err != nil {
			return false, err
		}
		return true, state.Apply(&changeset.Changeset{Instructions: ins})
	})
	var b strings.Builder
	fmt.Fprintf(&b, "server at %d: %s\n", s.engine.Version(), state.JSON())
	for i, c := range s.clients {
		fmt.Fprintf(&b, "client %d sees %q: %s\n", i, c.queries[c.active], c.state.JSON())
	}
	return b.String(), err
}

// Trimming at any point, wholly or in part, changes nothing for live clients: they end with exactly what they end with without it.
func TestTrimmingChangesNothing(t *testing.T) {
	dir := t.TempDir()
	raised := 0
	for seed := range uint64(30) {
		views, memory, steps := generate(seed)
		var finals [2]string
		for i := range finals {
			s := &simulation{dir: filepath.Join(dir, strconv.FormatUint(seed, 10), strconv.Itoa(i)), rules: merge.Compatible, views: views, memory: memory}
			if i == 1 {
				s.trims = rand.New(rand.NewPCG(seed, 7))
			}
			require.NoError(t, s.runThen(steps, func() (err error) {
				if i == 1 && s.engine.Floor() > 0 {
					raised++
				}
				finals[i], err = s.final()
				return err
			}), "seed %d, trimming: %v", seed, i == 1)
		}
		require.Equal(t, finals[0], finals[1], "seed %d", seed)
	}
	require.Greater(t, raised, 20, "the history was trimmed in most runs")
}
