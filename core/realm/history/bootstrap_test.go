package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// threeMessages is a bootstrap for query version 1 of objects 1 to 6, and what the realm holds before and after it.
func threeMessages(t *testing.T, p wire.Progress) []*wire.Download {
	server, client := p.Download.ServerVersion, p.Download.ClientVersion
	var messages []*wire.Download
	for i := range int64(3) {
		messages = append(messages, bootstrap(1, wire.MoreToCome, p,
			entry(t, server, client, 5000, create(2*i+1), set(2*i+1, "i", value.Int(10))),
			entry(t, server, client, 5000, create(2*i+2), set(2*i+2, "k", value.FromLink("T", key(2*i+1))))))
	}
	messages[2].BatchState = wire.LastInBatch
	return messages
}

// A bootstrap is interrupted by a crash at every point (sync-semantics.md 3.3), and the session starts over as it has to. In the end
// the realm holds it once, with the local changes that were made meanwhile merged; and until it is applied, readers see none of it.
func TestBootstrapInterrupted(t *testing.T) {
	const steps = 6
	for crashAt := range steps + 1 {
		for _, batch := range []int{1, 1 << 20} {
			t.Run(fmt.Sprint("before step ", crashAt, ", batches of ", batch, " bytes"), func(t *testing.T) {
				d := newDevice(t, ownIdent)
				d.opt.BatchBytes = batch
				d.crash()
				d.subscribe("T", "TRUEPREDICATE")
				d.write(create(3), set(3, "i", value.Int(77))) // older than the bootstrap
				base := d.version()
				p := progress(4, 0, base, 0)
				messages := threeMessages(t, p)
				before := d.json()
				for step := 0; step < steps; step++ {
					crashed := step == crashAt
					if crashed {
						d.crash()
						applied, err := d.file.ApplyBootstrap()
						require.NoError(t, err)
						require.Equal(t, step == 3 || step == 4, applied, "only a whole one is applied")
						if step <= 2 {
							require.Equal(t, before, d.json())
							require.Zero(t, d.rows("sync_bootstrap"), "a part is dropped")
							step = 0 // the server starts over
						} else if step <= 4 {
							step = 5
						}
					}
					switch step {
					case 0, 1, 2:
						require.NoError(t, d.file.AddBootstrap(messages[step]))
						require.Equal(t, before, d.json(), "nothing is seen of it")
						require.Equal(t, wire.Progress{}, d.progress(), "its progress counts only at the end")
						d.requireSets(Pending, Bootstrapping)
					case 3: // a local change of something that it brings
						d.now = 9000
						d.write(create(5), set(5, "i", value.Int(99)))
						before = d.json()
					case 4:
						applied, err := d.file.ApplyBootstrap()
						require.NoError(t, err)
						require.True(t, applied)
					case 5:
						d.requireSets(Pending, AwaitingMark)
						require.NoError(t, d.file.Marked(1))
					}
					if crashed {
						crashAt = -1
					}
				}
				if crashAt == steps {
					d.crash()
				}
				d.requireSets(Superseded, Complete)
				require.Equal(t, p, d.progress())
				require.Zero(t, d.rows("sync_bootstrap"))
				require.Zero(t, d.rows("sync_bootstrap_end"))
				require.Len(t, d.state().Keys("T"), 6)
				require.Equal(t, value.Int(10), d.get(1, "i"))
				require.Equal(t, value.Int(10), d.get(3, "i"), "the local change is older")
				require.Equal(t, value.FromLink("T", key(5)), d.get(6, "k"))
			})
		}
	}
}

// A bootstrap is one version, whatever the number of batches, and it is announced once.
func TestBootstrapIsOneVersion(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.opt.BatchBytes = 1
	d.crash()
	d.subscribe("T", "TRUEPREDICATE")
	was := d.version()
	notified := 0
	defer d.file.Notify(func() { notified++ })()
	for _, m := range threeMessages(t, progress(4, 0, 0, 0)) {
		require.NoError(t, d.file.AddBootstrap(m))
	}
	require.Equal(t, was, d.version())
	applied, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.True(t, applied)
	require.Equal(t, was+1, d.version())
	require.Equal(t, 1, notified)
	applied, err = d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.False(t, applied)
}

