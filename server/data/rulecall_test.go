package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/fairqueue"
	"realmsync/server/rules"
)

// functionOf are functions of a test by name.
type functionOf map[string]func(ctx context.Context, args bson.A) (any, error)

func (f functionOf) Call(ctx context.Context, _ string, _ *auth.Caller, name string, args bson.A) (any, error) {
	return f[name](ctx, args)
}

// askedByRule is a fixture where members see and write a document if the function "may" says so of its field "team".
func askedByRule(t *testing.T, may func(ctx context.Context, f *fixture, team any) (any, error)) (*fixture, *atomic.Int64) {
	t.Helper()
	var ruled *Ruled
	f := open(t, func(c *Config) {
		ruled = NewRuled(rules.NewSets(c.Apps))
		c.Permissions = ruled
	})
	var calls atomic.Int64
	ruled.SetFunctions(functionOf{"may": func(ctx context.Context, args bson.A) (any, error) {
		calls.Add(1)
		return may(ctx, f, args[0])
	}})
	rule := f.config.Services[0].DefaultRule
	require.NoError(t, json.Unmarshal([]byte(`[{"name":"member","apply_when":{"%%true":{"%function":{"name":"may","arguments":["%%root.team"]}}},
		"read":true,"write":true,"insert":true,"delete":true}]`), &rule.Roles))
	return f, &calls
}

// A rule's function that reads finds a connection, however many documents are being read, and is asked once for each question.
func TestRuleReads(t *testing.T) {
	f, calls := askedByRule(t, func(ctx context.Context, f *fixture, team any) (any, error) {
		n, err := f.Call(ctx, "app", auth.SystemCaller(), service1, "count", bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: "teams"}, {Key: "query", Value: bson.D{{Key: "_id", Value: team}}}})
		return n == int64(1), err
	})
	teams, documents := bson.A{}, bson.A{}
	for i := range 10 {
		teams = append(teams, bson.D{{Key: "_id", Value: fmt.Sprint("team ", i)}})
	}
	for i := range 2*scanDocuments + 8 {
		documents = append(documents, bson.D{{Key: "_id", Value: int32(i)}, {Key: "team", Value: fmt.Sprint("team ", i%20)}})
	}
	for name, docs := range map[string]bson.A{"teams": teams, "c": documents} {
		_, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, "insertMany", bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: name}, {Key: "documents", Value: docs}})
		require.NoError(t, err)
	}
	const callers = 12 // more than there are connections
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			n, err := f.as(&auth.Caller{UserID: "u", Type: auth.TypeNormal}, "d", "c", "count", `{}`)
			if err != nil || n != int64(scanDocuments+4) {
				t.Errorf("counted %v, %v", n, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(callers*20), calls.Load(), "each operation asks once for each team")
}

// A rule's function that would write is refused at once: it would wait for the turn of the operation that it decides over. What it has
// answered while documents were searched is not asked again in the turn.
func TestRuleCannotWrite(t *testing.T) {
	var refusal atomic.Value
	f, calls := askedByRule(t, func(ctx context.Context, f *fixture, team any) (any, error) {
		_, err := f.Call(ctx, "app", auth.SystemCaller(), service1, "insertOne", bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: "log"}, {Key: "document", Value: bson.D{}}})
		refusal.Store(err)
		return team == "a", nil
	})
	_, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, "insertMany", bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: "c"},
		{Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: int32(1)}, {Key: "team", Value: "a"}}, bson.D{{Key: "_id", Value: int32(2)}, {Key: "team", Value: "b"}}}}})
	require.NoError(t, err)
	v, err := f.as(&auth.Caller{UserID: "u", Type: auth.TypeNormal}, "d", "c", "updateMany", `{"query":{},"update":{"$set":{"n":1}}}`)
	require.NoError(t, err)
	require.Equal(t, text(t, doc(t, `{"matchedCount":1,"modifiedCount":1}`)), text(t, v))
	require.Equal(t, errReadOnly, refusal.Load())
	require.Equal(t, int64(2), calls.Load())
	f.must(`{"$numberLong":"0"}`, "d", "log", "count", `{}`)
}

// A filter whose function fails is not left out: it may be what hides something.
func TestFilterThatFails(t *testing.T) {
	var ruled *Ruled
	f := open(t, func(c *Config) {
		ruled = NewRuled(rules.NewSets(c.Apps))
		c.Permissions = ruled
	})
	busy := errors.New("too many functions are running")
	ruled.SetFunctions(functionOf{"guest": func(context.Context, bson.A) (any, error) { return nil, busy }})
	f.config.Services[0].DefaultRule.Filters = json.RawMessage(`[{"name":"guests","apply_when":{"%%true":{"%function":{"name":"guest","arguments":[]}}},"query":{"public":true}}]`)
	f.must(`{"insertedId":1}`, "d", "c", "insertOne", `{"document":{"_id":1,"public":false}}`)
	_, err := f.as(ann, "d", "c", "find", `{}`)
	require.ErrorIs(t, err, errRule)
	require.ErrorContains(t, err, busy.Error(), "for the log")
}

