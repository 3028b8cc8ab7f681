package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/egress"
	"realmsync/server/functions/script"
)

func TestMain(m *testing.M) {
	Hook()
	goleak.VerifyTestMain(m)
}

// world is a Service with one app, "app", and data that are recorded.
type world struct {
	*Service

	t      testing.TB
	config *appconfig.Config
	answer func(caller *auth.Caller, method string, arg bson.D) (any, error)

	mu      sync.Mutex
	asked   []string
	entries []Entry
}

func (w *world) Current(context.Context, string) (*appconfig.Config, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.config, nil
}

type recorded struct{ w *world }

func (r recorded) Call(_ context.Context, app string, caller *auth.Caller, service, method string, arg bson.D) (any, error) {
	r.w.mu.Lock()
	r.w.asked = append(r.w.asked, fmt.Sprintf("%s %s %v %s.%s %v", app, caller.UserID, caller.System, service, method, arg))
	r.w.mu.Unlock()
	if r.w.answer == nil {
		return nil, nil
	}
	return r.w.answer(caller, method, arg)
}

func newWorld(t testing.TB, cfg Config, functions ...appconfig.Function) *world {
	t.Helper()
	w := &world{t: t, config: appconfig.Default("app")}
	w.config.Functions = functions
	require.NoError(t, CheckConfig(w.config))
	cfg.Apps, cfg.Data = w, recorded{w}
	cfg.Log = func(e Entry) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.entries = append(w.entries, e)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	w.Service = s
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return w
}

func function(name, source string) appconfig.Function {
	return appconfig.Function{ID: appconfig.FixedID(name), Name: name, Source: source}
}

var user = &auth.Caller{UserID: "5e43ddcc636ee106eaa12bda", Type: auth.TypeNormal}

func (w *world) call(name string, args ...any) (any, error) {
	return w.Call(w.t.Context(), "app", user, name, args)
}

func requireRefused(t *testing.T, err error, status int, code, text string) {
	t.Helper()
	var e *apierror.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status)
	require.Equal(t, code, e.Code)
	require.Contains(t, e.Text, text)
}

// The functions of realm-cpp's suite (app-services 11.2).
func TestFunctionsOfRealmCpp(t *testing.T) {
	const db = `const db = context.services.get("mongodb-atlas").db("test_data");`
	w := newWorld(t, Config{},
		function("updateUserData", `exports = async function(data) {
			const user = context.user;
			const mongodb = context.services.get("mongodb-atlas");
			const userDataCollection = mongodb.db("test_data").collection("UserData");
			doc = await userDataCollection.updateOne({user_id: user.id}, {$set: data}, {upsert: true});
			return doc;
		};`),
		function("asymmetricSyncData", `exports = async function(data) {
			const user = context.user;
			`+db+`
			const asymmetricCollection = db.collection("AllTypesAsymmetricObject");
			doc = await asymmetricCollection.find({_id: BSON.ObjectId(data)});
			return doc;
		};`),
		function("deleteClientResetObjects", `exports = async function() { `+db+` doc = await db.collection("client_reset_obj").deleteMany({}); return doc; };`),
		function("insertClientResetObject", `exports = async function() { `+db+` doc = await db.collection("client_reset_obj").insertOne({_id: 1, str_col: "remote obj"}); return doc; };`),
	)
	id, err := bson.ObjectIDFromHex("5e5e6f0abe4ae2a2c2c2d329")
	require.NoError(t, err)
	found := bson.A{bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int64(1) << 60}}}
	w.answer = func(_ *auth.Caller, method string, _ bson.D) (any, error) {
		return map[string]any{
			"updateOne": bson.D{{Key: "matchedCount", Value: int32(0)}, {Key: "modifiedCount", Value: int32(0)}, {Key: "upsertedId", Value: id}},
			"find":      found, "deleteMany": bson.D{{Key: "deletedCount", Value: int32(3)}}, "insertOne": bson.D{{Key: "insertedId", Value: int64(1)}},
		}[method], nil
	}
	out, err := w.call("updateUserData", bson.D{{Key: "name", Value: "Foo"}, {Key: "age", Value: int32(5)}})
	require.NoError(t, err)
	require.Equal(t, bson.D{{Key: "matchedCount", Value: int64(0)}, {Key: "modifiedCount", Value: int64(0)}, {Key: "upsertedId", Value: id}}, out)
	out, err = w.call("asymmetricSyncData", "5e5e6f0abe4ae2a2c2c2d329")
	require.NoError(t, err)
	require.Equal(t, found, out)
	out, err = w.call("deleteClientResetObjects")
	require.NoError(t, err)
	require.Equal(t, bson.D{{Key: "deletedCount", Value: int64(3)}}, out)
	out, err = w.call("insertClientResetObject")
	require.NoError(t, err)
	require.Equal(t, bson.D{{Key: "insertedId", Value: int64(1)}}, out)
	const as = "app 5e43ddcc636ee106eaa12bda false mongodb-atlas."
	require.Equal(t, []string{
		as + `updateOne {"database":"test_data","collection":"UserData","query":{"user_id":"5e43ddcc636ee106eaa12bda"},"update":{"$set":{"name":"Foo","age":{"$numberLong":"5"}}},"upsert":true}`,
		as + `find {"database":"test_data","collection":"AllTypesAsymmetricObject","query":{"_id":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}}}`,
		as + `deleteMany {"database":"test_data","collection":"client_reset_obj","query":{}}`,
		as + `insertOne {"database":"test_data","collection":"client_reset_obj","document":{"_id":{"$numberLong":"1"},"str_col":"remote obj"}}`,
	}, w.asked)
}

