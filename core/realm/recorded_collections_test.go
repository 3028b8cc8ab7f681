package realm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// textOf writes everything that a file holds: links by key, dangling ones too.
func textOf(t testing.TB, path string) string {
	t.Helper()
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginRead())
	var lines []string
	for _, cl := range conn.Classes() {
		plan, err := conn.All(cl)
		require.NoError(t, err)
		rows, err := plan.RowIDs()
		require.NoError(t, err)
		if cl.Def.Kind == schema.Embedded {
			lines = append(lines, fmt.Sprintf("%d %s", len(rows), cl.Name()))
			continue
		}
		for _, row := range rows {
			lines = append(lines, cl.Name()+textOfRow(t, conn, cl, row))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func textOfRow(t testing.TB, conn *store.Conn, cl *store.Class, row int64) string {
	t.Helper()
	b, err := conn.LoadRows(cl, []int64{row})
	require.NoError(t, err)
	defer b.Release()
	require.True(t, b.Present(0))
	out := "{"
	for i := range cl.Def.Properties {
		out += cl.Def.Properties[i].Name + "="
		if cl.Def.Properties[i].Collection != schema.Single {
			l, err := conn.Collection(cl, row, i)
			require.NoError(t, err)
			out += textOfCollection(t, conn, l) + " "
			continue
		}
		child, err := conn.ChildOf(cl, row, i)
		require.NoError(t, err)
		out += textOfCell(t, conn, &b.Row(0)[i], child) + " "
	}
	return out + "}"
}

func textOfCell(t testing.TB, conn *store.Conn, cell *store.Cell, child store.Child) string {
	t.Helper()
	switch {
	case child.Collection != nil:
		return textOfCollection(t, conn, child.Collection)
	case child.Class != nil:
		return textOfRow(t, conn, child.Class, child.Row)
	}
	v, err := conn.ValueOf(cell)
	require.NoError(t, err)
	return fmt.Sprint(v)
}

func textOfCollection(t testing.TB, conn *store.Conn, l *store.Collection) string {
	t.Helper()
	n, err := l.Len()
	require.NoError(t, err)
	var out []string
	for i := range n {
		b, err := l.Load(i, 1)
		require.NoError(t, err)
		child, err := l.Child(i)
		require.NoError(t, err)
		text := textOfCell(t, conn, &b.Row(0)[0], child)
		if l.Kind() == value.KindDictionary {
			text = string(b.Row(0)[1].Bytes()) + ":" + text
		}
		out = append(out, text)
		b.Release()
	}
	if l.Kind() == value.KindSet {
		slices.Sort(out)
	}
	return fmt.Sprint(l.Kind(), out)
}

// walk makes random changes of everything that objects can hold.
type walk struct {
	t   *testing.T
	r   *Realm
	rng *rand.Rand
}

func (w *walk) pet() any {
	if o := find(w.t, w.r, "Pet", i64(int64(w.rng.IntN(6)))); o != nil {
		return o
	}
	return nil
}

// value returns something for an element or property of a type, nil if there is nothing.
func (w *walk) value(kind value.Kind) any {
	if kind == value.KindMixed {
		kind = []value.Kind{value.KindInt, value.KindString, value.KindLink, value.KindDouble}[w.rng.IntN(4)]
	}
	switch kind {
	case value.KindLink:
		return w.pet()
	case value.KindString:
		return str(string(rune('a' + w.rng.IntN(5))))
	case value.KindDouble:
		return value.Double(float64(w.rng.IntN(5)))
	default:
		return i64(int64(w.rng.IntN(5)))
	}
}

func (w *walk) newKind(e Element) value.Kind {
	if e.Embedded {
		return value.KindObject
	}
	return []value.Kind{value.KindList, value.KindDictionary}[w.rng.IntN(2)]
}

// object changes a property of an object, or something inside.
func (w *walk) object(o Object) {
	cl, err := w.r.ClassByID(fields(o).class)
	require.NoError(w.t, err)
	i := w.rng.IntN(len(cl.Def.Properties))
	p := &cl.Def.Properties[i]
	if i == cl.KeyIndex {
		return
	}
	embedded := p.Type == value.KindLink && w.r.Schema().Class(p.LinkTarget).Kind == schema.Embedded
	if p.Collection == schema.Single {
		if embedded || p.Type == value.KindMixed {
			if w.rng.IntN(3) == 0 {
				made, err := SetNew(o, i, w.newKind(Element{Embedded: embedded}))
				require.NoError(w.t, err)
				made.release()
				return
			}
		}
		if inner := embeddedIn(w.t, o, i); inner != nil && w.rng.IntN(4) > 0 {
			if w.rng.IntN(8) == 0 {
				require.NoError(w.t, DeleteObject(inner))
				return
			}
			w.object(inner)
			return
		}
		if p.Type == value.KindMixed && w.rng.IntN(4) > 0 {
			if c := tryListOf(w.t, o, p.Name); c != nil {
				w.collection(c)
				return
			}
		}
		if v := w.value(p.Type); v != nil && !embedded {
			set1(w.t, o, p.Name, v)
		} else if p.Nullable {
			set1(w.t, o, p.Name, value.Null())
		}
		return
	}
	w.collection(listOf(w.t, o, p.Name))
}

func (w *walk) collection(c *Collection) {
	t, e := w.t, c.Element()
	n, err := c.Len()
	require.NoError(t, err)
	if w.rng.IntN(25) == 0 {
		require.NoError(t, c.Clear())
		return
	}
	if n > 0 && w.rng.IntN(3) == 0 { // inside
		i := w.rng.IntN(n)
		if child, err := c.Child(i); err == nil && child != nil {
			t.Cleanup(child.Release)
			w.collection(child)
			return
		} else if e.Embedded {
			if o := objectsIn(t, c, i, 1)[0]; o != nil {
				w.object(o)
				return
			}
		}
	}
	b := newBlock(t)
	defer b.free()
	v := w.value(e.Type)
	fresh := e.Embedded || e.Type == value.KindMixed && c.Kind() != schema.Set && w.rng.IntN(4) == 0
	if v == nil && !fresh {
		return
	}
	cell := unsafePointer(b.take(24))
	if !fresh {
		b.put((*(*[24]byte)(cell))[:], v)
	}
	var made New
	key := string(rune('a' + w.rng.IntN(4)))
	switch c.Kind() {
	case schema.Set:
		if w.rng.IntN(3) > 0 {
			_, _, err = c.Add(cell)
		} else {
			_, err = c.Remove(cell)
		}
	case schema.Dictionary:
		switch {
		case w.rng.IntN(4) == 0:
			_, err = c.RemoveKey(key)
		case fresh:
			made, err = c.PutNew(key, w.newKind(e))
		default:
			err = c.Put(key, cell)
		}
	default:
		switch k := w.rng.IntN(6); {
		case n == 0 || k < 3:
			if i := w.rng.IntN(n + 1); fresh {
				made, err = c.InsertNew(i, w.newKind(e))
			} else {
				err = c.Insert(i, cell)
			}
		case k == 3:
			err = c.Move(w.rng.IntN(n), w.rng.IntN(n))
		case k == 4:
			err = c.Erase(w.rng.IntN(n))
		case fresh:
			made, err = c.SetNew(w.rng.IntN(n), w.newKind(e))
		default:
			err = c.Set(w.rng.IntN(n), cell)
		}
	}
	require.NoError(t, err)
	made.release()
}

// Whoever applies what a realm records of its collections and embedded objects, between what comes from elsewhere, gets the same; and it is
// what a conforming client records.
func TestRecordedCollectionsReproduceTheRealm(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			clean(t)
			r := open(t, Config{Path: tempPath(t), Schema: owners, Synced: true, UserID: "u"})
			subscribeAll(t, r, "Owner", "Pet")
			copyPath := tempPath(t)
			replica, err := store.Open(copyPath, store.Options{})
			require.NoError(t, err)
			defer replica.Close()
			apply := func(c *changeset.Changeset) {
				require.NoError(t, replica.BeginWrite())
				require.NoError(t, changeset.Apply(replica.State(), c))
				require.NoError(t, replica.Commit())
			}
			w := &walk{t, r, rand.New(rand.NewPCG(seed, 2))}
			oracle := memstate.New(nil)
			applied := uint64(0)
			for round := range 40 {
				if w.rng.IntN(4) == 0 && w.pet() != nil { // an object goes elsewhere
					key := value.IntKey(int64(w.rng.IntN(6)))
					in := changeset.Instruction{Op: changeset.EraseObject, Table: "Pet", Key: key}
					integrate(t, r, in)
					elsewhere := &changeset.Changeset{Instructions: []changeset.Instruction{in}}
					apply(elsewhere)
					require.NoError(t, oracle.Apply(elsewhere))
					applied = r.Version()
				}
				require.NoError(t, r.BeginWrite())
				for range w.rng.IntN(40) {
					class := []string{"Owner", "Owner", "Owner", "Pet"}[w.rng.IntN(4)]
					key := i64(int64(w.rng.IntN(6)))
					switch o := find(t, r, class, key); {
					case o == nil:
						made, _, err := tryCreate(t, r, class, values{"_id": key}, false)
						require.NoError(t, err)
						ReleaseObject(made)
					case w.rng.IntN(40) == 0:
						require.NoError(t, DeleteObject(o))
					default:
						w.object(o)
					}
				}
				if w.rng.IntN(6) == 0 {
					require.NoError(t, r.Cancel())
				} else {
					require.NoError(t, r.Commit())
				}
				for _, c := range changesets(t, r, applied) {
					apply(c)
					require.NoError(t, statetest.CheckRecorded(oracle, c), "round %d", round)
				}
				applied = r.Version()
				require.Equal(t, textOf(t, r.Path()), textOf(t, copyPath), "round %d", round)
			}
		})
	}
}
