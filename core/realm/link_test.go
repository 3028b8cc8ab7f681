package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func TestLinks(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex, max, ann Object
	write(t, r, func() {
		ann = create(t, r, "Person", values{"_id": str("ann")})
		rex = create(t, r, "Dog", values{"_id": i64(1), "owner": ann})
		max = create(t, r, "Dog", values{"_id": i64(2), "friend": rex, "owner": ann})
		set1(t, rex, "friend", rex)
		set1(t, ann, "dog", max)
	})
	require.Equal(t, linkTo{fields(ann).class, fields(ann).key}, get(t, rex, "owner"))
	to, err := r.Get(cellOf(t, ann, "dog").Size, cellOf(t, ann, "dog").Int())
	require.NoError(t, err)
	require.Equal(t, i64(2), get(t, to, "_id"))
	ReleaseObject(to)
	require.Equal(t, []int64{1, 2}, ints(t, query(t, r, "Dog", "friend == $0", rex), "_id"))
	require.Equal(t, []int64{1, 2}, ints(t, query(t, r, "Dog", "owner._id == 'ann'"), "_id"))
	require.Equal(t, []int64{2}, ints(t, query(t, r, "Dog", "owner.dog == $0 and friend != $1", max, max), "_id")[1:])

	write(t, r, func() {
		require.ErrorIs(t, trySet(t, rex, "owner", max), store.ErrType, "a dog doesn't own")
		require.ErrorIs(t, trySet(t, rex, "owner", linkTo{fields(ann).class, 99}), store.ErrNoObject)
		require.ErrorIs(t, trySet(t, rex, "owner", linkTo{77, 1}), store.ErrType)
		require.NoError(t, DeleteObject(rex))
	})
	require.Equal(t, value.Null(), get(t, max, "friend"), "deleting nullifies links")
	require.Equal(t, 0, count(t, query(t, r, "Dog", "friend != nil")))
	write(t, r, func() { set1(t, max, "owner", value.Null()) })
	require.Equal(t, value.Null(), get(t, max, "owner"))
	require.False(t, Valid(rex))
	write(t, r, func() {
		err := trySet(t, max, "friend", rex)
		require.ErrorIs(t, err, store.ErrNoObject)
	})
	require.ErrorIs(t, LoadObject(rex), store.ErrNoObject)
	require.EqualError(t, LoadObject(rex), "No object with key '1' in 'class_Dog'")
	write(t, r, func() { require.ErrorIs(t, DeleteObject(rex), store.ErrNoObject) })
}

func TestMixedLinks(t *testing.T) {
	clean(t)
	r := open(t, Config{Path: tempPath(t), Schema: dogs.With(class("Box", "_id", prop("_id", value.KindInt), optional("any", value.KindMixed)))})
	var rex, ann, box Object
	write(t, r, func() {
		rex = create(t, r, "Dog", values{"_id": i64(-5)})
		ann = create(t, r, "Person", values{"_id": str("ann")})
		box = create(t, r, "Box", values{"_id": i64(1), "any": rex})
	})
	require.Equal(t, linkTo{fields(rex).class, fields(rex).key}, get(t, box, "any"))
	write(t, r, func() { set1(t, box, "any", ann) })
	require.Equal(t, linkTo{fields(ann).class, fields(ann).key}, get(t, box, "any"))
	write(t, r, func() { require.NoError(t, DeleteObject(ann)) })
	require.Equal(t, value.Null(), get(t, box, "any"))
}

// integrate applies instructions as if they came from a server: nothing is recorded for upload.
func integrate(t *testing.T, r *Realm, in ...changeset.Instruction) {
	t.Helper()
	conn, err := store.Open(r.Path(), store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginWrite())
	require.NoError(t, changeset.Apply(conn.State(), &changeset.Changeset{Instructions: in}))
	version, err := history.AppendLocal(conn, nil, r.clock())
	require.NoError(t, err)
	require.NoError(t, conn.Commit())
	history.Announce(r.File(), version, conn)
	_, err = r.Refresh()
	require.NoError(t, err)
}

var pets = schema.New(
	class("Dog", "_id", prop("_id", value.KindInt), prop("name", value.KindString), link("friend", "Dog"), optional("any", value.KindMixed)),
)

// openPets opens a synced realm whose latest subscription set covers the class Dog.
func openPets(t *testing.T) *Realm {
	t.Helper()
	r := open(t, Config{Path: tempPath(t), Schema: pets, Synced: true, UserID: "u"})
	subscribe(t, r, "Dog")
	return r
}