// The functions of Realm Core's suite (app-services 11.3), as the server calls them.
func TestFunctionsOfRealmCore(t *testing.T) {
	w := newWorld(t, Config{},
		function("sumFunc", `exports = function(...args) { return args.reduce((a, b) => a + b, 0); };`),
		function("confirmFunc", `exports = ({token, tokenId, username}) => {
			if (username.includes("realm_tests_do_autoverify")) { return { status: 'success' } }
			return { status: 'fail' };
		};`),
		function("authFunc", `exports = (loginPayload) => { return loginPayload["realmCustomAuthFuncUserId"]; };`),
		function("resetFunc", `exports = ({token, tokenId, username, password}) => {
			if (password.includes("realm_tests_do_reset")) { return { status: 'success' } }
			return { status: 'fail' };
		};`),
	)
	doc := func(pairs ...string) bson.D {
		d := bson.D{}
		for i := 0; i < len(pairs); i += 2 {
			d = append(d, bson.E{Key: pairs[i], Value: pairs[i+1]})
		}
		return d
	}
	for _, c := range []struct {
		name   string
		args   bson.A
		result any
	}{
		{"sumFunc", bson.A{int32(1), int32(2), int64(3), int32(4), int32(5)}, int64(15)}, {"sumFunc", bson.A{int64(1 << 40), 1.5}, 1<<40 + 1.5}, {"sumFunc", nil, int64(0)},
		{"confirmFunc", bson.A{doc("token", "t", "tokenId", "i", "username", "realm_tests_do_autoverify-x@y.z")}, doc("status", "success")}, {"confirmFunc", bson.A{doc("username", "x")}, doc("status", "fail")},
		{"authFunc", bson.A{doc("realmCustomAuthFuncUserId", "me")}, "me"}, {"authFunc", bson.A{bson.D{}}, nil},
		{"resetFunc", bson.A{doc("username", "u", "password", "realm_tests_do_reset1"), "foo", int64(1)}, doc("status", "success")}, {"resetFunc", bson.A{doc("password", "x")}, doc("status", "fail")},
	} {
		out, err := w.Call(t.Context(), "app", auth.SystemCaller(), c.name, c.args)
		require.NoError(t, err)
		require.Equal(t, c.result, out, c.name)
	}
	_, err := w.call("confirmFunc")
	var thrown *auth.FunctionError
	require.ErrorAs(t, err, &thrown)
	require.Contains(t, thrown.Message, "TypeError")
}

