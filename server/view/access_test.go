package view

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
	"realmsync/server/rules"
)

// access is that of a user by these default roles.
func access(t testing.TB, user, roles string) *Access {
	t.Helper()
	s := appconfig.Service{Name: "db", Type: "mongodb", DefaultRule: &appconfig.Rule{}, FlexibleSync: &appconfig.FlexibleSync{
		State: appconfig.SyncEnabled, DatabaseName: "db", QueryableFieldsNames: []string{"owner", "n", "text", "tags"},
	}}
	require.NoError(t, json.Unmarshal([]byte(roles), &s.DefaultRule.Roles))
	set, err := rules.Compile(&appconfig.Config{Services: []appconfig.Service{s}})
	require.NoError(t, err)
	return NewAccess(set.Sync(&rules.Caller{UserID: user}, nil).Class)
}

const (
	owners = `[{"name":"owner","document_filters":{"read":{"n":{"$gt":100}},"write":{"owner":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]`
	hiders = `[{"name":"h","document_filters":{"read":true,"write":true},"fields":{"text":{"read":false}},"additional_fields":{"read":true,"write":true}}]`
)

func (f *fixture) acquireFor(a *Access, query string) *Set {
	f.t.Helper()
	s, err := f.fan.AcquireFor(f.Catalog(), fmt.Appendf(nil, `{"T":%q}`, query), a, false)
	require.NoError(f.t, err)
	return s
}

// A role's filter is part of the view, and leads to the queries that an object can match.
func TestFilteredSets(t *testing.T) {
	f := open(t)
	const users = 200
	var sets []*Set
	for i := range users {
		sets = append(sets, f.acquireFor(access(t, fmt.Sprint("user-", i), owners), "TRUEPREDICATE"))
		require.Equal(t, 1, sets[i].Scans(), "what is public is tried on everything")
	}
	// Each user has a query of its own, found by its owner, and shares the one on what is public.
	index := f.fan.classes["T"]
	require.Len(t, index.scan, 1)
	require.Len(t, index.keyed["owner"], users)
	require.Len(t, f.fan.queries, users+1)

	e := f.write(create(1, value.String("user-7"), 5)...)
	require.NotEmpty(t, f.sees(sets[7], e))
	require.Empty(t, f.sees(sets[8], e))
	require.Len(t, f.fan.Item(e.Version).parts, 1, "nobody else is asked")
	e = f.write(set(1, "n", value.Int(101)))
	require.Equal(t, []string{"1.n = 101"}, f.sees(sets[7], e))
	require.Equal(t, []string{"erase 1", "create 1", `1.owner = "user-7"`, "1.n = 101", `1.text = "text of 1"`}, f.sees(sets[8], e))
	e = f.write(set(1, "owner", value.String("user-8")), set(1, "n", value.Int(1)))
	require.Equal(t, []string{"erase 1"}, f.sees(sets[7], e))
	for _, s := range sets {
		s.Release()
	}
	require.Empty(t, f.fan.queries)
	require.Empty(t, f.fan.classes)
}

// The text of a set makes it again; what is the same is shared, and a full access is as none.
func TestRestoredSets(t *testing.T) {
	f := open(t)
	a := f.acquireFor(access(t, "anna", owners), "n > 3")
	again, err := f.fan.Restore(f.Catalog(), a.Body())
	require.NoError(t, err)
	require.Same(t, a, again)
	again.Release()
	a.Release()
	again, err = f.fan.Restore(f.Catalog(), a.Body())
	require.NoError(t, err)
	require.Equal(t, a.Body(), again.Body())
	e := f.write(create(1, value.String("anna"), 5)...)
	require.NotEmpty(t, f.sees(again, e))
	e = f.write(create(2, value.String("berta"), 5)...)
	require.Empty(t, f.sees(again, e))
	again.Release()

	everybody := access(t, "anna", `[{"name":"all","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`)
	s := f.acquireFor(everybody, "n > 3")
	require.Equal(t, `{"T":"n > 3"}`, s.Body())
	s.Release()
	s = f.acquireFor(access(t, "anna", `[]`), "n > 3")
	require.False(t, s.Subscribed("T"))
	require.Equal(t, []string{"T"}, s.Classes())
	s.Release()

	for _, damaged := range []string{"\x01", "\x01{}", "\x01[]\x01{}", "\x01{\"T\":5}\x01{}"} {
		_, err := f.fan.Restore(f.Catalog(), damaged)
		require.Error(t, err, "%q", damaged)
	}
}

