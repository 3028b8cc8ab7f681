package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/ejson"
	"realmsync/server/pathpattern"
)

// The data API: what other programs than Realm's clients use to read and write the documents of an app (docs/data-api.md). A request brings a
// user's access token, or an API key in the header "apiKey". Bodies are extended JSON, relaxed or canonical; answers are canonical.
const dataPrefix = "/api/data/v1/"

// maxDataBody is the most that a body of the data API may have, in bytes.
const maxDataBody = 4 << 20

// dataRoute is a path of the data API.
type dataRoute struct {
	method  string
	pattern string
	handle  func(*Server, *dataCall) error
}

var dataRoutes = []dataRoute{
	{http.MethodGet, "app/:app/collections", (*Server).dataList},
	{http.MethodGet, "app/:app/collections/:collection/documents", (*Server).dataSelect},
	{http.MethodPost, "app/:app/collections/:collection/query", (*Server).dataQuery},
	{http.MethodGet, "app/:app/collections/:collection/export", (*Server).dataExport},
	{http.MethodPost, "app/:app/collections/:collection/documents", (*Server).dataInsert},
	{http.MethodGet, "app/:app/collections/:collection/documents/:id", (*Server).dataGet},
	{http.MethodPatch, "app/:app/collections/:collection/documents/:id", (*Server).dataUpdate},
	{http.MethodPut, "app/:app/collections/:collection/documents/:id", (*Server).dataReplace},
	{http.MethodDelete, "app/:app/collections/:collection/documents/:id", (*Server).dataDelete},
}

// dataCall is one request of the data API.
type dataCall struct {
	*call

	server *Server
	caller *auth.Caller
	query  url.Values
	at     data.Collection
	doc    string // the id in the path
}

// dataAPI serves a request below dataPrefix. Segments of the path are unescaped one by one: an id may have a slash.
func (s *Server) dataAPI(c *call) error {
	if s.data == nil {
		return &refusal{Status: http.StatusNotFound, Text: "this server has no data API"}
	}
	segments := strings.SplitN(strings.TrimPrefix(c.r.URL.EscapedPath(), dataPrefix), "/", maxSegments+1)
	for i := range segments {
		text, err := url.PathUnescape(segments[i])
		if err != nil {
			return badRequest("the path is not one")
		}
		segments[i] = text
	}
	var allow []string
	for i := range dataRoutes {
		params, ok := pathpattern.Match(dataRoutes[i].pattern, segments)
		switch {
		case !ok:
		case dataRoutes[i].method == c.r.Method:
			c.route, c.params = "data/"+dataRoutes[i].pattern, params
			return s.dataServe(c, dataRoutes[i].handle)
		default:
			allow = append(allow, dataRoutes[i].method)
		}
	}
	if allow != nil {
		return s.wrongMethod(c, allow)
	}
	return &refusal{Status: http.StatusNotFound, Text: "there is nothing at this path"}
}

func (s *Server) dataServe(c *call, handle func(*Server, *dataCall) error) error {
	c.r.Body = http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, maxDataBody)
	app, err := s.auth.App(c.r.Context(), c.params["app"])
	if err != nil {
		return err
	}
	c.app = app
	d := &dataCall{call: c, server: s, doc: c.params["id"]}
	if d.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return badRequest("the query of the URL is not one")
	}
	d.at = data.Collection{Service: d.query.Get("service"), Database: d.query.Get("database"), Name: c.params["collection"]}
	if d.caller, err = s.dataCaller(c); err != nil {
		return err
	}
	d.caller.Request = requestOf(c.r)
	return handle(s, d)
}

// dataCaller finds out who asks.
func (s *Server) dataCaller(c *call) (*auth.Caller, error) {
	if key := c.r.Header.Get("apiKey"); key != "" {
		return s.auth.KeyCaller(c.r.Context(), c.app, key)
	}
	if c.bearer() == "" {
		return nil, auth.ErrMissingAuth
	}
	return s.tokenCaller(c)
}

// body reads the body as extended JSON.
func (d *dataCall) body() (any, error) {
	text, err := io.ReadAll(d.r.Body) // bounded by dataServe
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, badRequest("the request's body could not be read")
	}
	v, err := ejson.Parse(text)
	if err != nil {
		return nil, badRequest("the request's body: %s", clip(err.Error(), 256))
	}
	return v, nil
}

func (d *dataCall) document() (bson.D, error) {
	v, err := d.body()
	if err != nil {
		return nil, err
	}
	doc, ok := v.(bson.D)
	if !ok {
		return nil, badRequest("the request's body must be a document")
	}
	return doc, nil
}

// answer writes a value as canonical extended JSON.
func (d *dataCall) answer(status int, v any) error {
	text, err := ejson.Marshal(v)
	if err != nil {
		return err
	}
	return d.server.writeResult(d.call, d.caller.UserID, status, text)
}

