package realm

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// localWriter makes random operations that fit what a state holds.
type localWriter struct {
	*rand.Rand
	state *memstate.State
	keys  int64 // objects of class T have the keys below

	sameSchema bool // it leaves the schema as it is
	done       []localOp
}

func (w *localWriter) operation() localOp {
	if !w.sameSchema && w.IntN(30) == 0 {
		return w.reshape()
	}
	key := value.IntKey(w.Int64N(w.keys))
	op := localOp{Class: "T", PK: vectortest.AppendKey(nil, key)}
	exists, _ := w.state.Exists("T", key)
	switch {
	case !exists:
		op.Op = "create"
		if w.IntN(2) == 0 {
			op.Defaults = map[string]json.RawMessage{"e": []byte("null"), "m": vectortest.FormatValue(value.Bool(true)), "k": []byte("null")}
		}
		return op
	case w.IntN(20) == 0:
		op.Op = "delete"
		return op
	}
	class := w.state.Schema().Class("T")
	p := &class.Properties[1+w.IntN(len(class.Properties)-1)]
	n, err := w.state.Node("T", key, p.Name)
	if err != nil {
		panic(err)
	}
	return w.in(below(op, p.Name), p, n, p.Collection != schema.Single)
}

// reshape adds and removes classes and properties that the others don't need.
func (w *localWriter) reshape() localOp {
	s, name := w.state.Schema(), fmt.Sprint("X", w.IntN(3))
	switch class := s.Class(name); {
	case class == nil:
		return localOp{Op: "add_class", Class: name, Kind: "top-level", PKName: "_id", PKType: "Int"}
	case w.IntN(4) == 0:
		return localOp{Op: "remove_class", Class: name}
	case class.Property("p") != nil:
		return localOp{Op: "remove_property", Class: name, Name: "p"}
	default: // of the class itself: one that others link to can't be removed
		return localOp{Op: "add_property", Class: name, Name: "p", Type: "Link", Nullable: true, Collection: "Single", Target: name}
	}
}

func below[S string | int](op localOp, step S) localOp {
	raw, err := json.Marshal(step)
	if err != nil {
		panic(err)
	}
	op.Path = append(slices.Clone(op.Path), raw)
	return op
}

// in makes an operation on what is at a place: n in a property p, or in an element of it; whole: it is the collection that p is.
func (w *localWriter) in(op localOp, p *schema.Property, n memstate.Node, whole bool) localOp {
	inside := whole || w.IntN(3) > 0
	switch kind := n.Value.Kind(); {
	case kind == value.KindObject && inside:
		class := w.state.Schema().Class(p.LinkTarget)
		q := &class.Properties[w.IntN(len(class.Properties))]
		return w.in(below(op, q.Name), q, nodeIn(n, q), q.Collection != schema.Single)
	case kind == value.KindList && inside:
		return w.list(op, p, n)
	case kind == value.KindDictionary && inside:
		return w.dictionary(op, p, n)
	case kind == value.KindSet:
		return w.set(op, p, n)
	}
	return w.single(op, p, n, true)
}

// nodeIn returns a property of an embedded object.
func nodeIn(n memstate.Node, p *schema.Property) memstate.Node {
	if inner, ok := n.Entries[p.Name]; ok {
		return inner
	}
	switch p.Collection {
	case schema.List:
		return memstate.Node{Value: value.Marker(value.KindList)}
	case schema.Set:
		return memstate.Node{Value: value.Marker(value.KindSet)}
	case schema.Dictionary:
		return memstate.Node{Value: value.Marker(value.KindDictionary)}
	default:
		return memstate.Node{Value: value.Default(p.Type, p.Nullable)}
	}
}

