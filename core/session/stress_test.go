package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// echo is a Dialer to a server that answers everybody well, and breaks connections at random.
type echo struct {
	group sync.WaitGroup
	dials atomic.Int64
}

// Dial implements Dialer.
func (e *echo) Dial(ctx context.Context, _ string) (Socket, error) {
	n := e.dials.Add(1)
	if n%7 == 0 {
		return nil, &DialError{Kind: FailedUpgrade, Status: 401}
	}
	s := &echoSocket{ctx: ctx, in: make(chan []byte), out: make(chan []byte)}
	e.group.Go(func() { s.serve(200 + 50*int(n%5)) })
	return s, nil
}

type echoSocket struct {
	ctx     context.Context
	in, out chan []byte
	broken  atomic.Bool
}

func (s *echoSocket) Read() ([]byte, error) {
	select {
	case m, ok := <-s.out:
		if !ok {
			return nil, errLost
		}
		return m, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

func (s *echoSocket) Write(m []byte) error {
	if s.broken.Load() {
		return errLost
	}
	select {
	case s.in <- slices.Clone(m):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// serve answers a number of messages.
func (s *echoSocket) serve(messages int) {
	defer close(s.out)
	var answers [][]byte
	versions := map[uint64]uint64{}
	for range messages {
		out := s.out
		var first []byte
		if len(answers) == 0 {
			out = nil
		} else {
			first = answers[0]
		}
		select {
		case <-s.ctx.Done():
			return
		case out <- first:
			answers = answers[1:]
			continue
		case raw := <-s.in:
			m, err := wire.ParseClientMessage(raw, wire.Limits{})
			if err != nil {
				panic(err)
			}
			answer := func(m wire.ServerMessage) {
				b, err := m.Append(nil)
				if err != nil {
					panic(err)
				}
				answers = append(answers, b)
			}
			switch m := m.(type) {
			case *wire.Ping:
				answer(&wire.Pong{Timestamp: m.Timestamp})
			case *wire.Bind:
				if m.NeedIdent {
					answer(&wire.ServerIdent{Session: m.Session, FileIdent: 7, Salt: 1})
				}
			case *wire.Ident:
				versions[m.Session] = m.Download.ServerVersion
			case *wire.Mark:
				answer(&wire.Mark{Session: m.Session, Request: m.Request})
			case *wire.Upload:
				if len(m.Entries) > 0 {
					versions[m.Session]++
					v := versions[m.Session]
					answer(&wire.Download{Session: m.Session, BatchState: wire.SteadyState, Estimate: 1, Progress: wire.Progress{
						Download: wire.DownloadCursor{ServerVersion: v, ClientVersion: m.Progress.ClientVersion}, Latest: wire.LatestServerVersion{Version: v},
						Upload: m.Progress,
					}})
				}
			case *wire.Unbind:
				answer(&wire.Unbound{Session: m.Session})
			}
		}
	}
	s.broken.Store(true)
}

// Many goroutines do what they like with a few sessions. Every wait ends exactly once, and nothing is left.
func TestStress(t *testing.T) {
	e := &echo{}
	m := NewManager(Options{Dialer: e, Timings: Timings{
		BackoffInitial: time.Millisecond, BackoffMax: 5 * time.Millisecond, Linger: 3 * time.Millisecond, PingPeriod: 5 * time.Millisecond, FastReconnect: 2 * time.Millisecond,
	}})
	user := newFakeUser("u")
	var waits, ends atomic.Int64
	count := func() func(error) {
		waits.Add(1)
		var once atomic.Bool
		return func(error) {
			if once.Swap(true) {
				panic("a wait ends twice")
			}
			ends.Add(1)
		}
	}
	files := map[string]func() *fakeFile{}
	var mu sync.Mutex
	current := map[string]*fakeFile{}
	for i := range 4 {
		path := fmt.Sprint("p", i)
		files[path] = func() *fakeFile {
			mu.Lock()
			defer mu.Unlock()
			current[path] = newFakeFile()
			return current[path]
		}
	}
	var group sync.WaitGroup
	for g := range 6 {
		rnd := rand.New(rand.NewPCG(uint64(g), 2))
		group.Go(func() {
			for range 150 {
				path := fmt.Sprint("p", rnd.IntN(4))
				s, err := m.Open(Config{Path: path, Open: func() (File, error) { return files[path](), nil }, User: user, StopPolicy: StopPolicy(rnd.IntN(3))})
				if err != nil {
					panic(err)
				}
				token := s.ObserveConnection(func(old, now ConnectionState) {
					if old == now {
						panic("no change")
					}
				})
				for range rnd.IntN(6) {
					mu.Lock()
					f := current[path]
					mu.Unlock()
					switch rnd.IntN(9) {
					case 0, 1:
						f.commit("x")
					case 2:
						s.WaitForUpload(count())
					case 3:
						s.WaitForDownload(count())
					case 4:
						s.Pause()
					case 5:
						s.Resume()
					case 6:
						end := count()
						s.WaitForSet(0, func(_ SetState, err error) { end(err) })
					case 7:
						s.Reconnect()
					case 8:
						user.change(func() { user.token = fmt.Sprint("t", rnd.IntN(100)) })
					}
					_ = s.State()
				}
				s.UnobserveConnection(token)
				s.Release()
			}
		})
	}
	group.Wait()
	m.Close()
	e.group.Wait()
	require.Equal(t, waits.Load(), ends.Load(), "every wait ends")
	_, err := m.Open(Config{User: user})
	require.True(t, errors.Is(err, ErrEnded))
}
