package session

import "realmsync/core/wire"

// jobKind is what a protocol session wants of its file.
type jobKind uint8

// The jobs.
const (
	jobStart     jobKind = iota // apply or drop the stored bootstrap; what the bind starts from
	jobIdent                    // store the file ident
	jobIntegrate                // take in a DOWNLOAD in steady state
	jobBootstrap                // take in a DOWNLOAD of a bootstrap
	jobMarked                   // a MARK was answered: sets up to a version are Complete
	jobFailSet                  // the server refused a set
	jobScan                     // what is to be sent next: changesets, a query
	jobNewest                   // the version that an upload wait waits for
	jobConfirm                  // everything was told since a client reset
)

// job is a request to the file, as data: the state machine makes it, the session's worker runs it, the result goes back. A protocol
// session has one job at a time.
type job struct {
	kind    jobKind
	epoch   uint64 // of the bind that it belongs to
	session uint64

	ident    uint64
	salt     int64
	download *wire.Download
	version  int64 // of a subscription set
	text     string

	cursor wire.UploadCursor
	above  int64  // last query version that was sent
	locked uint64 // download cursor: what an UPLOAD says in its header

	waits int // jobNewest: how many upload waits it is for
}

// result is what came of a job.
type result struct {
	job
	err error // *IntegrationError, or one of the file's

	status  Status // jobStart, jobIdent, and jobBootstrap with the last message
	dropped error  // jobStart: why a stored bootstrap could not be applied and was dropped
	newest  uint64 // jobNewest
	found   bool   // jobFailSet

	// jobScan: the version up to which was looked, the next query, an UPLOAD ready to be sent (nil: no changesets), and the cursor behind it.
	upTo   uint64
	query  *Query
	upload []byte
	next   wire.UploadCursor
}

// changesSets tells whether subscription sets may be in another state after the job.
func (k jobKind) changesSets() bool {
	switch k {
	case jobStart, jobBootstrap, jobMarked, jobFailSet:
		return true
	default:
		return false
	}
}

// run does the job.
func (j job) run(f File) result {
	r := result{job: j}
	switch j.kind {
	case jobStart:
		if _, r.err = f.ApplyBootstrap(); isIntegration(r.err) {
			r.dropped, r.err = r.err, nil // the set is still pending: the server will send it again
		}
		if r.err == nil {
			r.status, r.err = f.Status()
		}
		_ = f.DropFresh() // of a reset that ended with the process; if it can't be, the next bind tries again
	case jobIdent:
		if r.err = f.SetIdent(j.ident, j.salt); r.err == nil {
			r.status, r.err = f.Status()
		}
	case jobIntegrate:
		r.err = f.Integrate(j.download)
	case jobBootstrap:
		r.bootstrap(f)
	case jobMarked:
		r.err = f.Marked(j.version)
	case jobFailSet:
		r.found, r.err = f.FailSet(j.version, j.text)
	case jobScan:
		r.scan(f)
	case jobNewest:
		r.newest, r.err = f.NewestChangeset()
	case jobConfirm:
		r.err = f.ResetConfirmed()
	}
	return r
}

func (r *result) bootstrap(f File) {
	if r.err = f.AddBootstrap(r.download); r.err != nil || r.download.BatchState != wire.LastInBatch {
		return
	}
	if _, r.err = f.ApplyBootstrap(); r.err == nil {
		r.status, r.err = f.Status()
	}
}

// scan looks what is to be sent. The version is read first: a set that is committed between the reads then lies behind it, and
// changes made after that set can't slip in before its QUERY (sync-semantics 1.11).
func (r *result) scan(f File) {
	if r.upTo, r.err = f.Version(); r.err != nil {
		return
	}
	q, ok, err := f.NextQuery(r.above)
	if err != nil {
		r.err = err
		return
	}
	end := r.upTo
	if ok {
		r.query, end = &q, min(end, q.Snapshot)
	}
	entries, next, err := f.NextUpload(r.cursor, max(end, r.cursor.ClientVersion))
	if err != nil {
		r.err = err
		return
	}
	r.next = next
	if len(entries) > 0 {
		// Written here and not when it is sent: deflating takes longer than anything else that a loop does.
		up := wire.Upload{Session: r.session, Progress: next, LockedServerVersion: r.locked, Entries: entries}
		r.upload, r.err = up.Append(nil)
	}
}