// single replaces what is at a place. alone: it is a property, no element.
func (w *localWriter) single(op localOp, p *schema.Property, n memstate.Node, alone bool) localOp {
	switch {
	case w.embedded(p):
		op.Op = "set_object"
		if w.IntN(4) == 0 && p.Collection != schema.List {
			op.Op, op.Value = "set", json.RawMessage("null")
		}
	case p.Type == value.KindMixed && w.IntN(2) == 0:
		op.Op = []string{"set_list", "set_dictionary"}[w.IntN(2)]
	case alone && n.Value.Kind() == value.KindInt && w.IntN(3) == 0:
		op.Op, op.Value = "add_int", json.RawMessage(fmt.Sprintf(`"%d"`, w.IntN(9)-4))
	case alone && p.Type == value.KindLink && w.IntN(8) == 0:
		op.Op, op.Value = "set", json.RawMessage(fmt.Sprintf(`{"link":["T",{"int":"%d"}],"unresolved":true}`, w.Int64N(w.keys)))
	default:
		op.Op, op.Value, op.Default = "set", w.value(p), alone && !n.Value.Kind().IsMarker() && w.IntN(5) == 0
	}
	return op
}

func (w *localWriter) embedded(p *schema.Property) bool {
	return p.Type == value.KindLink && w.state.Schema().Class(p.LinkTarget).Kind == schema.Embedded
}

// live returns the keys of the objects that exist.
func (w *localWriter) live() []value.Key { return w.state.Keys("T") }

// value returns what can be put where the property's type is: links are to objects that exist.
func (w *localWriter) value(p *schema.Property) json.RawMessage {
	kind, null := p.Type, p.Nullable
	if kind == value.KindMixed {
		kind = []value.Kind{value.KindInt, value.KindString, value.KindBool, value.KindLink}[w.IntN(4)]
	}
	if null && w.IntN(5) == 0 {
		return json.RawMessage("null")
	}
	switch kind {
	case value.KindInt:
		return vectortest.FormatValue(value.Int(w.Int64N(5)))
	case value.KindBool:
		return vectortest.FormatValue(value.Bool(w.IntN(2) == 0))
	case value.KindString:
		return vectortest.FormatValue(value.String("abcde"[:w.IntN(4)]))
	default:
		keys := w.live()
		return vectortest.FormatValue(value.FromLink("T", keys[w.IntN(len(keys))]))
	}
}

func (w *localWriter) list(op localOp, p *schema.Property, n memstate.Node) localOp {
	size := 0 // as an application counts
	for _, e := range n.Elements {
		if e.Value.Kind() == value.KindLink && p.Type == value.KindLink {
			if live, _ := w.state.Exists("T", e.Value.Link().Key); !live {
				continue
			}
		}
		size++
	}
	action := w.IntN(10)
	switch {
	case action == 0:
		op.Op = "clear"
	case action == 1 && !w.embedded(p):
		op.Op, op.Value = "list_assign", json.RawMessage(fmt.Sprintf("[%s,%s]", w.value(p), w.value(p)))
	case action < 5 || size == 0:
		op = below(op, w.IntN(size+1))
		switch {
		case w.embedded(p):
			op.Op = "insert_object"
		case p.Type == value.KindMixed && w.IntN(3) == 0:
			op.Op = []string{"insert_list", "insert_dictionary"}[w.IntN(2)]
		default:
			op.Op, op.Value = "list_insert", w.value(p)
		}
	case action == 5:
		op = below(op, w.IntN(size))
		op.Op = "list_erase"
	case action == 6:
		op = below(op, w.IntN(size))
		op.Op, op.To = "list_move", w.IntN(size)
	default:
		i := w.IntN(size)
		if op = below(op, i); n.Elements[i].Value.Kind().IsMarker() && w.IntN(3) > 0 {
			return w.in(op, p, n.Elements[i], true)
		}
		return w.single(op, p, n, false)
	}
	return op
}

func (w *localWriter) dictionary(op localOp, p *schema.Property, n memstate.Node) localOp {
	key := "abc"[w.IntN(3):][:1]
	inner, there := n.Entries[key]
	switch {
	case w.IntN(10) == 0:
		op.Op = "clear"
	case w.IntN(5) == 0:
		op = below(op, key)
		op.Op = "dict_erase"
	case there && inner.Value.Kind().IsMarker() && w.IntN(3) > 0:
		return w.in(below(op, key), p, inner, true)
	default:
		return w.single(below(op, key), p, inner, false)
	}
	return op
}

