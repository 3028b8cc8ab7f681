package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
	"realmsync/server/data"
	"realmsync/server/history"
	"realmsync/server/rules"
	"realmsync/server/store/sqlite"
)

const dataPath = dataPrefix + "app/" + testApp + "/collections"

// documents is a server with the data API and an app that has class Dog.
type documents struct {
	*fixture
	engine *history.Engine
	config *appconfig.Config
	token  string
}

// current is the configuration of the test's app.
type current struct{ *appconfig.Config }

func (c current) Current(context.Context, string) (*appconfig.Config, error) { return c.Config, nil }

func openDocuments(t *testing.T) *documents {
	t.Helper()
	dir := t.TempDir()
	d := &documents{config: appconfig.Default(testApp)}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "sync.db"))
	require.NoError(t, err)
	var open1 *data.Data
	d.engine, err = history.Open(t.Context(), history.Config{App: testApp, Store: store, Committed: func(entries []*history.Entry) { open1.Committed(testApp, d.engine, entries) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.engine.Close()) })
	open1, err = data.Open(data.Config{
		Apps: current{d.config}, Path: func(string) string { return filepath.Join(dir, "documents.db") }, Permissions: data.NewRuled(rules.NewSets(current{d.config})),
		Engine: func(context.Context, string) (*history.Engine, func(), error) { return d.engine, func() {}, nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, open1.Close()) })
	d.fixture = open(t, func(s *setup) { s.api.Data, s.api.Collections = open1, open1 })
	d.token = d.anonymous().AccessToken
	changes, err := schema.Diff(schema.New(), schema.New(schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindString}, {Name: "name", Type: value.KindString}, {Name: "age", Type: value.KindInt}, {Name: "friend", Type: value.KindLink, Nullable: true, LinkTarget: "Dog"},
	}}))
	require.NoError(t, err)
	_, err = d.engine.Write(t.Context(), func(*history.Writing) (*changeset.Changeset, error) {
		return &changeset.Changeset{Instructions: changeset.SchemaInstructions(changes)}, nil
	})
	require.NoError(t, err)
	return d
}

// ask makes a request with the user's token.
func (d *documents) ask(method, path, body string) answer {
	d.t.Helper()
	return d.call(method, dataPath+path, d.token, body)
}

