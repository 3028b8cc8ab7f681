package original

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

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

// parse reads what a peer dumps of a realm. Links to what isn't there are not in it: an application doesn't see them.
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

// theirs is a device with the original's client, whose realm is called r.
type theirs struct {
	*peer
	s *schema.Schema
}

func startTheirs(t *testing.T, url, appID, dir string, s *schema.Schema) *theirs {
	t.Helper()
	d := &theirs{startPeer(t, url, appID, dir), s}
	d.do(object{"do": "login"})
	d.open()
	return d
}

func (d *theirs) open() { d.do(object{"do": "open", "realm": "r", "schema": form(d.s)}) }

// crash ends the process as kill -9 does, and starts it again.
func (d *theirs) crash() {
	d.kill()
	d.peer = startPeer(d.t, d.cmd.Args[1], d.cmd.Args[2], d.cmd.Args[3])
	d.open()
}

func (d *theirs) pause()    { d.do(object{"do": "pause", "realm": "r"}) }
func (d *theirs) resume()   { d.do(object{"do": "resume", "realm": "r"}) }
func (d *theirs) upload()   { d.do(object{"do": "upload", "realm": "r"}) }
func (d *theirs) download() { d.do(object{"do": "download", "realm": "r"}) }
func (d *theirs) settle()   { d.do(object{"do": "await_set", "realm": "r"}) }

func (d *theirs) subscribe(query string) {
	d.do(object{"do": "subscribe", "realm": "r", "subscriptions": []object{{"class": "T", "query": query}}, "wait": false})
}

func (d *theirs) state(s *schema.Schema) *memstate.State {
	return d.parse(d.do(object{"do": "dump", "realm": "r"}), s)
}

func (d *theirs) write(s *schema.Schema, random *rand.Rand, name string) {
	d.t.Helper()
	held := d.parse(d.do(object{"do": "begin", "realm": "r"}), s)
	var out []object
	for _, op := range operations(d.t, held, random, name) {
		if last := len(op) - 1; op[last].Op == changeset.EraseObject {
			op = op[last:] // the client takes links away by itself
		}
		for i := range op {
			out = append(out, tell(&op[i]))
		}
	}
	d.do(object{"do": "write", "realm": "r", "instructions": out})
}

// failures are all events but those of writes that the server takes back, and of a server that is down.
func (d *theirs) failures() (out []string) {
	for _, e := range d.said() {
		if !strings.Contains(e, "CompensatingWrite") && !strings.Contains(e, "SyncConnectFailed") {
			out = append(out, e)
		}
	}
	return out
}

// operations are those of a transaction.
func operations(t testing.TB, held *memstate.State, random *rand.Rand, name string) (out [][]changeset.Instruction) {
	t.Helper()
	w := statetest.Writer{Rand: random, State: held, Keys: 3, Name: name, Wide: true}
	for range 1 + random.IntN(4) {
		op := w.Operation()
		for !possible(held, op) {
			op = w.Operation()
		}
		require.NoError(t, held.Apply(&changeset.Changeset{Instructions: op}))
		out = append(out, op)
	}
	return out
}

// possible tells whether an SDK can do it: it links only to objects that are there. (What the client does locally with other links it doesn't tell the
// server.)
func possible(held *memstate.State, op []changeset.Instruction) bool {
	for i := range op {
		if op[i].Value.Kind() == value.KindLink && op[i].Op != changeset.SetErase {
			link := op[i].Value.Link()
			if there, err := held.Exists(link.Class, link.Key); err != nil || !there {
				return false
			}
		}
	}
	return true
}

// device is a client of either kind.
type device interface {
	pause()
	resume()
	upload()
	download()
	subscribe(query string)
	settle() // until what it has subscribed to last is here
	write(s *schema.Schema, random *rand.Rand, name string)
	state(s *schema.Schema) *memstate.State
	failures() []string
}

// views are what devices subscribe to, and which values of i are in it.
var views = []struct {
	query string
	has   func(i value.Value) bool
}{
	{"TRUEPREDICATE", func(value.Value) bool { return true }},
	{"i > 5", func(i value.Value) bool { return !i.IsNull() && i.Int() > 5 }},
	{"i == nil OR i <= 5", func(i value.Value) bool { return i.IsNull() || i.Int() <= 5 }},
	{"i != nil", func(i value.Value) bool { return !i.IsNull() }},
}

