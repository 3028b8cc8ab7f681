package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"realmsync/server/api"
	"realmsync/server/appconfig"
	"realmsync/server/sync"
)

// opsFlags are the flags for operators.
type opsFlags struct {
	Config          configFlag    `placeholder:"FILE" help:"Configuration file (YAML): its keys are the names of these flags. Flags go before the environment (REALM_SYNC_...), which goes before the file."`
	TLSCert         string        `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate chain (PEM): serve HTTPS. It is read again when it changes, and on SIGHUP."`
	TLSKey          string        `name:"tls-key" type:"path" placeholder:"FILE" help:"Key of the certificate (PEM)."`
	MetricsListen   string        `name:"metrics-listen" placeholder:"HOST:PORT" help:"Serve /metrics, /healthz and /readyz here, and /metrics nowhere else. With TLS if --tls-cert is set."`
	DebugListen     string        `name:"debug-listen" placeholder:"HOST:PORT" help:"Serve Go's profiles (/debug/pprof/) and /debug/memory here. Loopback addresses only."`
	MaxConnections  int           `default:"10000" help:"Most connections at the same time (default: ${default}); 0: no limit."`
	MaxConnsPerAddr int           `name:"max-connections-per-address" default:"0" help:"Most connections of one client address (default: no limit); of IPv6 its /64 counts. Not behind a proxy."`
	HeaderTimeout   time.Duration `default:"10s" help:"Longest time for a TLS handshake, and for the header of a request (default: ${default})."`
	RequestTimeout  time.Duration `default:"30s" help:"Longest time for a request to arrive whole (default: ${default})."`
	ClientIdle      time.Duration `name:"client-idle-timeout" default:"10m" help:"Silence after which a sync client counts as gone (default: ${default}). Clients send something every minute."`
	ClientWrite     time.Duration `name:"client-write-timeout" default:"2m" help:"Longest time that a sync client may take to receive one message, of about 1 MiB at most (default: ${default})."`
	ClientMessage   time.Duration `name:"client-message-timeout" default:"2m" help:"Longest time that a sync client may take to send one message (default: ${default})."`
	MaxClientMemory int64         `placeholder:"MIB" help:"Most that the server holds of what sync clients have sent, in MiB (default: a quarter of --memory, at most 1024); above it the connection that holds most is ended."`
	MaxSpool        int64         `default:"16384" placeholder:"MIB" help:"Most that bootstraps take on disk while they wait for slow sync clients, in MiB (default: ${default})."`
	MaxOfflineDays  int           `default:"30" help:"Days that a client may be away, for apps that don't say (default: ${default})."`
	AppIdle         time.Duration `default:"5m" help:"How long an app that no client is connected to stays open (default: ${default})."`
	TrimEvery       time.Duration `default:"10m" help:"How often history that no client needs is given up (default: ${default})."`
}

func (f *opsFlags) check() error {
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case f.MaxConnections < 0 || f.MaxConnsPerAddr < 0:
		return errors.New("a limit of connections can't be negative")
	case min(f.HeaderTimeout, f.RequestTimeout, f.ClientIdle, f.ClientWrite, f.ClientMessage) <= 0:
		return errors.New("a timeout must be positive")
	case f.MaxSpool < 64 || f.MaxClientMemory != 0 && f.MaxClientMemory < minInbound>>20 || max(f.MaxClientMemory, f.MaxSpool) > 1<<40:
		return errors.New("--max-client-memory and --max-spool must be at least 64")
	case f.MaxOfflineDays < 1:
		return errors.New("--max-offline-days must be at least 1")
	case f.TrimEvery <= 0 || f.AppIdle <= 0:
		return errors.New("--trim-every and --app-idle must be positive")
	}
	if f.TLSCert != "" {
		if _, err := openCertificate(f.TLSCert, f.TLSKey); err != nil {
			return err
		}
	}
	return nil
}

// maxOffline tells how long a client of an app may be away.
func (f *opsFlags) maxOffline(configs *appconfig.Store) func(context.Context, string) time.Duration {
	const day = 24 * time.Hour
	return func(ctx context.Context, app string) time.Duration {
		days := f.MaxOfflineDays
		if c, err := configs.Current(ctx, app); err == nil {
			if s := c.SyncService(); s != nil && s.FlexibleSync.ClientMaxOfflineDays > 0 {
				days = s.FlexibleSync.ClientMaxOfflineDays
			}
		}
		return time.Duration(days) * day
	}
}

// ops tells the endpoint what the flags say.
func (f *opsFlags) ops(memory shares, cfg sync.Config, configs *appconfig.Store) sync.Config {
	cfg.MaxOffline, cfg.TrimEvery, cfg.AppIdle = f.maxOffline(configs), f.TrimEvery, f.AppIdle
	cfg.IdleTimeout, cfg.WriteTimeout, cfg.MessageTimeout = f.ClientIdle, f.ClientWrite, f.ClientMessage
	cfg.MaxInbound, cfg.MaxSpoolMemory, cfg.MaxSpoolDisk = memory.inbound, memory.spool, f.MaxSpool<<20
	if f.MaxClientMemory > 0 {
		cfg.MaxInbound = f.MaxClientMemory << 20
	}
	return cfg
}

// metricsServer serves what operators' programs read.
func (f *opsFlags) metricsServer(registry *prometheus.Registry, probes *api.Server, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /healthz", probes)
	mux.Handle("GET /readyz", probes)
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: f.HeaderTimeout, ReadTimeout: f.HeaderTimeout, WriteTimeout: time.Minute, IdleTimeout: api.IdleTimeout,
		MaxHeaderBytes: api.MaxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// scheme is that of the server's addresses.
func (f *opsFlags) scheme() string {
	if f.TLSCert != "" {
		return "https"
	}
	return "http"
}

// guard is what stands before every listener of the server: limits of connections, and TLS if there is a certificate.
type guard struct {
	total, each int
	cert        *certificate // nil: no TLS
	stop        func()
}

// guard reads the certificate, and follows it until stop.
func (f *opsFlags) guard(log *slog.Logger) (*guard, error) {
	g := &guard{total: f.MaxConnections, each: f.MaxConnsPerAddr, stop: func() {}}
	if f.TLSCert == "" {
		return g, nil
	}
	cert, err := openCertificate(f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, err
	}
	cert.log = log
	g.cert, g.stop = cert, cert.follow()
	return g, nil
}

// before puts the guard before listeners, which share one limit: those of administrators and of metrics have their own, so that a flood on the public
// addresses doesn't keep operators out.
func (g *guard) before(listeners ...net.Listener) (guarded []net.Listener) {
	limits := newConnLimits(g.total, g.each)
	for _, l := range listeners {
		l = limits.listener(promptListener{l})
		if g.cert != nil {
			l = g.cert.listener(l)
		}
		guarded = append(guarded, l)
	}
	return guarded
}

// listenMetrics opens the listener for metrics, if there is to be one. Call stop in the end.
func (f *opsFlags) listenMetrics(k *kong.Context, probes *api.Server, registry *prometheus.Registry, g *guard, log *slog.Logger) (stop func(), err error) {
	if f.MetricsListen == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", f.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("--metrics-listen %s: %w", f.MetricsListen, err)
	}
	if _, err := fmt.Fprintf(k.Stdout, "metrics on %s://%s\n", f.scheme(), l.Addr()); err != nil {
		log.Warn("standard output cannot be written", "error", err)
	}
	server := f.metricsServer(registry, probes, log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(g.before(l)[0]); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "error", err)
		}
	}()
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}
