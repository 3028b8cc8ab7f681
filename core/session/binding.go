package session

import (
	"sync/atomic"
	"time"

	"realmsync/core/merge"
	"realmsync/core/wire"
)

// stage is how far a bind has come.
type stage uint8

const (
	unbound stage = iota // BIND was not sent on this connection, or UNBIND was after an error
	bound                // BIND was sent
	running              // IDENT was sent
	leaving              // UNBIND was sent by our own will: the server will answer UNBOUND
	gone                 // nothing will come of it any more
)

// binding is a protocol session: what a session is to the server (sync-semantics 1.11, wire-protocol 5). It lives on one link, bound
// anew whenever the connection comes back, under the same number. The link's loop owns all of it but the first fields.
type binding struct {
	// Set once, before the link knows the binding.
	number uint64 // session ident on the wire
	schema uint64 // schema version
	rules  merge.Rules
	silent bool // it is that of a fresh copy for a client reset, and uploads nothing
	owner  *Session
	conn   *conn
	// woken: a commit was reported and the loop has not heard of it yet.
	woken atomic.Bool

	// afterReset: the file was reset, and IDENT has not been sent since. What was recovered is not held back.
	afterReset bool
	// confirming: file and server have not told each other everything since a reset; a wait of either kind is under way, or over.
	confirming, confirmedUp, confirmedDown, wantConfirm bool

	stage    stage
	epoch    uint64 // counts binds
	detached bool   // the session doesn't want it any more
	queued   bool   // in link.ready
	reported ConnectionState

	// After an error of the server the session is suspended: UNBIND is sent, and nothing more until it is resumed.
	suspended  bool
	mustUnbind bool
	resumeAt   time.Time // zero: when somebody asks for it
	resumption backoff

	// inbox holds the messages that were received and not handled yet. Its first may be in work.
	inbox     []inbound
	inboxSize int
	errorSeen bool // the server has sent an error on this bind; nothing may follow

	// Work on the file. Each want is a job that is due.
	busy          bool
	wantStart     bool
	wantScan      bool
	lastTurn      int // who had the file last
	retryAt       time.Time
	retry         backoff
	fileReported  bool // the present series of file errors was reported
	started       bool // status is that of this bind
	identReceived bool
	status        Status

	// What is sent, on this bind.
	delayed     bool // uploads and queries wait for the answer to delayMark
	delayMark   uint64
	cursor      wire.UploadCursor // up to where everything was sent on this bind
	told        uint64            // server version that the server knows to be integrated here
	lastQuery   int64             // version of the set that the server heard of last
	query       *Query            // the next one, when a scan has found it
	upload      []byte            // an UPLOAD that is ready
	uploadNext  wire.UploadCursor
	clientError *IntegrationError // a DOWNLOAD could not be integrated: nothing but this is sent until the next bind
	errorSent   bool

	// MARKs. target >= sent >= received.
	markTarget, markSent, markReceived uint64
	setMarks                           []setMark

	uploads     []wait   // target: client version
	newUploads  []uint64 // for which the target is not known yet
	downloads   []wait   // target: MARK
	compensated []*pendingCompensation
	compSize    int
}

// wait is a wait for a number to be reached.
type wait struct{ id, target uint64 }

// setMark says that the answer to a MARK completes the subscription sets up to a version.
type setMark struct {
	version int64
	target  uint64
}

// pendingCompensation is an error 231 whose DOWNLOAD hasn't been integrated.
type pendingCompensation struct {
	version uint64
	err     *Error
}

// inbound is a received message.
type inbound struct {
	msg  wire.ServerMessage
	size int
}

// maxCompensations bounds what is kept of errors 231 that wait for their DOWNLOAD, in bytes.
const maxCompensations = 16 << 20

// wanted tells whether the connection is kept for the binding.
func (b *binding) wanted() bool { return !b.suspended && !b.detached && b.stage != gone }

// requestMark asks for a MARK to be sent and returns its number. Requests that were not sent yet share one.
func (b *binding) requestMark() uint64 {
	if b.markTarget == b.markSent {
		b.markTarget++
	}
	return b.markTarget
}

// established is called when there is a connection. fast: the last one was lost only a moment ago.
func (b *binding) established(fast bool) {
	if !fast && !b.afterReset {
		b.delayed = true
	}
	if b.delayed {
		b.delayMark = b.requestMark()
	}
}

