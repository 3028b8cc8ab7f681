package sync

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// What is open is added up, over apps.
func TestSizes(t *testing.T) {
	registry := prometheus.NewRegistry()
	f := open(t, func(c *Config) { c.Registry = registry })
	value := func(name string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if family.GetName() == name {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		require.FailNow(t, "there is no metric "+name)
		return 0
	}
	require.Zero(t, value("realm_sync_apps_open"))
	a := f.device("ann").subscribed(`{"Dog":"(age > 3)"}`)
	b := f.device("ben").subscribed(`{"Dog":"(age > 3)"}`)
	c := f.device("eve").subscribed(`{"Dog":"(age > 4)"}`)
	for _, d := range []*device{a, b, c} {
		d.sync()
	}
	require.EqualValues(t, 1, value("realm_sync_apps_open"))
	require.EqualValues(t, 2, value("realm_sync_subscription_sets"), "two have the same")
	require.EqualValues(t, 2, value("realm_sync_queries"))
	require.Greater(t, value("realm_sync_history_versions"), float64(5))
}
