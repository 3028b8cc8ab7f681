package session

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"realmsync/core/merge"
	"realmsync/core/wire"
)

// fakeFile is a realm file in memory. What a changeset does is to be listed; one that is "bad" can't be integrated.
type fakeFile struct {
	mu        sync.Mutex
	version   uint64
	entries   []fakeEntry
	status    Status // Version, ActiveSet and Active are computed
	sets      map[int64]*fakeSet
	latest    int64
	snapshots []uint64 // of the sets that were committed
	bootstrap *fakeBootstrap
	listeners map[int]func()
	listened  int
	closed    bool
	users     int
	peers     Peers

	// Of client resets: the copy that was made last, what Reset was called with, and what it returns.
	fresh     *fakeFile
	dropped   int
	resets    []ResetOrder
	resetErr  error
	confirmed int

	applied []string // changesets that came, in order
	calls   []string
	// before is called at the beginning of every call; an error of it is the call's. It may wait.
	before func(call string) error
}

type fakeEntry struct {
	version, remote uint64
	changeset       string // "": nothing to upload
	upload          bool
}

type fakeSet struct {
	state    SetState
	snapshot uint64
	body     string
	text     string
}

type fakeBootstrap struct {
	version  int64
	entries  []string
	progress *wire.Progress
}

// newFakeFile is a file as the application leaves it after opening: at version 2, nothing to upload.
func newFakeFile() *fakeFile {
	return &fakeFile{version: 2, sets: map[int64]*fakeSet{0: {state: Pending, snapshot: 1, body: "{}"}}, listeners: map[int]func(){}}
}

func (f *fakeFile) Peers() Peers { return f.peers }
func (f *fakeFile) Interrupt()   {}

// commit makes a local change.
func (f *fakeFile) commit(changeset string) uint64 {
	f.mu.Lock()
	v := f.appendLocked(fakeEntry{changeset: changeset, upload: true, remote: f.status.Progress.Download.ServerVersion})
	f.mu.Unlock()
	f.notify()
	return v
}

// subscribe commits a subscription set and returns its version.
func (f *fakeFile) subscribe(body string) int64 {
	f.mu.Lock()
	f.latest++
	v := f.latest
	f.snapshots = append(f.snapshots, f.version)
	f.sets[v] = &fakeSet{state: Pending, snapshot: f.version, body: body}
	f.appendLocked(fakeEntry{remote: f.status.Progress.Download.ServerVersion})
	f.mu.Unlock()
	f.notify()
	return v
}

func (f *fakeFile) appendLocked(e fakeEntry) uint64 {
	f.version++
	e.version = f.version
	f.entries = append(f.entries, e)
	return f.version
}

func (f *fakeFile) notify() {
	f.mu.Lock()
	all := slices.Collect(maps.Values(f.listeners))
	f.mu.Unlock()
	for _, l := range all {
		l()
	}
}

func (f *fakeFile) state(version int64) SetState {
	s, _, _ := f.SetState(version)
	return s
}

func (f *fakeFile) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.applied)
}

// enter checks that one goroutine at a time is here.
func (f *fakeFile) enter(call string) (leave func(), err error) {
	f.mu.Lock()
	before := f.before
	f.calls = append(f.calls, call)
	if f.users++; f.users > 1 {
		panic("two goroutines use the file")
	}
	closed := f.closed
	f.mu.Unlock()
	leave = func() {
		f.mu.Lock()
		f.users--
		f.mu.Unlock()
	}
	switch {
	case closed:
		err = errors.New("the file is closed")
	case before != nil:
		defer func() {
			if p := recover(); p != nil {
				leave()
				panic(p)
			}
		}()
		err = before(call)
	}
	return leave, err
}