// Documents are made, read, changed, replaced and removed, of a class and of a plain collection.
func TestDataDocuments(t *testing.T) {
	d := openDocuments(t)
	for _, at := range []string{"", "?database=other"} {
		docs := "/Dog/documents"
		d.ask(http.MethodPost, docs+at, `{"_id":"a/b c","name":"Rex","age":{"$numberLong":"3"}}`).is(201, `{"insertedId":"a/b c"}`)
		d.ask(http.MethodPost, docs+at, `[{"_id":"2","name":"Fido"},{"_id":"3","name":"Spot"}]`).is(201, `{"insertedIds":["2","3"]}`)
		var taken struct {
			Error string `json:"error"`
			Code  string `json:"error_code"`
			Index *int   `json:"index"`
		}
		d.ask(http.MethodPost, docs+at, `[{"_id":"4"},{"_id":"2"}]`).into(409, &taken)
		require.Equal(t, "E11000 duplicate key error collection: "+map[string]string{"": "app", "?database=other": "other"}[at]+".Dog index: _id_ dup key: { _id: \"2\" }", taken.Error)
		require.Equal(t, "MongoDBError", taken.Code)
		require.NotNil(t, taken.Index, "which of them it was")
		require.Equal(t, 1, *taken.Index)
		d.ask(http.MethodGet, docs+"/4"+at, "").refusedFor(404, "document not found", "ValueNotFound")
		one := docs + "/" + url.PathEscape("a/b c") + at
		d.ask(http.MethodGet, one, "").is(200, `{"_id":"a/b c","name":"Rex","age":{"$numberLong":"3"}}`)
		d.ask(http.MethodPatch, one, `{"name":"Max"}`).is(204, "")
		d.ask(http.MethodPatch, one, `{"$inc":{"age":{"$numberLong":"2"}}}`).is(204, "")
		d.ask(http.MethodGet, one, "").is(200, `{"_id":"a/b c","name":"Max","age":{"$numberLong":"5"}}`)
		d.ask(http.MethodPut, one, `{"name":"Ada","age":{"$numberLong":"1"}}`).is(204, "")
		d.ask(http.MethodGet, one, "").is(200, `{"_id":"a/b c","name":"Ada","age":{"$numberLong":"1"}}`)
		d.ask(http.MethodPut, docs+"/none"+at, `{"name":"x"}`).refusedFor(404, "document not found", "ValueNotFound")
		mode := "?mode=upsert"
		if at != "" {
			mode = at + "&mode=upsert"
		}
		d.ask(http.MethodPost, docs+mode, `[{"_id":"2","name":"Bo"},{"_id":"9","name":"New"}]`).is(201, `{"insertedIds":["2","9"]}`)
		d.ask(http.MethodDelete, docs+"/9"+at, "").is(204, "")
		d.ask(http.MethodDelete, docs+"/9"+at, "").refusedFor(404, "document not found", "ValueNotFound")
	}
	d.ask(http.MethodGet, "", "").is(200, `{"collections":[{"service":"mongodb-atlas","database":"app","name":"Dog","kind":"class","primary_key":"_id"},`+
		`{"service":"mongodb-atlas","database":"other","name":"Dog","kind":"documents","primary_key":"_id"}]}`)
	// Ids of other types, and in extended JSON.
	d.ask(http.MethodPost, "/C/documents?database=other", `[{"_id":5},{"_id":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}},{"_id":"7"},{"_id":{"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120200"}}]`).into(201, &json.RawMessage{})
	for _, id := range []string{"5", "5e5e6f0abe4ae2a2c2c2d329", "7", "18de7916-7f84-11ec-a8a3-0242ac120200", url.PathEscape(`{"$numberInt":"5"}`)} {
		require.Equal(t, 200, d.ask(http.MethodGet, "/C/documents/"+id+"?database=other", "").status, id)
	}
}

// An export is lines, of what the caller may read; what is wrong is told before it begins.
func TestDataExport(t *testing.T) {
	d := openDocuments(t)
	d.ask(http.MethodPost, "/Dog/documents", `[{"_id":"2","name":"Fido"},{"_id":"3","name":"Spot"},{"_id":"4","name":"Rex"}]`).is(201, `{"insertedIds":["2","3","4"]}`)
	lines := func(query string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+dataPath+"/Dog/export"+query, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+d.token)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		require.Equal(t, 200, response.StatusCode)
		require.Equal(t, "application/x-ndjson", response.Header.Get("Content-Type"))
		b, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(b)
	}
	line := func(id, name string) string {
		return `{"_id":"` + id + `","name":"` + name + `","age":{"$numberLong":"0"}}` + "\n"
	}
	require.Equal(t, line("2", "Fido")+line("3", "Spot")+line("4", "Rex"), lines(""))
	require.Equal(t, line("4", "Rex")+line("3", "Spot"), lines("?query="+url.QueryEscape("_id > '2' SORT(name ASC)")))
	require.Equal(t, line("3", "Spot"), lines("?filter="+url.QueryEscape(`{"name":"Spot"}`)))
	require.Empty(t, lines("?database=other"))
	d.ask(http.MethodGet, "/Dog/export?filter="+url.QueryEscape(`{"a":{"$foo":1}}`), "").refusedFor(400, "unknown operator: $foo, at 'a'", "MongoDBError")
	d.ask(http.MethodGet, "/Dog/export?filter=1", "").refusedFor(400, "'filter': extended JSON: a document is expected, at byte 0", "BadRequest")
	require.Equal(t, 401, d.call(http.MethodGet, dataPath+"/Dog/export", "", "").status)
}

// page is an answer with documents.
type page struct {
	Documents []struct {
		ID string `json:"_id"`
	} `json:"documents"`
	Cursor string `json:"cursor"`
}

