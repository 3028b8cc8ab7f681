package rules

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"
)

// Each expression on one document and one user; what is frozen for sync must be worth the same.
func TestExpressions(t *testing.T) {
	root := doc(t, `{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"owner":"anna","team":"red","n":{"$numberLong":"5"},"tags":["a","b"],"inner":{"x":1},
		"list":[{"x":1},{"x":2}],"nothing":null,"u":{"$uuid":"00000000-0000-4000-8000-000000000001"},"day":{"$date":"2020-01-01T00:00:00Z"},"half":2.5}`)
	set := &Set{values: doc(t, `{"limit":4,"teams":["red"]}`), tag: "production", environment: doc(t, `{"region":"eu"}`)}
	cases := []struct {
		text string
		want Truth
	}{
		{`true`, True},
		{`false`, False},
		{`{}`, True},
		{`{"owner":"%%user.id"}`, True},
		{`{"owner":"berta"}`, False},
		{`{"%%root.owner":"%%user.id"}`, True},
		{`{"owner":"anna","team":"blue"}`, False},
		{`{"n":5}`, True},
		{`{"n":{"$numberDouble":"5.0"}}`, True},
		{`{"n":{"$numberDecimal":"5.00"}}`, True},
		{`{"n":5.5}`, False},
		{`{"n":"5"}`, False},
		{`{"n":{"$gt":4,"$lte":5}}`, True},
		{`{"n":{"%gt":4,"%lt":5}}`, False},
		{`{"n":{"$gte":"%%values.limit"}}`, True},
		{`{"half":{"$gt":2,"$lt":{"$numberDecimal":"2.51"}}}`, True},
		{`{"n":{"$ne":4}}`, True},
		{`{"n":{"$in":[1,5]}}`, True},
		{`{"n":{"$nin":[1,5]}}`, False},
		{`{"team":{"$in":"%%user.custom_data.teams"}}`, True},
		{`{"team":"%%user.custom_data.teams"}`, True},
		{`{"%%user.custom_data.teams":"red"}`, True},
		{`{"%%user.custom_data.teams":"green"}`, False},
		{`{"tags":"a"}`, True},
		{`{"tags":["a","b"]}`, True},
		{`{"tags":["b","a"]}`, False},
		{`{"tags":{"$in":["z","b"]}}`, True},
		{`{"tags":{"$gt":"a"}}`, True},
		{`{"tags":{"$gt":"b"}}`, False},
		{`{"inner.x":1}`, True},
		{`{"list.x":2}`, True},
		{`{"list.x":3}`, False},
		{`{"inner":{"x":1}}`, True},
		{`{"nothing":null}`, True},
		{`{"missing":null}`, True},
		{`{"missing":"x"}`, False},
		{`{"missing":{"$ne":"x"}}`, True},
		{`{"missing":{"$exists":false}}`, True},
		{`{"owner":{"$exists":true}}`, True},
		{`{"_id":"%%user.custom_data.o"}`, True},
		{`{"_id":"5e43ddcc636ee106eaa12bda"}`, False},
		{`{"_id":{"%stringToOid":"5e43ddcc636ee106eaa12bda"}}`, True},
		{`{"_id":{"%stringToOid":"rubbish"}}`, Undefined},
		{`{"%%user.id":{"%oidToString":"%%root._id"}}`, False},
		{`{"u":{"%stringToUuid":"00000000-0000-4000-8000-000000000001"}}`, True},
		{`{"%%true":{"owner":"anna"}}`, True},
		{`{"%%false":{"owner":"anna"}}`, False},
		{`{"%%true":"%%user.custom_data.admin"}`, True},
		{`{"%%user.custom_data.admin":true}`, True},
		{`{"%%user.custom_data.level":{"$gte":4}}`, False},
		{`{"%%user.type":"normal"}`, True},
		{`{"%%environment.tag":"production"}`, True},
		{`{"%%environment.values.region":"eu"}`, True},
		{`{"team":"%%values.teams"}`, True},
		{`{"%or":[{"owner":"x"},{"n":5}]}`, True},
		{`{"%and":[{"owner":"anna"},{"n":6}]}`, False},
		{`{"%not":{"owner":"anna"}}`, False},
		{`{"$nor":[{"owner":"x"},{"n":6}]}`, True},
		{`{"n":{"$not":{"$gt":7}}}`, True},
		{`{"day":{"$lt":{"$date":"2020-01-02T00:00:00Z"}}}`, True},
		// What isn't there is undefined, and stays so when it is turned around.
		{`{"owner":"%%user.custom_data.absent"}`, Undefined},
		{`{"owner":{"$ne":"%%user.custom_data.absent"}}`, Undefined},
		{`{"%not":{"owner":"%%user.data.x"}}`, Undefined},
		{`{"%or":[{"owner":"%%user.data.x"},{"n":5}]}`, True},
		{`{"%and":[{"owner":"%%user.data.x"},{"n":6}]}`, False},
		{`{"%%user.data.x":{"$exists":false}}`, True},
		{`{"owner":{"$in":"%%user.id"}}`, False},
		{`{"%%prevRoot.owner":"anna"}`, Undefined},
		{`{"%%true":{"%function":{"name":"f","arguments":["%%user.id"]}}}`, Undefined},
	}
	for _, c := range cases {
		e, err := ParseExpression(json.RawMessage(c.text), "e")
		require.NoError(t, err, c.text)
		env := set.env(anna(t))
		require.Equal(t, c.want, e.Evaluate(env.on(root, nil)), c.text)
		if strings.Contains(c.text, ".x\":") && !strings.Contains(c.text, "user") || strings.Contains(c.text, "%%root") {
			continue // filters look at whole fields
		}
		f := e.Freeze(env)
		require.Equal(t, c.want, f.eval(BSON(root)), "%s, frozen as %s", c.text, f)
		again, err := parseFilter(f.String())
		require.NoError(t, err, f.String())
		require.Equal(t, f.String(), again.String())
		require.Equal(t, c.want, again.eval(BSON(root)), f.String())
	}
}

