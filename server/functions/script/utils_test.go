package script

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func pemOf(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func rsaKeys(t *testing.T) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil), pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey), nil)
}

// What the hosted service encrypted is decrypted here: key, message and result are those of its documentation.
func TestCipher(t *testing.T) {
	f := newFake(t)
	const key = "603082712271C525E087BD999A4E0738"
	require.Equal(t, "MongoDB is great!", f.value("utils.crypto.decrypt('aes', BSON.Binary.fromBase64('WPBuIvJ6Bity43Uh822dW8QlVYVJaFUiDeUjlTiJXzptUuTYIKPlXekBQAJb'), a).text()", key))
	require.Equal(t, "SUXd6PRMaTXXgBGaGsIHzaDWgTSa6C3D44lRGrvRak0=", f.value("utils.crypto.hmac('hello!', 'super-secret', 'sha256', 'base64')"))
	require.Equal(t, "zgYJL7lI2f+sfRo3bkBLJrdXW8wR7gWkYV/vT+w6MIs=", f.value("utils.crypto.hash('sha256', 'hello!').toBase64()"))
	require.Equal(t, bson.A{"é", true}, f.value("(() => { const e = () => utils.crypto.encrypt('aes', 'é', a); return [utils.crypto.decrypt('aes', e(), a).text(), e().toBase64() !== e().toBase64()] })()", key))
	private, public := rsaKeys(t)
	for _, scheme := range []string{"", ", 'pss'", ", 'pkcs1v15'"} {
		require.Equal(t, bson.A{true, false, false}, f.value("(() => { const s = utils.crypto.sign('rsa', 'm', a"+scheme+"); const v = (m, s) => utils.crypto.verify('rsa', m, b, s"+scheme+"); return [v('m', s), v('n', s), v('m', BSON.Binary('x'))] })()", private, public), scheme)
	}
	for source, text := range map[string]string{
		"utils.crypto.encrypt('des', 'm', a)": "must be aes", "utils.crypto.encrypt('aes', 'm', 'short')": "16, 24 or 32", "utils.crypto.decrypt('aes', BSON.Binary('x'), a)": "cannot be decrypted",
		"utils.crypto.decrypt('aes', utils.crypto.encrypt('aes', 'm', a), a.split('').reverse().join(''))": "cannot be decrypted", "utils.crypto.sign('rsa', 'm', 'x')": "private key cannot be read", "utils.crypto.sign('ec', 'm', 'x')": "signatures are rsa",
		"utils.crypto.verify('rsa', 'm', 'x', BSON.Binary('x'))": "public key cannot be read", "utils.crypto.verify('rsa', 'm', 'x', BSON.Binary('x'), 'other')": "signatures are rsa",
	} {
		require.Contains(t, f.throws(source, key), text, source)
	}
}

// The token is that of the hosted service's documentation, made of the same payload and secret.
func TestTokens(t *testing.T) {
	f := newFake(t)
	const token = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvZSBTY2htb2UiLCJpYXQiOjE1NjU3MjEyMjMxODd9.-QL15ldu2BYuJokNWT6YRiwZQIiIpvq6Kyv-C6qslNdNiUVxo8zqLJZ1iEkNf2yZKMIrQuMCtIC1tzd2H31AxA"
	payload := d("sub", "1234567890", "name", "Joe Schmoe", "iat", int64(1565721223187))
	require.Equal(t, token, f.value("utils.jwt.encode('HS512', a, 'SuperSecret')", payload))
	require.Equal(t, payload, f.value("utils.jwt.decode(a, 'SuperSecret', false, ['HS512'])", token))
	require.Equal(t, d("header", d("alg", "HS256", "typ", "JWT", "kid", "1"), "payload", d("a", int64(1))), f.value("utils.jwt.decode(utils.jwt.encode('HS256', {a: 1}, 's', {kid: '1', alg: 'none'}), 's', true)"))
	private, public := rsaKeys(t)
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		require.Equal(t, d("a", "x"), f.value("utils.jwt.decode(utils.jwt.encode(c, {a: 'x'}, a), b, false, [c])", private, public, algorithm))
	}
	for algorithm, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		private := pemOf(t, "PRIVATE KEY", der, err)
		der, err = x509.MarshalPKIXPublicKey(&key.PublicKey)
		require.Equal(t, d("a", "x"), f.value("utils.jwt.decode(utils.jwt.encode(c, {a: 'x'}, a), b)", private, pemOf(t, "PUBLIC KEY", der, err), algorithm))
	}
	none := "eyJhbGciOiJub25lIn0.eyJhIjoxfQ."
	for source, text := range map[string]string{
		"utils.jwt.decode(a, 'other')": "signature", "utils.jwt.decode(a, 'SuperSecret', false, ['HS256'])": "not accepted", "utils.jwt.decode(b, '')": "not accepted", "utils.jwt.decode('x', '')": "three parts", "utils.jwt.decode('x.y.!', '')": "cannot be read",
		"utils.jwt.decode(a, c)": "no key of another algorithm", "utils.jwt.encode('HS256', {}, '')": "must be a text", "utils.jwt.encode('none', {}, 's')": "must be one of", "utils.jwt.encode('RS256', {}, 's')": "cannot be read", "utils.jwt.encode('HS256', 1, 's')": "must be an object",
	} {
		require.Contains(t, f.throws(source, token, none, public), text, source)
	}
	now := Call{Now: func() time.Time { return time.Unix(1000, 0) }}
	for claims, text := range map[string]string{"{exp: 1001}": "", "{nbf: 1000}": "", "{exp: 1000}": "expired", "{nbf: 1001}": "not valid yet", "{exp: 'never'}": "not a number"} {
		out := f.runAs(now, "exports = () => utils.jwt.decode(utils.jwt.encode('HS256', "+claims+", 's'), 's')")
		if text == "" {
			require.NoError(t, out.Err, claims)
		} else {
			require.ErrorContains(t, out.Err, text, claims)
		}
	}
}

