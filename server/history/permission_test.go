package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// simPermission is what all clients of the simulation but the first may do: nothing in zone c that isn't there already, not m, and nothing with
// the object 3 but make it.
type simPermission struct{}

func (simPermission) Confines(*Class) bool { return true }

func (simPermission) zone(row *Row) bool { return field(row, "zone").Str() != "c" }

func (simPermission) Corrupts(*Row) (bool, error) { return false, nil }

func (p simPermission) Inserts(row *Row) (bool, error) { return p.zone(row), nil }
func (p simPermission) Writes(row *Row) (bool, error)  { return p.zone(row) && row.Key != key(3), nil }
func (simPermission) WritesField(_ *Class, name string) bool {
	return name != "m"
}
func (p simPermission) Deletes(row *Row) (bool, error) { return p.zone(row) && row.Key != key(3), nil }

// letters permits objects whose zone is one of some letters, by deed.
type letters struct{ insert, write, del, field string }

func (p letters) Confines(*Class) bool { return p != letters{} }

func (p letters) in(row *Row, list string) (bool, error) {
	return strings.ContainsAny(list, field(row, "zone").Str()), nil
}

func (letters) Corrupts(*Row) (bool, error) { return false, nil }

func (p letters) Inserts(row *Row) (bool, error) { return p.in(row, p.insert) }
func (p letters) Writes(row *Row) (bool, error)  { return p.in(row, p.write) }
func (p letters) Deletes(row *Row) (bool, error) { return p.in(row, p.del) }
func (p letters) WritesField(_ *Class, property string) bool {
	return !strings.Contains(p.field, property)
}

// What is not permitted is not done, and the client is told what the object is; the rest of the upload stands.
func TestPermission(t *testing.T) {
	const text = `write to 1 in table "T" not allowed`
	zone := func(id int64, z string) changeset.Instruction { return set(id, "zone", value.String(z)) }
	cases := []struct {
		name   string
		may    letters
		writes []changeset.Instruction
		reason string // of the reset; "" if there is none
		want   string // zone of the object afterwards, "-" if it is gone
	}{
		{"nothing is confined", letters{}, []changeset.Instruction{zone(1, "b")}, "", "b"},
		{"everything", letters{"ab", "ab", "ab", ""}, []changeset.Instruction{zone(1, "b")}, "", "b"},
		{"the filter doesn't hold before", letters{"ab", "b", "ab", ""}, []changeset.Instruction{zone(1, "b")}, text, "a"},
		{"the filter doesn't hold after", letters{"ab", "a", "ab", ""}, []changeset.Instruction{zone(1, "b")}, text, "a"},
		{"a field", letters{"ab", "ab", "ab", "zone"}, []changeset.Instruction{zone(1, "b")}, text, "a"},
		{"another field", letters{"ab", "ab", "ab", "m"}, []changeset.Instruction{zone(1, "b")}, "", "b"},
		{"deleting", letters{"ab", "ab", "b", ""}, []changeset.Instruction{erase(1)}, text, "a"},
		{"deleting is permitted", letters{"", "", "a", ""}, []changeset.Instruction{erase(1)}, "", "-"},
		{"deleting and making anew", letters{"b", "ab", "a", ""}, []changeset.Instruction{erase(1), create(1), zone(1, "b")}, "", "b"},
		{"making anew", letters{"a", "ab", "a", ""}, []changeset.Instruction{erase(1), create(1), zone(1, "b")}, text, "a"},
		{"naming without changing", letters{"", "", "", "m"}, []changeset.Instruction{create(1)}, "", "a"},
		{"making what is there", letters{"ab", "", "", ""}, []changeset.Instruction{create(1), zone(1, "b")}, text, "a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, owner := withT(t, nil)
			owner.write(create(1), set(1, "zone", value.String("a")))
			d := f.device(all{}).sync()
			d.permission = c.may
			r := d.write(append(c.writes, create(9), set(9, "zone", value.String(c.may.insert[:min(1, len(c.may.insert))])))...)
			var resets []string
			for _, reset := range r.Resets {
				if reset.Object.Key == EncodeKey(key(1)) {
					resets = append(resets, reset.Reason)
				}
			}
			if c.reason == "" {
				require.Empty(t, resets)
			} else {
				require.Equal(t, []string{c.reason}, resets)
			}
			if row := f.row(1); c.want == "-" {
				require.Nil(t, row)
			} else {
				require.Equal(t, c.want, field(row, "zone").Str())
			}
			require.Equal(t, c.may.insert != "" || c.may == letters{}, f.row(9) != nil, "the other object of the changeset")
		})
	}
}

// What follows on a write that was taken back, in the same upload, is void; what came before it stands.
func TestPermissionAfterIllegalWrite(t *testing.T) {
	f, owner := withT(t, nil)
	owner.write(create(1), set(1, "zone", value.String("a")))
	d := f.device(all{}).sync()
	d.permission = letters{"a", "a", "a", ""}
	r, err := d.upload(d.entry(set(1, "n", value.Int(1))), d.entry(set(1, "zone", value.String("b"))), d.entry(set(1, "n", value.Int(2))))
	require.NoError(t, err)
	require.Len(t, r.Own, 3)
	require.Len(t, r.Resets, 2)
	for i, reset := range r.Resets {
		require.Equal(t, r.Own[i+1].Version, reset.Version)
		require.Equal(t, `write to 1 in table "T" not allowed`, reset.Reason)
	}
	require.EqualValues(t, 1, f.n(1))
}