// A local change that a bootstrap overrides is merged with each batch of it: what the first one made of it counts for the second.
func TestBootstrapReciprocals(t *testing.T) {
	for _, batch := range []int{1, 1 << 20} {
		d := newDevice(t, ownIdent)
		d.opt.BatchBytes = batch
		d.crash()
		d.subscribe("T", "TRUEPREDICATE")
		d.write(create(1))
		base := d.version()
		d.now = 1020
		local := d.write(add(1, 5))
		p := progress(4, base, base, 0)
		first := entry(t, 4, base, 1010, set(1, "i", value.Int(100)))
		second, third := entry(t, 4, base, 1030, set(1, "i", value.Int(200))), entry(t, 4, base, 1015, add(1, 1))
		require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.MoreToCome, p, first)))
		require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, p, second, third)))
		_, err := d.file.ApplyBootstrap()
		require.NoError(t, err)
		require.Equal(t, value.Int(201), d.get(1, "i"))
		require.True(t, d.reciprocal(local).Empty())
		require.EqualValues(t, 1, d.rows("sync_history"), "trimmed up to the base")
	}
}

// A bootstrap for the active set changes no state: version 0 once complete, and any other (sync-semantics.md 3.6).
func TestServerInitiatedBootstrap(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.subscribe("T", "TRUEPREDICATE")
	d.applyBootstrap(0, progress(1, 0, 0, 0), entry(t, 1, 0, 1, create(1)))
	d.requireSets(Complete, Pending)
	d.applyBootstrap(0, progress(2, 0, 0, 0), entry(t, 2, 0, 1, create(2)))
	d.requireSets(Complete, Pending)
	d.applyBootstrap(1, progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(3)))
	d.applyBootstrap(1, progress(4, 0, 0, 0), entry(t, 4, 0, 1, erase(1)))
	d.requireSets(Complete, AwaitingMark)
	require.NoError(t, d.file.Marked(1))
	d.applyBootstrap(1, progress(5, 0, 0, 0), entry(t, 5, 0, 1, erase(2)))
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.MoreToCome, progress(6, 0, 0, 0), entry(t, 6, 0, 1, erase(3)))))
	d.requireSets(Superseded, Complete)
	require.Len(t, d.state().Keys("T"), 1)
	require.EqualValues(t, 5, d.progress().Download.ServerVersion)
}

// At most one bootstrap is stored: one of another query version drops it, and so does a new one after a whole one.
func TestOneBootstrapIsStored(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.subscribe("T", "i == 1")
	d.subscribe("T", "i == 2")
	more := func(query, k int64) {
		t.Helper()
		require.NoError(t, d.file.AddBootstrap(bootstrap(query, wire.MoreToCome, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(k)))))
	}
	more(1, 1)
	more(1, 2)
	more(2, 3)
	require.EqualValues(t, 1, d.rows("sync_bootstrap"))
	d.requireSets(Pending, Bootstrapping, Bootstrapping)

	// Back to the lower one: its rest alone must not pass for the whole.
	var bad *session.IntegrationError
	require.ErrorAs(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(4)))), &bad)
	require.EqualValues(t, 201, bad.Code)
	require.False(t, bad.Violation)
	require.EqualValues(t, 1, d.rows("sync_bootstrap"))

	// A new session may begin with either.
	applied, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.False(t, applied)
	require.Zero(t, d.rows("sync_bootstrap"))
	more(1, 5)
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(6)))))
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(7)))))
	applied, err = d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.True(t, applied)
	require.Equal(t, value.Int(0), d.get(7, "i"))
	require.Len(t, d.state().Keys("T"), 1, "only the last one")
}

// Messages in steady state may come between those of a bootstrap.
func TestSteadyStateDuringBootstrap(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.subscribe("T", "TRUEPREDICATE")
	messages := threeMessages(t, progress(4, 0, 0, 0))
	require.NoError(t, d.file.AddBootstrap(messages[0]))
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 6000, create(1), set(1, "n", value.Int(3)))))
	require.NoError(t, d.file.AddBootstrap(messages[1]))
	require.NoError(t, d.file.AddBootstrap(messages[2]))
	_, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.Equal(t, value.Int(3), d.get(1, "n"))
	require.Equal(t, value.Int(10), d.get(1, "i"))
	require.Len(t, d.state().Keys("T"), 6)
}