// Properties that are hidden are in no form of an object that is sent.
func TestHiddenProperties(t *testing.T) {
	f := open(t)
	s := f.acquireFor(access(t, "anna", hiders), "n > 3")
	defer s.Release()
	require.Equal(t, []string{"create 1", "1.owner = null", "1.n = 4"}, f.sees(s, f.write(create(1, value.Null(), 4)...)))
	require.Empty(t, f.sees(s, f.write(set(1, "text", value.String("secret")))))
	f.write(create(2, value.Null(), 1)...)
	require.Equal(t, []string{"erase 2", "create 2", "2.n = 5"}, f.sees(s, f.write(set(2, "n", value.Int(5)))))
	// A bootstrap from a view that shows them sends anew what both show.
	open := f.acquire("n > 3")
	defer open.Release()
	snapshot, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, snapshot.Close()) }()
	for _, c := range []struct {
		before, after *Set
		want          []string
	}{
		{open, s, []string{"erase 1", "create 1", "1.n = 4", "erase 2", "create 2", "2.n = 5"}},
		{s, open, []string{"erase 1", "create 1", "1.n = 4", `1.text = "secret"`, "erase 2", "create 2", "2.n = 5", `2.text = "text of 2"`}},
		{s, s, nil},
	} {
		var got []string
		b := Bootstrap{Before: c.before, After: c.after}
		require.NoError(t, b.Write(snapshot, func(b []byte) error {
			got = append(got, decode(t, b)...)
			return nil
		}))
		require.Equal(t, c.want, got)
	}
	require.True(t, s.hides(&changeset.Instruction{Op: changeset.Update, Table: "T", Field: "text"}))
	require.False(t, s.hides(&changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "text"}), "the schema is for everybody")
}

// A list that is too long for a filter opens no gate, whichever way it is asked.
func TestLongListsInFilters(t *testing.T) {
	f := open(t)
	f.write(changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "tags", Collection: schema.List, Schema: &changeset.SchemaFields{Type: value.KindInt}})
	fill := func(id int64, n int) []changeset.Instruction {
		ins := create(id, value.Null(), 1)
		for i := range n {
			ins = append(ins, changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: value.IntKey(id), Field: "tags", Value: value.Int(int64(i)), PriorSize: uint32(i),
				Path: []changeset.Step{{IsPos: true, Pos: uint32(i)}}})
		}
		return ins
	}
	short, long := f.write(fill(1, 3)...).Images[0].After, f.write(fill(2, maxFilterList+1)...).Images[0].After
	for filter, want := range map[string]bool{
		`{"tags":2}`: true, `{"tags":{"$ne":7}}`: true, `{"%not":{"tags":7}}`: true, `{"tags":{"$nin":[7,8]}}`: true, `{"tags":{"$exists":true}}`: true, `{"tags":7}`: false,
	} {
		a := access(t, "anna", `[{"name":"r","document_filters":{"read":false,"write":`+filter+`},"read":true,"write":true,"insert":true,"delete":true}]`)
		ok, err := a.Writes(short)
		require.NoError(t, err)
		require.Equal(t, want, ok, filter)
		ok, err = a.Writes(long)
		require.NoError(t, err)
		require.Equal(t, filter == `{"tags":{"$exists":true}}`, ok, filter)
	}
}

// What filters see of an object: each kind of value, lists, and nothing of what is no value.
func TestFilterValues(t *testing.T) {
	f := open(t)
	column := func(name string, s changeset.SchemaFields) changeset.Instruction {
		return changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: name, Collection: schema.Collection(0), Schema: &s}
	}
	kinds := map[string]value.Value{
		"b": value.Bool(true), "d": value.Double(2.5), "f": value.Float(0.5), "t": value.FromTimestamp(value.NewTimestamp(10, 5_000_000)),
		"o": value.FromObjectID(value.ObjectID{1}), "u": value.FromUUID(value.UUID{2}), "bin": value.Binary([]byte{3}), "dec": value.FromDecimal(value.DecimalFromInt64(7)),
	}
	ins := create(1, value.String("anna"), 9)
	var columns []changeset.Instruction
	for name, v := range kinds {
		columns = append(columns, column(name, changeset.SchemaFields{Type: v.Kind()}))
		ins = append(ins, set(1, name, v))
	}
	f.write(columns...)
	e := f.write(ins...)
	d := rowDocument{row: e.Images[0].After}
	for name, want := range map[string]any{
		"_id": int64(1), "n": int64(9), "owner": "anna", "b": true, "d": 2.5, "f": 0.5, "t": bson.DateTime(10_005), "o": bson.ObjectID{1},
		"u": bson.Binary{Subtype: 4, Data: []byte{2, 15: 0}}, "bin": bson.Binary{Data: []byte{3}}, "absent": nil,
	} {
		require.Equal(t, want, d.Field(name), name)
	}
	require.Equal(t, "7", d.Field("dec").(bson.Decimal128).String())
	require.NoError(t, d.err)
	for _, k := range []struct {
		constant any
		kind     value.Kind
		ok       bool
	}{
		{"x", value.KindString, true}, {"x", value.KindMixed, false}, {int32(1), value.KindInt, true}, {int64(1), value.KindDouble, false},
		{true, value.KindBool, true}, {bson.ObjectID{}, value.KindObjectID, true}, {bson.Binary{Subtype: 4, Data: make([]byte, 16)}, value.KindUUID, true},
		{bson.Binary{Data: make([]byte, 16)}, value.KindBinary, false}, {1.5, value.KindInt, false}, {nil, value.KindInt, false},
	} {
		_, ok := indexValue(k.constant, k.kind)
		require.Equal(t, k.ok, ok, "%v", k)
	}
}
