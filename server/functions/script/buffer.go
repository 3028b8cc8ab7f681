package script

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

//go:embed buffer.js
var bufferSource string

var bufferProgram = goja.MustCompile("buffer.js", bufferSource, true)

// makeBuffer makes the global Buffer, once.
func (c *call) makeBuffer() (*goja.Object, error) {
	if c.buffer != nil {
		return c.buffer, nil
	}
	decode := fn(func(call goja.FunctionCall) goja.Value {
		name := call.Argument(1)
		return c.vm.ToValue(c.vm.NewArrayBuffer(c.bytesFrom(call.Argument(0), func(s string) ([]byte, error) { return c.decodeText(s, name), nil })))
	})
	encode := fn(func(call goja.FunctionCall) goja.Value {
		return c.vm.ToValue(c.encodeText(c.bytesFrom(call.Argument(0), utf8Bytes), call.Argument(1)))
	})
	var err error
	c.buffer, err = c.made(bufferProgram, c.vm.ToValue(decode), c.vm.ToValue(encode))
	return c.buffer, err
}

// newBuffer makes a Buffer of bytes, which become its own.
func (c *call) newBuffer(data []byte) goja.Value {
	class, err := c.makeBuffer()
	c.must(err)
	o, err := c.vm.New(class, c.vm.ToValue(c.vm.NewArrayBuffer(data)))
	c.must(err)
	return o
}

// decodeText gives the bytes of a text, as Node does it: what is no hexadecimal ends it, what is no base64 is passed over.
func (c *call) decodeText(s string, encoding goja.Value) []byte {
	switch c.encoding(encoding) {
	case "hex":
		n := 0
		for n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[n]) >= 0 {
			n++
		}
		data, err := hex.DecodeString(s[:n&^1])
		if err != nil {
			c.fail(err.Error())
		}
		return data
	case "base64", "base64url":
		s, _, _ = strings.Cut(s, "=")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '-':
				return '+'
			case r == '_':
				return '/'
			case r == '+' || r == '/' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
				return r
			}
			return -1
		}, s)
		if len(s)%4 == 1 {
			s = s[:len(s)-1]
		}
		data, err := base64.RawStdEncoding.DecodeString(s)
		if err != nil {
			c.fail(err.Error())
		}
		return data
	case "latin1":
		out := make([]byte, 0, len(s))
		for _, r := range s {
			out = append(out, byte(r)) //nolint:gosec // the low byte of each, on purpose
		}
		return out
	}
	return []byte(s)
}

func (c *call) encodeText(data []byte, encoding goja.Value) string {
	switch c.encoding(encoding) {
	case "hex":
		return hex.EncodeToString(data)
	case "base64":
		return base64.StdEncoding.EncodeToString(data)
	case "base64url":
		return base64.RawURLEncoding.EncodeToString(data)
	case "latin1":
		out := make([]rune, len(data))
		for i, b := range data {
			out[i] = rune(b)
		}
		return string(out)
	}
	return strings.ToValidUTF8(string(data), "�")
}

// encoding is one of utf8, hex, base64, base64url and latin1, by the names that Node has for them.
func (c *call) encoding(v goja.Value) string {
	name := strings.ToLower(stringOr(v, "utf8"))
	switch name {
	case "utf8", "utf-8":
		return "utf8"
	case "hex", "base64", "base64url":
		return name
	case "latin1", "binary", "ascii":
		return "latin1"
	}
	c.fail("unknown encoding: '" + clip(name, 64) + "'")
	return ""
}

// encoded gives bytes as a text if an encoding is named, and otherwise as a Binary, which is how utils.crypto has them.
func (c *call) encoded(data []byte, encoding goja.Value) goja.Value {
	if absent(encoding) {
		return c.toJS(bson.Binary{Data: data})
	}
	return c.vm.ToValue(c.encodeText(data, encoding))
}
