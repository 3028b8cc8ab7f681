package data

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/rql"
	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// This file is what the HTTP data API does with documents (issue 5, point 9). It differs from Call in three things: documents are named by the text
// of their id, lists come in pages, and in development mode a collection of the synced database that isn't there becomes a class.

// Bounds on pages.
const (
	DefaultPage = 100     // documents
	MaxPage     = 1000    // documents
	pageBytes   = 4 << 20 // about: a page ends with the document that takes it over that
	maxOffset   = 100_000 // documents that an ordered query passes over
)

// errNoDocument is the refusal of what is about a document that is not there, or that the caller may not see.
var errNoDocument = apierror.New(http.StatusNotFound, "ValueNotFound", "document not found")

// Info is what a list of collections says of one.
type Info struct {
	Service    string `json:"service"`
	Database   string `json:"database"`
	Name       string `json:"name"`
	Kind       string `json:"kind"` // "class" or "documents"
	PrimaryKey string `json:"primary_key"`
}

// List returns the collections of an app in which the caller has a role: synced classes and plain collections, by name. Roles that are chosen by the
// document don't count: that would tell who may not see a document that there is something.
func (d *Data) List(ctx context.Context, app string, caller *auth.Caller) ([]Info, error) {
	all, err := d.list(ctx, app)
	if err != nil || caller != nil && caller.System {
		return all, err
	}
	out := []Info{}
	for _, i := range all {
		access, err := d.access(ctx, app, caller, Collection{i.Service, i.Database, i.Name})
		if err != nil {
			return nil, err
		}
		if access == nil || access(nil, nil) != nil {
			out = append(out, i)
		}
	}
	return out, nil
}

