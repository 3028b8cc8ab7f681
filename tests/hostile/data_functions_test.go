package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"realmsync/server/appconfig"
)

// functions gives the shop functions, by name.
func (s *server) functions(sources map[string]string) {
	s.t.Helper()
	s.configure(shop, func(c *appconfig.Config) {
		for name, source := range sources {
			c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID("function", name), Name: name, Source: source})
		}
	})
}

func (s *server) call(token, name, arguments string) answer {
	s.t.Helper()
	return s.ask("POST", clientAPI+"app/"+shop+"/functions/call", token, `{"name":"`+name+`","arguments":`+arguments+`}`)
}

// Functions that don't end, or take all that there is: each call is answered with an error, and those who sync, and who call other functions meanwhile and
// afterwards, don't notice.
func TestFunctionsThatTakeAll(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	sources := map[string]string{
		"loop":      "exports = () => { for (;;); }",
		"caught":    "exports = () => { try { for (;;); } catch (e) { for (;;); } finally { for (;;); } }",
		"awaits":    "exports = async () => { for (;;) await null }",
		"getter":    "exports = () => ({get x() { for (;;); }})",
		"thrown":    "exports = () => { throw {toString() { for (;;); }} }",
		"thenable":  "exports = () => ({then() { for (;;); }})",
		"array":     "exports = () => { const a = []; for (;;) a.push({a: [1, 2, 3]}) }",
		"text":      "exports = () => { let s = 'x'; for (;;) s += s }",
		"buffers":   "exports = async () => { const all = []; for (;;) { all.push(new Uint8Array(1 << 20)); await null } }",
		"recursion": "exports = () => { const f = () => f() + 1; return f() }",
		"mutual":    "exports = () => context.functions.execute('mutual')",
		"getters":   "exports = () => { const o = {get x() { return this.x }}; return o.x }",
		"json":      "exports = () => { const a = []; a.push(a); return JSON.stringify(a) }",
		"circle":    "exports = () => { const a = {}; a.a = a; return a }",
		"deep":      "exports = () => { let a = 1; for (let i = 0; i < 100000; i++) a = [a]; return a }",
		"huge":      "exports = () => ['x'.repeat(12 << 20), 'y'.repeat(12 << 20)]",
		"giant":     "exports = () => 'x'.repeat(2 ** 40)",
		"regexp":    "exports = () => /^(a+)+$/.test('a'.repeat(40) + 'b')",
		"never":     "exports = () => new Promise(() => {})",
		"rejects":   "exports = async () => { throw new Error('no') }",
		"later":     "exports = () => new Promise((_, no) => setTimeout(() => no(new Error('no')), 1))",
		"symbol":    "exports = () => { throw Symbol('x') }",
		"nothing":   "exports = () => { throw undefined }",
		"fine":      "exports = n => n + 1",
	}
	s.functions(sources)
	codes := map[string]string{}
	for _, name := range []string{"loop", "caught", "awaits", "getter", "thenable"} {
		codes[name] = "ExecutionTimeLimitExceeded"
	}
	type result struct {
		name string
		answer
	}
	results := make(chan result, len(sources))
	var group errgroup.Group
	group.SetLimit(8)
	for name := range sources {
		group.Go(func() error {
			results <- result{name, s.call(user.Access, name, "[1]")}
			return nil
		})
	}
	for range 20 { // meanwhile
		a := s.call(user.Access, "fine", "[41]")
		if a.status != 200 {
			// The memory limit may hit the wrong one (docs/server-functions.md).
			a.refused(400, "ExecutionTimeLimitExceeded")
			require.Contains(t, string(a.body), "memory limit exceeded")
		}
	}
	require.NoError(t, group.Wait())
	close(results)
	for r := range results {
		switch {
		case r.name == "fine":
		case r.name == "regexp" && r.status == 200: // an engine that doesn't backtrack
		default:
			r.shaped()
			require.Equal(t, 400, r.status, "%s: %s", r.name, r.body)
			require.Regexp(t, `"error_code":"(ExecutionTimeLimitExceeded|FunctionExecutionError)"`, string(r.body), r.name)
			if want := codes[r.name]; want != "" && !strings.Contains(string(r.body), "memory limit") {
				require.Contains(t, string(r.body), want, r.name)
			}
		}
	}
	a := s.call(user.Access, "fine", "[41]")
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Contains(t, string(a.body), "42")
	h.stop()
}

