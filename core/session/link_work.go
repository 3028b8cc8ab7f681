package session

import (
	"errors"
	"time"

	"realmsync/core/wire"
)

// work gives a binding's file the next job that is due, and handles what was received as far as no job is needed.
func (l *link) work(b *binding, now time.Time) {
	for !b.busy && !b.detached && b.stage != gone && b.retryAt.IsZero() {
		if b.wantStart {
			b.wantStart = false
			l.start(b, job{kind: jobStart})
			return
		}
		if b.wantConfirm {
			b.wantConfirm = false
			l.start(b, job{kind: jobConfirm})
			return
		}
		switch b.choose() {
		case turnNewest:
			l.start(b, job{kind: jobNewest, waits: len(b.newUploads)})
		case turnScan:
			b.wantScan = false
			l.start(b, job{kind: jobScan, cursor: b.cursor, above: b.lastQuery, locked: b.status.Progress.Download.ServerVersion})
		case turnInbox:
			if j, ok := l.handle(b, b.inbox[0].msg, now); ok {
				l.start(b, j)
			}
		default:
			return
		}
	}
}

// The kinds of work that take turns at the file.
const (
	turnInbox = iota
	turnNewest
	turnScan
	turns // their number, and: nothing to do
)

// choose returns what is due. Whatever had its turn last comes last, so that none can starve another.
func (b *binding) choose() int {
	due := [turns]bool{turnInbox: len(b.inbox) > 0, turnNewest: len(b.newUploads) > 0, turnScan: b.scanDue()}
	for i := range turns {
		if turn := (b.lastTurn + 1 + i) % turns; due[turn] {
			b.lastTurn = turn
			return turn
		}
	}
	return turns
}

func (l *link) start(b *binding, j job) {
	j.epoch, j.session = b.epoch, b.number
	b.busy = true
	l.do(jobAction{b, j})
}

// scanDue: it is not known whether there is something to send, and if there were it could be sent.
func (b *binding) scanDue() bool {
	return b.wantScan && b.stage == running && !b.suspended && !b.delayed && b.clientError == nil && b.upload == nil && !b.queryDue()
}

// pop drops the first message of the inbox: it has been dealt with.
func (l *link) pop(b *binding) {
	size := b.inbox[0].size
	b.inbox[0] = inbound{}
	b.inbox = b.inbox[1:]
	b.inboxSize -= size
	l.queued -= size
}

// handle deals with the oldest message that waits. If the file is needed it returns the job, and the message stays until that is done.
func (l *link) handle(b *binding, m wire.ServerMessage, now time.Time) (job, bool) {
	switch m := m.(type) {
	case *wire.ServerIdent:
		return job{kind: jobIdent, ident: m.FileIdent, salt: m.Salt}, true
	case *wire.Download:
		if b.clientError == nil {
			if m.BatchState == wire.SteadyState {
				return job{kind: jobIntegrate, download: m}, true
			}
			return job{kind: jobBootstrap, download: m}, true
		}
	case *wire.Mark:
		if b.clientError == nil {
			if v := b.completedBy(m.Request); v > 0 {
				return job{kind: jobMarked, version: v}, true
			}
			l.marked(b, m.Request)
		}
	case *wire.QueryError:
		return job{kind: jobFailSet, version: m.QueryVersion, text: string(m.Text)}, true
	case *wire.Error:
		l.pop(b)
		l.serverError(b, fromServer(m.Code, string(m.Text), "", m.TryAgain, wire.NoAction), m.Code, nil, now)
		return job{}, false
	case *wire.JSONError:
		l.pop(b)
		l.jsonError(b, m, now)
		return job{}, false
	}
	l.pop(b)
	return job{}, false
}

// completedBy is the highest subscription set that the answer to a MARK completes.
func (b *binding) completedBy(request uint64) int64 {
	version := int64(-1)
	for _, s := range b.setMarks {
		if s.target <= request {
			version = max(version, s.version)
		}
	}
	return version
}

// marked is called when the answer to a MARK was handled: everything before it is integrated.
func (l *link) marked(b *binding, request uint64) {
	b.markReceived = request
	kept := b.setMarks[:0]
	for _, s := range b.setMarks {
		if s.target > request {
			kept = append(kept, s)
		}
	}
	b.setMarks = kept
	if b.delayed && request >= b.delayMark {
		b.delayed, b.wantScan = false, true
	}
	if ids := reached(&b.downloads, request); len(ids) > 0 {
		b.confirm(ids, false)
		l.tell(b, downloadedEvent{ids})
	}
}

