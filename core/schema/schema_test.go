package schema

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

func key(t value.Kind) Property            { return Property{Name: "_id", Type: t} }
func prop(n string, t value.Kind) Property { return Property{Name: n, Type: t} }
func link(n, target string) Property {
	return Property{Name: n, Type: value.KindLink, LinkTarget: target, Nullable: true}
}

func top(name string, properties ...Property) Class {
	return Class{Name: name, PrimaryKey: "_id", Properties: append([]Property{key(value.KindInt)}, properties...)}
}

func TestValidSchema(t *testing.T) {
	tags := prop("tags", value.KindString)
	tags.Collection, tags.Nullable = Set, true
	friends := link("friends", "Person")
	friends.Collection, friends.Nullable = List, false
	byName := link("byName", "Address")
	byName.Collection = Dictionary
	mixed := prop("m", value.KindMixed)
	mixed.Nullable = true
	s := New(
		top("Person", tags, friends, byName, mixed, link("home", "Address")),
		Class{Name: "Address", Kind: Embedded, Properties: []Property{prop("street", value.KindString), link("owner", "Person")}},
		Class{Name: "Event", Kind: Asymmetric, PrimaryKey: "_id", Properties: []Property{key(value.KindUUID), link("who", "Person"), link("where", "Address")}},
	)
	require.NoError(t, Validate(s, Synced))
	require.NoError(t, Validate(s, SyncedExplicit))
	require.NoError(t, Validate(New(), Synced))
	require.NoError(t, Validate(nil, Local))
	require.NoError(t, Validate(New(Class{Name: "NoKey", Properties: []Property{prop("x", value.KindInt)}}, Class{Name: "Other", PrimaryKey: "k", Properties: []Property{prop("k", value.KindString)}}), Local))
	require.Same(t, s, s.Reachable())
}

func TestInvalidSchemas(t *testing.T) {
	with := func(p Property) *Schema {
		return New(top("A", p), Class{Name: "E", Kind: Embedded}, top("Async"), Class{Name: "Asym", Kind: Asymmetric, PrimaryKey: "_id", Properties: []Property{key(value.KindInt)}})
	}
	set := func(p Property, c Collection, nullable bool) Property {
		p.Collection, p.Nullable = c, nullable
		return p
	}
	for want, s := range map[string]*Schema{
		"A class has no name":                                  New(top("")),
		"has 58 bytes, more than 57":                           New(top(strings.Repeat("n", 58))),
		"has 64 bytes, more than 63":                           with(prop(strings.Repeat("p", 64), value.KindInt)),
		"A property of class 'A' has no name":                  with(prop("", value.KindInt)),
		"'x' appears more than once":                           New(top("A", prop("x", value.KindInt), prop("x", value.KindBool))),
		"unknown kind 9":                                       New(Class{Name: "A", Kind: 9, PrimaryKey: "_id", Properties: []Property{key(value.KindInt)}}),
		"must not have a primary key":                          New(top("B", link("e", "A")), Class{Name: "A", Kind: Embedded, PrimaryKey: "_id", Properties: []Property{key(value.KindInt)}}),
		"none was found for type 'A'":                          New(Class{Name: "A"}),
		"'_id' does not exist in class 'A'":                    New(Class{Name: "A", PrimaryKey: "_id"}),
		"'A._id' of type 'double' can't be":                    New(Class{Name: "A", PrimaryKey: "_id", Properties: []Property{key(value.KindDouble)}}),
		"'A._id' of type 'list<int>' can't be":                 New(Class{Name: "A", PrimaryKey: "_id", Properties: []Property{set(key(value.KindInt), List, false)}}),
		"must be named '_id' but found 'id'":                   New(Class{Name: "A", PrimaryKey: "id", Properties: []Property{prop("id", value.KindInt)}}),
		"'A.p' has an unknown type":                            with(prop("p", value.KindObject)),
		"has unknown object type 'Z'":                          with(link("p", "Z")),
		"link to the asymmetric class 'Asym'":                  with(link("p", "Asym")),
		"sets of embedded objects":                             with(set(link("p", "E"), Set, false)),
		"'A.p' of type 'link<A>' must be":                      with(set(link("p", "A"), Single, false)),
		"'A.p' of type 'list<link<A>>' must not be nullable":   with(set(link("p", "A"), List, true)),
		"'A.p' of type 'dictionary<link<A>>' must be nullable": with(set(link("p", "A"), Dictionary, false)),
		"'A.p' of type 'list<mixed>' must be nullable":         with(set(prop("p", value.KindMixed), List, false)),
		"cannot have an object type, it has 'A'":               with(Property{Name: "p", Type: value.KindInt, LinkTarget: "A"}),
		"'A.p' of type 'double' cannot be indexed":             with(Property{Name: "p", Type: value.KindDouble, Indexed: true}),
		"only a string can":                                    with(Property{Name: "p", Type: value.KindInt, FullText: true}),
		"'E.f' leads back to 'E'":                              New(top("A", link("e", "E")), Class{Name: "E", Kind: Embedded, Properties: []Property{link("f", "E")}}),
		"'F.e' leads back to 'E'":                              New(top("A", link("e", "E")), Class{Name: "E", Kind: Embedded, Properties: []Property{link("f", "F")}}, Class{Name: "F", Kind: Embedded, Properties: []Property{set(link("e", "E"), List, false)}}),
	} {
		err := Validate(s, Synced)
		require.ErrorIs(t, err, ErrInvalid, want)
		require.ErrorContains(t, err, want)
		var list *ValidationError
		require.True(t, errors.As(err, &list))
		require.Len(t, list.Problems, 1, "%v", list.Problems)
	}
	require.ErrorContains(t, Validate(New(Class{Name: "Asym", Kind: Asymmetric, PrimaryKey: "_id", Properties: []Property{key(value.KindInt)}}), Local), "'Asym' is not allowed")
	unreached := New(top("A"), Class{Name: "E", Kind: Embedded, Properties: []Property{link("f", "F")}}, Class{Name: "F", Kind: Embedded})
	require.NoError(t, Validate(unreached, Synced))
	require.ErrorContains(t, Validate(unreached, SyncedExplicit), "'F' is unreachable")
	require.Len(t, unreached.Reachable().Classes(), 1)
	many := make([]Property, MaxProperties)
	for i := range many {
		many[i] = prop("p"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/1300%10)+strings.Repeat("z", i/13000), value.KindInt)
	}
	require.ErrorContains(t, Validate(New(top("A", many...)), Synced), "has 65536 properties")
}

