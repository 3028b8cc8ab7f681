package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realmsync/server/auth"
	"realmsync/server/budget"
	"realmsync/server/data"
)

// Bounds on what a client sends and on the time that it takes (app-services 13.9).
const (
	// MaxBody is the most that a request's body may have, in bytes. It is less than 13.9 allows: anybody may send one, on each of many connections, and
	// the longest that clients send is a token of 32 KiB.
	MaxBody = 64 << 10
	// MaxPayload is MaxBody for a login by a function of the app, whose argument is the app's.
	MaxPayload = 1 << 20
	// MaxFunctionBody is MaxBody for the call of a function, and for administrators; it is read when the token was looked at.
	MaxFunctionBody = 4 << 20
	// MaxHeader is the most that a request's header may have, in bytes.
	MaxHeader = 32 << 10
	// IdleTimeout is how long a connection without a request stays open.
	IdleTimeout = 2 * time.Minute
)

// Config says what a Server serves. Auth is required; the zero value of each other field means the default.
type Config struct {
	// Auth is asked about apps, users and tokens.
	Auth *auth.Service
	// BaseURL is the server's public address, as clients are configured with it, e.g. "https://sync.example.com". Empty:
	// the address that a client's connection arrived at.
	BaseURL string
	// Sync answers GET .../app/{app}/realm-sync, the WebSocket upgrade. The request's path value "app" is the app's id. It
	// must hijack the connection or answer with a short body. nil: 503.
	Sync http.Handler
	// Functions calls the functions of apps. nil: there are none.
	Functions auth.Functions
	// Collections calls the operations of data sources. nil: there are none.
	Collections Collections
	// Data serves the data API. nil: there is none.
	Data *data.Data
	// Admin answers everything below /api/admin/ and /api/private/. nil: there is nothing.
	Admin http.Handler
	// Stores tells /readyz whether the data of apps can be read; nil: it is not asked.
	Stores func(context.Context) error
	// AdminOnly leaves everything else out, but for /healthz and /readyz: a listener of its own for administrators.
	AdminOnly bool
	// Registry is where metrics are registered and read from. nil: one of the server's own.
	Registry *prometheus.Registry
	// HideMetrics keeps /metrics from being served here: it has an address of its own.
	HideMetrics bool
	// TrustedProxies are the addresses of proxies before the server, whose X-Forwarded-For says who the client is. None: nobody's does.
	TrustedProxies []netip.Prefix
	// HeaderTimeout is how long a TLS handshake, and the header of a request, may take; default 10 seconds.
	HeaderTimeout time.Duration
	// ReadTimeout is how long a request may take to arrive whole; default 30 seconds.
	ReadTimeout time.Duration
	// MaxHeld is how much of answers may wait for clients to read them, of all together, in bytes; default 256 MiB. Beyond it the oldest answer is broken off of whoever has
	// most. Of one answer it bounds the length, too.
	MaxHeld int64
	// Logger gets one line per request, without its query: a token may be in it.
	Logger *slog.Logger
}

// Server is the HTTP handler. It is safe for concurrent use.
type Server struct {
	hideMetrics bool
	auth        *auth.Service
	base        *url.URL // nil: the address that the client connected to
	sync        http.Handler
	functions   auth.Functions
	collections Collections
	data        *data.Data
	admin       http.Handler
	adminOnly   bool
	metrics     *metrics
	log         *slog.Logger
	writeTime   time.Duration // these two: changed by tests
	recheck     time.Duration
	headerTime  time.Duration
	readTime    time.Duration
	draining    atomic.Bool
	drain       sync.Once
	drained     chan struct{} // closed when it drains: streams end
	stores      func(context.Context) error
	proxies     []netip.Prefix
	held        *budget.Held
}

// New makes a server. It fails if the base URL is not one, or if metrics of the same names are registered.
func New(cfg Config) (*Server, error) {
	if cfg.Auth == nil {
		return nil, errors.New("api: there is no auth service")
	}
	s := &Server{drained: make(chan struct{}), hideMetrics: cfg.HideMetrics, auth: cfg.Auth, sync: cfg.Sync, functions: cfg.Functions, collections: cfg.Collections, admin: cfg.Admin, adminOnly: cfg.AdminOnly, data: cfg.Data, stores: cfg.Stores, proxies: cfg.TrustedProxies, log: cfg.Logger, writeTime: writeTime, recheck: recheck,
		headerTime: cmp.Or(cfg.HeaderTimeout, 10*time.Second), readTime: cmp.Or(cfg.ReadTimeout, 30*time.Second), held: budget.NewHeld(cmp.Or(cfg.MaxHeld, 256<<20))}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.BaseURL != "" {
		u, err := parseBase(cfg.BaseURL)
		if err != nil {
			return nil, err
		}
		s.base = u
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	var err error
	if s.metrics, err = newMetrics(cfg.Registry, s.held); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return s, nil
}

// Drain makes /readyz answer 503, so that nobody sends new clients here, and ends the streams of changes. Requests are still served.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.drain.Do(func() { close(s.drained) })
}

// writeTime is how long a client may take to read an answer. It begins with the answer and not with the request, as net/http would
// count: a function of an app may take longer than that, and a client takes a connection that ends without an answer for success
// (app-services 1.3, H11).
const writeTime = 90 * time.Second

// HTTPServer returns a server for s with limits on headers and times. The caller runs it, and stops it. Its time limits do
// not hold for a connection that was upgraded.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true,         // it would answer outside our rules
		ReadHeaderTimeout:            s.headerTime, // net/http takes it for TLS handshakes too
		ReadTimeout:                  s.readTime,
		WriteTimeout:                 0, // see writeTime
		IdleTimeout:                  IdleTimeout,
		MaxHeaderBytes:               MaxHeader,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// parseBase takes a base URL that a client would take: absolute, http or https, nothing behind the authority but slashes.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil {
		return nil, fmt.Errorf("api: the base URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return nil, fmt.Errorf("api: the base URL %q must be http://HOST[:PORT] or https://HOST[:PORT]", text)
	}
	return u, nil
}