// reached takes the waits out whose target is at most n.
func reached(waits *[]wait, n uint64) (ids []uint64) {
	kept := (*waits)[:0]
	for _, w := range *waits {
		if w.target <= n {
			ids = append(ids, w.id)
		} else {
			kept = append(kept, w)
		}
	}
	*waits = kept
	return ids
}

// jobDone takes the result of a job.
func (l *link) jobDone(b *binding, r result, now time.Time) {
	if b.stage == gone {
		return
	}
	b.busy = false
	if b.detached {
		l.touch(b)
		l.settle(now)
		return
	}
	if r.err == nil {
		b.retry.reset()
		b.fileReported = false
		l.jobSucceeded(b, r, now)
	} else {
		l.jobFailed(b, r, now)
	}
	l.touch(b)
	l.settle(now)
}

func (l *link) jobSucceeded(b *binding, r result, now time.Time) {
	// What was in work when the bind ended is in the file all the same, but its message is gone from the inbox.
	current := r.epoch == b.epoch
	switch r.kind {
	case jobStart:
		if r.dropped != nil {
			l.log.Warn("a stored bootstrap was dropped", "session", b.number, "reason", r.dropped)
		}
		if current {
			l.started(b, r.status)
		}
		return
	case jobIdent:
		if current {
			l.started(b, r.status)
		}
		l.log.Debug("file ident received", "session", b.number, "file_ident", r.ident)
	case jobIntegrate:
		l.integrated(b, r.download)
	case jobBootstrap:
		if r.download.BatchState == wire.LastInBatch && current {
			l.bootstrapped(b, r.status)
		}
	case jobMarked:
		if current {
			l.marked(b, b.inbox[0].msg.(*wire.Mark).Request) //nolint:forcetypeassert // the job came of this message
		}
	case jobFailSet:
		if !r.found && current {
			l.broken(errors.New("the server refuses a subscription set that is complete, or that does not exist"), now)
			return
		}
		b.query, b.wantScan = nil, true // it may be this one
	case jobScan:
		if current {
			l.scanned(b, r)
		}
		return
	case jobNewest:
		l.uploadsFrom(b, r.waits, r.newest)
		return
	case jobConfirm:
		l.log.Debug("client reset confirmed", "session", b.number)
		return
	}
	if current {
		l.pop(b)
	}
}

// started: the binding knows what its bind starts from.
func (l *link) started(b *binding, s Status) {
	b.started, b.status = true, s
	b.cursor, b.told = s.Progress.Upload, s.Progress.Upload.ServerVersion
	if s.Reset && !b.confirming {
		b.confirming, b.confirmedUp, b.confirmedDown = true, false, false
		b.newUploads = append(b.newUploads, resetWait)
		b.downloads = append(b.downloads, wait{resetWait, b.requestMark()})
	}
	l.uploaded(b)
}

// integrated: a DOWNLOAD in steady state is in the file.
func (l *link) integrated(b *binding, d *wire.Download) {
	p := d.Progress
	if p.Upload.ServerVersion == 0 {
		p.Upload.ServerVersion = b.status.Progress.Upload.ServerVersion
	}
	l.progressed(b, p)
	if len(d.Entries) == 0 {
		return
	}
	last := d.Entries[len(d.Entries)-1].ServerVersion
	for len(b.compensated) > 0 && b.compensated[0].version <= last {
		c := b.compensated[0]
		b.compensated = b.compensated[1:]
		b.compSize -= messageOverhead + c.err.size()
		l.tell(b, failureEvent{c.err})
	}
}

// bootstrapped: a whole bootstrap is in the file.
func (l *link) bootstrapped(b *binding, s Status) {
	newSet := s.ActiveSet > b.status.ActiveSet
	l.progressed(b, s.Progress)
	b.status = s
	l.log.Debug("bootstrap integrated", "session", b.number, "file_ident", s.Ident, "query_version", s.ActiveSet, "version", s.Version)
	if !newSet {
		return
	}
	if b.lastQuery < s.ActiveSet {
		b.lastQuery, b.query = s.ActiveSet, nil // the server has remembered it from an earlier bind
	}
	for _, m := range b.setMarks {
		if m.version == s.ActiveSet {
			return // its MARK is on the way
		}
	}
	// The server has answered the MARK before the bootstrap, which is wrong, but another one helps.
	b.setMarks = append(b.setMarks, setMark{s.ActiveSet, b.requestMark()})
}

