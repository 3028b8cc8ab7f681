package script

import (
	"strings"

	"github.com/dop251/goja"
)

// moduleKey: a function has another context when it runs as the system.
type moduleKey struct {
	name   string
	system bool
}

// module is a function that was loaded in this call.
type module struct {
	fn      *Function
	exports goja.Value // nil: it is being loaded
}

// load runs the source of a function and returns what it exports, which must be a function.
func (c *call) load(f *Function) (goja.Callable, error) {
	exports, err := c.exportsOf(f)
	if err != nil {
		return nil, err
	}
	call, ok := goja.AssertFunction(exports)
	if !ok {
		return nil, thrown("function %q does not export a function: it must say exports = function...", f.Name)
	}
	return call, nil
}

// exportsOf runs a source once in a call. Functions that load each other in a circle see what is exported by then, which is nothing.
func (c *call) exportsOf(f *Function) (goja.Value, error) {
	key := moduleKey{f.Name, f.System}
	if m := c.loaded[key]; m != nil {
		if m.exports == nil {
			return c.vm.NewObject(), nil
		}
		return m.exports, nil
	}
	m := &module{fn: f}
	c.loaded[key] = m
	wrapper, err := c.vm.RunProgram(f.Program.prog)
	if err != nil {
		return nil, err
	}
	run, ok := goja.AssertFunction(wrapper)
	if !ok {
		return nil, thrown("function %q has no body", f.Name)
	}
	holder, original := c.vm.NewObject(), c.vm.NewObject()
	if err := holder.Set("exports", original); err != nil {
		return nil, err
	}
	if err := holder.DefineDataProperty("original", original, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		return nil, err
	}
	context, err := c.contextOf(f)
	if err != nil {
		return nil, err
	}
	if _, err := run(goja.Undefined(), original, holder, context, c.vm.ToValue(c.require(f))); err != nil {
		return nil, err
	}
	m.exports = holder.Get("exports")
	return m.exports, nil
}

// require finds other functions of the app by their names, and the modules that are built in. There are no files behind it.
func (c *call) require(from *Function) fn {
	return func(call goja.FunctionCall) goja.Value {
		name := call.Argument(0).String()
		switch strings.TrimPrefix(name, "node:") {
		case "crypto":
			m, err := c.nodeCrypto()
			c.must(err)
			return m
		case "bson":
			m, err := c.makeBSON()
			c.must(err)
			return m
		case "buffer":
			class, err := c.makeBuffer()
			c.must(err)
			m := c.vm.NewObject()
			c.must(m.Set("Buffer", class))
			return m
		}
		if m, err := c.nodeModule(strings.TrimPrefix(name, "node:")); err != nil || m != nil {
			c.must(err)
			return m
		}
		f, err := c.host.Module(c.ctx, plainName(name))
		if err != nil {
			panic(c.errorOf(err))
		}
		if f == nil {
			c.fail("Cannot find module '" + clip(name, 128) + "': " + insteadOfModule(name))
		}
		// What is required runs with the rights of the function that requires it: it is a part of it.
		own := *f
		own.System = from.System
		exports, err := c.exportsOf(&own)
		c.must(err)
		return exports
	}
}

// modules say what to use instead of a module that functions ask for.
var modules = map[string]string{
	"axios": "use context.http", "node-fetch": "use context.http", "got": "use context.http", "request": "use context.http", "superagent": "use context.http", "http": "use context.http", "https": "use context.http",
	"mongodb": "use context.services.get(name).db(name).collection(name)", "mongoose": "use context.services.get(name).db(name).collection(name)", "realm": "use context.services.get(name).db(name).collection(name)",
	"realm-web": "use context.services.get(name).db(name).collection(name)", "jsonwebtoken": "use utils.jwt", "jose": "use utils.jwt", "crypto-js": "use crypto or utils.crypto",
	"uuid": "use BSON.UUID, or randomUUID of crypto", "moment": "use Date, or $dateToString in an aggregation", "dayjs": "use Date, or $dateToString in an aggregation", "date-fns": "use Date, or $dateToString in an aggregation",
	"fs": "there are no files", "fs/promises": "there are no files", "os": "there is no system to ask", "child_process": "there are no processes", "cluster": "there are no processes",
	"worker_threads": "there are no threads", "net": "there are no sockets, use context.http", "tls": "there are no sockets, use context.http", "dns": "there are no sockets, use context.http", "ws": "there are no sockets, use context.http",
	"process": "there is no process: use context.environment and context.values", "dotenv": "use context.environment and context.values", "vm": "code cannot be made from text",
}

// insteadOfModule is what to do without a module.
func insteadOfModule(name string) string {
	const what = "other functions of the app, crypto, buffer, bson, querystring, util and path can be required"
	if text, ok := modules[strings.TrimPrefix(name, "node:")]; ok {
		return text + " (" + what + ")"
	}
	return "there are no packages of npm here: " + what + ", so add the code of a package as a function of the app"
}

// execute is context.functions.execute: it calls another function of the app at once, and returns what that returns, which is a promise if
// it is an async function. The function runs as itself: as the system only if it is configured to.
func (c *call) execute(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	args := call.Arguments[min(1, len(call.Arguments)):]
	given := make([]any, len(args))
	for i, a := range args {
		// A function may be given what is no BSON, which rules see as null.
		if c.vm.Try(func() { given[i] = c.toBSON(a, c.Limits.Result) }) != nil {
			given[i] = nil
		}
	}
	f, err := c.host.Function(c.ctx, name, given)
	if err != nil {
		panic(c.errorOf(err))
	}
	if f == nil {
		c.fail("function not found: '" + clip(name, 128) + "'")
	}
	fn, err := c.load(f)
	if err != nil {
		panic(c.rethrow(err))
	}
	v, err := fn(goja.Undefined(), args...)
	c.must(err)
	return v
}

// rethrow is what JavaScript is to see of an error of this package, and goja's own as they are.
func (c *call) rethrow(err error) any {
	if t, ok := err.(*ThrownError); ok { //nolint:errorlint // only what this package made
		return c.errorOf(t)
	}
	return err
}