func TestNormalized(t *testing.T) {
	single, list, dict, mixed := link("s", "A"), link("l", "A"), link("d", "A"), prop("m", value.KindMixed)
	single.Nullable, list.Collection, dict.Collection, dict.Nullable = false, List, Dictionary, false
	s := New(top("A", single, list, dict, mixed))
	require.Error(t, Validate(s, Synced))
	n := s.Normalized()
	require.NoError(t, Validate(n, Synced))
	require.False(t, s.Class("A").Property("s").Nullable, "the original stays as it is")
	require.True(t, n.Class("A").Property("s").Nullable)
}

func TestDiffOrder(t *testing.T) {
	list := link("zoos", "Zoo")
	list.Collection, list.Nullable = List, false
	s := New(
		top("Zoo", prop("name", value.KindString), link("boss", "Person")),
		top("Animal", prop("b", value.KindInt), prop("a", value.KindInt)),
		Class{Name: "Address", Kind: Embedded, Properties: []Property{prop("street", value.KindString)}},
		Class{Name: "Log", Kind: Asymmetric, PrimaryKey: "_id", Properties: []Property{prop("text", value.KindString), key(value.KindObjectID)}},
		top("Person", link("home", "Address"), list),
	)
	changes, err := Diff(nil, s)
	require.NoError(t, err)
	var got []string
	current := New()
	for _, c := range changes {
		if c.Kind == AddClass {
			got = append(got, "+"+c.Class.Name)
			current = current.With(c.Class)
		} else {
			got = append(got, c.Class.Name+"."+c.Property.Name)
			class := *current.Class(c.Class.Name)
			class.Properties = append(class.Properties, c.Property)
			current = current.With(class)
		}
	}
	require.Equal(t, []string{"+Address", "+Animal", "+Log", "+Person", "+Zoo", "Address.street", "Animal.b", "Animal.a", "Log.text", "Person.home", "Person.zoos", "Zoo.name", "Zoo.boss"}, got)
	again, err := Diff(current, s)
	require.NoError(t, err)
	require.Empty(t, again)
	less, err := Diff(s, New(top("Zoo", prop("extra", value.KindBool))))
	require.NoError(t, err, "what the new schema lacks is kept")
	require.Equal(t, []Change{{Kind: AddProperty, Class: Class{Name: "Zoo"}, Property: prop("extra", value.KindBool)}}, less)
	indexed := prop("name", value.KindString)
	indexed.Indexed = true
	changes, err = Diff(s, New(top("Zoo", indexed)))
	require.NoError(t, err)
	require.Equal(t, []Change{{Kind: SetIndexes, Class: Class{Name: "Zoo"}, Property: indexed}}, changes)
}

func TestDiffRefuses(t *testing.T) {
	nullable := prop("p", value.KindInt)
	nullable.Nullable = true
	list := prop("p", value.KindInt)
	list.Collection = List
	old := New(top("A", prop("p", value.KindInt)), top("B", link("l", "A")), Class{Name: "C", Properties: nil})
	for want, s := range map[string]*Schema{
		"Property 'A.p' has been changed from 'int' to 'string'.":                      New(top("A", prop("p", value.KindString))),
		"Property 'A.p' has been changed from 'int' to 'int?'.":                        New(top("A", nullable)),
		"Property 'A.p' has been changed from 'int' to 'list<int>'.":                   New(top("A", list)),
		"Property 'B.l' has been changed from 'link<A>' to 'link<B>'.":                 New(top("B", link("l", "B"))),
		"Class 'C' has been changed from top-level to embedded.":                       New(Class{Name: "C", Kind: Embedded}),
		"Primary Key for class 'A' has been changed from '_id' (int) to 'k' (string).": New(Class{Name: "A", PrimaryKey: "k", Properties: []Property{prop("k", value.KindString)}}),
		"Primary Key for class 'C' has been changed from none to '_id' (int).":         New(top("C")),
		"Property 'A._id' has been changed from 'int' to 'uuid'.":                      New(Class{Name: "A", PrimaryKey: "_id", Properties: []Property{key(value.KindUUID)}}),
	} {
		changes, err := Diff(old, s)
		require.ErrorIs(t, err, ErrIncompatible, want)
		require.ErrorContains(t, err, want)
		require.Nil(t, changes)
		var list *IncompatibleError
		require.True(t, errors.As(err, &list))
		require.Len(t, list.Problems, 1)
	}
}
