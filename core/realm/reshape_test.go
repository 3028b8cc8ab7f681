package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// keyLast declares its key behind other properties. In the file the key is the first.
var keyLast = schema.New(
	schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{prop("age", value.KindInt), link("friend", "Dog"), prop("_id", value.KindInt), prop("name", value.KindString)}},
)

func openKeyLast(t *testing.T) *Realm {
	t.Helper()
	r := open(t, Config{Path: tempPath(t), Schema: keyLast, Synced: true, UserID: "u"})
	subscribeAll(t, r, "Dog")
	return r
}

func TestSchemaInATransaction(t *testing.T) {
	clean(t)
	r := openKeyLast(t)
	before := r.Version()
	cat := schema.Class{Name: "Cat", PrimaryKey: "_id", Properties: []schema.Property{prop("_id", value.KindInt), prop("lives", value.KindInt),
		{Name: "dog", Type: value.KindLink, LinkTarget: "Dog"}}}
	write(t, r, func() {
		require.NoError(t, r.AddClass(cat))
		require.NoError(t, r.AddProperty("Dog", optional("nick", value.KindString)))
		require.NoError(t, r.RemoveProperty("Cat", "lives"))
	})
	require.Equal(t, []string{"AddTable Cat", "AddColumn Cat.lives", "AddColumn Cat.dog", "AddColumn Dog.nick", "EraseColumn Cat.lives"}, recorded(t, r, before))
	require.True(t, r.Schema().Class("Cat").Property("dog").Nullable, "a single link is always nullable")
	subscribeAll(t, r, "Dog", "Cat")
	before = r.Version()
	write(t, r, func() {
		rex := create(t, r, "Dog", values{"_id": i64(1), "nick": str("Rexy")})
		tom := create(t, r, "Cat", values{"_id": i64(1), "dog": rex})
		require.Equal(t, str("Rexy"), get(t, rex, "nick"))
		require.NoError(t, r.RemoveClass("Cat"))
		require.False(t, Valid(tom))
		require.ErrorIs(t, SetProperty(tom, 0, nil), store.ErrSchema)
		require.ErrorIs(t, DeleteObject(tom), store.ErrSchema)
	})
	require.Nil(t, r.Schema().Class("Cat"))
	require.Equal(t, []string{"CreateObject Dog[1]", "Update Dog[1].nick", "CreateObject Cat[1]", "Update Cat[1].dog", "EraseTable Cat"}, recorded(t, r, before))

	require.NoError(t, r.BeginWrite())
	require.NoError(t, r.AddClass(cat))
	require.NoError(t, r.Cancel())
	require.Nil(t, r.Schema().Class("Cat"), "canceled")
}

func TestSchemaChangesThatAreRefused(t *testing.T) {
	clean(t)
	r := openKeyLast(t)
	require.ErrorIs(t, r.AddClass(class("Cat", "_id", prop("_id", value.KindInt))), ErrNotInTransaction)
	require.ErrorIs(t, r.RemoveProperty("Dog", "age"), ErrNotInTransaction)
	write(t, r, func() {
		for _, c := range []struct {
			err  error
			want error
		}{
			{r.AddClass(class("Dog", "_id", prop("_id", value.KindInt))), store.ErrSchema},
			{r.AddClass(class("Cat", "name", prop("name", value.KindString))), schema.ErrInvalid},
			{r.AddClass(class("Cat", "_id", prop("_id", value.KindInt), link("owner", "Person"))), schema.ErrInvalid},
			{r.AddProperty("Cat", prop("age", value.KindInt)), store.ErrSchema},
			{r.AddProperty("Dog", prop("age", value.KindString)), store.ErrSchema},
			{r.AddProperty("Dog", link("owner", "Person")), schema.ErrInvalid},
			{r.AddProperty("Dog", prop("", value.KindInt)), schema.ErrInvalid},
			{r.RemoveProperty("Dog", "_id"), store.ErrSchema},
			{r.RemoveProperty("Dog", "nick"), store.ErrSchema},
			{r.RemoveClass("Cat"), store.ErrSchema},
		} {
			require.ErrorIs(t, c.err, c.want)
		}
		require.NoError(t, r.AddClass(class("Cat", "_id", prop("_id", value.KindInt))))
		require.NoError(t, r.AddProperty("Dog", link("cat", "Cat")))
		require.ErrorIs(t, r.RemoveClass("Cat"), store.ErrSchema, "a property links to it")
	})
}

