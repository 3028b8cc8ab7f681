package sync

import "github.com/prometheus/client_golang/prometheus"

// sizes tells metrics how large what is open is. All apps are added up: their number has no bound, that of labels must have.
type sizes struct {
	server *Server

	apps, versions, sets, queries, kept, held, spooled *prometheus.Desc
}

func newSizes(s *Server) *sizes {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &sizes{
		server:   s,
		apps:     desc("realm_sync_apps_open", "Apps that are open."),
		versions: desc("realm_sync_history_versions", "Server versions in the histories of open apps, without what was given up."),
		sets:     desc("realm_sync_subscription_sets", "Distinct subscription sets that sessions use."),
		queries:  desc("realm_sync_queries", "Distinct queries of these."),
		kept:     desc("realm_sync_versions_kept", "Versions in memory for sessions that keep up."),
		held:     desc("realm_sync_inbound_bytes", "Bytes that clients have sent and the server still holds."),
		spooled:  desc("realm_sync_spool_bytes", "Bytes of bootstraps that wait for clients, in memory and on disk."),
	}
}

// Describe implements prometheus.Collector.
func (z *sizes) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{z.apps, z.versions, z.sets, z.queries, z.kept, z.held, z.spooled} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (z *sizes) Collect(out chan<- prometheus.Metric) {
	var apps, versions, sets, queries, kept float64
	for _, a := range z.server.opened() {
		size := a.fan.Size()
		apps++
		versions += float64(a.engine.Version() - a.engine.Floor())
		sets += float64(size.Sets)
		queries += float64(size.Queries)
		kept += float64(size.Kept)
	}
	held, spooled := z.server.inbound.size(), z.server.spools.taken(z.server.cfg.MaxSpoolMemory+z.server.cfg.MaxSpoolDisk)
	for _, m := range []struct {
		desc  *prometheus.Desc
		value float64
	}{{z.apps, apps}, {z.versions, versions}, {z.sets, sets}, {z.queries, queries}, {z.kept, kept}, {z.held, float64(held)}, {z.spooled, float64(spooled)}} {
		out <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, m.value)
	}
}

// opened lists the apps that are open.
func (s *Server) opened() (out []*app) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.apps {
		select {
		case <-o.ready:
			if o.err == nil {
				out = append(out, o.app)
			}
		default: // it is being opened
		}
	}
	return out
}
