package script

import (
	_ "embed"

	"github.com/dop251/goja"
)

//go:embed node.js
var nodeSource string

var nodeProgram = goja.MustCompile("node.js", nodeSource, true)

// nodeModule is one of the modules of node.js; nil if it has none of that name. They are made when the first of them is asked for.
func (c *call) nodeModule(name string) (goja.Value, error) {
	if name != "querystring" && name != "util" && name != "path" {
		return nil, nil
	}
	if c.node == nil {
		inspect := fn(func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(clip(c.inspect(call.Argument(0)), c.Limits.Log))
		})
		var err error
		if c.node, err = c.made(nodeProgram, c.vm.ToValue(inspect)); err != nil {
			return nil, err
		}
	}
	return c.node.Get(name), nil
}
