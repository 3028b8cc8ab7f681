package applog

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"realmsync/server/dbfile"
)

// What waits to be written. Batches are small: a disk takes many thousands of lines a second.
const (
	maxQueue      = 8192            // lines
	maxQueueBytes = 4 << 20         // of lines
	maxShare      = maxQueue / 4    // of one app: one that is very busy doesn't take the others' places
	enough        = maxQueue / 8    // lines that are written without waiting for more
	gather        = time.Second / 4 // how long the first line of a batch waits for others
	sayEvery      = time.Minute     // how often the server's log is told of lines that were lost
	trimEvery     = time.Hour       // how often lines that are too old are looked for
)

// maxLines is the most lines of all apps together.
const maxLines = 1_000_000

// Config says how a Store works. Dir is required.
type Config struct {
	Dir string // the data directory; logs.db is made in it
	// Keep is how long lines are kept. 0 keeps none, and deletes what there is.
	Keep time.Duration
	// Lines is how many lines of one app are kept, or fewer where many apps share maxLines. 0 as above.
	Lines int
	// Logger is told what is wrong with the log itself. It must not lead to the Store's own Handler.
	Logger *slog.Logger
	Now    func() time.Time

	gather time.Duration // of tests; 0: gather
	total  int           // of tests; 0: maxLines
}

// Store keeps lines. Its methods may be called concurrently.
type Store struct {
	cfg  Config
	path string
	lost atomic.Uint64

	mu     sync.Mutex // guards what follows
	queue  []entry    // nil when empty
	bytes  int        // of queue
	shares map[string]*share
	others int  // lines lost, of apps that have no share
	closed bool // nothing is taken any more

	wake chan struct{} // there is something in the queue
	full chan struct{} // there is enough in it
	stop chan struct{}
	done chan struct{}

	writing sync.Mutex // held while a batch is written, and guards what follows; taken before mu and opening
	said    time.Time
	unsaid  int   // lines lost since
	failure error // why, the last

	opening sync.RWMutex // held for reading while the file is used
	file    *dbfile.File // nil: it is not open
	ended   bool         // it is not opened any more
}

// share is what one app has of the queue.
type share struct {
	queued int
	lost   int
}

// Open begins to keep lines. It does not fail: what is wrong with the file is logged, and lines that can't be kept are counted. Close it, as the last
// of those who log.
func Open(cfg Config) *Store {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.gather == 0 {
		cfg.gather = gather
	}
	if cfg.total == 0 {
		cfg.total = maxLines
	}
	s := &Store{cfg: cfg, path: path(cfg.Dir), wake: make(chan struct{}, 1), full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if !s.keeps() {
		s.closed = true
		close(s.done)
		s.remove()
		return s
	}
	s.trim()
	go s.run()
	return s
}

// keeps says whether lines are to be kept.
func (s *Store) keeps() bool { return s.cfg.Keep > 0 && s.cfg.Lines > 0 }

// Lost is how many lines were not kept because they came faster than they could be written, or could not be written.
func (s *Store) Lost() uint64 { return s.lost.Load() }

// add queues a line.
func (s *Store) add(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	of, size := s.shares[e.app], e.size()
	if len(s.queue) >= maxQueue || s.bytes+size > maxQueueBytes || (of != nil && of.queued >= maxShare) {
		s.lost.Add(1)
		if of != nil {
			of.lost++
		} else {
			s.others++
		}
		return
	}
	if of == nil {
		if s.shares == nil {
			s.shares = map[string]*share{}
		}
		of = &share{}
		s.shares[e.app] = of
	}
	of.queued++
	s.queue = append(s.queue, e)
	s.bytes += size
	if len(s.queue) == 1 {
		signal(s.wake)
	}
	if len(s.queue) >= enough {
		signal(s.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes what is queued until stop.
func (s *Store) run() {
	defer close(s.done)
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case <-s.wake:
			more := time.NewTimer(s.cfg.gather)
			select {
			case <-more.C:
			case <-s.full:
			case <-s.stop:
			}
			more.Stop()
			s.flush()
		case <-trim.C:
			s.trim()
		case <-s.stop:
			s.flush()
			return
		}
	}
}

// Close writes what is queued, and releases the file.
func (s *Store) Close() error {
	s.mu.Lock()
	running := !s.closed
	s.closed = true
	s.mu.Unlock()
	if running {
		close(s.stop)
	}
	<-s.done
	s.opening.Lock()
	defer s.opening.Unlock()
	s.ended = true
	return s.release()
}

// tell says that lines were lost, but not all the time: a disk that is full stays so for a while.
func (s *Store) tell(lines int, err error) {
	s.unsaid += lines
	if err != nil {
		s.failure = err
	}
	now := time.Now()
	if s.unsaid == 0 || now.Sub(s.said) < sayEvery {
		return
	}
	s.said = now
	if s.failure != nil {
		s.cfg.Logger.Error("log lines of apps could not be kept; the apps are served all the same", "lines", s.unsaid, "file", s.path, "error", s.failure)
	} else {
		s.cfg.Logger.Warn("log lines of apps were not kept: they came faster than the disk takes them", "lines", s.unsaid, "file", s.path)
	}
	s.unsaid, s.failure = 0, nil
}