// An operation fails with a function that decides over what it may: who gets less without a word can't know that it is not all there is. What is true
// all the same is, and what the function said is not for the caller.
func TestRuleThatFails(t *testing.T) {
	const asks = `{"%%true":{"%function":{"name":"may","arguments":["%%root.name"]}}}`
	const either, grants = `{"%or":[` + asks + `,{"%%true":true}]}`, `"read":true,"write":true,"insert":true,"delete":true`
	read := []string{"find", "count", "aggregate", "Select", "ordered", "Watch", "updateMany", "deleteMany"}
	for rule, fail := range map[string][]string{
		`"apply_when":` + asks + `,` + grants:                             append(read, "insertOne", "upsert"),
		`"document_filters":{"read":` + asks + `},` + grants:              read,
		`"document_filters":{"read":true,"write":` + asks + `},` + grants: {"updateMany", "insertOne", "upsert", "deleteMany"},
		`"read":` + asks + `,"insert":true,"delete":true`:                 read,
		`"fields":{"name":{"read":` + asks + `}},"delete":true`:           read,
		`"fields":{"tag":{"fields":{"text":{"read":` + asks + `}}}}`:      read,
		`"read":true,"fields":{},"write":` + asks + `,"insert":true`:      {"updateMany", "insertOne", "upsert"},
		`"read":true,"write":true,"insert":` + asks:                       {"insertOne", "upsert"},
		`"read":true,"write":true,"delete":` + asks:                       {"deleteMany"},
		`"apply_when":` + either + `,"document_filters":{"read":` + either + `,"write":` + either + `},"read":` + either + `,"write":` + either + `,"insert":true,"delete":true`: {},
	} {
		f := ruled(t, map[string]string{"": `[{"name":"r",` + rule + `},{"name":"all",` + all + `}]`})
		broken := false
		f.cfg.Permissions.(*Ruled).SetFunctions(functionOf{"may": func(_ context.Context, args bson.A) (any, error) {
			if broken && args[0] != "a" {
				return nil, &auth.FunctionError{Message: "the vault is at 10.0.0.1"}
			}
			return true, nil
		}})
		w, err := f.Watch(t.Context(), "app", ann, service1, doc(t, `{"database":"test_data","collection":"Dog"}`))
		require.NoError(t, err)
		f.must(`{"insertedIds":[{"$numberLong":"1"},{"$numberLong":"2"}]}`, synced1, "Dog", "insertMany", `{"documents":[{"_id":1,"name":"a","tag":{"text":"x"}},{"_id":2,"name":"b","tag":{"text":"y"}}]}`)
		broken = true
		call := func(method, arg string) func() error {
			return func() error {
				_, err := f.as(ann, synced1, "Dog", method, arg)
				return err
			}
		}
		page := func(s Selection) func() error {
			return func() error {
				_, err := f.Select(t.Context(), "app", ann, Collection{Name: "Dog"}, s)
				return err
			}
		}
		for _, o := range []struct {
			name string
			do   func() error
		}{
			{"find", call("find", `{}`)}, {"count", call("count", `{}`)}, {"aggregate", call("aggregate", `{"pipeline":[]}`)},
			{"Select", page(Selection{RQL: "_id > 0"})}, {"ordered", page(Selection{RQL: "_id > 0 SORT(_id ASC)"})},
			{"Watch", func() error {
				_, _, err := w.Read(t.Context(), ann)
				return err
			}},
			{"updateMany", call("updateMany", `{"query":{},"update":{"$set":{"height":1}}}`)},
			{"insertOne", call("insertOne", `{"document":{"_id":3,"name":"c"}}`)},
			{"upsert", call("updateOne", `{"query":{"_id":4},"update":{"$set":{"name":"d"}},"upsert":true}`)},
			{"deleteMany", call("deleteMany", `{"query":{}}`)},
		} {
			version := f.engine.Version()
			err := o.do()
			if len(fail) == 0 {
				require.NoError(t, err, o.name)
			}
			if !slices.Contains(fail, o.name) {
				require.NotErrorIs(t, err, errRule, "%s %s", rule, o.name)
				continue
			}
			var told *apierror.Error
			var thrown *auth.FunctionError
			require.ErrorAs(t, err, &told, "%s %s", rule, o.name)
			require.Equal(t, errRule.Text, told.Text, "%s %s", rule, o.name)
			require.False(t, errors.As(err, &thrown), "what it said is for nobody to find")
			require.Equal(t, version, f.engine.Version(), "nothing is written: %s %s", rule, o.name)
		}
		w.Close()
	}
}

// While an operation waits for a function it has no slot: what the function asks for may need it.
func TestRuleCallsHoldNoSlot(t *testing.T) {
	q := fairqueue.New(1, 1, 1)
	turn := q.Turn("app", true)
	defer turn.End()
	require.NoError(t, turn.Pause(t.Context(), time.Hour))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Enter(gone, "app")
	require.ErrorIs(t, err, context.Canceled, "it has the slot")
	c := newRuleCalls(turn.With(t.Context()), callable(func() error {
		leave, err := q.Enter(t.Context(), "app") // else it would wait for ever
		if err == nil {
			leave()
		}
		return err
	}), "app", &auth.Caller{})
	_, err = c.call("f", nil)
	require.NoError(t, err)
	require.NoError(t, turn.Pause(t.Context(), 0))
	_, err = q.Enter(gone, "app")
	require.ErrorIs(t, err, context.Canceled, "it has the slot again")
}

type callable func() error

func (c callable) Call(context.Context, string, *auth.Caller, string, bson.A) (any, error) {
	return nil, c()
}
