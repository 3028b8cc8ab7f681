package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// A result follows whatever it depends on, in the same transaction and in later ones, and Concerns tells what that is.
func TestResultsFollowWhatTheyDependOn(t *testing.T) {
	c := openTemp(t)
	require.NoError(t, c.BeginWrite())
	key := schema.Property{Name: "_id", Type: value.KindInt}
	require.NoError(t, c.AddClass(schema.Class{Name: "Toy", PrimaryKey: "_id", Properties: []schema.Property{key, {Name: "n", Type: value.KindInt}, {Name: "other", Type: value.KindInt}}}))
	require.NoError(t, c.AddClass(schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{key,
		{Name: "tags", Type: value.KindString, Collection: schema.List}, {Name: "mix", Type: value.KindMixed, Nullable: true}}}))
	require.NoError(t, c.AddProperty("Dog", schema.Property{Name: "toys", Type: value.KindLink, Collection: schema.List, LinkTarget: "Toy"}))
	require.NoError(t, c.AddClass(schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{key}}))
	require.NoError(t, c.AddProperty("Person", schema.Property{Name: "dog", Type: value.KindLink, Nullable: true, LinkTarget: "Dog"}))
	st := c.State()
	for _, class := range []string{"Toy", "Dog", "Person"} {
		require.NoError(t, st.Create(class, value.IntKey(1)))
	}
	require.NoError(t, c.Commit())

	list := func(property string) interface{ Insert(int, value.Value) error } {
		node, err := st.Open("Dog", value.IntKey(1), property)
		require.NoError(t, err)
		return node.(interface{ Insert(int, value.Value) error })
	}
	link := func(class string) value.Value { return value.FromLink(class, value.IntKey(1)) }
	steps := []struct {
		query  string
		change func() error
	}{
		{"ANY tags == 'x'", func() error { return list("tags").Insert(0, value.String("x")) }},
		{"toys.@count == 1", func() error { return list("toys").Insert(0, link("Toy")) }},
		{"ANY toys.n == 5", func() error { return st.Set("Toy", value.IntKey(1), "n", value.Int(5)) }},
		{"toys.@sum.n > 5", func() error { return st.Set("Toy", value.IntKey(1), "n", value.Int(6)) }},
		{"SUBQUERY(toys, $t, $t.n == 7).@count > 0", func() error { return st.Set("Toy", value.IntKey(1), "n", value.Int(7)) }},
		{"mix.n == 8", func() error {
			if err := st.Set("Dog", value.IntKey(1), "mix", link("Toy")); err != nil {
				return err
			}
			return st.Set("Toy", value.IntKey(1), "n", value.Int(8))
		}},
		{"@links.Person.dog.@count == 1", func() error { return st.Set("Person", value.IntKey(1), "dog", link("Dog")) }},
		{"@links.@count == 2", func() error { // a new object that links to it
			if err := st.Create("Person", value.IntKey(2)); err != nil {
				return err
			}
			return st.Set("Person", value.IntKey(2), "dog", link("Dog"))
		}},
		{"@links.Person.dog.@count == 0", func() error {
			if err := st.Erase("Person", value.IntKey(2)); err != nil {
				return err
			}
			return st.Erase("Person", value.IntKey(1))
		}},
		{"toys.@count == 0", func() error { return st.Erase("Toy", value.IntKey(1)) }},
	}
	for _, s := range steps {
		plan := func() *Plan {
			q, err := rql.Parse(s.query)
			require.NoError(t, err)
			b, err := q.Bind(c.Schema(), "Dog", rql.WithNavigation())
			require.NoError(t, err)
			p, err := c.Compile(b)
			require.NoError(t, err)
			return p
		}
		count := func(p *Plan) int {
			n, err := p.Count()
			require.NoError(t, err, s.query)
			return n
		}
		require.NoError(t, c.BeginWrite())
		p := plan()
		require.Zero(t, count(p), s.query)
		require.NoError(t, s.change())
		require.Equal(t, 1, count(p), s.query)
		changes, err := c.TakeChanges()
		require.NoError(t, err)
		require.True(t, p.Concerns(changes), s.query)
		require.NoError(t, c.Commit())
		require.NoError(t, c.BeginRead())
		require.Equal(t, 1, count(p), s.query)
		c.EndRead()
	}

	// What it doesn't look at doesn't concern it.
	require.NoError(t, c.BeginWrite())
	require.NoError(t, st.Create("Toy", value.IntKey(3)))
	require.NoError(t, c.Commit())
	require.NoError(t, c.BeginWrite())
	q, err := rql.Parse("ANY toys.n == 5")
	require.NoError(t, err)
	b, err := q.Bind(c.Schema(), "Dog", rql.WithNavigation())
	require.NoError(t, err)
	p, err := c.Compile(b)
	require.NoError(t, err)
	require.NoError(t, st.Set("Toy", value.IntKey(3), "other", value.Int(1)))
	changes, err := c.TakeChanges()
	require.NoError(t, err)
	require.False(t, p.Concerns(changes))
	require.NoError(t, c.Commit())
}
