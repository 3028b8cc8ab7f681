package script

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // functions of apps ask for it by name
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // functions of apps ask for it by name
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/json"
	"hash"
	"maps"
	"slices"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New, "sha384": sha512.New384, "sha224": sha256.New224,
}

const maxRandom = 1 << 16 // bytes of one request for random ones

func randomUUID() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return b
}

func sortedNames(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }

func (c *call) hashBy(v goja.Value) func() hash.Hash {
	h := hashes[v.String()]
	if h == nil {
		c.fail("unknown hash function: '" + clip(v.String(), 64) + "'")
	}
	return h
}

// makeUtils makes the global utils: crypto with hash(function, input), hmac(input, secret, function, encoding), encrypt, decrypt, sign and verify
// (cipher.go), and jwt (token.go).
func (c *call) makeUtils() (*goja.Object, error) {
	crypto, utils := c.vm.NewObject(), c.vm.NewObject()
	err := c.define(crypto, map[string]any{
		"hash": fn(func(call goja.FunctionCall) goja.Value {
			h := c.hashBy(call.Argument(0))()
			h.Write(c.bytesFrom(call.Argument(1), utf8Bytes))
			return c.encoded(h.Sum(nil), goja.Undefined())
		}),
		"hmac": fn(func(call goja.FunctionCall) goja.Value {
			h := hmac.New(c.hashBy(call.Argument(2)), c.bytesFrom(call.Argument(1), utf8Bytes))
			h.Write(c.bytesFrom(call.Argument(0), utf8Bytes))
			return c.encoded(h.Sum(nil), call.Argument(3))
		}),
		"encrypt": fn(c.encrypt), "decrypt": fn(c.decrypt), "sign": fn(c.sign), "verify": fn(c.verify),
	})
	if err != nil {
		return nil, err
	}
	jwt, err := c.tokens()
	if err != nil {
		return nil, err
	}
	return utils, c.define(utils, map[string]any{"crypto": crypto, "jwt": jwt})
}

// nodeCrypto is what require("crypto") gives: createHash, createHmac, randomBytes, randomUUID, timingSafeEqual. Bytes are Buffers, as Node's.
func (c *call) nodeCrypto() (*goja.Object, error) {
	stream := func(h hash.Hash) goja.Value {
		o := c.vm.NewObject()
		c.must(c.define(o, map[string]any{
			"update": fn(func(call goja.FunctionCall) goja.Value {
				encoding := call.Argument(1)
				h.Write(c.bytesFrom(call.Argument(0), func(s string) ([]byte, error) { return c.decodeText(s, encoding), nil }))
				return o
			}),
			"digest": fn(func(call goja.FunctionCall) goja.Value {
				if absent(call.Argument(0)) {
					return c.newBuffer(h.Sum(nil))
				}
				return c.encoded(h.Sum(nil), call.Argument(0))
			}),
		}))
		return o
	}
	o := c.vm.NewObject()
	return o, c.define(o, map[string]any{
		"createHash": fn(func(call goja.FunctionCall) goja.Value { return stream(c.hashBy(call.Argument(0))()) }),
		"createHmac": fn(func(call goja.FunctionCall) goja.Value {
			return stream(hmac.New(c.hashBy(call.Argument(0)), c.bytesFrom(call.Argument(1), utf8Bytes)))
		}),
		"randomBytes": fn(func(call goja.FunctionCall) goja.Value {
			n := call.Argument(0).ToInteger()
			if n < 0 || n > maxRandom {
				panic(c.vm.NewTypeError("at most %d random bytes are given", maxRandom))
			}
			b := make([]byte, n)
			_, _ = rand.Read(b) // never fails (crypto/rand)
			return c.newBuffer(b)
		}),
		"timingSafeEqual": fn(func(call goja.FunctionCall) goja.Value {
			a, b := c.bytesFrom(call.Argument(0), utf8Bytes), c.bytesFrom(call.Argument(1), utf8Bytes)
			if len(a) != len(b) {
				panic(c.rangeError("what is compared must have the same length"))
			}
			return c.vm.ToValue(subtle.ConstantTimeCompare(a, b) == 1)
		}),
		"randomUUID": fn(func(goja.FunctionCall) goja.Value {
			return c.vm.ToValue(uuidText(bson.Binary{Data: randomUUID()}))
		}),
	})
}
