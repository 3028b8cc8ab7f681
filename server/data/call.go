package data

import (
	"context"
	"net/http"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/mql"
)

// method is an operation by its name. What it doesn't take is refused: a caller who says skip, or a collation, doesn't mean a result without.
type method struct {
	do    func(o *operation, a *arguments) (any, error)
	takes []string // besides database and collection
}

// methods are those of app-services 7.4. Those that find one document and do something take what their siblings take: clients may send it.
var methods = func() map[string]method {
	read := []string{"query", "limit", "project", "sort"}
	change := []string{"query", "update", "upsert", "arrayFilters"}
	and := []string{"filter", "update", "upsert", "returnNewDocument", "projection", "sort", "arrayFilters"}
	return map[string]method{
		"find":              {find, read},
		"findOne":           {findOne, read},
		"aggregate":         {aggregate, []string{"pipeline"}},
		"count":             {count, []string{"query", "limit"}},
		"distinct":          {distinct, []string{"key", "query"}},
		"insertOne":         {insertOne, []string{"document"}},
		"insertMany":        {insertMany, []string{"documents"}},
		"deleteOne":         {func(o *operation, a *arguments) (any, error) { return deleteSome(o, a, false) }, []string{"query"}},
		"deleteMany":        {func(o *operation, a *arguments) (any, error) { return deleteSome(o, a, true) }, []string{"query"}},
		"updateOne":         {func(o *operation, a *arguments) (any, error) { return updateSome(o, a, false) }, change},
		"updateMany":        {func(o *operation, a *arguments) (any, error) { return updateSome(o, a, true) }, change},
		"findOneAndUpdate":  {func(o *operation, a *arguments) (any, error) { return findOneAndUpdate(o, a, false) }, and},
		"findOneAndReplace": {func(o *operation, a *arguments) (any, error) { return findOneAndUpdate(o, a, true) }, and},
		"findOneAndDelete":  {findOneAndDelete, []string{"filter", "projection", "sort", "upsert", "returnNewDocument"}},
	}
}()

// Call performs an operation on a collection: a method and its argument document as in app-services 7.4, and the result in the shape that clients
// expect. Errors that are the caller's fault are *apierror.Error.
func (d *Data) Call(ctx context.Context, app string, caller *auth.Caller, service, name string, arg bson.D) (any, error) {
	run := methods[name]
	if run.do == nil {
		return nil, apierror.New(http.StatusBadRequest, "ServiceCommandNotFound", "the method '%s' of collections is not known", clip(name))
	}
	if err := mayCall(ctx, name); err != nil {
		return nil, err
	}
	if err := check(arg, 0); err != nil {
		return nil, err
	}
	a := &arguments{d: arg}
	for _, e := range arg {
		if !slices.Contains(run.takes, e.Key) && e.Key != "database" && e.Key != "collection" {
			return nil, invalid("the argument '%s' of the method '%s' is not supported", clip(e.Key), name)
		}
	}
	at := Collection{Service: service, Database: a.name("database"), Name: a.name("collection")}
	if a.err != nil {
		return nil, a.err
	}
	o, end, err := d.start(ctx, app, caller, at, false)
	if err != nil {
		return nil, explain(err)
	}
	defer end()
	out, err := run.do(o, a)
	if err != nil {
		return nil, explain(err)
	}
	return out, nil
}

// maxArgument is how deep an argument may be nested: what programs compose is not bounded by what extended JSON may be.
const maxArgument = 100

// check refuses what is not a BSON value that this server knows, or is nested too deeply.
func check(v any, depth int) error {
	if depth > maxArgument {
		return invalid("the argument is nested more than %d deep", maxArgument)
	}
	switch v := v.(type) {
	case bson.D:
		for i := range v {
			if err := check(v[i].Value, depth+1); err != nil {
				return err
			}
		}
	case bson.A:
		for i := range v {
			if err := check(v[i], depth+1); err != nil {
				return err
			}
		}
	case nil, bool, string, int32, int64, float64, bson.ObjectID, bson.DateTime, bson.Binary, bson.Decimal128, bson.Timestamp, bson.Regex, bson.MinKey, bson.MaxKey:
	default:
		return invalid("a value of type %T can't be used", v)
	}
	return nil
}

// arguments reads an argument document. The first thing that is wrong stays in err.
type arguments struct {
	d   bson.D
	err error
}