func (d *Data) list(ctx context.Context, app string) ([]Info, error) {
	cfg, err := d.cfg.Apps.Current(ctx, app)
	if err != nil {
		return nil, err
	}
	s, err := service(cfg, "")
	if err != nil {
		return nil, explain(err)
	}
	out := []Info{}
	if s.FlexibleSync != nil {
		engine, release, err := d.cfg.Engine(ctx, app)
		if err != nil {
			return nil, err
		}
		defer release()
		names, err := d.names(ctx, app)
		if err != nil {
			return nil, err
		}
		catalog := engine.Catalog()
		for _, class := range catalog.Schema.Classes() {
			if isClass(catalog.Class(class.Name)) {
				out = append(out, Info{s.Name, s.FlexibleSync.DatabaseName, names.CollectionOf(class.Name), "class", class.PrimaryKey})
			}
		}
	}
	file, release, err := d.documents(ctx, app, false)
	if file == nil || err != nil {
		return out, err
	}
	defer release()
	rows, err := file.Query(ctx, "SELECT database, name FROM collections ORDER BY database, name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		i := Info{Service: s.Name, Kind: "documents", PrimaryKey: "_id"}
		if err := rows.Scan(&i.Database, &i.Name); err != nil {
			return nil, err
		}
		if of, database, ok := strings.Cut(i.Database, ofSource); ok {
			i.Service, i.Database = of, database
		}
		if cfg.Service(i.Service) == nil {
			continue // it is not configured any more
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// Selection says which documents a page is of.
type Selection struct {
	RQL    string // for classes; "" is everything
	Args   bson.A // of RQL
	Filter bson.D // in MongoDB's language, for all collections; nil is everything
	Limit  int    // documents of a page; 0 is DefaultPage
	Cursor string // of the page before
}

// Page is some documents, and the cursor of the next page, "" if there is none.
type Page struct {
	Documents []bson.D
	Cursor    string
}

// Select returns a page of documents. Without SORT and DISTINCT pages are in the order of the ids (plain collections: of insertion), and a document
// that is there all the time is in exactly one. With them pages are cut from what the query is at each time.
func (d *Data) Select(ctx context.Context, app string, caller *auth.Caller, at Collection, s Selection) (Page, error) {
	o, end, err := d.start(ctx, app, caller, at, false)
	if err != nil {
		return Page{}, explain(err)
	}
	defer end()
	page, err := o.page(s)
	return page, explain(err)
}

func (o *operation) page(s Selection) (Page, error) {
	if s.Limit == 0 {
		s.Limit = DefaultPage
	}
	if s.Limit < 0 || s.Limit > MaxPage {
		return Page{}, invalid("'limit' must be between 1 and %d", MaxPage)
	}
	after, offset, err := readCursor(s.Cursor)
	if err != nil {
		return Page{}, err
	}
	filter, err := mql.CompileFilter(s.Filter)
	if err != nil {
		return Page{}, err
	}
	p := &pager{limit: s.Limit}
	if s.RQL == "" {
		err := o.each(filter, after, p.take)
		return p.page, err
	}
	on, query, err := o.query(s)
	if err != nil {
		return Page{}, err
	}
	if query.HasDescriptors() {
		err = o.ordered(on, query, filter, offset, p.next)
	} else {
		err = o.matching(on, query, filter, after, p.take)
	}
	return p.page, err
}

// query reads the query in RQL of a selection, on the class that it is of.
func (o *operation) query(s Selection) (*synced, *rql.Query, error) {
	on, ok := o.on.(*target).collection.(*synced)
	if !ok {
		return nil, nil, invalid("'query' is for synced classes, and '%s' is none: use 'filter'", clip(o.name.Name))
	}
	args, err := queryArguments(s.Args)
	if err != nil {
		return nil, nil, err
	}
	query, err := rql.Parse(s.RQL, args...)
	if err != nil {
		return nil, nil, err
	}
	if class := on.current(); class != nil { // what is wrong with it is told even if there are no objects
		if _, err := query.Bind(on.engine.Catalog().Schema, class.Name, rql.WithNavigation()); err != nil {
			return nil, nil, err
		}
	}
	return on, query, nil
}

// pager fills a page.
type pager struct {
	page  Page
	limit int
	bytes int
	last  string
}

func (p *pager) take(d bson.D, place string) (bool, error) {
	if len(p.page.Documents) == p.limit || p.bytes > pageBytes {
		p.page.Cursor = base64.RawURLEncoding.EncodeToString(append([]byte{'k'}, p.last...))
		return false, nil
	}
	p.page.Documents = append(p.page.Documents, d)
	p.bytes += mql.Size(d)
	p.last = place
	return true, nil
}

func readCursor(text string) (after string, offset int, err error) {
	if text == "" {
		return "", 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	switch {
	case err != nil || len(b) == 0 || len(b) > maxKey:
	case b[0] == 'k':
		return string(b[1:]), 0, nil
	case b[0] == 'o' && len(b) == 9:
		if n := binary.BigEndian.Uint64(b[1:]); n <= maxOffset {
			return "", int(n), nil
		}
	}
	return "", 0, invalid("the cursor is not one of this server")
}

// matching calls f for the objects that a query in RQL, without its SORT, DISTINCT and LIMIT, holds for. What the caller doesn't see it can't ask
// about.
func (o *operation) matching(on *synced, query *rql.Query, filter *mql.Filter, after string, f visitor) error {
	var m *matcher
	return on.rows(o.ctx, filter, after, func(snapshot *history.Snapshot, class *history.Class, row *history.Row) (bool, error) {
		if m == nil {
			var err error
			if m, err = o.matcher(snapshot, class, query); err != nil {
				return false, err
			}
		}
		x, seen, err := m.match(row, filter)
		if x == nil || err != nil {
			return err == nil, err
		}
		return f(seen, history.EncodeKey(row.Key))
	})
}

// maxValues is how many values of one object a query may read.
const maxValues = 1 << 18

// matcher is a query in RQL on a class in a snapshot.
type matcher struct {
	*operation
	bound *rql.Bound
	read  *reader
	class *history.Class
}

func (o *operation) matcher(snapshot *history.Snapshot, class *history.Class, query *rql.Query) (*matcher, error) {
	bound, err := query.Bind(snapshot.Catalog.Schema, class.Name, rql.WithNavigation(), rql.WithBudget(maxValues))
	if err != nil {
		return nil, err
	}
	read := &reader{snapshot: snapshot, meter: o.meter, access: o.linked, failed: o.failed, classes: map[string]Access{class.Name: o.access}}
	return &matcher{o, bound, read, class}, nil
}

// match returns the object, and what the caller sees of it as a document; nil if the query or the filter doesn't hold.
func (m *matcher) match(row *history.Row, filter *mql.Filter) (*object, bson.D, error) {
	if err := m.meter.Step(10); err != nil {
		return nil, nil, err
	}
	x, err := m.read.open(m.class, row)
	if x == nil || err != nil {
		return nil, nil, err
	}
	if ok, err := m.bound.Match(x); !ok || err != nil {
		return nil, nil, err
	}
	d, err := document(m.read.snapshot.Catalog, m.class, row)
	if err != nil {
		return nil, nil, err
	}
	seen, ok, err := m.matches(d, filter)
	if !ok || err != nil {
		return nil, nil, err
	}
	return x, seen, nil
}

// next is take for ordered: the place of a document is its number.
func (p *pager) next(i int, read func() (bson.D, bool, error)) (bool, error) {
	if len(p.page.Documents) == p.limit || p.bytes > pageBytes {
		if i > maxOffset {
			return false, invalid("an ordered query can be read up to %d documents: narrow it", maxOffset)
		}
		p.page.Cursor = base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{'o'}, uint64(i)))
		return false, nil
	}
	d, ok, err := read()
	if ok && err == nil {
		p.page.Documents = append(p.page.Documents, d)
		p.bytes += mql.Size(d)
	}
	return err == nil, err
}

// ordered calls f for what a query with SORT, DISTINCT or LIMIT holds for, in that order, for which everything that matches is needed.
func (o *operation) ordered(on *synced, query *rql.Query, filter *mql.Filter, offset int, f func(i int, read func() (bson.D, bool, error)) (bool, error)) error {
	snapshot, err := on.engine.Snapshot(o.ctx) // the objects must stay readable until they are in order
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	class := snapshot.Catalog.Class(on.class)
	if class == nil {
		return nil
	}
	m, err := o.matcher(snapshot, class, query)
	if err != nil {
		return err
	}
	var objects []rql.Object
	err = snapshot.RowsAfter(class, "", func(row *history.Row) (bool, error) {
		x, seen, err := m.match(row, filter)
		if x == nil || err != nil {
			return err == nil, err
		}
		objects = append(objects, x)
		return true, o.meter.Hold(mql.Size(seen) + 256)
	})
	if err != nil {
		return err
	}
	if err := o.meter.Step(20 * len(objects)); err != nil {
		return err
	}
	if objects, err = m.bound.Arrange(objects); err != nil {
		return err
	}
	for i := min(offset, len(objects)); i < len(objects); i++ {
		more, err := f(i, func() (bson.D, bool, error) {
			d, err := document(snapshot.Catalog, class, objects[i].(*object).row)
			if err != nil {
				return nil, false, err
			}
			return o.readable(d)
		})
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// one returns the filter of the documents that the text of an id may stand for.
func (o *operation) one(id string) (*mql.Filter, error) {
	ids, err := idsOf(id)
	if err != nil {
		return nil, err
	}
	return mql.CompileFilter(bson.D{{Key: o.on.idField(), Value: bson.D{{Key: "$in", Value: ids}}}})
}

// Get returns a document.
func (d *Data) Get(ctx context.Context, app string, caller *auth.Caller, at Collection, id string) (bson.D, error) {
	o, end, err := d.start(ctx, app, caller, at, false)
	if err != nil {
		return nil, explain(err)
	}
	defer end()
	filter, err := o.one(id)
	if err != nil {
		return nil, explain(err)
	}
	docs, err := o.find(filter, nil, 1)
	if err == nil && len(docs) == 0 {
		err = errNoDocument
	}
	if err != nil {
		return nil, explain(err)
	}
	return docs[0], nil
}

// Insert adds documents, all or none, and returns their ids. replace puts those whose ids are taken in the place of what is there.
func (d *Data) Insert(ctx context.Context, app string, caller *auth.Caller, at Collection, docs []bson.D, replace bool) (bson.A, error) {
	for _, doc := range docs {
		if err := check(doc, 0); err != nil {
			return nil, err
		}
	}
	o, end, err := d.start(ctx, app, caller, at, true)
	if err != nil {
		return nil, explain(err)
	}
	defer end()
	var ids bson.A
	if replace {
		ids, err = o.store(docs)
	} else {
		ids, err = o.insert(docs)
	}
	return ids, explain(err)
}

// store inserts documents or puts them in the place of those with their ids.
func (o *operation) store(docs []bson.D) (bson.A, error) {
	ids := bson.A{}
	at := 0
	err := o.write(func(w writer) (err error) {
		defer func() { err = ofDocument(err, at, len(docs)) }()
		for i, d := range docs {
			at = i
			made, taken, err := o.add(w, d)
			if err != nil {
				return err
			}
			field := o.on.idField()
			id, _ := mql.Get(made, field)
			ids = append(ids, id)
			if !taken {
				if err := o.mayInsert(made); err != nil {
					return err
				}
				continue
			}
			seen, ok := o.access.readable(made)
			if !ok {
				return cmp.Or(o.mayInsert(d), error(errUpdate))
			}
			update, err := mql.CompileReplacement(d)
			if err != nil {
				return err
			}
			if err := o.mayName(made, seen, update); err != nil {
				return err
			}
			after, err := update.Apply(made, mql.Target{ID: field, Now: o.now()}, o.steps())
			if err != nil {
				return err
			}
			if after = o.withUnseen(made, seen, after); mql.Identical(made, after) {
				continue
			}
			if err := o.mayWrite(made, after); err != nil {
				return err
			}
			if _, err := o.put(w, made, after, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Update changes a document: by update operators, or by a document of fields that are set and leave the others alone.
func (d *Data) Update(ctx context.Context, app string, caller *auth.Caller, at Collection, id string, change bson.D) error {
	if len(change) == 0 || !strings.HasPrefix(change[0].Key, "$") {
		change = bson.D{{Key: "$set", Value: change}}
	}
	return d.alter(ctx, app, caller, at, id, change, func(d bson.D) (*mql.Update, error) { return mql.CompileUpdate(d, nil) })
}

// Replace puts a document in the place of another one.
func (d *Data) Replace(ctx context.Context, app string, caller *auth.Caller, at Collection, id string, whole bson.D) error {
	return d.alter(ctx, app, caller, at, id, whole, mql.CompileReplacement)
}

func (d *Data) alter(ctx context.Context, app string, caller *auth.Caller, at Collection, id string, change bson.D, compile func(bson.D) (*mql.Update, error)) error {
	if err := check(change, 0); err != nil {
		return err
	}
	o, end, err := d.start(ctx, app, caller, at, false)
	if err != nil {
		return explain(err)
	}
	defer end()
	filter, err := o.one(id)
	if err != nil {
		return explain(err)
	}
	update, err := compile(change)
	if err != nil {
		return explain(err)
	}
	out, err := o.update(filter, update, false, false, nil)
	if err == nil && out.matched == 0 {
		err = errNoDocument
	}
	return explain(err)
}

// Delete removes a document.
func (d *Data) Delete(ctx context.Context, app string, caller *auth.Caller, at Collection, id string) error {
	o, end, err := d.start(ctx, app, caller, at, false)
	if err != nil {
		return explain(err)
	}
	defer end()
	filter, err := o.one(id)
	if err != nil {
		return explain(err)
	}
	n, _, err := o.remove(filter, false, nil)
	if err == nil && n == 0 {
		err = errNoDocument
	}
	return explain(err)
}
