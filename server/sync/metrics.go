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
}

var _ history.Observer = (*metrics)(nil)

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	fast := prometheus.ExponentialBuckets(0.0001, 4, 10) // 0.1 ms to 26 s
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "realm_sync_connections", Help: "Open sync connections."}),
		sessions:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "realm_sync_sessions", Help: "Bound sync sessions."}),
		received:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "realm_sync_messages_received_total", Help: "Messages from clients, by name."}, []string{"name"}),
		sent:        prometheus.NewCounterVec(prometheus.CounterOpts{Name: "realm_sync_messages_sent_total", Help: "Messages to clients, by name."}, []string{"name"}),
		inBytes:     prometheus.NewCounter(prometheus.CounterOpts{Name: "realm_sync_received_bytes_total", Help: "Bytes of messages from clients."}),
		outBytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "realm_sync_sent_bytes_total", Help: "Bytes of messages to clients."}),
		errors:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "realm_sync_errors_total", Help: "Errors that clients were told, by code."}, []string{"code"}),
		bootstraps:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "realm_sync_bootstrap_seconds", Help: "Time to compute a bootstrap.", Buckets: fast}),
		changesets:  prometheus.NewCounter(prometheus.CounterOpts{Name: "realm_sync_changesets_total", Help: "Changesets of clients that were integrated."}),
		mergeTime:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "realm_sync_merge_seconds", Help: "Time to integrate one upload.", Buckets: fast}),
		groupSize:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "realm_sync_group_uploads", Help: "Pieces of work that were committed together.", Buckets: prometheus.ExponentialBuckets(1, 2, 11)}),
		groupTime:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "realm_sync_group_seconds", Help: "Time to make a group durable.", Buckets: fast}),
	}
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.connections, m.sessions, m.received, m.sent, m.inBytes, m.outBytes, m.errors, m.bootstraps,
		m.changesets, m.mergeTime, m.groupSize, m.groupTime} {
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
