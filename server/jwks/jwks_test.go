package jwks

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/server/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var b64 = base64.RawURLEncoding.EncodeToString

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func rsaJSON(id string, k *rsa.PublicKey) map[string]any {
	return map[string]any{"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
}

func ecJSON(t *testing.T, id string, k *ecdsa.PublicKey) map[string]any {
	t.Helper()
	point, err := k.Bytes()
	require.NoError(t, err)
	return map[string]any{"kty": "EC", "kid": id, "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
}

func keySet(keys ...any) []byte {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return text
}

func with(m map[string]any, name string, value any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	out[name] = value
	return out
}

func TestParse(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good := rsaJSON("r", &rsaKey().PublicKey)
	point := ecJSON(t, "e", &ec.PublicKey)
	keys, err := Parse(keySet(good, point, map[string]any{"kty": "oct", "k": "c2VjcmV0"}, map[string]any{"kty": "OKP"}, 5))
	require.NoError(t, err)
	require.Len(t, keys, 2, "keys that we have no use for do no harm")
	require.Equal(t, "RS256", keys[0].Alg)
	require.True(t, rsaKey().PublicKey.Equal(keys[0].Public))
	require.Equal(t, "ES256", keys[1].Alg)
	require.True(t, ec.PublicKey.Equal(keys[1].Public))

	short := rsaKey().PublicKey
	short.N = new(big.Int).Rsh(short.N, 1)
	for name, text := range map[string][]byte{
		"nothing": nil, "no set": []byte("[]"), "empty": keySet(), "no keys": []byte(`{}`), "keys is a text": []byte(`{"keys":"x"}`),
		"for encryption": keySet(with(good, "use", "enc")), "to sign only": keySet(with(good, "key_ops", []string{"sign"})), "another algorithm": keySet(with(good, "alg", "RS512")),
		"a secret": keySet(map[string]any{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}), "short": keySet(rsaJSON("x", &short)),
		"long": keySet(with(good, "n", strings.Repeat("_", 1400))), "huge": keySet(with(good, "n", strings.Repeat("A", 1<<20))),
		"even exponent": keySet(with(good, "e", b64([]byte{2}))), "exponent 1": keySet(with(good, "e", b64([]byte{1}))), "no exponent": keySet(with(good, "e", "")),
		"huge exponent": keySet(with(good, "e", b64([]byte{1, 0, 0, 0, 1}))), "not base64": keySet(with(good, "n", "***")),
		"not on the curve": keySet(with(point, "y", point["x"])), "another curve": keySet(with(point, "crv", "P-384")), "half a point": keySet(with(point, "y", "")),
		"too many": keySet(make([]any, maxKeys+1)...),
	} {
		_, err := Parse(text)
		require.Error(t, err, name)
	}
}

// issuer is a server with a key set.
type issuer struct {
	body    atomic.Value // []byte; empty: it fails
	control atomic.Value // string
	hold    atomic.Value // chan struct{}: it answers when that is closed
	asked   atomic.Int64
	at      time.Time
	cache   *Cache
	url     string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{at: time.Unix(1_700_000_000, 0)}
	i.control.Store("")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		if hold, ok := i.hold.Load().(chan struct{}); ok {
			<-hold
		}
		body := i.body.Load().([]byte)
		if len(body) == 0 {
			w.WriteHeader(http.StatusBadGateway)
		}
		w.Header().Set("Cache-Control", i.control.Load().(string))
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	i.url = server.URL
	i.cache = NewCache(egress.New(roots, 0), func() time.Time { return i.at }, slog.New(slog.DiscardHandler))
	return i
}

func (i *issuer) find(t *testing.T, kid string) error {
	t.Helper()
	keys, err := i.cache.Keys(t.Context(), i.url, kid, RS256)
	if err == nil {
		require.NotEmpty(t, keys)
	}
	return err
}

func TestCache(t *testing.T) {
	i := newIssuer(t)
	i.body.Store(keySet(rsaJSON("one", &rsaKey().PublicKey)))
	for range 5 {
		require.NoError(t, i.find(t, "one"))
		require.NoError(t, i.find(t, ""), "a token that names no key may be of any")
	}
	require.EqualValues(t, 1, i.asked.Load())
	_, err := i.cache.Keys(t.Context(), i.url, "one", ES256)
	require.Error(t, err, "a key is for one algorithm")

	// Rotation: a key that is not known is looked for at once, but not by everybody who names one.
	i.body.Store(keySet(rsaJSON("two", &rsaKey().PublicKey)))
	require.Error(t, i.find(t, "two"), "less than half a minute after the last fetch")
	require.EqualValues(t, 1, i.asked.Load())
	i.at = i.at.Add(pause)
	require.NoError(t, i.find(t, "two"))
	require.EqualValues(t, 2, i.asked.Load())
	require.Error(t, i.find(t, "one"), "a key that was rotated out is not taken any more")
	for n := range 100 {
		require.Error(t, i.find(t, fmt.Sprint(n)))
	}
	require.EqualValues(t, 2, i.asked.Load())

	// Age.
	i.at = i.at.Add(defaultAge)
	require.NoError(t, i.find(t, "two"))
	require.EqualValues(t, 3, i.asked.Load())
	i.body.Store([]byte{})
	i.at = i.at.Add(defaultAge - time.Second)
	require.NoError(t, i.find(t, "two"), "it is not asked for what it said")
	require.Error(t, i.find(t, "three"))
	require.NoError(t, i.find(t, "two"), "a failed attempt to find another does not end it")
	i.at = i.at.Add(pause)
	asked := i.asked.Load()
	require.NoError(t, i.find(t, "two"), "others can't be had")
	require.Equal(t, asked+1, i.asked.Load())
	require.NoError(t, i.find(t, "two"))
	require.Error(t, i.find(t, "three"))
	require.Equal(t, asked+1, i.asked.Load(), "a server that fails is not asked by each login")
	i.at = i.at.Add(maxAge - defaultAge)
	require.Error(t, i.find(t, "two"), "its time is over")
	require.Error(t, i.find(t, "two"))
	require.Equal(t, asked+2, i.asked.Load())
	i.body.Store(keySet(rsaJSON("two", &rsaKey().PublicKey)))
	i.at = i.at.Add(pause)
	require.NoError(t, i.find(t, "two"))
}

// A key that is made up makes the set be fetched, and an issuer may take its time: nobody who brings a key of the set waits for that.
func TestNobodyWaitsForNothing(t *testing.T) {
	i := newIssuer(t)
	i.body.Store(keySet(rsaJSON("one", &rsaKey().PublicKey)))
	require.NoError(t, i.find(t, "one"))
	i.at = i.at.Add(pause)
	i.hold.Store(make(chan struct{}))
	var group sync.WaitGroup
	group.Go(func() { _, _ = i.cache.Keys(t.Context(), i.url, "made up", RS256) })
	require.Eventually(t, func() bool { return i.asked.Load() == 2 }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // whoever waits gives up
	_, err := i.cache.Keys(ctx, i.url, "one", RS256)
	require.NoError(t, err)
	require.EqualValues(t, 2, i.asked.Load())
	close(i.hold.Load().(chan struct{}))
	group.Wait()
}

func TestAge(t *testing.T) {
	for control, want := range map[string]time.Duration{
		"": defaultAge, "public": defaultAge, "max-age=1200": 20 * time.Minute, "public, MAX-AGE=1200, x": 20 * time.Minute, "max-age=1": minAge, "max-age=99999999": maxAge,
		"no-store": minAge, "max-age=1200, no-cache": minAge, "max-age=-1": defaultAge, "max-age=x": defaultAge, "max-age=\"600\"": 10 * time.Minute,
	} {
		require.Equal(t, want, age(control), control)
	}
}

// One that is asked for by many at once is fetched once.
func TestTogether(t *testing.T) {
	i := newIssuer(t)
	i.body.Store(keySet(rsaJSON("one", &rsaKey().PublicKey)))
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() { _, _ = i.cache.Keys(t.Context(), i.url, "one", RS256) })
	}
	group.Wait()
	require.EqualValues(t, 1, i.asked.Load())
}

func FuzzParse(f *testing.F) {
	f.Add(keySet(rsaJSON("r", &rsaKey().PublicKey)))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := Parse(text)
		if err == nil && len(keys) == 0 {
			t.Fatal("a set without keys is an error")
		}
		for _, k := range keys {
			if r, ok := k.Public.(*rsa.PublicKey); ok && CheckRSA(r) != nil {
				t.Fatal("an RSA key that is too weak")
			}
		}
	})
}