func TestFunctionsInExpressions(t *testing.T) {
	e, err := ParseExpression(json.RawMessage(`{"%%true":{"%function":{"name":"may","arguments":["%%user.id","%%root.n"]}}}`), "e")
	require.NoError(t, err)
	env := (&Set{}).env(anna(t)).on(doc(t, `{"n":1}`), nil)
	env.Call = func(name string, args bson.A) (any, error) {
		require.Equal(t, "may", name)
		require.Equal(t, bson.A{"anna", int32(1)}, args)
		return true, nil
	}
	require.Equal(t, True, e.Evaluate(env))
	env.Call = func(string, bson.A) (any, error) { return nil, errors.New("it threw") }
	require.Equal(t, Undefined, e.Evaluate(env))
}

// A role behind one that a function couldn't decide over may allow more: it doesn't come to it. Functions fail for whoever keeps all of them busy.
func TestFunctionsThatFail(t *testing.T) {
	set := compiled(t, service(t, `{"default_rule":{"roles":[{"name":"blocked","apply_when":{"%or":[{"%%user.id":"berta"},{"%%true":{"%function":{"name":"blocked","arguments":["%%user.id"]}}}]},"read":false},
		{"name":"all","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]}}`))
	answer := func(v any, err error) func(string, bson.A) (any, error) {
		return func(string, bson.A) (any, error) { return v, err }
	}
	d := doc(t, `{"_id":1}`)
	for _, c := range []struct {
		user   string
		call   func(string, bson.A) (any, error)
		reads  bool
		denial string
	}{
		{"anna", answer(false, nil), true, ""},
		{"anna", answer(true, nil), false, "the role blocked applies and can't be used for sync"},
		{"anna", answer(nil, errors.New("too busy")), false, "whether the role blocked applies can't be told: too busy"},
		{"berta", answer(nil, errors.New("too busy")), false, "the role blocked applies and can't be used for sync"},
	} {
		caller := &Caller{UserID: c.user}
		_, ok := set.Document(caller, "mongodb-atlas", "db", "Dog", d, nil, c.call, nil).Readable(d)
		require.Equal(t, c.reads, ok)
		session := set.Sync(caller, c.call)
		require.Equal(t, c.reads, session.Class("Dog", "_id").Readable.IsEverything())
		require.Contains(t, session.Denial("Dog"), c.denial)
	}
}