// Who may call what.
func TestMayCall(t *testing.T) {
	private, ruled, system := function("private", "exports = () => 1"), function("ruled", "exports = x => x"), function("system", "exports = () => context.services.get('mongodb-atlas').db('d').collection('c').count()")
	private.Private, system.RunAsSystem = true, true
	ruled.CanEvaluate = json.RawMessage(`{"%%user.data.name":"Ada","%%args":2}`)
	broken, always, never := function("broken", "exports = () => 1"), function("always", "exports = () => 1"), function("never", "exports = () => 1")
	broken.CanEvaluate, always.CanEvaluate, never.CanEvaluate = json.RawMessage(`{"%%nonsense":1}`), json.RawMessage(`{}`), json.RawMessage(`false`)
	asks := function("asks", "exports = () => 1")
	asks.CanEvaluate = json.RawMessage(`{"%%true":{"%function":{"name":"isAda","arguments":["%%user.data.name"]}}}`)
	w := newWorld(t, Config{}, private, ruled, system, broken, always, never, asks, function("isAda", "exports = n => n == 'Ada'"),
		function("outer", "exports = f => context.functions.execute(f, 2)"))
	_, err := w.call("nope")
	requireRefused(t, err, 404, "FunctionNotFound", "function not found: 'nope'")
	_, err = w.call("private")
	requireRefused(t, err, 404, "FunctionNotFound", "function not found: 'private'")
	out, err := w.call("outer", "private")
	require.NoError(t, err)
	require.Equal(t, int64(1), out)
	_, err = w.Call(t.Context(), "app", auth.SystemCaller(), "private", nil)
	require.NoError(t, err)

	ada := &auth.Caller{UserID: "ada", Type: auth.TypeNormal, Data: bson.D{{Key: "name", Value: "Ada"}}}
	for _, c := range []struct {
		caller *auth.Caller
		name   string
		args   bson.A
		ok     bool
	}{
		{ada, "ruled", bson.A{int64(2)}, true}, {ada, "ruled", bson.A{int64(1)}, false}, {ada, "ruled", nil, false}, {user, "ruled", bson.A{int64(2)}, false}, {auth.SystemCaller(), "ruled", nil, true},
		{ada, "broken", nil, false}, {ada, "never", nil, false}, {user, "always", nil, true}, {ada, "asks", nil, true}, {user, "asks", nil, false},
	} {
		_, err := w.Call(t.Context(), "app", c.caller, c.name, c.args)
		if c.ok {
			require.NoError(t, err, c.name)
			continue
		}
		requireRefused(t, err, 403, "NoMatchingRuleFound", c.name)
	}
	_, err = w.call("outer", "never")
	var thrown *auth.FunctionError
	require.ErrorAs(t, err, &thrown)
	require.Contains(t, thrown.Message, "no rule lets")

	_, err = w.call("system")
	require.NoError(t, err)
	require.Equal(t, []string{`app 5e43ddcc636ee106eaa12bda true mongodb-atlas.count {"database":"d","collection":"c","query":{}}`}, w.asked)
}

func TestValues(t *testing.T) {
	w := newWorld(t, Config{}, function("f", "exports = () => ['plain', 'secret', 'gone', 'none'].map(n => context.values.get(n)).concat([context.environment.tag, context.environment.values.x])"))
	w.config.Values = []appconfig.Value{
		{Name: "plain", Value: json.RawMessage(`{"a":[1,"x"]}`)}, {Name: "secret", FromSecret: true, Value: json.RawMessage(`"s"`)}, {Name: "gone", FromSecret: true, Value: json.RawMessage(`"nope"`)},
	}
	w.config.Secrets = []appconfig.Secret{{Name: "s", Value: "hush"}}
	w.config.Environment, w.config.EnvironmentValues = "qa", map[string]map[string]json.RawMessage{"qa": {"x": json.RawMessage("5")}, "": {"x": json.RawMessage("6")}}
	out, err := w.call("f")
	require.NoError(t, err)
	require.Equal(t, bson.A{bson.D{{Key: "a", Value: bson.A{int64(1), "x"}}}, "hush", nil, nil, "qa", int64(5)}, out)
}