// newBind forgets what belongs to the bind that has ended. What was received and not integrated comes again.
func (b *binding) newBind(l *link) {
	if b.stage == unbound {
		return // nothing was sent: what the file said at the start still holds
	}
	b.stage, b.mustUnbind, b.errorSeen, b.identReceived = unbound, false, false, false
	b.wantStart, b.started = true, false
	b.epoch++
	b.dropInbox(l)
	b.query, b.upload, b.clientError, b.errorSent = nil, nil, nil, false
	b.markSent = b.markReceived
	b.setMarks = nil
	b.retryAt = time.Time{}
}

func (b *binding) dropInbox(l *link) {
	l.queued -= b.inboxSize
	b.inbox, b.inboxSize = nil, 0
}

// next returns the next message to send, or nil. The order is that of wire-protocol 5.2.
func (b *binding) next() wire.ClientMessage {
	switch {
	case b.mustUnbind && (b.stage == bound || b.stage == running):
		return &wire.Unbind{Session: b.number}
	case !b.wanted():
		return nil
	}
	switch b.stage {
	case unbound:
		if !b.started {
			return nil
		}
		data := wire.BindData{SchemaVersion: b.schema, SessionReason: wire.ReasonSync}
		if b.silent || b.afterReset {
			data.SessionReason = wire.ReasonClientReset
		}
		if b.rules != merge.Compatible {
			data.MergeRules = b.rules.String()
		}
		return &wire.Bind{Session: b.number, Data: data.Append(nil), NeedIdent: b.status.Ident == 0}
	case bound:
		if b.status.Ident == 0 {
			return nil
		}
		return &wire.Ident{
			Session: b.number, FileIdent: b.status.Ident, Salt: b.status.Salt, Download: b.status.Progress.Download,
			Latest: b.status.Progress.Latest, QueryVersion: b.status.ActiveSet, Query: b.status.Active,
		}
	case running:
		return b.nextRunning()
	default:
		return nil
	}
}

func (b *binding) nextRunning() wire.ClientMessage {
	switch {
	case b.clientError != nil:
		if b.errorSent {
			return nil
		}
		body := wire.ClientErrorBody(integrationName(b.clientError.Code), b.clientError.Text)
		return &wire.ClientJSONError{Session: b.number, Code: b.clientError.Code, Body: body}
	case b.markTarget > b.markSent:
		return &wire.Mark{Session: b.number, Request: b.markTarget}
	case b.delayed:
		return nil
	case b.queryDue():
		return &wire.Query{Session: b.number, Version: b.query.Version, Body: b.query.Body}
	case b.upload != nil:
		return encodedUpload{&wire.Upload{Session: b.number}, b.upload}
	default:
		return nil
	}
}

// queryDue: every change made before the set was committed has been sent.
func (b *binding) queryDue() bool {
	return b.query != nil && b.cursor.ClientVersion >= b.query.Snapshot
}

// encodedUpload is an UPLOAD that the worker has written already.
type encodedUpload struct {
	*wire.Upload
	bytes []byte
}

// Append implements wire.Message.
func (m encodedUpload) Append(dst []byte) ([]byte, error) {
	if len(dst) == 0 {
		return m.bytes, nil
	}
	return append(dst, m.bytes...), nil
}

// sent notes that the message of next is on its way.
func (b *binding) sent(l *link, m wire.ClientMessage) {
	switch m := m.(type) {
	case *wire.Unbind:
		b.unbindSent(l)
	case *wire.Bind:
		b.stage = bound
	case *wire.Ident:
		b.stage, b.afterReset = running, false
		b.lastQuery = b.status.ActiveSet
		b.setMarks = append(b.setMarks, setMark{b.status.ActiveSet, b.markReceived + 1})
		b.wantScan = true
	case *wire.ClientJSONError:
		b.errorSent = true
	case *wire.Mark:
		b.markSent = m.Request
	case *wire.Query:
		b.lastQuery, b.query = m.Version, nil
		b.setMarks = append(b.setMarks, setMark{m.Version, b.requestMark()})
		b.wantScan = true
	case encodedUpload:
		b.cursor, b.told = b.uploadNext, max(b.told, b.uploadNext.ServerVersion)
		b.upload = nil
		b.wantScan = true
	}
}

func (b *binding) unbindSent(l *link) {
	switch {
	case b.detached && !b.errorSeen:
		b.stage, b.mustUnbind = leaving, false
	case b.detached:
		l.remove(b)
	default:
		b.newBind(l)
	}
}