// Errors name the place.
func TestBadExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`5`:                               "at: an expression is true, false or an object, not a number",
		`"%%true"`:                        "at: an expression is true, false or an object, not a text",
		`{"%or":{}}`:                      "at.%or: %or takes an array of expressions",
		`{"%or":[true,{"$what":1}]}`:      `at.%or[1].$what: unknown operator "$what"`,
		`{"n":{"$what":1}}`:               `at.n.$what: unknown operator "$what"`,
		`{"n":{"$gt":1,"x":1}}`:           `at.n.x: unknown operator "x"`,
		`{"n":"%%usr.id"}`:                `at.n: unknown expansion "%%usr.id"`,
		`{"%%user.idd":1}`:                `at.%%user.idd: unknown expansion "%%user.idd"`,
		`{"%%true.x":1}`:                  `at.%%true.x: unknown expansion "%%true.x"`,
		`{"n":{"$in":5}}`:                 "at.n.$in: $in takes an array",
		`{"n":{"$exists":1}}`:             "at.n.$exists: $exists takes true or false",
		`{"n":["%%user.id","%%nobody"]}`:  `at.n[1]: unknown expansion "%%nobody"`,
		`{"n":{"%function":{"args":[]}}}`: "at.n.%function.args: %function has name and arguments only",
		`{"n":{"%function":{}}}`:          "at.n.%function: %function has no name",
		`{"a..b":1}`:                      `at.a..b: "a..b" is no name of a field`,
		`{"a":`:                           "at: ",
	} {
		_, err := ParseExpression(json.RawMessage(text), "at")
		require.Error(t, err, text)
		require.True(t, strings.HasPrefix(err.Error(), want), "%s: %v", text, err)
	}
	for _, text := range []string{``, `null`} {
		e, err := ParseExpression(json.RawMessage(text), "at")
		require.NoError(t, err)
		require.Equal(t, Undefined, e.Evaluate(&Env{}))
	}
	_, err := ParseExpression(json.RawMessage(`{"n":[`+strings.Repeat("1,", 5000)+`1]}`), "at")
	require.ErrorContains(t, err, "more than 4096 parts")
}

// Random expressions are worth the same whole and frozen, and frozen ones read back from their text.
func TestFreezingKeepsMeaning(t *testing.T) {
	leaf := rapid.SampledFrom([]string{
		`{"owner":"%%user.id"}`, `{"owner":"%%user.data.x"}`, `{"n":{"$gt":2}}`, `{"team":{"$in":"%%user.custom_data.teams"}}`, `{"n":{"$ne":3}}`,
		`{"public":true}`, `true`, `false`, `{"team":{"$exists":true}}`, `{"%%user.custom_data.admin":true}`, `{"n":{"$nin":[1,2]}}`,
	})
	var build func(depth int) *rapid.Generator[string]
	build = func(depth int) *rapid.Generator[string] {
		if depth == 0 {
			return leaf
		}
		return rapid.Custom(func(t *rapid.T) string {
			inner := build(depth - 1)
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return leaf.Draw(t, "leaf")
			case 1:
				return `{"%not":` + inner.Draw(t, "not") + `}`
			default:
				op := rapid.SampledFrom([]string{"%and", "%or"}).Draw(t, "op")
				return `{"` + op + `":[` + strings.Join(rapid.SliceOfN(inner, 1, 3).Draw(t, "terms"), ",") + `]}`
			}
		})
	}
	caller := anna(t)
	rapid.Check(t, func(r *rapid.T) {
		text := build(3).Draw(r, "expression")
		d := bson.D{{Key: "owner", Value: rapid.SampledFrom([]any{"anna", "berta", nil}).Draw(r, "owner")},
			{Key: "n", Value: rapid.SampledFrom([]any{int64(1), int64(3), 2.5, "x", nil}).Draw(r, "n")},
			{Key: "team", Value: rapid.SampledFrom([]any{"red", "green", nil, bson.A{"blue"}}).Draw(r, "team")},
			{Key: "public", Value: rapid.Bool().Draw(r, "public")}}
		e, err := ParseExpression(json.RawMessage(text), "e")
		require.NoError(r, err)
		env := (&Set{}).env(caller)
		want := e.Evaluate(env.on(d, nil))
		f := e.Freeze(env)
		require.Equal(r, want, f.eval(BSON(d)), "%s is frozen as %s", text, f)
		again, err := parseFilter(f.String())
		require.NoError(r, err)
		require.Equal(r, want, again.eval(BSON(d)))
		// What the index is told holds wherever the filter does.
		if want == True {
			for _, alternative := range f.Alternatives() {
				if !alternative.Match(BSON(d)) {
					continue
				}
				for name, values := range alternative.Equalities() {
					found := false
					for _, v := range values {
						found = found || equal(BSON(d).Field(name), v)
					}
					require.True(r, found, "%s of %s", name, alternative)
				}
			}
		}
	})
}

func FuzzParseExpression(f *testing.F) {
	for _, s := range []string{`true`, `{"owner":"%%user.id"}`, `{"%or":[{"n":{"$gt":1}},{"%%true":{"%function":{"name":"f"}}}]}`, `{"a.b":{"$in":[1,"%%values.x"]}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpression(json.RawMessage(text), "e")
		if err != nil {
			return
		}
		env := (&Set{}).env(&Caller{UserID: "u"})
		frozen := e.Freeze(env)
		if again, err := parseFilter(frozen.String()); err != nil || again.String() != frozen.String() {
			t.Fatalf("%s does not read back: %v", frozen, err)
		}
		e.Evaluate(env.on(bson.D{{Key: "a", Value: bson.A{int32(1)}}}, nil))
	})
}
