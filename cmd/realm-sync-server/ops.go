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
	MetricsListen   string        `name:"metrics-listen" placeholder:"HOST:PORT" help:"Serve /metrics, /healthz and /readyz here, and /metrics nowhere else."`
	DebugListen     string        `name:"debug-listen" placeholder:"HOST:PORT" help:"Serve Go's profiles (/debug/pprof/) and /debug/memory here. Loopback addresses only."`
	MaxConnections  int           `default:"10000" help:"Most connections at the same time (default: ${default}); 0: no limit."`
	MaxConnsPerAddr int           `name:"max-connections-per-address" default:"0" help:"Most connections of one client address (default: no limit); of IPv6 its /64 counts. Not behind a proxy."`
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
func (f *opsFlags) ops(cfg sync.Config, configs *appconfig.Store) sync.Config {
	cfg.MaxOffline, cfg.TrimEvery, cfg.AppIdle = f.maxOffline(configs), f.TrimEvery, f.AppIdle
	return cfg
}

// metricsServer serves what operators' programs read.
func metricsServer(registry *prometheus.Registry, probes *api.Server) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /healthz", probes)
	mux.Handle("GET /readyz", probes)
	return &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}

// scheme is that of the server's addresses.
func (f *opsFlags) scheme() string {
	if f.TLSCert != "" {
		return "https"
	}
	return "http"
}

// start opens the listener for metrics, and puts the limits of connections, and TLS, before the others. Call stop in the end.
func (f *opsFlags) start(k *kong.Context, probes *api.Server, registry *prometheus.Registry, listeners []net.Listener, log *slog.Logger) (stop func(), guarded []net.Listener, err error) {
	stop = func() {}
	limits := newConnLimits(f.MaxConnections, f.MaxConnsPerAddr)
	for _, l := range listeners {
		guarded = append(guarded, limits.listener(l))
	}
	if f.TLSCert != "" {
		cert, err := openCertificate(f.TLSCert, f.TLSKey)
		if err != nil {
			return nil, nil, err
		}
		cert.log = log
		stop = cert.follow()
		for i := range guarded {
			guarded[i] = cert.listener(guarded[i])
		}
	}
	if f.MetricsListen == "" {
		return stop, guarded, nil
	}
	l, err := net.Listen("tcp", f.MetricsListen)
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("--metrics-listen %s: %w", f.MetricsListen, err)
	}
	if _, err := fmt.Fprintf(k.Stdout, "metrics on http://%s\n", l.Addr()); err != nil {
		log.Warn("standard output cannot be written", "error", err)
	}
	server := metricsServer(registry, probes)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "error", err)
		}
	}()
	before := stop
	return func() {
		_ = server.Close()
		<-ended
		before()
	}, guarded, nil
}
