package script

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/dop251/goja"
	"github.com/golang-jwt/jwt/v5"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// aead is AES in Galois/Counter Mode. What is encrypted is the nonce of 12 bytes, the text, and its tag of 16, as the hosted service has it.
func (c *call) aead(kind, key goja.Value) cipher.AEAD {
	if kind.String() != "aes" {
		c.fail("the encryption must be aes")
	}
	block, err := aes.NewCipher(c.bytesFrom(key, utf8Bytes))
	if err != nil {
		c.fail("the key must have 16, 24 or 32 bytes")
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		c.fail(err.Error())
	}
	return a
}

// encrypt is utils.crypto.encrypt("aes", message, key).
func (c *call) encrypt(call goja.FunctionCall) goja.Value {
	a := c.aead(call.Argument(0), call.Argument(2))
	nonce := make([]byte, a.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return c.toJS(bson.Binary{Data: a.Seal(nonce, nonce, c.bytesFrom(call.Argument(1), utf8Bytes), nil)})
}

// decrypt is utils.crypto.decrypt("aes", encrypted, key).
func (c *call) decrypt(call goja.FunctionCall) goja.Value {
	a := c.aead(call.Argument(0), call.Argument(2))
	data := c.bytesFrom(call.Argument(1), utf8Bytes)
	n := min(a.NonceSize(), len(data))
	if n < a.NonceSize() {
		c.fail("the message cannot be decrypted")
	}
	text, err := a.Open(nil, data[:n], data[n:], nil)
	if err != nil {
		c.fail("the message cannot be decrypted")
	}
	return c.toJS(bson.Binary{Data: text})
}

// isPSS reads the scheme of a signature, pss if there is none.
func (c *call) isPSS(kind, scheme goja.Value) bool {
	name := stringOr(scheme, "pss")
	if kind.String() != "rsa" || name != "pss" && name != "pkcs1v15" {
		c.fail("signatures are rsa, of the scheme pss or pkcs1v15")
	}
	return name == "pss"
}

// sign is utils.crypto.sign("rsa", message, privateKey, scheme).
func (c *call) sign(call goja.FunctionCall) goja.Value {
	pss := c.isPSS(call.Argument(0), call.Argument(3))
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(call.Argument(2).String()))
	if err != nil {
		c.fail("the private key cannot be read: " + err.Error())
	}
	sum := sha256.Sum256(c.bytesFrom(call.Argument(1), utf8Bytes))
	var signature []byte
	if pss {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
	if err != nil {
		c.fail("the message cannot be signed: " + err.Error())
	}
	return c.toJS(bson.Binary{Data: signature})
}

// verify is utils.crypto.verify("rsa", message, publicKey, signature, scheme).
func (c *call) verify(call goja.FunctionCall) goja.Value {
	pss := c.isPSS(call.Argument(0), call.Argument(4))
	key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(call.Argument(2).String()))
	if err != nil {
		c.fail("the public key cannot be read: " + err.Error())
	}
	sum := sha256.Sum256(c.bytesFrom(call.Argument(1), utf8Bytes))
	signature := c.bytesFrom(call.Argument(3), utf8Bytes)
	if pss {
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, nil)
	} else {
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	}
	return c.vm.ToValue(err == nil)
}
