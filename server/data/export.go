package data

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/mql"
)

// Bounds on exports. While one is under way the database can't give the space back of what is written meanwhile.
const (
	maxExports  = 2 // at once, of all apps: each has a connection to the database
	exportTime  = time.Hour
	exportSteps = 100 // times what another operation may cost
)

// exporter is who has an export.
type exporter struct {
	app, user string // user "": the server itself
	from      string // "": unknown
}

// same tells whether both may be one client: the same user, wherever, or another one from the same address.
func (e exporter) same(other exporter) bool {
	return e.user != "" && e.app == other.app && e.user == other.user || e.from != "" && e.from == other.from
}

// exports are those that are under way.
type exports struct {
	mu  sync.Mutex
	who []exporter
}

// begin refuses an export when there are enough. Of one client there is one: however slow, it leaves room for another's. Call end.
func (x *exports) begin(e exporter) (end func(), err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case slices.ContainsFunc(x.who, e.same):
		return nil, apierror.New(http.StatusTooManyRequests, "", "an export of the same user, or to the same address, is under way already: try again when it has ended")
	case len(x.who) >= maxExports:
		return nil, apierror.New(http.StatusTooManyRequests, "", "%d exports are under way already: try again later", maxExports)
	}
	x.who = append(x.who, e)
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		at := slices.Index(x.who, e)
		x.who = slices.Delete(x.who, at, at+1)
	}, nil
}

// Export calls f for all documents of a selection, of one moment: what is written meanwhile isn't among them. Limit and Cursor mean nothing. Nothing is
// held but one document, unless a query has SORT, DISTINCT or LIMIT. begun is called before the first document, once it is sure that there is
// nothing wrong with what is asked for. from is the address that it is for, as attempts are counted (auth.RemoteOf): a user has one export at a time,
// and so has an address, if it is known.
func (d *Data) Export(ctx context.Context, app string, caller *auth.Caller, from string, at Collection, s Selection, begun func(), f func(bson.D) error) error {
	leave, err := d.exports.begin(exporter{app, caller.UserID, from})
	if err != nil {
		return err
	}
	defer leave()
	o, end, err := d.startWithin(noting(ctx), exportTime, exportSteps*d.cfg.Steps, nil, app, caller, at, false)
	if err != nil {
		return explain(err)
	}
	defer end()
	return explain(o.export(s, begun, f))
}

func (o *operation) export(s Selection, begun func(), f func(bson.D) error) error {
	filter, err := mql.CompileFilter(s.Filter)
	if err != nil {
		return err
	}
	each := func(d bson.D, _ string) (bool, error) {
		err := f(d)
		return err == nil, err
	}
	if s.RQL != "" {
		on, query, err := o.query(s)
		if err != nil {
			return err
		}
		begun()
		if !query.HasDescriptors() {
			return o.matching(on, query, filter, "", each)
		}
		return o.ordered(on, query, filter, 0, func(_ int, read func() (bson.D, bool, error)) (bool, error) {
			d, ok, err := read()
			if ok && err == nil {
				err = f(d)
			}
			return err == nil, err
		})
	}
	if p, ok := o.on.(*target).collection.(*plain); ok && p.file != nil {
		tx, err := p.file.Reader().BeginTx(o.ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		p.pinned = tx
	}
	begun()
	return o.each(filter, "", each)
}