// A row that was read before properties went still has the key.
func TestKeysAfterPropertiesWent(t *testing.T) {
	clean(t)
	r := openKeyLast(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(7), "age": i64(3), "name": str("Rex")}) })
	require.Equal(t, i64(7), get(t, rex, "_id"))
	before := r.Version()
	write(t, r, func() {
		require.NoError(t, r.RemoveProperty("Dog", "age"))
		set1(t, rex, "name", str("Max"))
	})
	require.Equal(t, []string{"EraseColumn Dog.age", "Update Dog[7].name"}, recorded(t, r, before))
	require.Equal(t, str("Max"), get(t, rex, "name"))

	integrate(t, r, changeset.Instruction{Op: changeset.EraseColumn, Table: "Dog", Field: "friend"})
	before = r.Version()
	write(t, r, func() { set1(t, rex, "name", str("Ben")) })
	require.Equal(t, []string{"Update Dog[7].name"}, recorded(t, r, before))
}

func TestLocalSchemaInATransaction(t *testing.T) {
	clean(t)
	r := openDogs(t)
	version := r.Version()
	write(t, r, func() {
		require.NoError(t, r.AddClass(class("Note", "", prop("text", value.KindString))))
		add(t, r, "Note", values{"text": str("a")})
	})
	require.Equal(t, version+1, r.Version())
	require.Equal(t, 1, count(t, all(t, r, "Note")))
	write(t, r, func() {
		require.ErrorIs(t, r.AddClass(schema.Class{Name: "Log", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{prop("_id", value.KindInt)}}), schema.ErrInvalid)
		require.NoError(t, r.RemoveClass("Note"))
	})
}

// An asymmetric class may go with the transaction that has created objects of it.
func TestAsymmetricClassThatGoes(t *testing.T) {
	clean(t)
	r := openKeyLast(t)
	before := r.Version()
	write(t, r, func() {
		require.NoError(t, r.AddClass(schema.Class{Name: "Log", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{prop("_id", value.KindInt)}}))
		add(t, r, "Log", values{"_id": i64(1)})
		require.NoError(t, r.RemoveClass("Log"))
	})
	require.Equal(t, []string{"AddTable Log", "CreateObject Log[1]", "EraseTable Log"}, recorded(t, r, before))
}

func TestDefaultsAndLinksByKey(t *testing.T) {
	clean(t)
	r := openKeyLast(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1)}) })
	before := r.Version()
	b := newBlock(t)
	defer b.free()
	friend := classOf(t, r, "Dog").Property("friend")
	write(t, r, func() {
		require.NoError(t, SetDefault(rex, friend, b.cells([]any{value.Null()})))
		require.NoError(t, SetDefault(rex, classOf(t, r, "Dog").Property("age"), b.cells([]any{i64(5)})))
		require.NoError(t, SetLink(rex, friend, value.Link{Class: "Dog", Key: value.IntKey(2)}))
	})
	c := changesets(t, r, before)[0]
	require.Len(t, c.Instructions, 1, "neither null where null is, nor a link to what isn't there")
	require.Equal(t, i64(5), c.Instructions[0].Value)
	require.True(t, c.Instructions[0].Default)
	require.Equal(t, value.Null(), get(t, rex, "friend"))

	before = r.Version()
	write(t, r, func() {
		max := create(t, r, "Dog", values{"_id": i64(2)})
		require.Equal(t, linkTo{fields(max).class, fields(max).key}, get(t, rex, "friend"))
		require.NoError(t, SetDefault(rex, friend, b.cells([]any{value.Null()})))
		require.NoError(t, SetLink(rex, friend, value.Link{Class: "Dog", Key: value.IntKey(1)}))
	})
	require.Equal(t, []string{"CreateObject Dog[2]", "Update Dog[1].friend", "Update Dog[1].friend", "Update Dog[1].friend"}, recorded(t, r, before))

	one := value.Link{Class: "Dog", Key: value.IntKey(1)}
	require.ErrorIs(t, SetLink(rex, friend, one), ErrNotInTransaction)
	write(t, r, func() {
		require.ErrorIs(t, SetLink(rex, 99, one), store.ErrSchema)
		require.ErrorIs(t, SetLink(rex, classOf(t, r, "Dog").Property("age"), one), store.ErrType)
		require.ErrorIs(t, SetLink(rex, friend, value.Link{Class: "Cat", Key: value.IntKey(1)}), store.ErrSchema)
		require.ErrorIs(t, SetLink(rex, friend, value.Link{Class: "Dog", Key: value.StringKey("1")}), store.ErrType)
		require.ErrorIs(t, SetLink(rex, friend, value.Link{Class: "Dog", Key: value.NullKey()}), store.ErrType)
	})
}