// A function reaches nothing but what it is given: no code from text, no globals of others, nothing left for the next call, and no way around the rules.
func TestFunctionsThatReachOut(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	const clean = "typeof leaked === 'undefined' && ({}).polluted === undefined && [].map.call([1], x => x)[0] === 1 && JSON.stringify({a: 1}) === '{\"a\":1}' && context.user.id"
	sources := map[string]string{
		"pollute": "exports = () => { leaked = 1; Object.prototype.polluted = 'yes'; Array.prototype.map = () => []; JSON.stringify = () => 'evil'; context.user.id = 'evil'; " +
			"Object.getPrototypeOf(async () => {}).polluted = 'yes'; try { Object.getPrototypeOf(context).services = null } catch (e) {} return 1 }",
		"clean":   "exports = () => " + clean,
		"members": "exports = a => [a.admin === undefined, ({}).admin === undefined, Object.keys(a).length, Object.getPrototypeOf(a) === Object.prototype]",
		"private": "exports = () => 'secret'",
		"hand":    "exports = () => context.functions.execute('private')",
		"read":    "exports = () => context.services.get('mongodb-atlas').db('plain').collection('Hidden').find({}).toArray()",
		"where":   "exports = () => context.services.get('mongodb-atlas').db('plain').collection('Hidden').find({$where: 'true'}).toArray()",
		"name":    "exports = n => context.services.get('mongodb-atlas').db(n).collection(n).insertOne({a: 1})",
		"values":  "exports = n => context.values.get(n)",
	}
	escapes := []string{
		"eval('1')", "new Function('return 1')()", "(() => {}).constructor('return 1')()", "(async () => {}).constructor('return 1')()", "(function*() {}).constructor('return 1')()",
		"[].map.constructor('return process')()", "context.services.get.constructor('return this')()", "(0, eval)('1')", "Reflect.construct((() => {}).constructor, ['return 1'])",
		"context.constructor.constructor('return process')()", "require('fs').readFileSync('/etc/passwd')", "require('child_process')", "require('../../../etc/passwd')", "process.exit(1)", "globalThis.process.kill(1)",
		"import('fs')", "this.constructor.constructor('return process')().exit()", "context.http.get({url: 'http://127.0.0.1:1/'})", "context.http.get({url: 'file:///etc/passwd'})", "context.http.get({url: 'http://169.254.169.254/'})",
	}
	for i, source := range escapes {
		if source == "import('fs')" {
			continue // it isn't even compiled, see below
		}
		sources[fmt.Sprint("escape", i)] = "exports = async function() { return await " + source + " }"
	}
	s.functions(sources)
	s.configure(shop, func(c *appconfig.Config) {
		c.Function("private").Private = true
		service := c.SyncService()
		service.Rules = append(service.Rules, appconfig.CollectionRule{
			Rule:     appconfig.Rule{ID: appconfig.FixedID("hidden"), Roles: []appconfig.Role{{Name: "nobody", ApplyWhen: json.RawMessage(`{"%%user.id":"nobody"}`), Read: json.RawMessage("true"), Write: json.RawMessage("true")}}},
			Database: "plain", Collection: "Hidden",
		})
	})
	is := func(name, arguments, want string) {
		t.Helper()
		a := s.call(user.Access, name, arguments)
		require.Equal(t, 200, a.status, "%s: %s", name, a.body)
		require.JSONEq(t, want, string(a.body), name)
	}
	for range 3 {
		is("pollute", "[]", `{"$numberLong":"1"}`)
		is("clean", "[]", `"`+user.UserID+`"`)
	}
	is("members", `[{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}]`, `[true,true,{"$numberLong":"2"},true]`)
	for i, source := range escapes {
		if _, ok := sources[fmt.Sprint("escape", i)]; !ok {
			continue
		}
		a := s.call(user.Access, fmt.Sprint("escape", i), "[]")
		a.refused(400, "FunctionExecutionError")
		require.NotContains(t, string(a.body), "root:", source)
	}
	s.call(user.Access, "private", "[]").refused(404, "FunctionNotFound")
	is("hand", "[]", `"secret"`)
	is("read", "[]", `[]`)
	s.call(user.Access, "where", "[]").refused(400, "FunctionExecutionError")
	for _, text := range evil {
		q, err := json.Marshal(text)
		require.NoError(t, err)
		a := s.call(user.Access, "name", "["+string(q)+"]")
		if a.status != 200 {
			a.refused(400, "FunctionExecutionError")
		}
		is("values", "["+string(q)+"]", `null`)
	}
	// What can't be compiled, or has no end, is refused when it is saved.
	var list []struct {
		ID string `json:"_id"`
	}
	s.ask("GET", adminAPI+"groups/"+s.group+"/apps", s.admin, "").into(200, &list)
	for _, source := range []string{"exports = (", "import fs from 'fs'; exports = fs", "exports = () => import('fs')", "exports = " + deep("[", "1", "]", 100_000), "exports = " + strings.Repeat("1+", 500_000) + "1", strings.Repeat("x", 2<<20)} {
		text, err := json.Marshal(map[string]any{"name": "broken", "private": false, "source": source})
		require.NoError(t, err)
		for _, app := range list {
			a := s.ask("POST", adminAPI+"groups/"+s.group+"/apps/"+app.ID+"/functions", s.admin, string(text))
			a.refused(400, "FunctionSyntaxError")
		}
	}
	h.stop()
}