// Queries in RQL and filters, page by page: every document once.
func TestDataPages(t *testing.T) {
	d := openDocuments(t)
	var list []string
	for i := range 25 {
		list = append(list, fmt.Sprintf(`{"_id":"%02d","name":"dog %d","age":{"$numberLong":"%d"},"friend":"%02d"}`, i, i%5, i, (i+1)%25))
	}
	for _, at := range []string{"", "database=other&"} {
		d.ask(http.MethodPost, "/Dog/documents?"+at, "["+strings.Join(list, ",")+"]").into(201, &json.RawMessage{})
		for _, c := range []struct {
			query string
			want  []int
		}{
			{"", seq(0, 25, 1)},
			{"query=" + url.QueryEscape(`age >= 10`), seq(10, 25, 1)},
			{"query=" + url.QueryEscape(`age >= $0 AND name IN $1`) + "&args=" + url.QueryEscape(`[10,["dog 1","dog 2"]]`), []int{11, 12, 16, 17, 21, 22}},
			{"query=" + url.QueryEscape(`friend.age < 5`), []int{0, 1, 2, 3, 24}},
			{"query=" + url.QueryEscape(`age > 4 SORT(age DESC) LIMIT(11)`), reversed(seq(14, 25, 1))},
			{"filter=" + url.QueryEscape(`{"age":{"$lt":8}}`), seq(0, 8, 1)},
			{"filter=" + url.QueryEscape(`{"age":{"$lt":8}}`) + "&query=" + url.QueryEscape(`age > 3`), seq(4, 8, 1)},
		} {
			if at != "" && strings.Contains(c.query, "query=") {
				d.ask(http.MethodGet, "/Dog/documents?"+at+c.query, "").refusedFor(400, "'query' is for synced classes, and 'Dog' is none: use 'filter'", "InvalidParameter")
				continue
			}
			var got []int
			cursor := ""
			for pages := 0; ; pages++ {
				require.Less(t, pages, 10)
				var p page
				d.ask(http.MethodGet, "/Dog/documents?"+at+"limit=7&"+c.query+"&cursor="+cursor, "").into(200, &p)
				require.LessOrEqual(t, len(p.Documents), 7)
				for _, x := range p.Documents {
					var n int
					_, err := fmt.Sscanf(x.ID, "%d", &n)
					require.NoError(t, err)
					got = append(got, n)
				}
				if cursor = p.Cursor; cursor == "" {
					break
				}
			}
			require.Equal(t, c.want, got, at+c.query)
		}
		var p page
		d.ask(http.MethodPost, "/Dog/query?"+at, `{"filter":{"age":{"$gte":20}},"limit":2}`).into(200, &p)
		require.Len(t, p.Documents, 2)
		d.ask(http.MethodPost, "/Dog/query?"+at, `{"filter":{"age":{"$gte":20}},"cursor":"`+p.Cursor+`"}`).into(200, &p)
		require.Len(t, p.Documents, 3)
	}
}

func seq(from, to, step int) (out []int) {
	for i := from; i < to; i += step {
		out = append(out, i)
	}
	return out
}

func reversed(in []int) []int {
	slices.Reverse(in)
	return in
}

// In development mode a collection of the synced database that isn't there becomes a class; otherwise it is a plain one.
func TestDataMakesClass(t *testing.T) {
	d := openDocuments(t)
	d.ask(http.MethodPost, "/Cat/documents", `{"name":"Minka","lives":9}`).into(201, &json.RawMessage{})
	require.NotNil(t, d.engine.Catalog().Class("Cat"))
	require.Equal(t, "int?", d.engine.Catalog().Class("Cat").Property("lives").TypeString())
	d.config.Sync.DevelopmentMode = false
	d.ask(http.MethodPost, "/Bird/documents", `{"_id":1}`).is(201, `{"insertedId":{"$numberInt":"1"}}`)
	require.Nil(t, d.engine.Catalog().Class("Bird"))
	d.ask(http.MethodPost, "/Cat/documents", `{"wings":2}`).refusedFor(400, "schema validation failed: class 'Cat' has no property 'wings'", "SchemaValidationFailedWrite")
}