// Time zones are known where there are no files.
func TestTimeZones(t *testing.T) {
	w := newWorld(t, Config{}, function("f", "exports = () => new Date(0).toLocaleString('en-US', {timeZone: 'Europe/Berlin'})"))
	out, err := w.call("f")
	require.NoError(t, err)
	require.Equal(t, "1/1/1970, 1:00:00 AM", out)
}

// A change of the configuration is seen by the next call.
func TestChanged(t *testing.T) {
	w := newWorld(t, Config{}, function("f", "exports = () => 1"))
	out, err := w.call("f")
	require.NoError(t, err)
	require.Equal(t, int64(1), out)
	changed, err := w.config.Clone()
	require.NoError(t, err)
	changed.Functions[0].Source = "exports = () => 2"
	w.mu.Lock()
	w.config = changed
	w.mu.Unlock()
	out, err = w.call("f")
	require.NoError(t, err)
	require.Equal(t, int64(2), out)
}

func TestLimitsAndLog(t *testing.T) {
	w := newWorld(t, Config{Limits: script.Limits{CPU: time.Second}},
		function("endless", "exports = () => { console.log('before'); for (;;); }"), function("throws", "exports = function thrower() { console.error('no'); throw new Error('why') }"))
	_, err := w.call("endless")
	requireRefused(t, err, 400, "ExecutionTimeLimitExceeded", "execution time limit exceeded")
	_, err = w.call("throws")
	var thrown *auth.FunctionError
	require.ErrorAs(t, err, &thrown)
	require.Equal(t, "why", thrown.Message)
	require.Len(t, w.entries, 2)
	require.Equal(t, []script.Line{{Level: "info", Text: "before"}}, w.entries[0].Lines)
	require.Equal(t, "throws", w.entries[1].Function)
	require.Contains(t, w.entries[1].Stack, "thrower")
	require.Equal(t, user.UserID, w.entries[1].UserID)
}

func TestCheck(t *testing.T) {
	require.NoError(t, Check("f", "exports = async () => { x = 1 }"))
	requireRefused(t, Check("f", "exports = () => {\n\n  let 1;\n}"), 400, "FunctionSyntaxError", "line 3")
	c := appconfig.Default("app")
	c.Functions = []appconfig.Function{function("good", "exports = 1"), function("bad", "exports = 1;\n\nx = (")}
	var invalid *appconfig.ValidationError
	require.ErrorAs(t, CheckConfig(c), &invalid)
	require.Equal(t, "functions[1].source", invalid.Path)
	require.Contains(t, invalid.Reason, "line 3")
	require.Equal(t, 3, invalid.Line)
}

// So many at once, and the others wait for their turn.
func TestTurns(t *testing.T) {
	w := newWorld(t, Config{AtOnce: 2}, function("f", "exports = () => context.services.get('mongodb-atlas').db('d').collection('c').count()"))
	var mu sync.Mutex
	now, most := 0, 0
	w.answer = func(*auth.Caller, string, bson.D) (any, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(time.Millisecond) // so that the others have the chance to be there
		mu.Lock()
		now--
		mu.Unlock()
		return int64(1), nil
	}
	var group errgroup.Group
	for range 20 {
		group.Go(func() error { _, err := w.call("f"); return err })
	}
	require.NoError(t, group.Wait())
	require.LessOrEqual(t, most, 2)

	for range 2 {
		held := &place{s: w.Service, app: w.apps["app"], id: "app"}
		_, err := held.lease(t.Context())
		require.NoError(t, err)
		defer held.leave()
	}
	w.cfg.Limits.Wall = time.Millisecond
	_, err := w.call("f")
	requireRefused(t, err, 429, "", "too many functions")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.Call(ctx, "app", user, "f", nil)
	require.ErrorIs(t, err, context.Canceled)
}

