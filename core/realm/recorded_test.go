package realm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Whoever applies what a realm records, between what comes from elsewhere, gets what the realm holds: whatever is done, to the last
// dangling link.
func TestRecordedChangesetsReproduceTheRealm(t *testing.T) {
	clean(t)
	dog := class("Dog", "_id", prop("_id", value.KindInt), link("friend", "Dog"), link("owner", "Person"), optional("mix", value.KindMixed))
	for kind, list := range samples(t) {
		if len(list) > 0 {
			dog.Properties = append(dog.Properties, prop("must "+kind.String(), kind), optional("may "+kind.String(), kind))
		}
	}
	person := class("Person", "_id", optional("_id", value.KindString), link("dog", "Dog"))
	r := open(t, Config{Path: tempPath(t), Schema: schema.New(dog, person), Synced: true, UserID: "u"})
	subscribe(t, r, "Dog")
	subscribe(t, r, "Person")
	oracle := memstate.New(schema.New())
	applied := uint64(0)
	catchUp := func() {
		for _, c := range changesets(t, r, applied) {
			require.NoError(t, oracle.Apply(c))
		}
		applied = r.Version()
	}
	rng := rand.New(rand.NewPCG(8, 9))
	someKey := func(class string) value.Value {
		if class == "Dog" {
			return i64(int64(rng.IntN(12)))
		}
		if rng.IntN(6) == 0 {
			return value.Null()
		}
		return str(fmt.Sprint("p", rng.IntN(4)))
	}
	someClass := func() string { return []string{"Dog", "Dog", "Dog", "Person"}[rng.IntN(4)] }
	someValue := func(p *schema.Property) any {
		if p.Nullable && rng.IntN(5) == 0 {
			return value.Null()
		}
		kind := p.Type
		if kind == value.KindMixed {
			kind = []value.Kind{value.KindLink, value.KindInt, value.KindString, value.KindDecimal, value.KindTimestamp}[rng.IntN(5)]
		}
		if kind == value.KindLink {
			target := p.LinkTarget
			if target == "" {
				target = someClass()
			}
			if o := find(t, r, target, someKey(target)); o != nil {
				return o
			}
			return value.Null()
		}
		list := samples(t)[kind]
		return list[rng.IntN(len(list))]
	}
	for range 40 {
		if rng.IntN(3) == 0 { // from elsewhere: an object goes, or a link to one that isn't there comes
			class := someClass()
			keyValue := someKey(class)
			key, _ := value.KeyOf(keyValue)
			in := changeset.Instruction{Op: changeset.EraseObject, Table: class, Key: key}
			if rng.IntN(2) == 0 && class == "Dog" {
				target, _ := value.KeyOf(someKey("Dog"))
				in = changeset.Instruction{Op: changeset.Update, Table: class, Key: key, Field: []string{"friend", "mix"}[rng.IntN(2)], Value: value.FromLink("Dog", target)}
			}
			if find(t, r, class, keyValue) != nil {
				require.NoError(t, oracle.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}}))
				integrate(t, r, in)
				applied = r.Version()
			}
		}
		require.NoError(t, r.BeginWrite())
		for range rng.IntN(12) {
			class := someClass()
			def := r.Schema().Class(class)
			key := someKey(class)
			o := find(t, r, class, key)
			switch k := rng.IntN(8); {
			case o == nil || k == 0:
				v := values{"_id": key}
				for i := range def.Properties {
					if p := &def.Properties[i]; p.Name != "_id" && rng.IntN(3) == 0 {
						v[p.Name] = someValue(p)
					}
				}
				made, created, err := tryCreate(t, r, class, v, true)
				require.NoError(t, err)
				require.Equal(t, o == nil, created)
				ReleaseObject(made)
			case k == 1:
				require.NoError(t, DeleteObject(o))
			case k == 2 && class == "Dog":
				require.NoError(t, AddInt(o, classOf(t, r, class).Property("must int"), int64(rng.IntN(100))))
			default:
				i := rng.IntN(len(def.Properties))
				if p := &def.Properties[i]; p.Name != "_id" {
					set1(t, o, p.Name, someValue(p))
				}
			}
		}
		if rng.IntN(5) == 0 {
			require.NoError(t, r.Cancel())
		} else {
			require.NoError(t, r.Commit())
		}
		catchUp()
		compareWithOracle(t, r, oracle)
	}
}

func compareWithOracle(t *testing.T, r *Realm, oracle *memstate.State) {
	t.Helper()
	conn, err := store.Open(r.Path(), store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginRead())
	for _, cl := range conn.Classes() {
		plan, err := conn.All(cl)
		require.NoError(t, err)
		rows, err := plan.RowIDs()
		require.NoError(t, err)
		require.Len(t, oracle.Keys(cl.Name()), len(rows), cl.Name())
		for _, row := range rows {
			key, err := conn.KeyOf(cl, row)
			require.NoError(t, err)
			got, err := conn.Values(cl, row)
			require.NoError(t, err)
			for i := range got {
				want, err := oracle.Get(cl.Name(), key, cl.Def.Properties[i].Name)
				require.NoError(t, err)
				require.Equal(t, want, got[i], "%s[%v].%s", cl.Name(), key, cl.Def.Properties[i].Name)
			}
		}
	}
}