// Buffers are Node's, wherever bytes come from; they are bytes for everything else.
func TestBuffer(t *testing.T) {
	f := newFake(t)
	for source, v := range map[string]any{
		"Buffer.from('user:pass').toString('base64')": "dXNlcjpwYXNz", "Buffer.from('dXNlcg==', 'base64').toString()": "user", "Buffer.from('_-8', 'base64url').toString('hex')": "ffef", "Buffer.from('é').toString('hex')": "c3a9", "Buffer.from('c3a9', 'hex').toString('utf8')": "é", "new Buffer('a').length": int64(1),
		"Buffer.from('c3zz', 'hex').length": int64(1), "Buffer.from('é', 'latin1')[0]": int64(0xe9), "Buffer.from([233]).toString('latin1')": "é", "Buffer.from([1, 2, 300])": bson.Binary{Data: []byte{1, 2, 44}}, "Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()": "ab", "Buffer.concat([Buffer.from('ab'), Buffer.from('cd')], 3).toString()": "abc",
		"Buffer.alloc(2)": bson.Binary{Data: []byte{0, 0}}, "Buffer.alloc(3, 'ab').toString()": "aba", "[Buffer.isBuffer(Buffer.alloc(1)), Buffer.isBuffer(new Uint8Array(1)), Buffer.alloc(1) instanceof Uint8Array, Buffer.isEncoding('hex'), Buffer.isEncoding('x')]": bson.A{true, false, true, true, false},
		"Buffer.byteLength('é')": int64(2), "Buffer.from('abc').slice(1).toString()": "bc", "Buffer.from('abc').toString('utf8', 1, 2)": "b", "[Buffer.from('a').equals(Buffer.from('a')), Buffer.compare(Buffer.from('a'), Buffer.from('b'))]": bson.A{true, int64(-1)},
		"JSON.stringify(Buffer.from('a'))": `{"type":"Buffer","data":[97]}`, "Buffer.from(JSON.parse(JSON.stringify(Buffer.from('a')))).toString()": "a", "Buffer.from(BSON.Binary('ab')).toString()": "ab", "BSON.Binary(Buffer.from('ab')).text()": "ab", "Buffer.from(new Uint8Array([1]).buffer).length": int64(1),
		"(() => { const b = Buffer.alloc(3); return [b.write('abcd', 1), b.toString('latin1', 1)] })()": bson.A{int64(2), "ab"}, "(() => { const b = Buffer.alloc(3); return [Buffer.from('xy').copy(b, 1), b.toString('latin1', 1)] })()": bson.A{int64(2), "xy"},
		"require('buffer').Buffer === Buffer": true, "require('node:buffer').Buffer === Buffer": true,
		"require('crypto').createHash('sha1').update('x').digest().toString('hex')": "11f6ad8ec52a2984abaafd7c3b516503785c2072", "require('crypto').createHash('sha1').update('78', 'hex').digest('base64url')": "EfatjsUqKYSrqv18O1FlA3hcIHI",
		"require('crypto').randomBytes(8).toString('hex').length": int64(16), "require('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('a'))": true, "utils.crypto.hash('sha1', Buffer.from('x')).toHex()": "11f6ad8ec52a2984abaafd7c3b516503785c2072",
	} {
		require.Equal(t, v, f.value(source), source)
	}
	for source, text := range map[string]string{
		"Buffer.from('a', 'utf32')": "unknown encoding", "Buffer.from(1)": "a Buffer is made of", "Buffer.from(null)": "a Buffer is made of", "Buffer.alloc(2**40)": "too large", "require('crypto').timingSafeEqual('a', 'ab')": "same length",
		"require('left-pad')": "no packages of npm",
	} {
		require.Contains(t, f.throws(source), text, source)
	}
}
