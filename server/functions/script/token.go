package script

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/golang-jwt/jwt/v5"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// tokenAlgorithms are those that utils.jwt knows, which "none" is not one of.
var tokenAlgorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}

// tokens makes utils.jwt: encode(algorithm, payload, key, header), decode(token, key, returnHeader, accepted).
func (c *call) tokens() (*goja.Object, error) {
	o := c.vm.NewObject()
	return o, c.define(o, map[string]any{"encode": fn(c.encodeToken), "decode": fn(c.decodeToken)})
}

// tokenKey reads the key of an algorithm: a text for HS, PEM for the others. A public key is no secret, so PEM is none for HS: a token that says HS,
// and was signed with the public key of somebody who signs with RS, must not be good.
func (c *call) tokenKey(algorithm, text string, private bool) (key any) {
	var err error
	switch {
	case algorithm[:2] == "HS":
		if text == "" || strings.Contains(text, "-----BEGIN ") {
			c.fail("the key of a token with " + algorithm + " must be a text, and no key of another algorithm")
		}
		return []byte(text)
	case algorithm[:2] == "ES" && private:
		key, err = jwt.ParseECPrivateKeyFromPEM([]byte(text))
	case algorithm[:2] == "ES":
		key, err = jwt.ParseECPublicKeyFromPEM([]byte(text))
	case private:
		key, err = jwt.ParseRSAPrivateKeyFromPEM([]byte(text))
	default:
		key, err = jwt.ParseRSAPublicKeyFromPEM([]byte(text))
	}
	if err != nil {
		c.fail("the key of a token with " + algorithm + " cannot be read: " + err.Error())
	}
	return key
}

func (c *call) encodeToken(call goja.FunctionCall) goja.Value {
	algorithm := call.Argument(0).String()
	if !slices.Contains(tokenAlgorithms, algorithm) {
		c.fail("the algorithm of a token must be one of " + strings.Join(tokenAlgorithms, ", "))
	}
	header := bson.D{{Key: "alg", Value: algorithm}, {Key: "typ", Value: "JWT"}}
	for _, e := range c.document(call.Argument(3), "the header") {
		if e.Key != "alg" && e.Key != "typ" {
			header = append(header, e)
		}
	}
	var parts []string
	for _, d := range []bson.D{header, c.document(call.Argument(1), "the payload")} {
		text, err := appendRelaxed(nil, d)
		if err != nil {
			c.fail(err.Error())
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	signature, err := jwt.GetSigningMethod(algorithm).Sign(signed, c.tokenKey(algorithm, stringOr(call.Argument(2), ""), true))
	if err != nil {
		c.fail("the token cannot be signed: " + err.Error())
	}
	return c.vm.ToValue(signed + "." + base64.RawURLEncoding.EncodeToString(signature))
}

func (c *call) decodeToken(call goja.FunctionCall) goja.Value {
	parts := strings.Split(call.Argument(0).String(), ".")
	if len(parts) != 3 {
		c.fail("a token has three parts")
	}
	var read [3]any
	var signature []byte
	for i, part := range parts {
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
		if err == nil && i < 2 {
			read[i], err = ejson.Parse(data)
		}
		if err != nil {
			c.fail("the token cannot be read")
		}
		signature = data
	}
	header, _ := read[0].(bson.D)
	payload, isDocument := read[1].(bson.D)
	algorithm := ""
	for _, e := range header {
		if e.Key == "alg" {
			algorithm, _ = e.Value.(string)
		}
	}
	accepted := tokenAlgorithms
	if v := call.Argument(3); !absent(v) {
		list, _ := c.toBSON(v, c.Limits.Result).(bson.A)
		accepted = nil
		for _, name := range tokenAlgorithms {
			if slices.Contains(list, any(name)) {
				accepted = append(accepted, name)
			}
		}
	}
	if !slices.Contains(accepted, algorithm) || !isDocument {
		c.fail("the algorithm of the token is not accepted")
	}
	key := c.tokenKey(algorithm, stringOr(call.Argument(1), ""), false)
	if jwt.GetSigningMethod(algorithm).Verify(parts[0]+"."+parts[1], signature, key) != nil {
		c.fail("the signature of the token is not valid")
	}
	now := float64(c.Now().UnixMilli()) / 1000
	for _, e := range payload {
		at, isNumber := seconds(e.Value)
		switch {
		case e.Key != "exp" && e.Key != "nbf":
		case !isNumber:
			c.fail("the token's " + e.Key + " is not a number")
		case e.Key == "exp" && now >= at:
			c.fail("the token is expired")
		case e.Key == "nbf" && now < at:
			c.fail("the token is not valid yet")
		}
	}
	if call.Argument(2).ToBoolean() {
		return c.toJS(bson.D{{Key: "header", Value: header}, {Key: "payload", Value: payload}})
	}
	return c.toJS(payload)
}

// seconds is a time of a token.
func seconds(v any) (float64, bool) {
	switch n := v.(type) {
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