func subscribe(t *testing.T, r *Realm, class string) {
	t.Helper()
	set, err := r.LatestSet()
	require.NoError(t, err)
	m, err := r.NewSet(set)
	require.NoError(t, err)
	require.NoError(t, m.Add(history.Subscription{Class: class, Query: "TRUEPREDICATE"}, value.ObjectID{1}))
	_, err = m.Commit()
	require.NoError(t, err)
	_, err = r.Refresh()
	require.NoError(t, err)
}

func TestDanglingLinks(t *testing.T) {
	clean(t)
	r := openPets(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1)}) })
	absentDog := value.FromLink("Dog", value.IntKey(9))
	integrate(t, r,
		changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(1), Field: "friend", Value: absentDog},
		changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(1), Field: "any", Value: absentDog})
	for _, p := range []string{"friend", "any"} {
		require.Equal(t, value.Null(), get(t, rex, p), "a dangling link reads as null")
		require.Equal(t, uint8(store.FlagDangling), cellOf(t, rex, p).Flags)
	}
	require.Equal(t, 1, count(t, query(t, r, "Dog", "friend == nil")))

	// Giving back what was read is writing null.
	before := r.Version()
	write(t, r, func() { require.NoError(t, SetProperty(rex, 3, unsafeCell(cellOf(t, rex, "any")))) })
	require.Equal(t, []string{"Update Dog[1].any"}, recorded(t, r, before))
	require.Zero(t, cellOf(t, rex, "any").Flags)

	// The creation of the target makes the link live, and says so to the others.
	before = r.Version()
	write(t, r, func() { create(t, r, "Dog", values{"_id": i64(9), "name": str("Zed")}) })
	require.Equal(t, []string{"CreateObject Dog[9]", "Update Dog[1].friend", "Update Dog[9].name"}, recorded(t, r, before))
	require.Equal(t, linkTo{fields(rex).class, 9}, get(t, rex, "friend"))
	require.Equal(t, value.Null(), get(t, rex, "any"))

	// A deletion from elsewhere leaves it dangling; a local one does not.
	integrate(t, r, changeset.Instruction{Op: changeset.EraseObject, Table: "Dog", Key: value.IntKey(9)})
	require.Equal(t, uint8(store.FlagDangling), cellOf(t, rex, "friend").Flags)
	write(t, r, func() { create(t, r, "Dog", values{"_id": i64(9)}) })
	before = r.Version()
	write(t, r, func() { require.NoError(t, DeleteObject(find(t, r, "Dog", i64(9)))) })
	require.Equal(t, []string{"Update Dog[1].friend", "EraseObject Dog[9]"}, recorded(t, r, before))
	require.Zero(t, cellOf(t, rex, "friend").Flags)
}

func TestWritingNeedsASubscription(t *testing.T) {
	clean(t)
	r := open(t, Config{Path: tempPath(t), Schema: pets, Synced: true, UserID: "u"})
	require.NoError(t, r.BeginWrite())
	_, _, err := tryCreate(t, r, "Dog", values{"_id": i64(1)}, false)
	require.ErrorIs(t, err, ErrNoSubscription)
	require.EqualError(t, err, "Cannot write to class Dog when no flexible sync subscription has been created.")
	require.NoError(t, r.Cancel())
	integrate(t, r, changeset.Instruction{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(1)})
	write(t, r, func() {
		o, created, err := tryCreate(t, r, "Dog", values{"_id": i64(1), "name": str("x")}, true)
		require.NoError(t, err, "an existing object may be changed")
		require.False(t, created)
		set1(t, o, "name", str("y"))
		ReleaseObject(o)
	})
	subscribe(t, r, "Dog")
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(2)}) })
	require.Equal(t, 2, count(t, all(t, r, "Dog")))
}

func TestAsymmetricObjectsVanish(t *testing.T) {
	clean(t)
	s := pets.With(schema.Class{Name: "Log", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{prop("_id", value.KindInt), prop("line", value.KindString)}})
	r := open(t, Config{Path: tempPath(t), Schema: s, Synced: true})
	before := r.Version()
	write(t, r, func() { add(t, r, "Log", values{"_id": i64(1), "line": str("hello")}) })
	require.Equal(t, []string{"CreateObject Log[1]", "Update Log[1].line"}, recorded(t, r, before))
	rs, err := r.All(classOf(t, r, "Log").ID)
	require.NoError(t, err)
	defer rs.Release()
	require.Equal(t, 0, count(t, rs))
}
