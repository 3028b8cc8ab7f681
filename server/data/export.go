package data

import (
	"context"
	"database/sql"
	"net/http"
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

// Export calls f for all documents of a selection, of one moment: what is written meanwhile isn't among them. Limit and Cursor mean nothing. Nothing is
// held but one document, unless a query has SORT, DISTINCT or LIMIT. begun is called before the first document, once it is sure that there is
// nothing wrong with what is asked for.
func (d *Data) Export(ctx context.Context, app string, caller *auth.Caller, at Collection, s Selection, begun func(), f func(bson.D) error) error {
	if n := d.exports.Add(1); n > maxExports {
		d.exports.Add(-1)
		return apierror.New(http.StatusTooManyRequests, "", "%d exports are under way already: try again later", maxExports)
	}
	defer d.exports.Add(-1)
	o, end, err := d.startWithin(ctx, exportTime, exportSteps*d.cfg.Steps, nil, app, caller, at, false)
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