func (a *arguments) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// name reads a member that must be a string.
func (a *arguments) name(member string) string {
	v, ok := mql.Get(a.d, member)
	s, isText := v.(string)
	switch {
	case !ok:
		a.fail(missingArgument(member))
	case !isText || s == "":
		a.fail(invalid("argument '%s' must be a string", member))
	}
	return s
}

// document reads a member that must be a document; if it may be absent, the empty one is returned for it.
func (a *arguments) document(member string, required bool) bson.D {
	v, ok := mql.Get(a.d, member)
	if !ok || v == nil && !required {
		if required {
			a.fail(missingArgument(member))
		}
		return bson.D{}
	}
	d, isDocument := v.(bson.D)
	if !isDocument {
		a.fail(invalid("argument '%s' must be a document", member))
	}
	return d
}

func (a *arguments) array(member string) bson.A {
	v, ok := mql.Get(a.d, member)
	list, isArray := v.(bson.A)
	switch {
	case !ok:
		a.fail(missingArgument(member))
	case !isArray:
		a.fail(invalid("argument '%s' must be an array", member))
	}
	return list
}

// optional reads an array that may be absent.
func (a *arguments) optional(member string) bson.A {
	if v, _ := mql.Get(a.d, member); v == nil {
		return nil
	}
	return a.array(member)
}

func (a *arguments) flag(member string) bool {
	v, _ := mql.Get(a.d, member)
	b, ok := v.(bool)
	if !ok && v != nil {
		a.fail(invalid("argument '%s' must be a boolean", member))
	}
	return b
}

func (a *arguments) limit() int64 {
	v, _ := mql.Get(a.d, "limit")
	if v == nil {
		return 0
	}
	n, ok := whole(v)
	if !ok || n < 0 {
		a.fail(invalid("argument 'limit' must be a whole number that is not negative"))
	}
	return min(n, 1<<31)
}

func (a *arguments) filter(member string) *mql.Filter {
	f, err := mql.CompileFilter(a.document(member, false))
	if err != nil {
		a.fail(err)
	}
	return f
}

func (a *arguments) sort() mql.Sort {
	s, err := mql.CompileSort(a.document("sort", false))
	if err != nil {
		a.fail(err)
	}
	return s
}

func (a *arguments) projection(member string) *mql.Projection {
	p, err := mql.CompileProjection(a.document(member, false))
	if err != nil {
		a.fail(err)
	}
	return p
}

func (a *arguments) update(replace bool) *mql.Update {
	v, _ := mql.Get(a.d, "update")
	if stages, isPipeline := v.(bson.A); isPipeline && !replace {
		if a.optional("arrayFilters") != nil {
			a.fail(invalid("an update by a pipeline can't have 'arrayFilters'"))
		}
		u, err := mql.CompileUpdatePipeline(stages)
		if err != nil {
			a.fail(err)
		}
		return u
	}
	compile := mql.CompileUpdate
	if replace {
		compile = func(d bson.D, arrayFilters bson.A) (*mql.Update, error) {
			if arrayFilters != nil {
				return nil, invalid("a document that replaces another one can't have 'arrayFilters'")
			}
			return mql.CompileReplacement(d)
		}
	}
	u, err := compile(a.document("update", true), a.optional("arrayFilters"))
	if err != nil {
		a.fail(err)
	}
	return u
}

