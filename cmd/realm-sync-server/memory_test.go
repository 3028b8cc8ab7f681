package main

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// The soft limit is what is said, or what the environment says, or a part of the least that the control groups and the machine have.
func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	machine := "MemTotal:        1048576 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files       map[string]string
		flag        int64
		environment string
		limit       int64
		from        string
	}{
		"the flag":            {map[string]string{"proc/meminfo": machine}, 100, "50MiB", 100 * mib, "--memory"},
		"the environment":     {map[string]string{"proc/meminfo": machine}, 0, "50MiB", 0, "GOMEMLIMIT"},
		"the machine":         {map[string]string{"proc/meminfo": machine}, 0, "", 1024 * mib / 5 * 4, "the machine"},
		"version 2":           {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/b.service/memory.max": "max\n", "sys/fs/cgroup/a.slice/memory.max": "104857600\n"}, 0, "", 80 * mib, "the control group"},
		"MemoryHigh":          {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/b\n", "sys/fs/cgroup/b/memory.max": "209715200\n", "sys/fs/cgroup/b/memory.high": "104857600\n"}, 0, "", 80 * mib, "the control group"},
		"in a container":      {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 0, "", 80 * mib, "the control group"},
		"version 1":           {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/y\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "104857600\n"}, 0, "", 80 * mib, "the control group"},
		"version 1, no limit": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0, "", 1024 * mib / 5 * 4, "the machine"},
		"more than there is":  {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576000000\n"}, 0, "", 1024 * mib / 5 * 4, "the machine"},
		"nonsense":            {map[string]string{"proc/meminfo": "MemTotal: many kB\n", "proc/self/cgroup": "x\n0::../../..\n", "sys/fs/cgroup/memory.max": "-5"}, 0, "", 0, "the machine"},
		"another system":      {nil, 0, "", 0, "the machine"},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		limit, from := memoryFlags{Memory: c.flag}.limit(root, c.environment)
		require.Equal(t, c.limit, limit, name)
		require.Equal(t, c.from, from, name)
	}
	require.Equal(t, shares{caches: 1 << 30, sqlite: 512 * mib, inbound: 1 << 30, spool: 256 * mib, answers: 256 * mib}, share(math.MaxInt64))
	require.Equal(t, shares{caches: 16 * mib, sqlite: 8 * mib, inbound: 64 * mib, spool: 4 * mib, answers: 64 * mib}, share(64*mib), "the least that may be")
	require.Equal(t, shares{caches: 16 << 30, sqlite: 8 << 30, inbound: 1 << 30, spool: 256 * mib, answers: 512 * mib}, share(64<<30))
	p, said := launch(t, 1, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev", "--memory", "300")
	p.base = strings.TrimPrefix(said[0], "listening on ")
	_, metrics := p.request(http.MethodGet, "/metrics", "")
	require.Contains(t, string(metrics), "\ngo_gc_gomemlimit_bytes 3.145728e+08\n")
	p.stderr.Await(t, `msg="memory is limited" mib=300 from=--memory caches=75 sqlite=37`)
	p.stop()
}