// Who doesn't say who it is, or says it wrongly, is sent away; rules hold for those who do.
func TestDataCallers(t *testing.T) {
	d := openDocuments(t)
	d.call(http.MethodGet, dataPath, "", "").refusedFor(401, "must authenticate first", "MissingAuthReq")
	d.call(http.MethodGet, dataPath, "x.y.z", "").refusedFor(401, "invalid session", "InvalidSession")
	withKey := func(key, method, path, body string) answer {
		return d.do(request{method: method, path: dataPath + path, body: body, header: []string{"apiKey: " + key}})
	}
	require.Equal(t, 404, withKey("x", http.MethodGet, "", "").status, "API keys are off")
	require.NoError(t, d.auth.SetProviderDisabled(t.Context(), d.app, "api-key", false))
	require.Equal(t, 401, withKey("x", http.MethodGet, "", "").status)
	key, err := d.auth.CreateServerKey(t.Context(), d.app, "backend")
	require.NoError(t, err)
	d.secret(key.Key)
	withKey(key.Key, http.MethodPost, "/Dog/documents", `[{"_id":"1","name":"Rex","age":1},{"_id":"2","name":"Bo","age":9,"friend":"1"}]`).into(201, &json.RawMessage{})
	d.call(http.MethodGet, dataPrefix+"app/other/collections", d.token, "").into(403, &struct{}{})

	role := &d.config.Services[0].DefaultRule.Roles[0]
	role.DocumentFilters = &appconfig.DocumentFilters{Read: json.RawMessage(`{"age":{"$lt":5}}`), Write: json.RawMessage(`{"name":"nobody"}`)}
	role.Read, role.Write = json.RawMessage("true"), json.RawMessage("true")
	changed := *d.config
	d.config = &changed
	d.reconfigure(t)
	d.ask(http.MethodGet, "/Dog/documents", "").is(200, `{"documents":[{"_id":"1","name":"Rex","age":{"$numberLong":"1"}}]}`)
	d.ask(http.MethodGet, "/Dog/documents/2", "").refusedFor(404, "document not found", "ValueNotFound")
	d.ask(http.MethodPatch, "/Dog/documents/1", `{"name":"x"}`).refusedFor(403, "update not permitted", "NoMatchingRuleFound")
	d.ask(http.MethodDelete, "/Dog/documents/1", "").refusedFor(403, "delete not permitted", "NoMatchingRuleFound")
	d.ask(http.MethodPost, "/Dog/documents", `{"_id":"3","name":"x"}`).refusedFor(403, "insert not permitted", "NoMatchingRuleFound")
	d.ask(http.MethodPost, "/Dog/query", `{"query":"friend.age > 0"}`).is(200, `{"documents":[]}`)
	withKey(key.Key, http.MethodPost, "/Dog/query", `{"query":"friend.age > 0"}`).is(200, `{"documents":[]}`)
	d.ask(http.MethodPost, "/Dog/query", `{"query":"age > 0"}`).is(200, `{"documents":[{"_id":"1","name":"Rex","age":{"$numberLong":"1"}}]}`)
	d.ask(http.MethodGet, "", "").is(200, `{"collections":[{"service":"mongodb-atlas","database":"app","name":"Dog","kind":"class","primary_key":"_id"}]}`)

	// A role that isn't the caller's gives nothing, not even names.
	changed = *d.config
	changed.Services = slices.Clone(changed.Services)
	rule := *changed.Services[0].DefaultRule
	rule.Roles = slices.Clone(rule.Roles)
	rule.Roles[0].ApplyWhen = json.RawMessage(`{"%%user.type":"server"}`)
	changed.Services[0].DefaultRule = &rule
	d.config = &changed
	d.reconfigure(t)
	d.ask(http.MethodGet, "", "").is(200, `{"collections":[]}`)
	d.ask(http.MethodGet, "/Dog/documents", "").is(200, `{"documents":[]}`)
	withKey(key.Key, http.MethodGet, "/Dog/documents", "").is(200, `{"documents":[{"_id":"1","name":"Rex","age":{"$numberLong":"1"}}]}`)
}

// reconfigure makes the server serve the documents under the configuration as it is now.
func (d *documents) reconfigure(t *testing.T) {
	t.Helper()
	open1, err := data.Open(data.Config{
		Apps: current{d.config}, Path: func(string) string { return filepath.Join(t.TempDir(), "documents.db") }, Permissions: data.NewRuled(rules.NewSets(current{d.config})),
		Engine: func(context.Context, string) (*history.Engine, func(), error) { return d.engine, func() {}, nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, open1.Close()) })
	d.api.data = open1
}

