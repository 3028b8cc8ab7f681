package original

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// As TestConverge, with devices that also reset themselves, with what they have not uploaded, and that open their realms again: in the end all have the same, and what a
// new device gets.
func TestConvergeAcrossResets(t *testing.T) {
	seeds, first := number(t, "REALM_ORIGINAL_SEEDS", 5), number(t, "REALM_ORIGINAL_FROM", 0)
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, uint64(seed)) })
	}
}

func chaos(t *testing.T, seed uint64) {
	const count = 3
	random := rand.New(rand.NewPCG(seed, 2))
	srv := startServer(t)
	o := operate(t, srv, "chaos")
	s := recoverable(world())
	dirs, peers := make([]string, count), make([]*peer, count)
	queries := []string{"TRUEPREDICATE", "i > 0", "i <= 0 OR i == nil", "_id == 1", "ANY l > 0", "_id IN {0, 2}"}
	subscribe := func(p *peer, query string, wait bool) {
		t.Helper()
		p.do(object{"do": "subscribe", "realm": "r", "wait": wait, "subscriptions": subscriptions("T:" + query)})
	}
	start := func(i int) {
		t.Helper()
		peers[i] = startPeer(t, srv.url(), "chaos", dirs[i])
		peers[i].do(object{"do": "login"})
		peers[i].open(object{"schema": form(s), "reset": "recover_or_discard"})
	}
	for i := range peers {
		dirs[i] = filepath.Join(t.TempDir(), fmt.Sprint(i))
		start(i)
		subscribe(peers[i], "TRUEPREDICATE", true)
	}
	for range 12 {
		for i, p := range peers {
			switch random.IntN(12) {
			case 0, 1:
				p.r("pause")
			case 2, 3, 4:
				p.r("resume")
			case 5, 6:
				subscribe(p, queries[random.IntN(len(queries))], false)
			case 7:
				p.quietButForRefusals()
				p.kill()
				start(i)
				p = peers[i]
			case 8:
				p.r("close")
				p.open(object{"schema": form(s), "reset": "recover_or_discard"})
			case 9:
				p.r("resume")
				p.sync()
			}
			for range random.IntN(3) {
				(&theirs{p, s}).write(s, random, fmt.Sprint(i))
			}
		}
		switch random.IntN(12) {
		case 0:
			srv.kill()
			srv.start()
		case 1, 2:
			// The client loses its way when it is paused or closed, or reset again, while it resets itself: so that is waited for.
			o.terminate()
			for _, p := range peers {
				p.r("resume")
				require.Equal(t, "after_reset", p.await(func(e event) bool { return e.Event == "after_reset" || e.ClientReset }).Event)
				p.sync()
			}
		}
	}
	peers = append(peers, nil)
	dirs = append(dirs, filepath.Join(t.TempDir(), "fresh"))
	for i := range peers[:count] {
		peers[i].r("resume")
		subscribe(peers[i], "TRUEPREDICATE", true)
		peers[i].sync()
	}
	for _, p := range peers[:count] {
		p.sync() // what others recovered
	}
	start(count)
	subscribe(peers[count], "TRUEPREDICATE", true)
	var want string
	for i, p := range peers {
		p.sync()
		have := string((&theirs{p, s}).state(s).JSON())
		if i == 0 {
			want = have
		}
		require.Equal(t, want, have, "device %d has something else than device 0", i)
		p.quietButForRefusals()
	}
}

// recoverable is a schema without what the original's clients don't recover when they reset themselves: links to objects that aren't there are forgotten, though others see
// them again when such an object comes back; and null that leaves a set ends the reset ("SetErase: Type mismatch in set").
func recoverable(s *schema.Schema) *schema.Schema {
	var classes []schema.Class
	for _, c := range s.Classes() {
		class := *c
		class.Properties = slices.DeleteFunc(slices.Clone(class.Properties), func(p schema.Property) bool {
			return p.LinkTarget == "T" || p.Type == value.KindMixed || p.Collection == schema.Set && p.Nullable
		})
		classes = append(classes, class)
	}
	return schema.New(classes...)
}

// quietButForRefusals requires that the application was told of nothing but outages, writes outside of its subscriptions, and its resets.
func (p *peer) quietButForRefusals() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Event == "error" && e.Code != "SyncConnectFailed" && e.Code != "ConnectionClosed" && e.Code != "SyncCompensatingWrite" {
			p.t.Errorf("the application was told: %s %s", e.Code, e.Text)
		}
	}
}