// Asymmetric objects that may not be made are not kept, and there is nothing to set back.
func TestPermissionOfAsymmetricObjects(t *testing.T) {
	f := open(t, nil)
	d := f.device(all{})
	d.write(addAsymmetric("A"), addColumn("A", "zone", value.KindString, false))
	d.permission = letters{insert: "a"}
	ingest := func(id int64, zone string) []changeset.Instruction {
		return []changeset.Instruction{{Op: changeset.CreateObject, Table: "A", Key: key(id)}, {Op: changeset.Update, Table: "A", Key: key(id), Field: "zone", Value: value.String(zone)}}
	}
	r := d.write(append(ingest(1, "a"), ingest(2, "b")...)...)
	require.Empty(t, r.Resets)
	require.Len(t, r.Denied, 1)
	require.Equal(t, `write to 2 in table "A" not allowed`, r.Denied[0].Reason)
	require.Equal(t, "A", r.Denied[0].Class)
	require.Equal(t, d.version, r.Denied[0].ClientVersion)
	last := f.announced()[len(f.announced())-1]
	require.Len(t, last.Changeset.Instructions, 2, "the other object was taken in")
	d.write(ingest(1, "a")...)
	require.Empty(t, f.problems(), "the same key again: nothing is known of the first")
}

// An object may not grow without end.
func TestMaxDocument(t *testing.T) {
	f, owner := withT(t, func(c *Config) { c.MaxDocument = 1000 })
	owner.write(create(1), set(1, "zone", value.String("a")))
	r := owner.write(set(1, "zone", value.String(strings.Repeat("x", 2000))))
	require.Len(t, r.Resets, 1)
	require.Contains(t, r.Resets[0].Reason, `write to 1 in table "T" not allowed; the object has about `)
	require.Equal(t, "a", field(f.row(1), "zone").Str())
	require.Empty(t, owner.sync().write(set(1, "n", value.Int(1))).Resets)
}

// Nor may it grow little by little: what is in the store of its collections counts, too, with what is nested in it.
func TestMaxDocumentOfCollections(t *testing.T) {
	const limit = 200_000
	f, owner := withT(t, func(c *Config) { c.MaxDocument = limit })
	text := strings.Repeat("x", 5000)
	owner.write(create(1), set(1, "zone", value.String("a")), set(1, "m", value.Marker(value.KindList)))
	insert := func(i int, v value.Value, more ...changeset.Step) changeset.Instruction {
		return changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(1), Field: "m", Path: append([]changeset.Step{{Pos: uint32(i), IsPos: true}}, more...), PriorSize: uint32(i), Value: v}
	}
	grown := 0
	for ; grown < 200; grown++ {
		f.restart() // nothing of it is in memory
		owner.stream = &Stream{}
		r := owner.sync().write(insert(grown, value.String(text)))
		if len(r.Resets) > 0 {
			require.Contains(t, r.Resets[0].Reason, "bytes, more than the 200000 that are accepted")
			break
		}
	}
	n, err := f.row(1).Bytes()
	require.NoError(t, err)
	require.LessOrEqual(t, n, limit)
	require.Greater(t, n, limit-2*len(text))
	require.InDelta(t, limit/len(text), grown, 2)
	// What an entering device is sent of it is no more than was reckoned.
	var out changeset.Changeset
	require.NoError(t, f.row(1).State(f.Catalog(), "T", func(in changeset.Instruction) error {
		out.Instructions = append(out.Instructions, in)
		return nil
	}))
	b, err := changeset.Encode(&out)
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), n)

	// A program is refused likewise.
	_, err = f.Write(t.Context(), func(*Writing) (*changeset.Changeset, error) {
		return &changeset.Changeset{Instructions: []changeset.Instruction{insert(grown, value.String(text))}}, nil
	})
	requireCode(t, BadChangeset, err)
	// And nested: the piece that holds a list of its own is measured with what is in that, when it is in the store.
	owner.stream = &Stream{}
	owner.sync().write(create(2), set(2, "zone", value.String("a")), set(2, "m", value.Marker(value.KindList)))
	nested := func(v value.Value, path ...changeset.Step) changeset.Instruction {
		return changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(2), Field: "m", Path: path, PriorSize: path[len(path)-1].Pos, Value: v}
	}
	at := func(i int) changeset.Step { return changeset.Step{Pos: uint32(i), IsPos: true} }
	owner.sync().write(nested(value.Marker(value.KindList), at(0)))
	for i := 0; ; i++ {
		require.Less(t, i, 100)
		f.restart()
		owner.stream = &Stream{}
		if len(owner.sync().write(nested(value.String(text), at(0), at(i))).Resets) > 0 {
			require.InDelta(t, limit/len(text), i, 2)
			break
		}
	}
}
