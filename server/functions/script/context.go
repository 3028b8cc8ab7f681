package script

import (
	"errors"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/ejson"
)

// globals sets up what every function finds.
func (c *call) globals() error {
	vm := c.vm
	global := vm.GlobalObject()
	c.errorClass = vm.Get("Error").ToObject(vm)
	date := vm.Get("Date").ToObject(vm)
	c.newDate, _ = goja.AssertConstructor(date)
	getTime, _ := goja.AssertFunction(date.Get("prototype").ToObject(vm).Get("getTime"))
	c.dateValue = getTime
	c.isArray, _ = goja.AssertFunction(vm.Get("Array").ToObject(vm).Get("isArray"))
	if err := c.guard(global); err != nil {
		return err
	}
	if err := c.makeEach(global); err != nil {
		return err
	}
	if err := c.makeLocale(global); err != nil {
		return err
	}
	if err := c.makeCollections(); err != nil {
		return err
	}
	console, err := c.makeConsole()
	if err != nil {
		return err
	}
	if err := c.define(global, map[string]any{"console": console}); err != nil {
		return err
	}
	// What most calls don't use is made when it is used.
	for name, make := range map[string]func() (*goja.Object, error){"BSON": c.makeBSON, "EJSON": c.makeEJSON, "utils": c.makeUtils, "Buffer": c.makeBuffer} {
		if err := c.lazy(global, name, make); err != nil {
			return err
		}
	}
	return c.loop.timeouts(global)
}

// lazy sets a global that is made when it is read first. It can be assigned, as others can.
func (c *call) lazy(global *goja.Object, name string, make func() (*goja.Object, error)) error {
	settle := func(v goja.Value) {
		c.must(global.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE))
	}
	get := fn(func(goja.FunctionCall) goja.Value {
		o, err := make()
		c.must(err)
		settle(o)
		return o
	})
	set := fn(func(call goja.FunctionCall) goja.Value {
		settle(call.Argument(0))
		return goja.Undefined()
	})
	return global.DefineAccessorProperty(name, c.vm.ToValue(get), c.vm.ToValue(set), goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// made runs a program of ours, which is a function, and calls it: what it returns is the object.
func (c *call) made(program *goja.Program, args ...goja.Value) (*goja.Object, error) {
	v, err := c.vm.RunProgram(program)
	if err != nil {
		return nil, err
	}
	f, ok := goja.AssertFunction(v)
	if !ok {
		return nil, thrown("a program of the runtime is no function")
	}
	if v, err = f(goja.Undefined(), args...); err != nil {
		return nil, err
	}
	return v.ToObject(c.vm), nil
}

// contextOf makes the context of one function.
func (c *call) contextOf(f *Function) (*goja.Object, error) {
	vm := c.vm
	system := f.System || c.Caller.System
	environment := bson.D{{Key: "tag", Value: c.Environment}}
	values := bson.D{}
	for _, name := range sortedNames(c.EnvironmentValues) {
		v, err := ejson.Parse(c.EnvironmentValues[name])
		if err != nil {
			return nil, err
		}
		values = append(values, bson.E{Key: name, Value: v})
	}
	environment = append(environment, bson.E{Key: "values", Value: values})

	services, functions, vals := vm.NewObject(), vm.NewObject(), vm.NewObject()
	o := vm.NewObject()
	for _, err := range []error{
		c.define(services, map[string]any{"get": fn(func(call goja.FunctionCall) goja.Value { return c.service(call, system) })}),
		c.define(functions, map[string]any{"execute": fn(c.execute)}),
		c.define(vals, map[string]any{"get": fn(func(call goja.FunctionCall) goja.Value {
			v, ok, err := c.host.Value(c.ctx, call.Argument(0).String())
			if err != nil {
				panic(c.errorOf(err))
			}
			if !ok {
				return goja.Undefined()
			}
			return c.toJS(v)
		})}),
		o.Set("user", c.user()),
		o.Set("services", services),
		o.Set("functions", functions),
		o.Set("values", vals),
		o.Set("environment", c.toJS(environment)),
		o.Set("app", c.toJS(bson.D{{Key: "id", Value: c.App}, {Key: "clientAppId", Value: c.App}, {Key: "name", Value: c.AppName}})),
		o.Set("request", c.toJS(append(bson.D{{Key: "service", Value: ""}, {Key: "action", Value: c.Call.Function.Name}}, c.Caller.Request...))),
		o.Set("http", c.http()),
		c.define(o, map[string]any{"runningAsSystem": fn(func(goja.FunctionCall) goja.Value { return vm.ToValue(system) })}),
	} {
		if err != nil {
			return nil, err
		}
	}
	return o, nil
}

// user is context.user: who called, also in a function that runs as the system.
func (c *call) user() goja.Value {
	identities := bson.A{}
	for _, id := range c.Caller.Identities {
		identities = append(identities, bson.D{{Key: "id", Value: id.ID}, {Key: "provider_type", Value: id.ProviderType}})
	}
	or := func(d bson.D) bson.D {
		if d == nil {
			return bson.D{}
		}
		return d
	}
	return c.toJS(bson.D{
		{Key: "id", Value: c.Caller.UserID}, {Key: "type", Value: c.Caller.Type}, {Key: "data", Value: or(c.Caller.Data)},
		{Key: "custom_data", Value: or(c.Caller.CustomData)}, {Key: "identities", Value: identities},
	})
}

// errorOf makes an Error of what went wrong outside JavaScript. Only what a client may be told is told: the rest is for the log.
func (c *call) errorOf(err error) goja.Value {
	text, code := "internal error", ""
	var refusal *apierror.Error
	var t *ThrownError
	switch {
	case errors.As(err, &refusal):
		text, code = refusal.Text, refusal.Code
	case errors.As(err, &t):
		text = t.Text
	case errors.Is(err, ErrHTTPForbidden):
		text = ErrHTTPForbidden.Error()
	default:
		c.log.failed = append(c.log.failed, err)
	}
	e, made := c.vm.New(c.errorClass, c.vm.ToValue(text))
	c.must(made)
	if code != "" {
		c.must(e.Set("code", code))
	}
	return e
}