// Functions that rules call, whose rules call functions, end.
func TestRulesInCircles(t *testing.T) {
	f := function("f", "exports = () => true")
	f.CanEvaluate = json.RawMessage(`{"%%true":{"%function":{"name":"f","arguments":[]}}}`)
	w := newWorld(t, Config{}, f)
	_, err := w.call("f")
	requireRefused(t, err, 403, "NoMatchingRuleFound", "'f'")
}

// context.http: nothing but what the operator allows, and no private address even then.
func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
			return
		}
		w.Header().Set("X-Method", r.Method+" "+r.Header.Get("X-In"))
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	source := function("f", `exports = async (url) => {
		const r = await context.http.post({url, headers: {"X-In": ["a"]}, body: {a: 1}, encodeBodyAsJSON: true});
		return [r.statusCode, r.body.text(), r.headers["X-Method"]];
	}`)
	for _, hosts := range [][]string{nil, {"example.com", "*.0.0.1x"}, {"*"}} { // the last: allowed, but not public
		w := newWorld(t, Config{AllowHosts: hosts}, source)
		_, err := w.call("f", server.URL)
		var thrown *auth.FunctionError
		require.ErrorAs(t, err, &thrown)
		require.Contains(t, thrown.Message, "does not allow")
	}
	w := newWorld(t, Config{AllowHosts: []string{at.Hostname()}}, source)
	w.http = egress.NewPublic(httpTimeout, func(netip.Addr) bool { return true })
	out, err := w.call("f", server.URL)
	require.NoError(t, err)
	require.Equal(t, bson.A{int64(200), "hello", bson.A{"POST a"}}, out)
	out, err = w.call("f", server.URL+"/away")
	require.NoError(t, err)
	require.Equal(t, int64(302), out.(bson.A)[0])
	for _, address := range []string{"file:///etc/passwd", "x", "http://"} {
		_, err := w.call("f", address)
		var thrown *auth.FunctionError
		require.ErrorAs(t, err, &thrown)
		require.Contains(t, thrown.Message, "URL must be")
	}
	require.False(t, w.allowed("evil.example"))
	w.cfg.AllowHosts = []string{"*.Example.com"}
	require.True(t, w.allowed("API.example.com."))
	require.False(t, w.allowed("example.com"))
	require.False(t, w.allowed("badexample.com"))
}

func TestClosed(t *testing.T) {
	w := newWorld(t, Config{}, function("f", "exports = () => 1"))
	require.NoError(t, w.Close())
	_, err := w.call("f")
	require.ErrorContains(t, err, "closed")
	_, err = New(Config{})
	require.Error(t, err)
	require.False(t, errors.Is(err, context.Canceled))
}

// A call whose operation does not end is answered, and holds its place until it ends.
func TestStuck(t *testing.T) {
	w := newWorld(t, Config{AtOnce: 1}, function("f", "exports = () => context.services.get('mongodb-atlas').db('d').collection('c').count()"))
	end := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	w.answer = func(*auth.Caller, string, bson.D) (any, error) {
		cancel()
		<-end
		return int64(1), nil
	}
	_, err := w.Call(ctx, "app", user, "f", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, w.apps["app"].slots, 1)
	patience := w.cfg.Limits.Wall
	w.cfg.Limits.Wall = time.Millisecond
	_, err = w.call("f")
	requireRefused(t, err, 429, "", "too many functions")
	close(end)
	w.running.Wait()
	require.Empty(t, w.apps["app"].slots)
	w.cfg.Limits.Wall = patience
	// As many wait as may: one more is refused at once.
	w.apps["app"].waiting.Store(maxWaiting)
	_, err = w.call("f")
	requireRefused(t, err, 429, "", "too many functions")
	require.EqualValues(t, maxWaiting, w.apps["app"].waiting.Load())
	w.apps["app"].waiting.Store(0)
	_, err = w.call("f")
	require.NoError(t, err)
}
