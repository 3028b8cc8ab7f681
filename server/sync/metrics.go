package sync

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realmsync/server/history"
)

// metrics count what the endpoint and the engines do. Labels have few values.
type metrics struct {
	connections prometheus.Gauge
	sessions    prometheus.Gauge
	received    *prometheus.CounterVec
	sent        *prometheus.CounterVec
	inBytes     prometheus.Counter
	outBytes    prometheus.Counter
	errors      *prometheus.CounterVec
	bootstraps  prometheus.Histogram
	changesets  prometheus.Counter
	mergeTime   prometheus.Histogram
	groupSize   prometheus.Histogram
	groupTime   prometheus.Histogram
	expired     prometheus.Counter
	forgotten   prometheus.Counter
	trimTime    prometheus.Histogram
	quiet       prometheus.Counter
}

var _ history.Observer = (*metrics)(nil)

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	fast := prometheus.ExponentialBuckets(0.0001, 4, 10) // 0.1 ms to 26 s
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		connections: gauge("realm_sync_connections", "Open sync connections."),
		sessions:    gauge("realm_sync_sessions", "Bound sync sessions."),
		received:    counters("realm_sync_messages_received_total", "Messages from clients, by name.", "name"),
		sent:        counters("realm_sync_messages_sent_total", "Messages to clients, by name.", "name"),
		inBytes:     counter("realm_sync_received_bytes_total", "Bytes of messages from clients."),
		outBytes:    counter("realm_sync_sent_bytes_total", "Bytes of messages to clients."),
		errors:      counters("realm_sync_errors_total", "Errors that clients were told, by code.", "code"),
		bootstraps:  histogram("realm_sync_bootstrap_seconds", "Time to compute a bootstrap.", fast),
		changesets:  counter("realm_sync_changesets_total", "Changesets of clients that were integrated."),
		mergeTime:   histogram("realm_sync_merge_seconds", "Time to integrate one upload.", fast),
		groupSize:   histogram("realm_sync_group_uploads", "Pieces of work that were committed together.", prometheus.ExponentialBuckets(1, 2, 11)),
		groupTime:   histogram("realm_sync_group_seconds", "Time to make a group durable.", fast),
	}
	m.expired = counter("realm_sync_files_expired_total", "Client files that were given up because they were away too long.")
	m.forgotten = counter("realm_sync_versions_trimmed_total", "Server versions that were given up because no client needs them.")
	m.trimTime = histogram("realm_sync_trim_seconds", "Time of one round of trimming, most of it waiting.", fast)
	m.quiet = counter("realm_sync_quiet_rounds_total", "Rounds of trimming before which nothing had happened, so that an app gave its caches back.")
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.connections, m.sessions, m.received, m.sent, m.inBytes, m.outBytes, m.errors, m.bootstraps,
		m.changesets, m.mergeTime, m.groupSize, m.groupTime, m.expired, m.forgotten, m.trimTime, m.quiet} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Merged implements history.Observer.
func (m *metrics) Merged(changesets int, _ int, took time.Duration) {
	m.changesets.Add(float64(changesets))
	m.mergeTime.Observe(took.Seconds())
}

// Grouped implements history.Observer.
func (m *metrics) Grouped(uploads int, took time.Duration) {
	m.groupSize.Observe(float64(uploads))
	m.groupTime.Observe(took.Seconds())
}

// trimmed counts what a round of trimming has done.
func (m *metrics) trimmed(t history.Trimmed, versions uint64, took time.Duration) {
	m.expired.Add(float64(t.Expired))
	m.forgotten.Add(float64(versions))
	m.trimTime.Observe(took.Seconds())
	if t.Quiet {
		m.quiet.Inc()
	}
}