func find(o *operation, a *arguments) (any, error) {
	filter, order, projection, limit := a.filter("query"), a.sort(), a.projection("project"), a.limit()
	if a.err != nil {
		return nil, a.err
	}
	docs, err := o.find(filter, order, limit)
	if err != nil {
		return nil, err
	}
	out := make(bson.A, 0, len(docs))
	for _, d := range docs {
		v, err := project(o, projection, filter, d)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func findOne(o *operation, a *arguments) (any, error) {
	filter, order, projection := a.filter("query"), a.sort(), a.projection("project")
	if a.err != nil {
		return nil, a.err
	}
	docs, err := o.find(filter, order, 1)
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	return project(o, projection, filter, docs[0])
}

// project returns what a projection makes of a document that a filter found; null if there is none.
func project(o *operation, p *mql.Projection, f *mql.Filter, d bson.D) (any, error) {
	if d == nil {
		return nil, nil
	}
	out, err := p.ApplyFound(d, f, o.meter)
	if err != nil {
		return nil, err
	}
	// It takes the place of what is held, and may be larger: expressions may have one field many times.
	if more := mql.Size(out) - mql.Size(d); p != nil && more > 0 {
		return out, o.meter.Hold(more)
	}
	return out, nil
}

func aggregate(o *operation, a *arguments) (any, error) {
	stages := a.array("pipeline")
	if a.err != nil {
		return nil, a.err
	}
	p, err := mql.CompilePipeline(stages)
	if err != nil {
		return nil, err
	}
	run := p.Run(o.meter, o.foreign)
	err = o.each(p.First(), "", func(d bson.D, _ string) (bool, error) { return run.Add(d) })
	if err != nil {
		return nil, err
	}
	return run.Result()
}

func count(o *operation, a *arguments) (any, error) {
	filter, limit := a.filter("query"), a.limit()
	if a.err != nil {
		return nil, a.err
	}
	var n int64
	err := o.each(filter, "", func(bson.D, string) (bool, error) {
		n++
		return n != limit, nil
	})
	return n, err
}

// distinct is for functions: no client has it.
func distinct(o *operation, a *arguments) (any, error) {
	filter := a.filter("query")
	values, err := mql.NewDistinct(a.name("key"))
	if a.err != nil {
		return nil, a.err
	}
	if err != nil {
		return nil, err
	}
	err = o.each(filter, "", func(d bson.D, _ string) (bool, error) { return true, values.Add(d, o.meter) })
	if err != nil {
		return nil, err
	}
	return values.Values(), nil
}

func insertOne(o *operation, a *arguments) (any, error) {
	d := a.document("document", true)
	if a.err != nil {
		return nil, a.err
	}
	ids, err := o.insert([]bson.D{d})
	if err != nil {
		return nil, err
	}
	return bson.D{{Key: "insertedId", Value: ids[0]}}, nil
}

func insertMany(o *operation, a *arguments) (any, error) {
	list := a.array("documents")
	if a.err != nil {
		return nil, a.err
	}
	docs := make([]bson.D, 0, len(list))
	for _, v := range list {
		d, ok := v.(bson.D)
		if !ok {
			return nil, invalid("argument 'documents' must be an array of documents")
		}
		docs = append(docs, d)
	}
	ids, err := o.insert(docs)
	if err != nil {
		return nil, err
	}
	return bson.D{{Key: "insertedIds", Value: ids}}, nil
}

func deleteSome(o *operation, a *arguments, many bool) (any, error) {
	filter := a.filter("query")
	if a.err != nil {
		return nil, a.err
	}
	n, _, err := o.remove(filter, many, nil)
	if err != nil {
		return nil, err
	}
	return bson.D{{Key: "deletedCount", Value: n}}, nil
}

func updateSome(o *operation, a *arguments, many bool) (any, error) {
	filter, update, upsert := a.filter("query"), a.update(false), a.flag("upsert")
	if a.err != nil {
		return nil, a.err
	}
	if many && update.Replaces() {
		return nil, invalid("updateMany needs update operators, not a document")
	}
	u, err := o.update(filter, update, many, upsert, nil)
	if err != nil {
		return nil, err
	}
	out := bson.D{{Key: "matchedCount", Value: u.matched}, {Key: "modifiedCount", Value: u.modified}}
	if u.upserted {
		out = append(out, bson.E{Key: "upsertedId", Value: u.inserted})
	}
	return out, nil
}

func findOneAndUpdate(o *operation, a *arguments, replace bool) (any, error) {
	filter, update, order, projection := a.filter("filter"), a.update(replace), a.sort(), a.projection("projection")
	upsert, fresh := a.flag("upsert"), a.flag("returnNewDocument")
	if fresh && projection.Positional() {
		a.fail(invalid("a positional projection can't choose of the new document: leave 'returnNewDocument' out"))
	}
	if a.err != nil {
		return nil, a.err
	}
	u, err := o.update(filter, update, false, upsert, order)
	if err != nil {
		return nil, err
	}
	d := u.before
	if fresh {
		d = u.after
	}
	return project(o, projection, filter, d)
}

func findOneAndDelete(o *operation, a *arguments) (any, error) {
	filter, order, projection := a.filter("filter"), a.sort(), a.projection("projection")
	if a.err != nil {
		return nil, a.err
	}
	_, d, err := o.remove(filter, false, order)
	if err != nil {
		return nil, err
	}
	return project(o, projection, filter, d)
}