func (f *fakeFile) setBefore(b func(call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = b
}

func (f *fakeFile) Path() string { return "/fake" }

func (f *fakeFile) activeLocked() int64 {
	active := int64(0)
	for v, s := range f.sets {
		if s.state == Complete || s.state == AwaitingMark {
			active = max(active, v)
		}
	}
	return active
}

func (f *fakeFile) Status() (Status, error) {
	leave, err := f.enter("status")
	defer leave()
	if err != nil {
		return Status{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Version, s.ActiveSet = f.version, f.activeLocked()
	s.Active = []byte("{}")
	if set := f.sets[s.ActiveSet]; set != nil {
		s.Active = []byte(set.body)
	}
	return s, nil
}

func (f *fakeFile) SetIdent(ident uint64, salt int64) error {
	leave, err := f.enter("ident")
	defer leave()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Ident, f.status.Salt = ident, salt
	return nil
}

func (f *fakeFile) Version() (uint64, error) {
	leave, err := f.enter("version")
	defer leave()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version, err
}

func (f *fakeFile) NewestChangeset() (uint64, error) {
	leave, err := f.enter("newest")
	defer leave()
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range slices.Backward(f.entries) {
		if e.upload && e.version > f.status.Progress.Upload.ClientVersion {
			return e.version, nil
		}
	}
	return 0, nil
}

func (f *fakeFile) NextUpload(cursor wire.UploadCursor, end uint64) ([]wire.UploadEntry, wire.UploadCursor, error) {
	leave, err := f.enter("upload")
	defer leave()
	if err != nil {
		return nil, cursor, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if end > f.version {
		panic("scan beyond the newest version")
	}
	found, next, err := merge.UploadScan(merge.UploadCursor(cursor), 0, end, func(after, upTo uint64) iter.Seq2[merge.LocalEntry, error] {
		return func(yield func(merge.LocalEntry, error) bool) {
			for _, e := range f.entries {
				if e.version <= after || e.version > upTo {
					continue
				}
				if !yield(merge.LocalEntry{Version: e.version, RemoteVersion: e.remote, Upload: e.upload, Size: len(e.changeset)}, nil) {
					return
				}
			}
		}
	})
	var out []wire.UploadEntry
	for _, e := range found {
		i := slices.IndexFunc(f.entries, func(x fakeEntry) bool { return x.version == e.Version })
		out = append(out, wire.UploadEntry{ClientVersion: e.Version, ServerVersion: e.RemoteVersion, OriginTimestamp: 1, Changeset: []byte(f.entries[i].changeset)})
	}
	return out, wire.UploadCursor(next), err
}

func (f *fakeFile) checkLocked(d *wire.Download) error {
	if err := d.CheckProgress(f.status.Progress, f.version, f.status.Ident); err != nil {
		return &IntegrationError{Code: wire.CodeBadProgress, Violation: true, Text: err.Error()}
	}
	for _, e := range d.Entries {
		if string(e.Changeset) == "bad" {
			return &IntegrationError{Code: wire.CodeBadChangeset, Text: "the changeset cannot be parsed"}
		}
	}
	return nil
}

func (f *fakeFile) advanceLocked(p wire.Progress) {
	if p.Upload.ServerVersion == 0 {
		p.Upload.ServerVersion = f.status.Progress.Upload.ServerVersion
	}
	f.status.Progress = p
	f.appendLocked(fakeEntry{remote: p.Download.ServerVersion})
}

func (f *fakeFile) Integrate(d *wire.Download) error {
	leave, err := f.enter("integrate")
	defer leave()
	if err != nil {
		return err
	}
	f.mu.Lock()
	if err := f.checkLocked(d); err != nil {
		f.mu.Unlock()
		return err
	}
	for _, e := range d.Entries {
		f.applied = append(f.applied, string(e.Changeset))
	}
	f.advanceLocked(d.Progress)
	f.mu.Unlock()
	f.notify()
	return nil
}

func (f *fakeFile) AddBootstrap(d *wire.Download) error {
	leave, err := f.enter("add")
	defer leave()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.checkLocked(d); err != nil {
		return err
	}
	set := f.sets[d.QueryVersion]
	if set == nil || d.QueryVersion < f.activeLocked() || set.state == Failed {
		return &IntegrationError{Code: wire.CodeOtherSessionError, Text: fmt.Sprintf("a bootstrap for query version %d", d.QueryVersion)}
	}
	if f.bootstrap == nil || f.bootstrap.version != d.QueryVersion {
		f.bootstrap = &fakeBootstrap{version: d.QueryVersion}
	}
	for _, e := range d.Entries {
		f.bootstrap.entries = append(f.bootstrap.entries, string(e.Changeset))
	}
	if d.BatchState == wire.LastInBatch {
		p := d.Progress
		f.bootstrap.progress = &p
	} else if set.state == Pending && d.QueryVersion > 0 {
		set.state = Bootstrapping
	}
	return nil
}

func (f *fakeFile) ApplyBootstrap() (bool, error) {
	leave, err := f.enter("apply")
	defer leave()
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	b := f.bootstrap
	f.bootstrap = nil
	if b == nil || b.progress == nil {
		f.mu.Unlock()
		return false, nil
	}
	f.applied = append(f.applied, b.entries...)
	f.advanceLocked(*b.progress)
	if set := f.sets[b.version]; set.state != Complete {
		set.state = AwaitingMark
		if b.version == 0 {
			set.state = Complete
		}
	}
	f.mu.Unlock()
	f.notify()
	return true, nil
}

func (f *fakeFile) NextQuery(above int64) (Query, bool, error) {
	leave, err := f.enter("query")
	defer leave()
	if err != nil {
		return Query{}, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range slices.Sorted(maps.Keys(f.sets)) {
		if s := f.sets[v]; v > above && (s.state == Pending || s.state == Bootstrapping) {
			return Query{Version: v, Snapshot: s.snapshot, Body: []byte(s.body)}, true, nil
		}
	}
	return Query{}, false, nil
}

func (f *fakeFile) Marked(version int64) error {
	leave, err := f.enter("marked")
	defer leave()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range slices.Sorted(maps.Keys(f.sets)) {
		if v > version || f.sets[v].state != AwaitingMark {
			continue
		}
		f.sets[v].state = Complete
		maps.DeleteFunc(f.sets, func(w int64, _ *fakeSet) bool { return w < v })
	}
	return nil
}

func (f *fakeFile) FailSet(version int64, text string) (bool, error) {
	leave, err := f.enter("fail")
	defer leave()
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	set := f.sets[version]
	if set == nil || set.state == Complete {
		return false, nil
	}
	set.state, set.text = Failed, text
	return true, nil
}

func (f *fakeFile) SetState(version int64) (SetState, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set := f.sets[version]
	switch {
	case set != nil:
		return set.state, set.text, nil
	case version < 0 || version > f.latest:
		return 0, "", ErrNoSuchSet
	default:
		return Superseded, "", nil
	}
}

func (f *fakeFile) Notify(l func()) (cancel func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listened++
	id := f.listened
	f.listeners[id] = l
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, id)
	}
}

func (f *fakeFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.listeners) > 0 || f.users > 0 {
		panic("the file is closed while it is used")
	}
	f.closed = true
	return nil
}

// FreshCopy implements File. The copy is the file's own until it is closed.
func (f *fakeFile) FreshCopy() (File, error) {
	leave, err := f.enter("fresh")
	defer leave()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh = newFakeFile()
	f.fresh.subscribe(f.sets[f.activeLocked()].body)
	return f.fresh, nil
}

func (f *fakeFile) DropFresh() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped++
	return nil
}

// Reset implements File: the changes that were not acknowledged are recovered as they are.
func (f *fakeFile) Reset(o ResetOrder) (bool, error) {
	leave, err := f.enter("reset")
	defer leave()
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets = append(f.resets, o)
	if f.resetErr != nil {
		return false, f.resetErr
	}
	if !f.fresh.closed {
		panic("the copy is still open")
	}
	done := f.status.Progress.Upload.ClientVersion
	from := f.fresh.status
	f.status.Ident, f.status.Salt, f.status.Reset = from.Ident, from.Salt, true
	f.status.Progress = wire.Progress{Download: wire.DownloadCursor{ServerVersion: from.Progress.Download.ServerVersion}, Latest: from.Progress.Latest}
	f.applied = slices.Clone(f.fresh.applied)
	recovered := o.Mode != ResetDiscard
	for i := range f.entries {
		e := &f.entries[i]
		e.upload = e.upload && recovered && e.version > done
		e.remote = from.Progress.Download.ServerVersion
	}
	active := f.activeLocked()
	f.sets[active].state = Complete
	maps.DeleteFunc(f.sets, func(v int64, _ *fakeSet) bool { return v < active || !recovered && v > active })
	f.appendLocked(fakeEntry{remote: from.Progress.Download.ServerVersion})
	return recovered, nil
}

func (f *fakeFile) ResetConfirmed() error {
	leave, err := f.enter("confirmed")
	defer leave()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Reset = false
	f.confirmed++
	return nil
}
