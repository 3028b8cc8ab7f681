package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/rql"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
)

// seen is what View shows.
type seen struct {
	version int64
	state   session.SetState
	queries []string
}

func view(s *SubscriptionSet) (v seen) {
	s.View(func(set *history.Set, _ int) {
		v.version, v.state = set.Version, set.State
		for _, x := range set.Subscriptions {
			v.queries = append(v.queries, x.Name+": "+x.Class+" "+x.Query)
		}
	})
	return v
}

func TestSubscriptionSets(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	require.NoError(t, re.BeginWrite())
	require.ErrorIs(t, create(re, 1), realm.ErrNoSubscription)
	require.NoError(t, re.Cancel())

	active, err := r.client.ActiveSubscriptions(re)
	require.NoError(t, err)
	require.Equal(t, seen{0, session.Pending, nil}, view(active))
	require.ErrorIs(t, active.Clear(), ErrUnchangeable)
	require.ErrorIs(t, active.Remove("x"), ErrUnchangeable)
	require.ErrorIs(t, active.Add(true, "x", "Person", "", nil, 0), ErrUnchangeable)
	require.ErrorIs(t, active.Commit(), ErrUnchangeable)

	m, err := active.MakeMutable()
	require.NoError(t, err)
	require.Equal(t, seen{1, session.Uncommitted, nil}, view(m))
	require.NoError(t, m.Add(true, "all", "Person", "", nil, 0))
	require.NoError(t, m.Add(true, "old", "Person", "age  >  60 && TRUEPREDICATE", nil, 0))
	require.ErrorIs(t, m.Add(true, "bad", "Nobody", "", nil, 0), store.ErrSchema)
	require.ErrorIs(t, m.Add(true, "bad", "Person", "height > 3", nil, 0), rql.ErrInvalidQuery)
	require.ErrorIs(t, m.Remove("nobody"), history.ErrNoSuchSubscription)
	require.Equal(t, seen{1, session.Uncommitted, []string{"all: Person TRUEPREDICATE",
		"old: Person age > 60 and TRUEPREDICATE"}}, view(m))
	require.NoError(t, m.Refresh())
	require.Len(t, view(m).queries, 2, "what isn't committed stays")
	_, err = m.MakeMutable()
	require.ErrorIs(t, err, realm.ErrInTransaction)
	require.ErrorIs(t, m.Wait(nil), ErrUncommitted)
	require.NoError(t, m.Commit())
	require.Equal(t, session.Pending, view(m).state)
	require.Empty(t, view(active).queries)

	// Dropped: no version is used up, the lock is free.
	dropped, err := m.MakeMutable()
	require.NoError(t, err)
	require.NoError(t, dropped.Clear())
	dropped.Release()
	dropped.Release()
	require.ErrorIs(t, dropped.Commit(), ErrUnchangeable)
	require.NoError(t, re.BeginWrite())
	require.NoError(t, create(re, 1))
	_, err = m.MakeMutable()
	require.ErrorIs(t, err, realm.ErrInTransaction)
	require.NoError(t, re.Commit())

	latest, err := r.client.LatestSubscriptions(re)
	require.NoError(t, err)
	require.Equal(t, view(m), view(latest))

	_, err = m.WaitFor(0)
	require.ErrorIs(t, err, ErrTimeout)
	ended := make(chan error, 1)
	require.NoError(t, m.Wait(func(_ session.SetState, err error) { ended <- err }))
	require.NoError(t, r.session(re).Pause())
	require.ErrorIs(t, <-ended, session.ErrAborted)

	re.Release()
	require.ErrorIs(t, m.Refresh(), realm.ErrClosed)
	_, err = m.MakeMutable()
	require.ErrorIs(t, err, realm.ErrClosed)
	require.ErrorIs(t, m.Wait(nil), realm.ErrClosed)
	require.Len(t, view(m).queries, 2)
	for _, s := range []*SubscriptionSet{active, m, latest} {
		s.Release()
	}
}

func TestObjectIDsDiffer(t *testing.T) {
	ids := map[value.ObjectID]bool{}
	for range 10000 {
		ids[NewObjectID()] = true
	}
	require.Len(t, ids, 10000)
}