func (w *localWriter) set(op localOp, p *schema.Property, n memstate.Node) localOp {
	switch w.IntN(8) {
	case 0:
		op.Op = "clear"
	case 1, 2:
		op.Op, op.Value = "set_erase", w.value(p)
	default:
		op.Op, op.Value = "set_insert", w.value(p)
	}
	return op
}

// Whatever is written, the recorded changesets bring the state of before into the state of after, and are those of a conforming client. In
// between objects are deleted elsewhere, so that links dangle.
func TestRecordedIsWhatWasWritten(t *testing.T) {
	clean(t)
	base := filepath.Join(memoryDir(t), "base.realm")
	start := statetest.World()
	func() {
		r, err := Open(Config{Path: base, Schema: start.Schema(), Synced: true, UserID: "u"})
		require.NoError(t, err)
		defer r.Release()
		subscribeByName(t, base, []string{"T"})
		integrate(t, r, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(0)}, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(1)})
	}()
	image, err := os.ReadFile(base)
	require.NoError(t, err)
	const seeds, perFile = 300, 20 // opening a file costs more than what a seed does with it
	for seed := uint64(0); seed < seeds; seed += perFile {
		w := &localWriter{Rand: rand.New(rand.NewPCG(seed, 5)), state: start.Clone(), keys: 4}
		if !t.Run(fmt.Sprintf("seeds from %d", seed), func(t *testing.T) { w.check(t, image, perFile) }) {
			return
		}
	}
}

func (w *localWriter) check(t *testing.T, image []byte, seeds int) {
	clean(t)
	path := filepath.Join(memoryDir(t), "test.realm")
	require.NoError(t, os.WriteFile(path, image, 0o600))
	r := open(t, Config{Path: path, Synced: true, UserID: "u"})
	for range 2 * seeds {
		if keys := w.live(); len(keys) > 1 && w.IntN(3) == 0 {
			erase := changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: keys[w.IntN(len(keys))]}
			integrate(t, r, erase)
			require.NoError(t, w.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{erase}}))
		}
		w.transaction(t, r)
		requireSameContent(t, w.state, contentOf(t, r))
	}
}

// transaction writes, operation by operation, and lets the state follow by what each has recorded; then the whole must be in the history.
func (w *localWriter) transaction(t *testing.T, r *Realm) {
	refresh(t, r)
	before := r.Version()
	var all []changeset.Instruction
	var done []string
	write(t, r, func() {
		for range 1 + w.IntN(12) {
			if len(w.live()) == 0 {
				return
			}
			op := w.operation()
			text, err := json.Marshal(op)
			require.NoError(t, err)
			done = append(done, string(text))
			op.run(t, r)
			w.done = append(w.done, op)
			c, err := changeset.Decode(r.recorder.rec.Bytes())
			require.NoError(t, err)
			fresh := &changeset.Changeset{Instructions: c.Instructions[len(all):]}
			all = c.Instructions
			require.NoError(t, statetest.CheckRecorded(w.state, fresh), "%s", text)
			if op.Op == "set" && len(fresh.Instructions) == 0 && unresolved(op.Value) {
				w.follow(t, &op)
			}
		}
	})
	require.Equal(t, all, decodeHex(t, recordedHex(t, r, before)), "after %v", done)
}

// follow sets a link that wasn't recorded.
func (w *localWriter) follow(t *testing.T, op *localOp) {
	key, err := vectortest.ParseKey(op.PK)
	require.NoError(t, err)
	v, err := vectortest.ParseValue(op.Value)
	require.NoError(t, err)
	in := changeset.Instruction{Op: changeset.Update, Table: op.Class, Key: key, Value: v}
	require.NoError(t, json.Unmarshal(op.Path[0], &in.Field))
	for _, raw := range op.Path[1:] {
		var step changeset.Step
		if err := json.Unmarshal(raw, &step.Pos); err == nil {
			step.IsPos = true
		} else {
			require.NoError(t, json.Unmarshal(raw, &step.Key))
		}
		in.Path = append(in.Path, step)
	}
	require.NoError(t, w.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}}))
}
