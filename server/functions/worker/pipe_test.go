package worker

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/functions/script"
)

func d(members ...any) bson.D {
	out := bson.D{}
	for i := 0; i+1 < len(members); i += 2 {
		out = append(out, bson.E{Key: members[i].(string), Value: members[i+1]}) //nolint:forcetypeassert // a test's
	}
	return out
}

// Values cross the pipe as they are, both ways.
func TestValues(t *testing.T) {
	p, _ := pool(t, Config{})
	id := bson.NewObjectID()
	values := bson.A{
		nil, true, "x\u00e4\U0001F600", int64(1), 1.5, math.Inf(1), int64(math.MaxInt64), id, bson.DateTime(-1), bson.Binary{Subtype: 4, Data: make([]byte, 16)},
		bson.Decimal128{}, bson.Timestamp{T: 1, I: 2}, bson.MinKey{}, bson.MaxKey{}, bson.Regex{Pattern: "a", Options: "i"},
		d("$oid", "no id", "", bson.A{}, "a.b", d("__proto__", int64(1))), bson.A{bson.A{}, bson.D{}},
	}
	h := &app{
		values: map[string]any{"v": values},
		data:   func(_ context.Context, _ bool, _ string, arg bson.D) (any, error) { return arg[len(arg)-1].Value, nil },
	}
	c := call("exports = async v => [v, context.values.get('v'), await context.services.get('mongodb-atlas').db('d').collection('c').insertMany(v), context.values.get('none'), context.environment.values.e, context.user.data]", values)
	c.EnvironmentValues = map[string]string{"e": `{"$numberLong":"5"}`}
	c.Caller = &auth.Caller{UserID: "u", Data: d("name", "Ada")}
	out := p.run(t, h, c)
	require.NoError(t, out.Err)
	// Through JavaScript a Regex is a class of its own, and NaN a Decimal128 of nothing: nothing changes.
	require.Equal(t, bson.A{values, values, values, nil, int64(5), d("name", "Ada")}, out.Value)
}

// What the server says of an error, and what it keeps for itself.
func TestErrors(t *testing.T) {
	p, _ := pool(t, Config{})
	var err error
	h := &app{data: func(context.Context, bool, string, bson.D) (any, error) { return nil, err }}
	const source = "exports = () => " + count + ".catch(e => [e.message, e.code])"
	for _, c := range []struct {
		err        error
		text, code any
	}{
		{apierror.New(403, "NoMatchingRuleFound", "insert not permitted").Because(context.Canceled), "insert not permitted", "NoMatchingRuleFound"},
		{&auth.FunctionError{Message: "thrown"}, "thrown", nil}, {script.ErrHTTPForbidden, script.ErrHTTPForbidden.Error(), nil},
		{errors.New("the password of the database is x"), "internal error", nil},
	} {
		err = c.err
		out := p.run(t, h, call(source))
		require.NoError(t, out.Err)
		require.Equal(t, bson.A{c.text, c.code}, out.Value)
		if c.text == "internal error" {
			require.Contains(t, strings.Join(out.Failed, " "), "the password of the database is x")
		} else {
			require.Empty(t, out.Failed)
		}
	}
	out := p.run(t, h, call("exports = function thrower() { throw new TypeError('no') }"))
	var thrown *script.ThrownError
	require.ErrorAs(t, out.Err, &thrown)
	require.Equal(t, "TypeError: no", thrown.Text)
	require.Contains(t, thrown.Stack, "thrower")
}

// The rights of the server are had by who was given a function that has them, whatever a worker says.
func TestRights(t *testing.T) {
	as := make(chan bool, 2)
	h := &app{
		data:      func(_ context.Context, system bool, _ string, _ bson.D) (any, error) { as <- system; return nil, nil },
		functions: map[string]*Function{"s": {Name: "s", System: true, Source: "exports = () => " + count}},
	}
	p, _ := pool(t, Config{})
	for source, system := range map[string]bool{
		"exports = () => " + count: false, "exports = () => context.functions.execute('s')": true, "exports = () => require('s')()": false,
		"exports = async () => { await context.functions.execute('s'); return " + count + " }": false,
	} {
		require.NoError(t, p.run(t, h, call(source)).Err)
		got := <-as
		if strings.Contains(source, "await") {
			require.True(t, got)
			got = <-as
		}
		require.Equal(t, system, got, source)
	}
	// A worker that lies.
	l := p.must(t, "app")
	defer l.Release()
	r := &running{ctx: t.Context(), host: h}
	r.answer(l.w, &askBody{What: askData, System: true})
	require.False(t, <-as)
	r.answer(l.w, &askBody{What: askModule, Name: "s"})
	r.answer(l.w, &askBody{What: askData, System: true})
	require.False(t, <-as)
	r.answer(l.w, &askBody{What: askFunction, Name: "s"})
	r.answer(l.w, &askBody{What: askData, System: true})
	require.True(t, <-as)
	require.Equal(t, errorInternal, r.answer(l.w, &askBody{What: "the keys"}).Error.Kind)
	require.Equal(t, errorForbidden, r.answer(l.w, &askBody{What: askHTTP}).Error.Kind)
}

// hostile is a process of which only the pipe is there.
func hostile(r *running) *process {
	return &process{running: map[uint32]*running{1: r}}
}

func newRunning(ctx context.Context, h Host) *running {
	return &running{ctx: ctx, cancel: func(error) {}, host: h, limits: script.Limits{}.WithDefaults(), done: make(chan Outcome, 1), left: 100}
}

