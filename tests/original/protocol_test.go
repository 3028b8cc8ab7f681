package original

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// older stands in front of a server, and lets clients offer no version of the protocol above the given one.
func older(t *testing.T, srv *server, version int) string {
	target, err := url.Parse(srv.url())
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if offered := r.Header.Get("Sec-Websocket-Protocol"); offered != "" {
			var left []string
			for _, token := range strings.Split(offered, ", ") {
				if v := 0; func() bool {
					_, err := fmt.Sscanf(token, wire.Subprotocol(1)[:len(wire.Subprotocol(1))-1]+"%d", &v)
					return err == nil
				}() && v <= version {
					left = append(left, token)
				}
			}
			r.Header.Set("Sec-Websocket-Protocol", strings.Join(left, ", "))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// Devices that speak older versions of the protocol, one of each beside one that speaks the newest, have the same in the end. It is a newer client that
// speaks them, as it did with servers that knew no better.
func TestOlderProtocols(t *testing.T) {
	srv := startServer(t)
	for version := 2; version <= wire.Version; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			s, dir, id := world(), t.TempDir(), fmt.Sprint("protocol-", version)
			devices := []device{
				startTheirs(t, srv.url(), id, filepath.Join(dir, "new"), s),
				startTheirs(t, older(t, srv, version), id, filepath.Join(dir, "old"), s),
				startOurs(t, srv.url(), id, filepath.Join(dir, "our"), s),
			}
			walk(t, rand.New(rand.NewPCG(uint64(version), 3)), s, devices, true, func() {})
			srv.log.Await(t, fmt.Sprintf("protocol=%d\n", version))
		})
	}
}
