package store

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// What SQL finds must be what rql finds on the same values, whatever the query. The oracle keeps all values in memory.

var oracleSchema = []schema.Class{
	{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindString},
		{Name: "n", Type: value.KindInt, Nullable: true, Indexed: true},
		{Name: "s", Type: value.KindString},
		{Name: "back", Type: value.KindLink, Nullable: true, LinkTarget: "O"},
	}},
	{Name: "O", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt},
		{Name: "i", Type: value.KindInt},
		{Name: "io", Type: value.KindInt, Nullable: true, Indexed: true},
		{Name: "b", Type: value.KindBool, Nullable: true},
		{Name: "s", Type: value.KindString, Nullable: true, Indexed: true},
		{Name: "bin", Type: value.KindBinary, Nullable: true},
		{Name: "ts", Type: value.KindTimestamp, Nullable: true},
		{Name: "f", Type: value.KindFloat, Nullable: true},
		{Name: "d", Type: value.KindDouble, Nullable: true},
		{Name: "dec", Type: value.KindDecimal, Nullable: true},
		{Name: "oid", Type: value.KindObjectID, Nullable: true},
		{Name: "uuid", Type: value.KindUUID, Nullable: true},
		{Name: "mix", Type: value.KindMixed, Nullable: true},
		{Name: "self", Type: value.KindLink, Nullable: true, LinkTarget: "O"},
		{Name: "t", Type: value.KindLink, Nullable: true, LinkTarget: "T"},
	}},
}

func mustDecimal(s string) value.Value {
	d, err := value.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return value.FromDecimal(d)
}

// pool are values of each type, few and close to each other, so that queries have hits.
var pool = map[value.Kind][]value.Value{
	value.KindInt:  {value.Int(0), value.Int(1), value.Int(-1), value.Int(5), value.Int(math.MaxInt64), value.Int(math.MinInt64)},
	value.KindBool: {value.Bool(true), value.Bool(false)},
	value.KindString: {value.String(""), value.String("a"), value.String("A"), value.String("abc"), value.String("aBCd"),
		value.String("ä"), value.String("Äa"), value.String("b*d"), value.String("z\x00"), value.String("1")},
	value.KindBinary:    {value.BinaryString(""), value.BinaryString("a"), value.BinaryString("abc"), value.BinaryString("\xff\x00")},
	value.KindTimestamp: {value.FromTimestamp(value.Timestamp{}), value.FromTimestamp(value.Timestamp{Seconds: -1, Nanoseconds: -5}), value.FromTimestamp(value.Timestamp{Seconds: 1}), value.FromTimestamp(value.Timestamp{Seconds: 1, Nanoseconds: 7})},
	value.KindFloat:     {value.Float(0), value.Float(1), value.Float(-1.5), value.FloatBits(0x80000000), value.FloatBits(0x7fc00000), value.Float(float32(math.Inf(1)))},
	value.KindDouble:    {value.Double(0), value.Double(1), value.Double(0.1), value.Double(-2.5), value.Double(math.Copysign(0, -1)), value.Double(math.NaN()), value.Double(math.Inf(-1)), value.Double(9007199254740993)},
	value.KindDecimal:   {mustDecimal("0"), mustDecimal("1"), mustDecimal("1.00"), mustDecimal("0.1"), mustDecimal("-7E+20"), mustDecimal("NaN"), mustDecimal("-Inf"), mustDecimal("1E-6000"), mustDecimal("9223372036854775807")},
	value.KindObjectID:  {value.FromObjectID(value.ObjectID{}), value.FromObjectID(value.ObjectID{1}), value.FromObjectID(value.ObjectID{11: 9})},
	value.KindUUID:      {value.FromUUID(value.UUID{}), value.FromUUID(value.UUID{1}), value.FromUUID(value.UUID{15: 255})},
}