// Bad requests are told what is wrong, and cost nothing.
func TestDataRefusals(t *testing.T) {
	d := openDocuments(t)
	d.ask(http.MethodPost, "/Dog/documents", `{"_id":"x"}`).is(201, `{"insertedId":"x"}`)
	for _, c := range []struct {
		status             int
		method, path, body string
		text               string
	}{
		{404, http.MethodGet, "/Dog", "", "nothing at this path"},
		{404, http.MethodGet, "/Dog/documents/a/b", "", "nothing at this path"},
		{405, http.MethodDelete, "/Dog/documents", "", "GET, POST"},
		{400, http.MethodGet, "/Dog/documents?limit=0", "", "'limit'"},
		{400, http.MethodGet, "/Dog/documents?limit=1001", "", "'limit'"},
		{400, http.MethodGet, "/Dog/documents?cursor=!", "", "cursor"},
		{400, http.MethodGet, "/Dog/documents?cursor=b____________", "", "cursor"},
		{400, http.MethodGet, "/Dog/documents?filter=x", "", "'filter'"},
		{400, http.MethodGet, "/Dog/documents?args=x", "", "'args'"},
		{400, http.MethodGet, "/Dog/documents?query=" + url.QueryEscape("age >"), "", "unexpected end"},
		{400, http.MethodGet, "/Dog/documents?query=" + url.QueryEscape("wings > 2"), "", "wings"},
		{400, http.MethodGet, "/Dog/documents?query=" + url.QueryEscape("@links.@count > 2"), "", "backlinks"}, // of the object below
		{400, http.MethodGet, "/Dog/documents?filter=" + url.QueryEscape(`{"$where":"1"}`), "", "unknown top level operator"},
		{400, http.MethodPost, "/Dog/query", `{"limit":"x"}`, "another type"},
		{400, http.MethodPost, "/Dog/query", `{"x":1}`, "not known"},
		{400, http.MethodPost, "/Dog/documents", `[1]`, "array of documents"},
		{400, http.MethodPost, "/Dog/documents", `{"a":1,"a":2}`, "twice"},
		{400, http.MethodPost, "/Dog/documents?mode=x", `{}`, "'mode'"},
		{400, http.MethodPost, "/Dog/documents", strings.Repeat("[", 100), "nested"},
		{400, http.MethodPatch, "/Dog/documents/1", `[]`, "document"},
		{400, http.MethodGet, "/Dog/documents/%7Bx", "", "the id in the path"},
		{404, http.MethodGet, "/Dog/documents?service=none", "", "service not found"},
	} {
		a := d.ask(c.method, c.path, c.body)
		require.Equal(t, c.status, a.status, "%s %s %.40s: %s", c.method, c.path, c.body, a.body)
		require.Contains(t, a.body, c.text, c.path)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
	}
	d.call(http.MethodGet, dataPrefix+"app/..%2f..%2fetc/collections", d.token, "").into(404, &struct{}{})
	// Not over a connection: net/http would let it linger.
	r := httptest.NewRequest(http.MethodPost, dataPath+"/Dog/documents", strings.NewReader(strings.Repeat(" ", maxDataBody+1)))
	r.Header.Set("Authorization", "Bearer "+d.token)
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
}

// A service call of a client is an operation on the same data (app-services 7.4).
func TestServiceCall(t *testing.T) {
	d := openDocuments(t)
	d.call(http.MethodPost, appPath+"functions/call", d.token, `{"arguments":[{"database":"app","collection":"Dog","document":{"_id":"1","name":"Rex","age":{"$numberInt":"2"}}}],"name":"insertOne","service":"mongodb-atlas"}`).is(200, `{"insertedId":"1"}`)
	d.call(http.MethodPost, appPath+"functions/call", d.token, `{"arguments":[{"database":"app","collection":"Dog","query":{}}],"name":"count","service":"mongodb-atlas"}`).is(200, `{"$numberLong":"1"}`)
	d.ask(http.MethodGet, "/Dog/documents/1", "").is(200, `{"_id":"1","name":"Rex","age":{"$numberLong":"2"}}`)
}