// Bootstraps that can't be: for a version below the active one, one that doesn't exist, one in error, or with a changeset beyond
// the limit. Nothing changes, and a stored part of another one stays.
func TestBootstrapRefused(t *testing.T) {
	d := newDevice(t, ownIdent)
	for i := range 5 {
		d.subscribe("T", fmt.Sprint("i == ", i))
	}
	d.applyBootstrap(2, progress(3, 0, 0, 0))
	_, err := d.file.FailSet(3, "no")
	require.NoError(t, err)
	require.NoError(t, d.file.AddBootstrap(bootstrap(4, wire.MoreToCome, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(1)))))
	before := d.everything()
	big := entry(t, 4, 0, 1)
	big.Changeset = make([]byte, maxStored)
	for name, m := range map[string]*wire.Download{
		"below the active one": bootstrap(1, wire.MoreToCome, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(1))),
		"superseded":           bootstrap(0, wire.LastInBatch, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(1))),
		"in error":             bootstrap(3, wire.LastInBatch, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(1))),
		"never committed":      bootstrap(6, wire.MoreToCome, progress(4, 0, 0, 0), entry(t, 4, 0, 1, create(1))),
		"too big":              bootstrap(4, wire.MoreToCome, progress(4, 0, 0, 0), big),
		"cursor goes back":     bootstrap(4, wire.MoreToCome, progress(2, 0, 0, 0), entry(t, 2, 0, 1, create(1))),
	} {
		var bad *session.IntegrationError
		require.ErrorAs(t, d.file.AddBootstrap(m), &bad, name)
		switch name {
		case "too big":
			require.Equal(t, wire.CodeBadChangesetSize, bad.Code)
		case "cursor goes back":
			require.Equal(t, wire.CodeBadProgress, bad.Code)
			require.True(t, bad.Violation)
		default:
			require.Equal(t, wire.CodeOtherSessionError, bad.Code, name)
			require.False(t, bad.Violation, name)
		}
		d.requireUnchanged(before, name)
	}
}

// A bootstrap that can't be applied, in whatever batch, leaves the data as it was and is dropped; the set stays, to be asked for
// again.
func TestBootstrapCantBeApplied(t *testing.T) {
	for name, wrong := range map[string]wire.DownloadEntry{
		"doesn't fit":     entry(t, 4, 0, 1, set(50, "i", value.Int(1))),
		"not a changeset": {ServerVersion: 4, OriginTimestamp: 1, OriginFileIdent: 1, Changeset: []byte{99}},
	} {
		d := newDevice(t, ownIdent)
		d.opt.BatchBytes = 1
		d.crash()
		d.subscribe("T", "TRUEPREDICATE")
		d.write(create(1), set(1, "i", value.Int(5)))
		before, version := d.json(), d.version()
		messages := threeMessages(t, progress(4, 0, 0, 0))
		messages[2].Entries = append(messages[2].Entries, wrong)
		for _, m := range messages {
			require.NoError(t, d.file.AddBootstrap(m), name)
		}
		applied, err := d.file.ApplyBootstrap()
		var bad *session.IntegrationError
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, wire.CodeBadChangeset, bad.Code)
		require.False(t, applied)
		require.Equal(t, before, d.json(), name)
		require.Equal(t, version, d.version())
		require.Equal(t, wire.Progress{}, d.progress())
		require.Zero(t, d.rows("sync_bootstrap"))
		require.Zero(t, d.rows("sync_bootstrap_end"))
		d.requireSets(Pending, Bootstrapping)
		applied, err = d.file.ApplyBootstrap()
		require.NoError(t, err)
		require.False(t, applied)
	}
}

// The original can't do with a bootstrap that holds nothing at all; here it is what it says.
func TestBootstrapWithoutChangesets(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.subscribe()
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(4, 0, 0, 0))))
	applied, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.True(t, applied)
	d.requireSets(Pending, AwaitingMark)
	require.Equal(t, progress(4, 0, 0, 0), d.progress())
}