// Devices of the original that write at random, online and offline, have the same in the end; also beside devices of this project, when they look at
// parts that change, and when server and devices are killed.
func TestConverge(t *testing.T) {
	seeds, first := number(t, "REALM_ORIGINAL_SEEDS", 10), number(t, "REALM_ORIGINAL_FROM", 0)
	srv := startServer(t)
	for _, kind := range []struct {
		name       string
		their, our int
		views      bool
		kills      bool
	}{
		{"originals", 3, 0, false, false},
		{"mixed", 2, 1, false, false},
		{"views", 2, 1, true, false},
		{"kills", 2, 1, true, true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			for seed := first; seed < first+seeds; seed++ {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					random := rand.New(rand.NewPCG(uint64(seed), 1))
					s, appID, dir := world(), fmt.Sprintf("%s-%d", kind.name, seed), t.TempDir()
					var devices []device
					var others []*theirs
					for i := range kind.their {
						d := startTheirs(t, srv.url(), appID, filepath.Join(dir, fmt.Sprint("their", i)), s)
						devices, others = append(devices, d), append(others, d)
					}
					for i := range kind.our {
						devices = append(devices, startOurs(t, srv.url(), appID, filepath.Join(dir, fmt.Sprint("our", i)), s))
					}
					walk(t, random, s, devices, kind.views, func() {
						if kind.kills {
							switch random.IntN(4) {
							case 0:
								srv.kill()
								srv.start()
							case 1:
								others[random.IntN(len(others))].crash()
							}
						}
					})
				})
			}
		})
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

func walk(t *testing.T, random *rand.Rand, s *schema.Schema, devices []device, change bool, disturb func()) {
	looks := make([]int, len(devices)) // the first sees everything
	for _, d := range devices {
		d.subscribe(views[0].query)
		d.download()
	}
	for range 6 {
		for i, d := range devices {
			if random.IntN(2) == 0 {
				d.pause()
			} else {
				d.resume()
			}
			for range random.IntN(4) {
				d.write(s, random, fmt.Sprint(i))
			}
			if change && i > 0 && random.IntN(3) == 0 {
				looks[i] = random.IntN(len(views))
				d.subscribe(views[looks[i]].query)
			}
			disturb()
			if random.IntN(3) == 0 {
				d.resume()
				d.upload()
			}
		}
	}
	for _, d := range devices {
		d.resume()
		d.upload()
	}
	var all *memstate.State
	for i, d := range devices {
		d.settle()
		d.download()
		have := d.state(s)
		if i == 0 {
			all = have
		}
		want := all.Clone()
		for _, key := range all.Keys("T") {
			v, err := all.Get("T", key, "i")
			require.NoError(t, err)
			if !views[looks[i]].has(v) {
				require.NoError(t, want.Erase("T", key))
			}
		}
		require.Equal(t, visible(t, want), visible(t, have), "device %d looks at %s", i, views[looks[i]].query)
		require.Empty(t, d.failures(), "device %d", i)
	}
}

// visible is what an application sees of a state: no links to what isn't there.
func visible(t *testing.T, s *memstate.State) string {
	t.Helper()
	state, err := vectortest.ParseState(s.JSON())
	require.NoError(t, err)
	out := map[string]any{}
	for class, objects := range state.Objects {
		var seen []any
		for _, o := range objects {
			seen = append(seen, seenObject(t, state, class, o))
		}
		out[class] = seen
	}
	text, err := json.MarshalIndent(out, "", " ")
	require.NoError(t, err)
	return string(text)
}

func seenObject(t *testing.T, s *vectortest.State, class string, o map[string]json.RawMessage) map[string]any {
	out := map[string]any{}
	for name, raw := range o {
		var v any
		require.NoError(t, json.Unmarshal(raw, &v))
		p := s.Schema[class].Properties[name]
		if p.Collection == "Dictionary" {
			entries := map[string]any{}
			for key, v := range v.(map[string]any) {
				entries[key] = seenValue(t, s, p, v)
			}
			out[name] = entries
			continue
		}
		out[name] = seenValue(t, s, p, v)
	}
	return out
}

func seenValue(t *testing.T, s *vectortest.State, p *vectortest.PropertyForm, v any) any {
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, v := range v {
			if v = seenValue(t, s, p, v); v != nil || p.Type != "Link" {
				out = append(out, v)
			}
		}
		if p.Collection == "Set" { // the order is that of what is seen
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return out
	case map[string]any:
		switch {
		case v["dangling"] == true:
			return nil
		case v["object"] != nil:
			raw, err := json.Marshal(v["object"])
			require.NoError(t, err)
			var inner map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(raw, &inner))
			return map[string]any{"object": seenObject(t, s, p.LinkTarget, inner)}
		case v["list"] != nil:
			return map[string]any{"list": seenValue(t, s, p, v["list"])}
		case v["dictionary"] != nil:
			entries := map[string]any{}
			for key, v := range v["dictionary"].(map[string]any) {
				entries[key] = seenValue(t, s, p, v)
			}
			return map[string]any{"dictionary": entries}
		}
	}
	return v
}
