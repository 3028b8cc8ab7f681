package merge

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

type historyStep struct {
	Do            string
	Client        uint64
	ClientVersion uint64 `json:"client_version"`
	ServerVersion uint64 `json:"server_version"`
	LastServer    uint64 `json:"last_server_version"`
	Timestamp     uint64
	Hex           string
	Changesets    []struct {
		ServerVersion uint64 `json:"server_version"`
		LastClient    uint64 `json:"last_client_version"`
		Timestamp     uint64
		FileIdent     uint64 `json:"file_ident"`
		Hex           string
	}
}

// Every scenario, step by step: what the server integrates and what clients integrate has the listed instructions, windows found by
// scanning or by object; and the states at the end are the listed ones.
func TestHistoryVectors(t *testing.T) {
	base, form := baseState(t)
	scenarios, steps, withState := 0, 0, 0
	require.NoError(t, vectors.Lines("merge/histories.jsonl", func(line []byte) error {
		scenarios++
		var h struct {
			ID      json.RawMessage
			Clients []uint64
			Steps   []historyStep
			State   json.RawMessage
		}
		require.NoError(t, json.Unmarshal(line, &h))
		for _, indexed := range []bool{false, true} {
			clients := map[uint64]*simClient{}
			var all []*simClient
			for _, ident := range h.Clients {
				clients[ident] = newSimClient(t, ident, base)
				all = append(all, clients[ident])
			}
			server := newSimServer(t, base, all...)
			server.indexed = indexed
			for _, c := range all {
				server.connect(c)
			}
			for i := range h.Steps {
				steps++
				play(t, server, clients[h.Steps[i].Client], &h.Steps[i], "scenario %s, step %d", h.ID, i)
			}
			withState++
			want, err := vectortest.ParseState(h.State)
			require.NoError(t, err)
			if want.Schema == nil {
				want.Schema = form.Schema
			}
			s, err := memstate.FromForm(want)
			require.NoError(t, err)
			requireSameState(t, string(s.JSON()), server.state, "server, scenario "+string(h.ID))
			for _, c := range all {
				requireSameState(t, string(s.JSON()), c.state, "client, scenario "+string(h.ID))
			}
		}
		return nil
	}))
	t.Logf("%d scenarios, %d steps; states compared %d times", scenarios, steps, withState)
	require.NotZero(t, steps)
}

// In scenarios in which the original diverges or fails in the end, all that it merged before is the same here, except for erasures of
// strings, binaries and links from sets, which it compares by place (X5).
func TestDivergingHistoryVectors(t *testing.T) {
	steps := 0
	require.NoError(t, vectors.Lines("merge/histories_diverging.jsonl", func(line []byte) error {
		var h struct {
			ID      json.RawMessage
			Clients []uint64
			Steps   []historyStep
		}
		require.NoError(t, json.Unmarshal(line, &h))
		clients := map[uint64]*simClient{}
		var all []*simClient
		for _, ident := range h.Clients {
			clients[ident] = newSimClient(t, ident, nil)
			all = append(all, clients[ident])
		}
		server := newSimServer(t, nil, all...)
		server.lenient = true
		for _, c := range all {
			server.connect(c)
		}
		for i := range h.Steps {
			steps++
			play(t, server, clients[h.Steps[i].Client], &h.Steps[i], "scenario %s, step %d", h.ID, i)
		}
		return nil
	}))
	require.NotZero(t, steps)
}

// requireMerged compares merged instructions, without what the original may have wrong if the server is lenient.
func (s *simServer) requireMerged(want, got []changeset.Instruction, what ...any) {
	s.t.Helper()
	if s.lenient {
		want, got = slices.DeleteFunc(slices.Clone(want), erasesByPlace), slices.DeleteFunc(slices.Clone(got), erasesByPlace)
	}
	requireSame(s.t, want, got, what...)
}

func erasesByPlace(in changeset.Instruction) bool {
	switch in.Value.Kind() {
	case value.KindString, value.KindBinary, value.KindLink:
		return in.Op == changeset.SetErase
	default:
		return false
	}
}

func play(t *testing.T, server *simServer, c *simClient, s *historyStep, format string, args ...any) {
	what := append([]any{format}, args...)
	switch s.Do {
	case "write":
		changes := decodeHex(t, s.Hex)
		if c.state != nil {
			require.NoError(t, c.state.Apply(changes), what...)
		}
		c.commit(s.Timestamp, changes)
		require.Equal(t, s.ClientVersion, c.version(), what...)
	case "upload":
		got := server.upload(c, s.ClientVersion)
		require.Len(t, got, 1, what...)
		require.Equal(t, s.ClientVersion, got[0].Version, what...)
		require.Equal(t, s.ServerVersion, server.version(), what...)
		server.requireMerged(decodeHex(t, s.Hex).Instructions, got[0].Changeset.Instructions, what...)
	case "download":
		end := server.files[c.ident].cursor.ServerVersion
		if n := len(s.Changesets); n > 0 {
			end = s.Changesets[n-1].ServerVersion
		}
		got := server.download(c, end, math.MaxInt, true)
		require.Len(t, got, len(s.Changesets), what...)
		for k, want := range s.Changesets {
			require.Equal(t, want.ServerVersion, got[k].Version, what...)
			require.Equal(t, want.Timestamp, got[k].Timestamp, what...)
			require.Equal(t, want.FileIdent, got[k].FileIdent, what...)
			server.requireMerged(decodeHex(t, want.Hex).Instructions, got[k].Changeset.Instructions, what...)
		}
		require.Equal(t, s.ClientVersion, c.version(), what...)
	default:
		t.Fatalf("unknown step %q", s.Do)
	}
}
