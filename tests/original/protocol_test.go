package original

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
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
		var left []string
		for token := range strings.SplitSeq(r.Header.Get("Sec-Websocket-Protocol"), ", ") {
			_, number, _ := strings.Cut(token, "#")
			if v, err := strconv.Atoi(number); err == nil && v <= version {
				left = append(left, token)
			}
		}
		if left != nil {
			r.Header.Set("Sec-Websocket-Protocol", strings.Join(left, ", "))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	proxy.ModifyResponse = func(r *http.Response) error { // the server says where it is itself
		if !strings.HasSuffix(r.Request.URL.Path, "/location") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, []byte(srv.addr), []byte(strings.TrimPrefix(front.URL, "http://")))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	return front.URL
}

// Devices that speak older versions of the protocol, one of each beside one that speaks the newest, have the same in the end. It is a newer client that
// speaks them, as it did with servers that knew no better.
func TestOlderProtocols(t *testing.T) {
	srv := startServer(t)
	for version := 8; version <= wire.Version; version++ { // the server refuses older ones
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