var scalars = []value.Kind{value.KindInt, value.KindBool, value.KindString, value.KindBinary, value.KindTimestamp, value.KindFloat,
	value.KindDouble, value.KindDecimal, value.KindObjectID, value.KindUUID}

// oracle is the realm in a file and, in memory, what it should hold.
type oracle struct {
	t       testing.TB
	rng     *rand.Rand
	conn    *Conn
	objects map[string]map[value.Key]*oracleObject
}

type oracleObject struct {
	of     *oracle
	class  *schema.Class
	key    value.Key
	row    int64
	values []value.Value
}

func (o *oracleObject) Ordinal() int64 { return o.row }

func (o *oracleObject) Get(i int) (value.Value, error) {
	v := o.values[i]
	if v.Kind() == value.KindLink && o.of.objects[v.Link().Class][v.Link().Key] == nil {
		return value.Null(), nil // dangling
	}
	return v, nil
}

func (o *oracleObject) Follow(i int) (rql.Object, error) {
	v := o.values[i]
	if v.Kind() != value.KindLink {
		return nil, nil
	}
	if target := o.of.objects[v.Link().Class][v.Link().Key]; target != nil {
		return target, nil
	}
	return nil, nil
}

func newOracle(t testing.TB, seed uint64) *oracle {
	or := &oracle{t: t, rng: rand.New(rand.NewPCG(seed, 99)), conn: openTemp(t), objects: map[string]map[value.Key]*oracleObject{"O": {}, "T": {}}}
	write(t, or.conn, func() {
		require.NoError(t, or.conn.AddClass(schema.Class{Name: "O", PrimaryKey: "_id", Properties: oracleSchema[1].Properties[:1]}))
		require.NoError(t, or.conn.AddClass(oracleSchema[0]))
		for _, p := range oracleSchema[1].Properties[1:] {
			require.NoError(t, or.conn.AddProperty("O", p))
		}
	})
	return or
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// someKey is the key of an object that may exist.
func (or *oracle) someKey(class string) value.Key {
	if class == "T" {
		return value.StringKey(fmt.Sprint("t", or.rng.IntN(6)))
	}
	return value.IntKey(int64(or.rng.IntN(40)))
}

// someValue is a value that fits a property.
func (or *oracle) someValue(p *schema.Property) value.Value {
	if p.Nullable && or.rng.IntN(5) == 0 {
		return value.Null()
	}
	switch p.Type {
	case value.KindLink:
		return value.FromLink(p.LinkTarget, or.someKey(p.LinkTarget))
	case value.KindMixed:
		if or.rng.IntN(6) == 0 {
			return value.FromLink("O", or.someKey("O"))
		}
		return pick(or.rng, pool[pick(or.rng, scalars)])
	default:
		return pick(or.rng, pool[p.Type])
	}
}

// change makes one random change, in the file and in memory.
func (or *oracle) change() {
	class := "O"
	if or.rng.IntN(5) == 0 {
		class = "T"
	}
	cl, key := or.conn.Class(class), or.someKey(class)
	o := or.objects[class][key]
	switch {
	case o == nil:
		o = &oracleObject{of: or, class: cl.Def, key: key, values: make([]value.Value, len(cl.Def.Properties))}
		for i := range o.values {
			o.values[i] = or.someValue(&cl.Def.Properties[i])
		}
		o.values[cl.KeyIndex] = key.Value()
		row, err := or.conn.InsertValues(cl, o.values)
		require.NoError(or.t, err)
		o.row = row
		or.objects[class][key] = o
	case or.rng.IntN(6) == 0:
		require.NoError(or.t, or.conn.Delete(cl, o.row))
		delete(or.objects[class], key)
	default:
		i := 1 + or.rng.IntN(len(o.values)-1)
		o.values[i] = or.someValue(&cl.Def.Properties[i])
		require.NoError(or.t, or.conn.SetValue(cl, o.row, i, o.values[i]))
	}
}

// all returns the objects of a class in row order.
func (or *oracle) all(class string) []rql.Object {
	var rows []*oracleObject
	for _, o := range or.objects[class] {
		rows = append(rows, o)
	}
	slices.SortFunc(rows, func(a, b *oracleObject) int { return cmp.Compare(a.row, b.row) })
	out := make([]rql.Object, len(rows))
	for i, o := range rows {
		out[i] = o
	}
	return out
}

var paths = []string{"i", "io", "b", "s", "bin", "ts", "f", "d", "dec", "oid", "uuid", "mix", "self", "t", "_id",
	"self.i", "self.s", "self.self.io", "t.n", "t.s", "t.back.s", "t.back.d", "self.t.s"}

// predicate writes a random predicate; its constants are arguments.
func (or *oracle) predicate(depth int, args *[]rql.Arg) string {
	rng := or.rng
	if depth > 0 && rng.IntN(2) == 0 {
		a := or.predicate(depth-1, args)
		switch rng.IntN(3) {
		case 0:
			return "NOT (" + a + ")"
		case 1:
			return "(" + a + " AND " + or.predicate(depth-1, args) + ")"
		default:
			return "(" + a + " OR " + or.predicate(depth-1, args) + ")"
		}
	}
	arg := func(v value.Value) string {
		*args = append(*args, rql.Scalar(v))
		return fmt.Sprintf("$%d", len(*args)-1)
	}
	path := pick(rng, paths)
	constant := func() value.Value {
		switch rng.IntN(12) {
		case 0:
			return value.Null()
		case 1:
			return value.FromLink("O", or.someKey("O"))
		default:
			return pick(rng, pool[pick(rng, scalars)])
		}
	}
	typed := func() value.Value { // of the type of the path's end, mostly
		if rng.IntN(4) == 0 {
			return constant()
		}
		name := path[strings.LastIndexByte(path, '.')+1:]
		for _, c := range oracleSchema {
			for i := range c.Properties {
				if c.Properties[i].Name == name && (c.Name == "O") == (!strings.HasPrefix(path, "t.") || strings.HasPrefix(path, "t.back")) {
					return or.someValue(&c.Properties[i])
				}
			}
		}
		return constant()
	}
	compare := pick(rng, []string{"==", "!=", "<", "<=", ">", ">=", "==", "==", "BEGINSWITH", "ENDSWITH", "CONTAINS", "LIKE", "==[c]", "!=[c]", "CONTAINS[c]", "LIKE[c]", "BEGINSWITH[c]"})
	switch rng.IntN(8) {
	case 0:
		return fmt.Sprintf("%s IN {%s, %s, %s}", path, arg(typed()), arg(typed()), arg(typed()))
	case 1:
		return fmt.Sprintf("%s BETWEEN {%s, %s}", path, arg(typed()), arg(typed()))
	case 2:
		return fmt.Sprintf("%s %s %s", path, compare, pick(rng, paths))
	case 3:
		return fmt.Sprintf("%s %s %s", arg(typed()), compare, path)
	case 4:
		return fmt.Sprintf("%s {%s, %s} %s %s", pick(rng, []string{"ANY", "ALL", "NONE"}), arg(typed()), arg(typed()), compare, path)
	default:
		return fmt.Sprintf("%s %s %s", path, compare, arg(typed()))
	}
}

func (or *oracle) descriptors() string {
	var out []string
	for range or.rng.IntN(3) {
		path := func() string { return pick(or.rng, paths) }
		switch or.rng.IntN(4) {
		case 0:
			out = append(out, fmt.Sprintf("LIMIT(%d)", or.rng.IntN(10)))
		case 1:
			out = append(out, fmt.Sprintf("DISTINCT(%s)", path()))
		default:
			out = append(out, fmt.Sprintf("SORT(%s %s, %s %s)", path(), pick(or.rng, []string{"ASC", "DESC"}), path(), pick(or.rng, []string{"ASC", "DESC"})))
		}
	}
	return " " + strings.Join(out, " ")
}

// query returns a random query that can be bound, nil if this one can't.
func (or *oracle) query() *rql.Bound {
	var args []rql.Arg
	text := or.predicate(2, &args) + or.descriptors()
	q, err := rql.Parse(text, args...)
	require.NoError(or.t, err, text)
	b, err := q.Bind(or.conn.Schema(), "O")
	if err != nil {
		return nil
	}
	return b
}

func (or *oracle) check(plan *Plan, b *rql.Bound) {
	or.t.Helper()
	want, err := b.Select(or.all("O"))
	require.NoError(or.t, err)
	rows := []int64{}
	for _, o := range want {
		rows = append(rows, o.(*oracleObject).row)
	}
	// Any of the ways may be the first after a change.
	ways := []func(){
		func() {
			n, err := plan.Count()
			require.NoError(or.t, err)
			require.Equal(or.t, len(rows), n, "%v", b)
		},
		func() {
			got, err := plan.RowIDs()
			require.NoError(or.t, err)
			require.Equal(or.t, rows, append([]int64{}, got...), "%v", b)
		},
		func() {
			row, ok, err := plan.First()
			require.NoError(or.t, err)
			require.Equal(or.t, len(rows) > 0, ok, "%v", b)
			if ok {
				require.Equal(or.t, rows[0], row, "%v", b)
			}
		},
		func() {
			all, err := plan.Rows()
			require.NoError(or.t, err)
			require.Equal(or.t, len(rows), all.Len())
			for i, row := range rows {
				require.Equal(or.t, row, all.At(i), "%v", b)
			}
		},
		func() {
			for i, row := range rows {
				at, ok, err := plan.IndexOf(row)
				require.NoError(or.t, err)
				require.True(or.t, ok)
				require.Equal(or.t, i, at, "%v", b)
			}
		},
	}
	or.rng.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
	for _, way := range ways[:2] {
		way()
	}
}

func TestRandomQueriesAgreeWithRQL(t *testing.T) {
	for seed := range uint64(4) {
		or := newOracle(t, seed)
		write(t, or.conn, func() {
			for range 150 {
				or.change()
			}
		})
		require.NoError(t, or.conn.BeginRead())
		tried, bySQL := 0, 0
		for range 1500 {
			b := or.query()
			if b == nil {
				continue
			}
			tried++
			plan, err := or.conn.Compile(b)
			require.NoError(t, err)
			if !plan.residual && !plan.selected {
				bySQL++
			}
			or.check(plan, b)
		}
		require.NoError(t, or.conn.EndRead())
		require.Greater(t, tried, 500)
		require.Greater(t, bySQL, tried/4, "most queries should not need Go")
	}
}

// Results that follow changes must be what the query finds anew.
func TestPlansFollowChanges(t *testing.T) {
	for seed := range uint64(3) {
		or := newOracle(t, 100+seed)
		write(t, or.conn, func() {
			for range 60 {
				or.change()
			}
		})
		type pair struct {
			plan  *Plan
			bound *rql.Bound
		}
		var kept []pair
		require.NoError(t, or.conn.BeginRead())
		for len(kept) < 40 {
			if b := or.query(); b != nil {
				plan, err := or.conn.Compile(b)
				require.NoError(t, err)
				kept = append(kept, pair{plan, b})
			}
		}
		require.NoError(t, or.conn.EndRead())
		for range 12 {
			write(t, or.conn, func() {
				for range 6 {
					for range 1 + or.rng.IntN(3) {
						or.change()
					}
					for _, p := range kept {
						or.check(p.plan, p.bound)
					}
				}
			})
			require.NoError(t, or.conn.BeginRead())
			for _, p := range kept {
				or.check(p.plan, p.bound)
			}
			require.NoError(t, or.conn.EndRead())
		}
	}
}
