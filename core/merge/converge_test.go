package merge

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// simulation is the randomized test of section 13.2: several clients that write, upload, download and reconnect at random.
type simulation struct {
	*rand.Rand
	t       *testing.T
	seed    uint64
	server  *simServer
	clients []*simClient
	clock   uint64
	write   func(c *simClient) // commits a few random operations
}

func newSimulation(t *testing.T, seed uint64, state *memstate.State) *simulation {
	s := &simulation{Rand: rand.New(rand.NewPCG(seed, 5)), t: t, seed: seed, clock: 100}
	for i := range 2 + s.Uint64N(4) {
		s.clients = append(s.clients, newSimClient(t, FirstClientFile+i, state))
	}
	s.server = newSimServer(t, state, s.clients...)
	s.server.indexed = seed%2 == 0
	for _, c := range s.clients {
		s.server.connect(c)
	}
	return s
}

// flatSimulation has values and links only, with schemas and clocks of all kinds.
func flatSimulation(t *testing.T, seed uint64) *simulation {
	state := memstate.New(schema.New(schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt},
		{Name: "i", Type: value.KindInt},
		{Name: "n", Type: value.KindInt, Nullable: true},
		{Name: "m", Type: value.KindMixed, Nullable: true},
		{Name: "k", Type: value.KindLink, Nullable: true, LinkTarget: "T"},
	}}))
	for k := range int64(2) {
		require.NoError(t, state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(k)}}}))
	}
	s := newSimulation(t, seed, state)
	s.write = s.writeFlat
	return s
}

func (s *simulation) writeFlat(c *simClient) {
	all := &changeset.Changeset{}
	do := func(in changeset.Instruction) {
		in.Table = "T"
		all.Instructions = append(all.Instructions, in)
		require.NoError(s.t, c.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}}), "seed %d", s.seed)
	}
	for range 1 + s.IntN(4) {
		key := value.IntKey(s.Int64N(4))
		exists, err := c.state.Exists("T", key)
		require.NoError(s.t, err)
		if !exists {
			do(changeset.Instruction{Op: changeset.CreateObject, Key: key})
			if s.IntN(2) == 0 {
				do(changeset.Instruction{Op: changeset.Update, Key: key, Field: "n", Value: value.Int(s.Int64N(5)), Default: true})
			}
			continue
		}
		switch s.IntN(8) {
		case 0: // unlink first (section 8.2, rule 5)
			for _, k := range c.state.Keys("T") {
				if v, err := c.state.Get("T", k, "k"); err == nil && v.Kind() == value.KindLink && v.Link().Key == key && k != key {
					do(changeset.Instruction{Op: changeset.Update, Key: k, Field: "k"})
				}
			}
			do(changeset.Instruction{Op: changeset.EraseObject, Key: key})
		case 1:
			do(changeset.Instruction{Op: changeset.Update, Key: key, Field: "k", Value: value.FromLink("T", value.IntKey(s.Int64N(4)))})
		case 2:
			do(changeset.Instruction{Op: changeset.Update, Key: key, Field: "m", Value: []value.Value{value.Null(), value.String("x"), value.Int(s.Int64N(9)), value.Double(0.5)}[s.IntN(4)]})
		case 3:
			do(changeset.Instruction{Op: changeset.Update, Key: key, Field: "n", Value: value.Null()})
		case 4:
			do(changeset.Instruction{Op: changeset.AddInteger, Key: key, Field: []string{"i", "n"}[s.IntN(2)], Add: s.Int64N(9) - 4})
		default:
			do(changeset.Instruction{Op: changeset.Update, Key: key, Field: []string{"i", "n"}[s.IntN(2)], Value: value.Int(s.Int64N(100))})
		}
	}
	c.commit(s.clock+s.Uint64N(8), all) // ties and clocks that differ are wanted
	s.clock += s.Uint64N(3)
}

func (s *simulation) step() {
	c := s.clients[s.IntN(len(s.clients))]
	switch p := s.IntN(100); {
	case p < 45:
		s.write(c)
	case p < 70:
		s.server.upload(c, c.session.ClientVersion+1+s.Uint64N(3))
	case p < 96:
		from := s.server.files[c.ident].cursor.ServerVersion
		s.server.download(c, from+s.Uint64N(s.server.version()-from+1), 1+s.IntN(10), s.IntN(2) == 0)
	default: // what wasn't acknowledged is uploaded again
		s.server.connect(c)
	}
}

func (s *simulation) drain() {
	for range 3 {
		for _, c := range s.clients {
			for again := true; again; {
				before := c.session
				s.server.upload(c, c.version())
				again = c.session != before
			}
		}
		for _, c := range s.clients {
			s.server.download(c, s.server.version(), 1000, false)
		}
	}
}

// P5: whatever the interleaving, in the end every client has the state of the server; every acknowledged change was integrated once.
func TestConvergence(t *testing.T) {
	for seed := range seeds(600) {
		s := flatSimulation(t, seed)
		for range 10 + s.IntN(50) {
			s.step()
		}
		s.finish()
	}
}

// finish exchanges everything and compares.
func (s *simulation) finish() {
	s.t.Helper()
	s.drain()
	seen := map[[2]uint64]bool{}
	for _, h := range s.server.history[1:] {
		id := [2]uint64{h.origin, h.client}
		require.False(s.t, seen[id], "seed %d: version %d of client %d was integrated twice", s.seed, h.client, h.origin)
		seen[id] = true
	}
	for _, c := range s.clients {
		requireSameState(s.t, string(s.server.state.JSON()), c.state, fmt.Sprintf("seed %d, client %d", s.seed, c.ident))
		require.LessOrEqual(s.t, len(c.entries), 4, "seed %d: the history is trimmed", s.seed)
	}
}