// What a worker must not say ends it, and costs the server nothing.
func TestHostile(t *testing.T) {
	made := func(k kind, number uint32, body any) []byte {
		b, err := frame(k, number, body, maxToWorker)
		require.NoError(t, err)
		return b
	}
	var deep any = "x"
	for range 1000 {
		deep = bson.A{deep}
	}
	cut := made(kindDone, 1, doneBody{Value: "x"})
	text := bytes.Replace(cut, []byte("x\x00"), []byte("\xff\x00"), 1)
	for name, c := range map[string]struct {
		frame []byte
		says  string
	}{
		"no such kind":      {made(99, 1, nil), "kind 99"},
		"a call":            {made(kindCall, 1, nil), "kind"},
		"a call that is no": {made(kindDone, 7, doneBody{}), "no call 7"},
		"no body":           {made(kindDone, 1, nil), errBSON.Error()},
		"too deep":          {made(kindDone, 1, doneBody{Value: deep}), errBSON.Error()},
		"too deep to ask":   {made(kindAsk, 1, askBody{Call: 1, What: askData, Args: d("x", deep)}), errBSON.Error()},
		"no text":           {text, errBSON.Error()},
		"another type":      {made(kindLog, 1, d("level", int64(1))), "string"},
		"code":              {made(kindDone, 1, d("value", bson.JavaScript("x"))), errBSON.Error()},
	} {
		w := hostile(newRunning(t.Context(), &app{}))
		k, number, body, err := readFrame(bytes.NewReader(c.frame), maxFromWorker)
		require.NoError(t, err, name)
		require.ErrorContains(t, w.take(k, number, body), c.says, name)
	}
	// A body that is said to be longer than any is not waited for.
	_, _, _, err := readFrame(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0}), maxFromWorker)
	require.ErrorContains(t, err, "4294967295 bytes")

	// More at once than package script asks for.
	answer := make(chan struct{})
	r := newRunning(t.Context(), &app{data: func(context.Context, bool, string, bson.D) (any, error) { <-answer; return nil, nil }})
	r.ctx = t.Context()
	p, _ := pool(t, Config{})
	l := p.must(t, "app")
	var failed error
	for i := 0; i < 100 && failed == nil; i++ {
		failed = r.ask(l.w, uint32(i), &askBody{What: askData}) //nolint:gosec // small
	}
	require.ErrorContains(t, failed, "more than 16 things")
	close(answer)
	r.asks.Wait()
	l.Release()

	// Logs are bounded, of levels that there are, and of a call that there is.
	for _, level := range []string{"info", "root"} {
		w := hostile(newRunning(t.Context(), &app{}))
		line := made(kindLog, 1, logBody{level, "0123456789"})[headSize:]
		err = nil
		for range 100 {
			if err = w.take(kindLog, 1, line); err != nil {
				break
			}
		}
		require.ErrorContains(t, err, "what no function does")
		require.LessOrEqual(t, len(w.running[1].log), 2)
		if level == "info" {
			require.Equal(t, script.Line{Level: "info", Text: "0123456789"}, w.running[1].log[0])
		}
		for range maxStrays {
			require.NoError(t, w.take(kindLog, 5, line))
		}
		require.ErrorContains(t, w.take(kindLog, 5, line), "does not have")
	}
}

func TestCheck(t *testing.T) {
	at, err := Check(t.Context(), []Function{{Name: "a", Source: "exports = () => 1"}, {Name: "b", Source: "exports = () => {\n  let 1;\n}"}})
	require.Equal(t, 1, at)
	var syntax *script.SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.Equal(t, 2, syntax.Line)
	for _, source := range []string{
		"exports = () => 1", "exports = " + strings.Repeat("(", 490) + "1" + strings.Repeat(")", 490),
		"exports = " + strings.Repeat("function() { return [", 160) + strings.Repeat("] }", 160), "exports = '" + strings.Repeat("a' + 'b", 2_000) + "'",
	} {
		at, err = Check(t.Context(), []Function{{Name: "a", Source: source}})
		require.NoError(t, err)
		require.Equal(t, -1, at)
	}
	for _, source := range []string{"exports = " + strings.Repeat("!", 200_000) + "1", "exports = " + strings.Repeat("-", 2) + strings.Repeat("x=", 100_000) + "1"} {
		at, err = Check(t.Context(), []Function{{Name: "a", Source: source}})
		require.Equal(t, 0, at)
		require.ErrorAs(t, err, &syntax)
	}
	_, err = Check(t.Context(), []Function{{Name: "a", Source: strings.Repeat(" ", script.MaxSource+1)}})
	require.ErrorContains(t, err, "at most")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Check(ctx, []Function{{Name: "a", Source: "exports = () => 1"}})
	require.ErrorIs(t, err, context.Canceled)
}

// Whatever a worker sends, it is taken or refused.
func FuzzFromWorker(f *testing.F) {
	for _, body := range []any{
		doneBody{Value: d("a", bson.A{1.5, "x", nil}), Failed: []string{"y"}, Error: &errorBody{Kind: errorThrown, Text: "t"}}, logBody{"info", "x"},
		askBody{Call: 1, What: askData, Args: d("database", "d")}, askBody{Call: 1, What: askHTTP, HTTP: &script.HTTPRequest{Method: "GET", Header: map[string][]string{"a": {"b"}}, Body: []byte("x")}},
		askBody{Call: 1, What: askValue, Name: "v"},
	} {
		for _, k := range []kind{kindDone, kindAsk, kindLog} {
			b, err := bson.Marshal(body)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(k), b)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, k byte, body []byte) {
		r := newRunning(ended, &app{}) // nothing is answered, so there is nothing to wait for
		_ = hostile(r).take(kind(k), 1, body)
		select {
		case out := <-r.done:
			if out.Err == nil && checkBSON(body) != nil {
				t.Fatal("taken without being looked at")
			}
		default:
		}
	})
}