func (d *dataCall) none(err error) error {
	if err != nil {
		return err
	}
	d.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) dataList(d *dataCall) error {
	list, err := s.data.List(d.r.Context(), d.app.ID, d.caller)
	if err != nil {
		return err
	}
	writeJSON(d.w, d.r, http.StatusOK, looseType, map[string]any{"collections": list})
	return nil
}

// dataSelect answers a page; what is asked for is in the query of the URL.
func (s *Server) dataSelect(d *dataCall) error {
	at, err := d.selection()
	if err != nil {
		return err
	}
	at.Cursor = d.query.Get("cursor")
	if text := d.query.Get("limit"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 {
			return badRequest("'limit' must be a number")
		}
		at.Limit = int(n)
	}
	return s.dataPage(d, at)
}

// selection reads what is asked for in the query of the URL, without the page.
func (d *dataCall) selection() (at data.Selection, err error) {
	at.RQL = d.query.Get("query")
	if text := d.query.Get("args"); text != "" {
		if at.Args, err = ejson.ParseArray([]byte(text)); err != nil {
			return at, badRequest("'args': %s", clip(err.Error(), 256))
		}
	}
	if text := d.query.Get("filter"); text != "" {
		if at.Filter, err = ejson.ParseDocument([]byte(text)); err != nil {
			return at, badRequest("'filter': %s", clip(err.Error(), 256))
		}
	}
	return at, nil
}

// dataQuery is dataSelect with a body, for what is too long or too private for a URL.
func (s *Server) dataQuery(d *dataCall) error {
	doc, err := d.document()
	if err != nil {
		return err
	}
	at := data.Selection{}
	for _, e := range doc {
		ok := true
		switch e.Key {
		case "query":
			at.RQL, ok = e.Value.(string)
		case "cursor":
			at.Cursor, ok = e.Value.(string)
		case "args":
			at.Args, ok = e.Value.(bson.A)
		case "filter":
			at.Filter, ok = e.Value.(bson.D)
		case "limit":
			var n int32
			n, ok = e.Value.(int32)
			ok = ok && n > 0
			at.Limit = int(n)
		default:
			return badRequest("the request's body has the member '%s', which is not known", short(e.Key))
		}
		if !ok {
			return badRequest("'%s' is of another type", e.Key)
		}
	}
	return s.dataPage(d, at)
}

func (s *Server) dataPage(d *dataCall, at data.Selection) error {
	page, err := s.data.Select(d.r.Context(), d.app.ID, d.caller, d.at, at)
	if err != nil {
		return err
	}
	docs := make(bson.A, 0, len(page.Documents))
	for _, doc := range page.Documents {
		docs = append(docs, doc)
	}
	out := bson.D{{Key: "documents", Value: docs}}
	if page.Cursor != "" {
		out = append(out, bson.E{Key: "cursor", Value: page.Cursor})
	}
	return d.answer(http.StatusOK, out)
}

func (s *Server) dataGet(d *dataCall) error {
	doc, err := s.data.Get(d.r.Context(), d.app.ID, d.caller, d.at, d.doc)
	if err != nil {
		return err
	}
	return d.answer(http.StatusOK, doc)
}

// dataInsert adds a document, or all of an array. With ?mode=upsert those whose ids are taken replace what is there.
func (s *Server) dataInsert(d *dataCall) error {
	mode := d.query.Get("mode")
	if mode != "" && mode != "insert" && mode != "upsert" {
		return badRequest("'mode' must be insert or upsert")
	}
	v, err := d.body()
	if err != nil {
		return err
	}
	list, many := v.(bson.A)
	if !many {
		list = bson.A{v}
	}
	docs := make([]bson.D, 0, len(list))
	for _, e := range list {
		doc, ok := e.(bson.D)
		if !ok {
			return badRequest("the request's body must be a document or an array of documents")
		}
		docs = append(docs, doc)
	}
	ids, err := s.data.Insert(d.r.Context(), d.app.ID, d.caller, d.at, docs, mode == "upsert")
	if err != nil {
		return err
	}
	if many {
		return d.answer(http.StatusCreated, bson.D{{Key: "insertedIds", Value: ids}})
	}
	return d.answer(http.StatusCreated, bson.D{{Key: "insertedId", Value: ids[0]}})
}

func (s *Server) dataUpdate(d *dataCall) error {
	change, err := d.document()
	if err != nil {
		return err
	}
	return d.none(s.data.Update(d.r.Context(), d.app.ID, d.caller, d.at, d.doc, change))
}

func (s *Server) dataReplace(d *dataCall) error {
	whole, err := d.document()
	if err != nil {
		return err
	}
	return d.none(s.data.Replace(d.r.Context(), d.app.ID, d.caller, d.at, d.doc, whole))
}

func (s *Server) dataDelete(d *dataCall) error {
	return d.none(s.data.Delete(d.r.Context(), d.app.ID, d.caller, d.at, d.doc))
}
