package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"realmsync/server/budget"
)

// metrics count requests. Labels have few values: patterns and not paths, and methods that we know.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	handler  http.Handler
}

func newMetrics(registry *prometheus.Registry, held *budget.Held) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realm_http_requests_total", Help: "Answered HTTP requests, by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "realm_http_request_seconds", Help: "Time to answer an HTTP request, by route. Sync connections are not in it.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9), // 0.5 ms to 33 s
		}, []string{"route"}),
		// Plain text: no client of ours inflates (1.3, H10), and this page is small.
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realm_http_held_bytes", Help: "Bytes of answers that wait for their readers.",
	}, func() float64 { return float64(held.Bytes()) })
	for _, c := range []prometheus.Collector{m.requests, m.seconds, waiting} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(route, method string, status int, taken time.Duration, hijacked bool) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	if !hijacked {
		m.seconds.WithLabelValues(route).Observe(taken.Seconds())
	}
}