// progressed: the cursors of the file have moved.
func (l *link) progressed(b *binding, p wire.Progress) {
	b.status.Progress = p
	if p.Upload.ClientVersion > b.cursor.ClientVersion {
		b.cursor = p.Upload
	}
	b.told = max(b.told, p.Upload.ServerVersion)
	if b.upload != nil && b.uploadNext.ClientVersion < b.cursor.ClientVersion {
		b.upload = nil // sent on an earlier connection, and acknowledged on this one
	}
	b.wantScan = true
	l.uploaded(b)
}

// uploaded ends the upload waits that have been waiting for this.
func (l *link) uploaded(b *binding) {
	if ids := reached(&b.uploads, b.status.Progress.Upload.ClientVersion); len(ids) > 0 {
		b.confirm(ids, true)
		l.tell(b, uploadedEvent{ids})
	}
}

// uploadsFrom: for the first of the new upload waits, the newest change has this version; 0: everything was acknowledged already.
func (l *link) uploadsFrom(b *binding, waits int, newest uint64) {
	for _, id := range b.newUploads[:waits] {
		b.uploads = append(b.uploads, wait{id, newest})
	}
	b.newUploads = b.newUploads[waits:]
	l.uploaded(b)
}

// scanned: it is known what there is to send.
func (l *link) scanned(b *binding, r result) {
	b.query = r.query
	if b.silent {
		b.cursor = r.next
		return
	}
	switch {
	case r.next.ClientVersion < b.cursor.ClientVersion:
		b.wantScan = true // a DOWNLOAD has acknowledged more meanwhile
	case r.upload != nil:
		b.upload, b.uploadNext = r.upload, r.next
	case b.query != nil:
		b.cursor = r.next
	case r.next.ServerVersion > b.told:
		// Nothing to upload, but the server may forget more of its history (wire-protocol 8.2).
		up := wire.Upload{Session: b.number, Progress: r.next, LockedServerVersion: b.status.Progress.Download.ServerVersion}
		if msg, err := up.Append(nil); err == nil {
			b.upload, b.uploadNext = msg, r.next
		}
	default:
		b.cursor = r.next
	}
}

// jobFailed: the file, or what the server sent, is bad.
func (l *link) jobFailed(b *binding, r result, now time.Time) {
	current := r.epoch == b.epoch
	var bad *IntegrationError
	if errors.As(r.err, &bad) {
		switch {
		case !current: // it comes again
		case bad.Violation:
			l.broken(bad, now)
		default:
			l.refused(b, bad)
			l.pop(b)
		}
		return
	}
	// Nothing has changed. The message is still in the inbox, the waits are where they were; the other wants are restored.
	switch r.kind {
	case jobStart:
		b.wantStart = true
	case jobScan:
		b.wantScan = true
	case jobConfirm:
		b.wantConfirm = true
	}
	slower := pace{initial: l.t.FileRetryInitial, most: max(l.t.FileRetryMax, l.t.FileRetryInitial), multiplier: 2}
	b.retryAt = now.Add(b.retry.next(0, slower, l.random()))
	l.log.Warn("the realm file cannot be used, trying again", "session", b.number, "reason", r.err, "retry_at", b.retryAt)
	if !b.fileReported {
		b.fileReported = true
		e := ownError(statusRuntime, "the realm file cannot be read or written, synchronization goes on when it can: "+r.err.Error(), wire.Warning)
		e.Err = r.err
		l.tell(b, failureEvent{e})
	}
}

// refused: a DOWNLOAD can't be integrated. The server is told, and until the next bind the session does nothing (wire-protocol 3.7).
func (l *link) refused(b *binding, bad *IntegrationError) {
	b.clientError = bad
	b.upload, b.query = nil, nil
	l.tell(b, failureEvent{&Error{
		Domain: DomainSync, Code: int(bad.Code), Name: integrationName(bad.Code), Message: bad.Text, Action: wire.Warning, Err: bad,
	}})
}
