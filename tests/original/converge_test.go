package original

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
)

const appID = "original-app"

// world is the schema of the random walks: everything there is, but for single properties of type mixed. There the original destroys its own
// file: when an object has got a collection in one and another object is created behind it, Realm Core 14.13.5 writes past an array of keys
// (ArrayMixed::set_key makes it as long as the object's position, ArrayMixed::insert takes it to be as long as the class).
func world() *schema.Schema {
	var classes []schema.Class
	for _, c := range statetest.World().Schema().Classes() {
		class := *c
		if class.Name == "T" {
			class.Properties = slices.Concat(class.Properties, statetest.Values())
		}
		class.Properties = slices.DeleteFunc(slices.Clone(class.Properties), func(p schema.Property) bool { return p.Name == "m" })
		classes = append(classes, class)
	}
	return schema.New(classes...)
}

// form is a schema as peers read it.
func form(s *schema.Schema) map[string]*vectortest.ClassForm {
	out := map[string]*vectortest.ClassForm{}
	for _, c := range s.Classes() {
		out[c.Name] = vectortest.FormClass(c)
	}
	return out
}

// state is what a realm of a peer holds. Links to what isn't there are not in it: an application doesn't see them.
func (p *peer) state(realm string, s *schema.Schema) *memstate.State {
	p.t.Helper()
	return p.parse(p.do(object{"do": "dump", "realm": realm}), s)
}

func (p *peer) parse(raw json.RawMessage, s *schema.Schema) *memstate.State {
	p.t.Helper()
	out := &vectortest.State{Schema: form(s)}
	require.NoError(p.t, json.Unmarshal(raw, &out.Objects))
	state, err := memstate.FromForm(out)
	require.NoError(p.t, err)
	return state
}

// tell is an instruction as peers read it.
func tell(in *changeset.Instruction) object {
	out := object{"op": in.Op.String(), "table": in.Table, "object": json.RawMessage(vectortest.AppendKey(nil, in.Key))}
	if in.Field == "" {
		return out
	}
	path := []any{}
	for _, step := range in.Path {
		if step.IsPos {
			path = append(path, step.Pos)
		} else {
			path = append(path, step.Key)
		}
	}
	out["field"], out["path"] = in.Field, path
	switch in.Op {
	case changeset.Update, changeset.ArrayInsert, changeset.SetInsert, changeset.SetErase:
		out["value"] = vectortest.FormatValue(in.Value)
		out["is_default"] = in.Default
	case changeset.AddInteger:
		out["add"] = strconv.FormatInt(in.Add, 10)
	case changeset.ArrayMove:
		out["ndx_2"] = in.Dest
	}
	return out
}

// Devices of the original that write at random, online and offline, have the same in the end.
func TestOriginalsConverge(t *testing.T) {
	seeds := 10
	if text := os.Getenv("REALM_ORIGINAL_SEEDS"); text != "" {
		var err error
		seeds, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	first := 0
	if text := os.Getenv("REALM_ORIGINAL_FROM"); text != "" {
		var err error
		first, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	srv := startServer(t)
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { walk(t, srv, uint64(seed)) })
	}
}

func walk(t *testing.T, srv *server, seed uint64) {
	const count = 3
	random := rand.New(rand.NewPCG(seed, 1))
	s := world()
	dir := t.TempDir()
	peers := make([]*peer, count)
	for i := range peers {
		peers[i] = startPeer(t, srv.url(), fmt.Sprintf("%s-%d", appID, seed), filepath.Join(dir, fmt.Sprint(i)))
		peers[i].do(object{"do": "login"})
		peers[i].do(object{"do": "open", "realm": "r", "schema": form(s)})
		peers[i].do(object{"do": "subscribe", "realm": "r", "subscriptions": []object{{"class": "T", "query": "TRUEPREDICATE"}}})
	}
	for range 6 {
		for i, p := range peers {
			if random.IntN(2) == 0 {
				p.do(object{"do": "pause", "realm": "r"})
			} else {
				p.do(object{"do": "resume", "realm": "r"})
			}
			for range random.IntN(4) {
				writeRandom(t, p, s, random, fmt.Sprint(i))
			}
			if random.IntN(3) == 0 {
				p.do(object{"do": "resume", "realm": "r"})
				p.do(object{"do": "upload", "realm": "r"})
			}
		}
	}
	for _, p := range peers {
		p.do(object{"do": "resume", "realm": "r"})
		p.do(object{"do": "upload", "realm": "r"})
	}
	var want string
	for i, p := range peers {
		p.do(object{"do": "download", "realm": "r"})
		have := string(p.state("r", s).JSON())
		if i == 0 {
			want = have
		}
		require.Equal(t, want, have, "device %d has something else than device 0", i)
		require.Empty(t, p.said())
	}
}

// writeRandom is a transaction of some operations.
func writeRandom(t *testing.T, p *peer, s *schema.Schema, random *rand.Rand, name string) {
	state := p.parse(p.do(object{"do": "begin", "realm": "r"}), s)
	w := statetest.Writer{Rand: random, State: state, Keys: 3, Name: name, Wide: true}
	var out []object
	for range 1 + random.IntN(4) {
		op := w.Operation()
		require.NoError(t, state.Apply(&changeset.Changeset{Instructions: op}))
		if last := &op[len(op)-1]; last.Op == changeset.EraseObject {
			op = op[len(op)-1:] // the client takes links away by itself
		}
		for i := range op {
			out = append(out, tell(&op[i]))
		}
	}
	p.do(object{"do": "write", "realm": "r", "instructions": out})
}
