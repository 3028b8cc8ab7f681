package hostile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
)

const dataAPI = "/api/data/v1/app/" + shop + "/collections/"

// documents is the path of a collection; database "" is the one that syncs.
func documents(collection, database string) string {
	return dataAPI + url.PathEscape(collection) + "/documents?database=" + url.QueryEscape(database)
}

// ids are those of the documents of an answer.
func (a answer) ids() []string {
	a.t.Helper()
	var page struct {
		Documents []struct {
			ID json.RawMessage `json:"_id"`
		}
	}
	a.into(200, &page)
	out := []string{}
	for _, d := range page.Documents {
		out = append(out, string(d.ID))
	}
	return out
}

// Names of collections, databases and fields are data, in plain collections and in classes: what is taken comes back under its name, to programs and to
// devices; nothing of it is run, and the files of apps are those that there were.
func TestNamesInDocuments(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	for i, text := range append(evil, "\x7f", strings.Repeat("x", 3000), strings.Repeat("é", 60)) {
		control := strings.ContainsAny(text, "\x00\n\x1b\x7f")
		q, err := json.Marshal(text)
		require.NoError(t, err)
		field := fmt.Sprintf(`{"_id":%d,%s:1}`, i, q)

		// A plain collection, and a plain database.
		for path, name := range map[string]string{documents(text, "plain"): text, documents("Notes", text+"_"): text + "_"} {
			a := s.ask("POST", path, user.Access, `{"_id":1,"a":1}`)
			switch {
			case name == "":
				a.refused(404, "")
			case control || len(name) > 120:
				a.refused(400, "InvalidParameter")
			default:
				require.Equal(t, 201, a.status, "%q: %s", text, a.body)
				require.Equal(t, []string{`{"$numberInt":"1"}`}, s.ask("GET", path, user.Access, "").ids())
			}
		}
		// A field of a plain document, to be found by, to be changed, to be removed.
		a := s.ask("POST", documents("Fields", "plain"), user.Access, field)
		if strings.Contains(text, "\x00") {
			a.refused(400, "BadRequest")
			s.ask("PATCH", dataAPI+"Fields/documents/1?database=plain", user.Access, "{"+string(q)+":1}").refused(400, "BadRequest")
			continue
		}
		require.Equal(t, 201, a.status, "%q: %s", text, a.body)
		filter := dataAPI + "Fields/query?database=plain"
		switch found := s.ask("POST", filter, user.Access, `{"filter":{`+string(q)+`:1}}`); {
		case text == "" || strings.HasPrefix(text, "$") || strings.Contains(text, ".."):
			found.refused(400, "MongoDBError")
		case strings.Contains(text, "."):
			require.Empty(t, found.ids(), "a dot is a path")
		default:
			require.Equal(t, []string{fmt.Sprintf(`{"$numberInt":"%d"}`, i)}, found.ids(), "%q", text)
		}
		// A class and a property, in development mode.
		a = s.ask("POST", documents(text, ""), user.Access, `{"_id":1,"a":1}`)
		switch {
		case text == "":
			a.refused(404, "")
		case control || strings.ContainsAny(text, ".$") || strings.HasPrefix(text, "__") || len(text) > schema.MaxClassName:
			a.refused(400, "SchemaValidationFailedWrite")
		default:
			require.Equal(t, 201, a.status, "%q: %s", text, a.body)
		}
		a = s.ask("POST", documents("Things", ""), user.Access, field)
		if text == "" || control || strings.ContainsAny(text, ".$") || len(text) > schema.MaxPropertyName {
			a.refused(400, "SchemaValidationFailedWrite")
		} else {
			require.Equal(t, 201, a.status, "%q: %s", text, a.body)
		}
		// A query in RQL, an id, and a cursor.
		if text != "" {
			s.ask("POST", dataAPI+"Things/query", user.Access, `{"query":`+string(q)+`}`).refused(400, "InvalidParameter")
			if one := s.ask("GET", dataAPI+"Things/documents/"+url.PathEscape(text), user.Access, ""); text[0] == '{' {
				one.refused(400, "InvalidParameter") // an id that is extended JSON, and none
			} else {
				one.refused(404, "ValueNotFound")
			}
			s.ask("POST", dataAPI+"Things/query", user.Access, `{"cursor":`+string(q)+`}`).refused(400, "InvalidParameter")
		}
		require.Empty(t, s.ask("POST", dataAPI+"Dog/query", user.Access, `{"query":"name == $0 OR name LIKE $0 OR ANY {$0} == name","args":[`+string(q)+`]}`).ids())
	}
	p := s.subscribed(shop) // takes in all that became classes
	require.NoError(t, p.mark())
	h.stop()
}

// Filters, updates and pipelines that would run a program, name what isn't there, explode, or don't end.
func TestOperators(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	var docs []string
	for i := range 300 {
		docs = append(docs, fmt.Sprintf(`{"_id":%d,"g":1,"text":"%s","list":[%s0]}`, i, strings.Repeat("a", 1000), strings.Repeat("1,", 60)))
	}
	require.Equal(t, 201, s.ask("POST", documents("Big", "plain"), user.Access, "["+strings.Join(docs, ",")+"]").status)
	call := func(method, members string) answer {
		return s.ask("POST", clientAPI+"app/"+shop+"/functions/call", user.Access,
			`{"name":"`+method+`","service":"mongodb-atlas","arguments":[{"database":"plain","collection":"Big",`+members+`}]}`)
	}
	many := strings.Repeat(`{"a":1},`, 2000)
	long := strings.Repeat("a.", 100) + "b"
	for _, c := range []struct{ filter, code string }{
		{`{"$where":"while(true){}"}`, "MongoDBError"}, {`{"a":{"$where":"1"}}`, "MongoDBError"}, {`{"$expr":{"$function":{"body":"x","args":[],"lang":"js"}}}`, "MongoDBError"},
		{`{"$function":{}}`, "MongoDBError"}, {`{"$accumulator":{}}`, "MongoDBError"}, {`{"a":{"$function":{}}}`, "MongoDBError"}, {`{"$jsonSchema":{}}`, "MongoDBError"},
		{`{"$or":[` + many + `{}]}`, "MongoDBError"}, {`{"` + long + `":1}`, "MongoDBError"}, {`{"a..b":1}`, "MongoDBError"}, {`{".":1}`, "MongoDBError"},
		{`{"a":{"$regex":"` + strings.Repeat("(a*)*", 2000) + `"}}`, "MongoDBError"}, {`{"a":{"$regex":"(a{1000}){1000}"}}`, "MongoDBError"}, {`{"a":{"$regex":"(?<=a)b"}}`, "MongoDBError"},
		{`{"a":{"$regex":"\\1(a)"}}`, "MongoDBError"}, {`{"a":{"$regex":"` + deep("(", "a", ")", 1500) + `"}}`, "MongoDBError"}, {`{"a":{"$regex":"a","$options":"` + strings.Repeat("i", 4000) + `e"}}`, "MongoDBError"},
		{`{"a":{"$in":{"b":1}}}`, "MongoDBError"}, {`{"a":{"$size":-1}}`, "MongoDBError"}, {`{"a":{"$mod":[0,1]}}`, "MongoDBError"}, {`{"a":{"$type":"evil"}}`, "MongoDBError"},
		{`{"$and":[]}`, "MongoDBError"}, {`{"a":{"$not":{"$where":"1"}}}`, "MongoDBError"}, {`{"a":{"$elemMatch":{"$where":"1"}}}`, "MongoDBError"}, {`{"a":{"$geoWithin":{"$centerSphere":[[0,0],{"$numberDouble":"NaN"}]}}}`, "MongoDBError"},
	} {
		call("find", `"query":`+c.filter).refused(400, c.code)
		call("deleteMany", `"query":`+c.filter).refused(400, c.code)
		s.ask("POST", dataAPI+"Big/query?database=plain", user.Access, `{"filter":`+c.filter+`}`).refused(400, c.code)
	}
	for _, update := range []string{
		`{"$where":{}}`, `{"$set":{"_id":7}}`, `{"$set":{"a..b":1}}`, `{"$set":{"":1}}`, `{"$set":{"$x":1}}`, `{"$rename":{"text":"text"}}`, `{"$push":{"text":1}}`, `{"$inc":{"text":1}}`,
		`{"$set":{"a":1,"a.b":2}}`, `{"$set":{"` + long + `":1}}`, `{"$push":{"list":{"$each":1}}}`, `{"$set":{"list.1000000000":1}}`, `{"$set":{"list.4294967295":1}}`, `{"$set":{"list.1500001":1}}`,
		`{"a":1,"$set":{"b":1}}`, `{"$set":{"x":1},"b":1}`, `{"$bit":{"g":{"and":1}}}`, `{"$set":[]}`, `{"$currentDate":{"a":"evil"}}`, `{"$mul":{"text":2}}`, `{"$pop":{"list":5}}`,
	} {
		call("updateOne", `"query":{"_id":1},"update":`+update).refused(400, "MongoDBError")
		call("updateMany", `"query":{},"update":`+update).refused(400, "MongoDBError")
		call("findOneAndUpdate", `"filter":{"_id":1},"update":`+update).refused(400, "MongoDBError")
	}
	for _, stage := range []string{`{"$out":"Other"}`, `{"$lookup":{"from":"Other","as":"x","pipeline":[]}}`, `{"$group":{"_id":1}}`, `{"$set":{"_id":7}}`, `{"$set":{"$x":1}}`} {
		call("updateOne", `"query":{"_id":1},"update":[`+stage+`]`).refused(400, "MongoDBError")
	}
	unwind := strings.Repeat(`{"$unwind":"$list"},`, 20)
	stages := strings.Repeat(`{"$match":{}},`, 5000)
	var all strings.Builder
	for i := range 130 {
		fmt.Fprintf(&all, `,"f%d":{"$push":"$$ROOT"}`, i)
	}
	frugal(t, 128, func() {
		for _, c := range []struct{ pipeline, code string }{
			{`[{"$out":"Stolen"}]`, "MongoDBError"}, {`[{"$merge":{"into":"Stolen"}}]`, "MongoDBError"}, {`[{"$lookup":{"from":"Big","pipeline":[],"as":"x"}}]`, "ReadSizeLimitExceeded"},
			{`[{"$graphLookup":{}}]`, "MongoDBError"}, {`[{"$currentOp":{}}]`, "MongoDBError"}, {`[{"$facet":{"a":[{"$facet":{}}]}}]`, "MongoDBError"}, {`[1]`, "MongoDBError"},
			{`[{"$match":{},"$limit":1}]`, "MongoDBError"}, {`[{"$group":{"_id":{"$function":{"body":"1","args":[],"lang":"js"}}}}]`, "MongoDBError"}, {`[` + stages + `{"$limit":1}]`, "MongoDBError"},
			{`[{"$addFields":{"l":` + deep(`{"$concat":["a",`, `"$text"`, `]}`, 25) + `}}]`, ""},
			{`[{"$project":{"a":` + deep(`{"$concat":["$text","$text","$text","$text","$text","$text","$text","$text",`, `"$text"`, `]}`, 12) + `}},{"$group":{"_id":1,"all":{"$push":"$a"}}}]`, "either"},
			{`[{"$group":{"_id":"$g"` + all.String() + `}}]`, "ReadSizeLimitExceeded"},
			{`[{"$group":{"_id":"$g","all":{"$push":"$$ROOT"},"again":{"$push":"$$ROOT"},"more":{"$push":"$list"}}},{"$unwind":"$all"},{"$unwind":"$again"},{"$unwind":"$more"}]`, "either"},
			{`[{"$group":{"_id":null,"all":{"$push":"$list"}}},{"$addFields":{"a":"$all"}},{"$unwind":"$all"},{"$unwind":"$all"},{"$addFields":{"all":"$a"}},{"$unwind":"$all"},{"$unwind":"$all"}]`, "either"},
			{`[` + unwind + `{"$count":"n"}]`, ""},
		} {
			a := call("aggregate", `"pipeline":`+c.pipeline)
			switch c.code {
			case "":
				require.Equal(t, 200, a.status, "%.100s: %.300s", c.pipeline, a.body)
			case "either":
				a.shaped()
				require.Regexp(t, `"(ExecutionTimeLimitExceeded|ReadSizeLimitExceeded)"`, string(a.body))
			default:
				a.refused(400, c.code)
			}
		}
		// Expressions that would take for ever with backtracking.
		for _, re := range []string{`(a+)+$`, `(a|aa)+b`, `^(a*)*$b`, `(.*)*x`, `a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaaaaaaab`} {
			a := s.ask("POST", dataAPI+"Big/query?database=plain", user.Access, `{"filter":{"_id":{"$lt":30},"text":{"$regex":"`+re+`"}},"limit":1}`)
			if a.status != 200 {
				a.refused(400, "ExecutionTimeLimitExceeded")
			}
		}
	})
	require.Equal(t, 404, s.ask("GET", documents("Stolen", "plain")[:len(documents("Stolen", "plain"))-len("?database=plain")]+"/1?database=plain", user.Access, "").status)
	var n struct {
		Long string `json:"$numberLong"`
	}
	call("count", `"query":{"g":1,"list.0":1}`).into(200, &n)
	require.Equal(t, "300", n.Long, "nothing was changed")
	h.stop()
}

// Extended JSON that is deep, huge or lies about its types, whatever it is for.
func TestExtendedJSON(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	call := clientAPI + "app/" + shop + "/functions/call"
	frugal(t, 96, func() {
		for _, text := range []string{
			deep(`{"a":`, "1", "}", 65), deep(`{"a":`, "1", "}", 100_000), deep(`[`, "1", "]", 1_000_000), deep(`{"$oid":`, "1", "}", 1000),
			`{"a":{"$oid":"zz"}}`, `{"a":{"$oid":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}}}`, `{"a":{"$numberLong":"99999999999999999999"}}`, `{"a":{"$numberInt":"2147483648"}}`, `{"a":{"$numberLong":5}}`,
			`{"a":{"$numberDouble":"0x10"}}`, `{"a":{"$numberDecimal":"1e99999"}}`, `{"a":{"$date":"2020-13-45T99:99:99Z"}}`, `{"a":{"$date":{"$numberLong":"x"}}}`, `{"a":{"$binary":{"base64":"***","subType":"00"}}}`,
			`{"a":{"$binary":{"base64":"AQID","subType":"zzz"}}}`, `{"a":{"$binary":{"base64":"AQ==","subType":"04"}}}`, `{"a":{"$uuid":"x"}}`, `{"a":{"$timestamp":{"t":-1,"i":99999999999}}}`,
			`{"a":{"$regularExpression":{"pattern":"a\u0000b","options":""}}}`, "{\"a\":\"\xff\xfe\"}", `{"a":1`, `{"a":1}}`,
			`{"a":1} {"b":2}`, `{"a":01}`, `{'a':1}`, "\x00", "", "null", "\ufeff{}", `{"a":NaN}`, `{"a":"\ud800"}`, `{"` + strings.Repeat("n", 100) + `\u0000":1}`,
		} {
			a := s.ask("POST", documents("Notes", "plain"), user.Access, text)
			a.refused(400, "BadRequest")
			a = s.ask("POST", call, user.Access, `{"name":"insertOne","service":"mongodb-atlas","arguments":[{"database":"plain","collection":"Notes","document":`+text+`}]}`)
			require.Equal(t, 400, a.status, "%.100s: %.300s", text, a.body)
		}
		s.ask("POST", documents("Notes", "plain"), user.Access, `{"a":"`+strings.Repeat("x", 5<<20)+`"}`).refused(413, "BadRequest")
		s.ask("POST", call, user.Access, `{"name":"f","arguments":["`+strings.Repeat("x", 5<<20)+`"]}`).refused(413, "BadRequest")
		require.Equal(t, 201, s.ask("POST", documents("Notes", ""), user.Access, `{"a":"`+strings.Repeat("x", 3<<20)+`","b":{"c":`+deep(`[`, "1", "]", 50)+`}}`).status)
	})
	require.Empty(t, s.ask("GET", documents("Notes", "plain"), user.Access, "").ids())
	// Types that this form doesn't know are documents like others (app-services 10.2): nothing is run.
	for i, text := range []string{`{"$code":"while(true){}"}`, `{"$undefined":true}`, `{"$symbol":"x"}`, `{"$dbPointer":{"$ref":"x"}}`} {
		require.Equal(t, 201, s.ask("POST", documents("Notes", "plain"), user.Access, fmt.Sprintf(`{"_id":%d,"a":%s}`, i, text)).status)
	}
	require.Len(t, s.ask("GET", documents("Notes", "plain"), user.Access, "").ids(), 4)
	h.stop()
}

// A batch of which a part is refused leaves nothing, neither for programs nor on devices.
func TestBatches(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	p := s.subscribed(shop)
	at := func() uint64 {
		require.NoError(t, p.mark())
		return p.at.Download.ServerVersion
	}
	status := map[string]int{"MongoDBError": 409} // a duplicate; all others are 400
	for _, c := range []struct{ database, batch, code string }{
		{"", `[{"_id":-1,"name":"a"},{"_id":-2,"name":7}]`, "SchemaValidationFailedWrite"},
		{"", `[{"_id":-1,"name":"a"},{"_id":-1,"name":"b"}]`, "MongoDBError"},
		{"", `[{"_id":-1,"name":"a"},{"_id":"x"}]`, "SchemaValidationFailedWrite"},
		{"", `[{"_id":-1,"name":"a"},{"name":"no key"}]`, "SchemaValidationFailedWrite"},
		{"", `[{"_id":-1,"brandnew":1},{"_id":-2,"brandnew":"x"}]`, "SchemaValidationFailedWrite"},
		{"", `[{"_id":-1,"other":1},{"_id":-2,"oth.er":"x"}]`, "SchemaValidationFailedWrite"},
		{"", `[{"_id":-1,"name":"` + strings.Repeat("x", 1<<20) + `"},7]`, "BadRequest"},
		{"plain", `[{"_id":-1},{"_id":-1}]`, "MongoDBError"},
		{"plain", `[{"_id":-1},{"_id":[1]}]`, "InvalidParameter"},
		{"plain", `[{"_id":-1},{"_id":{"$regularExpression":{"pattern":"x","options":""}}}]`, "InvalidParameter"},
		{"plain", `[{"_id":-1},{"_id":"` + strings.Repeat("x", 5000) + `"}]`, "InvalidParameter"},
	} {
		a := s.ask("POST", documents("Dog", c.database), user.Access, c.batch)
		a.refused(cmp.Or(status[c.code], 400), c.code)
		s.ask("POST", documents("Dog", c.database)+"&mode=evil", user.Access, c.batch).refused(400, "BadRequest")
		if c.database == "plain" {
			require.Empty(t, s.ask("GET", documents("Dog", "plain"), user.Access, "").ids())
			continue
		}
		require.Equal(t, []string{}, s.ask("GET", documents("Dog", "")+"&query="+url.QueryEscape("_id < 0"), user.Access, "").ids())
	}
	at()
	require.NotContains(t, p.keys, int64(-1))
	catalog := s.ask("POST", dataAPI+"Dog/query", user.Access, `{"query":"brandnew == 1"}`)
	catalog.refused(400, "InvalidParameter")
	// Many at once are more than devices can be sent, or fit.
	var big []string
	for i := range 4 {
		big = append(big, fmt.Sprintf(`{"_id":%d,"name":"%s"}`, -10-i, strings.Repeat("x", 300_000)))
	}
	require.Equal(t, 201, s.ask("POST", documents("Dog", ""), user.Access, "["+strings.Join(big, ",")+"]").status)
	a := s.ask("POST", clientAPI+"app/"+shop+"/functions/call", user.Access, `{"name":"updateMany","service":"mongodb-atlas","arguments":[{"database":"`+s.database()+`","collection":"Dog","query":{"_id":{"$lt":0}},"update":{"$set":{"name":7}},"upsert":false}]}`)
	a.refused(400, "SchemaValidationFailedWrite")
	require.Len(t, s.ask("GET", documents("Dog", "")+"&query="+url.QueryEscape("_id < 0 AND name BEGINSWITH 'xxx'"), user.Access, "").ids(), 4)
	h.stop()
}

// database is the one of the shop that syncs.
func (s *server) database() string {
	s.t.Helper()
	c, err := s.configs.Current(s.t.Context(), shop)
	require.NoError(s.t, err)
	return c.SyncService().FlexibleSync.DatabaseName
}

// Programs can't write what devices may not: points that are none where devices ask for points, and links to what is gone.
func TestWhatProgramsMayNot(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	s.configure(shop, func(c *appconfig.Config) {
		c.SyncService().FlexibleSync.QueryableFieldsNames = append(c.SyncService().FlexibleSync.QueryableFieldsNames, "at")
	})
	p := s.subscribed(shop)
	column := func(table, name string, c schema.Collection, f changeset.SchemaFields) changeset.Instruction {
		return changeset.Instruction{Op: changeset.AddColumn, Table: table, Field: name, Collection: c, Schema: &f}
	}
	require.NoError(t, p.upload(
		changeset.Instruction{Op: changeset.AddTable, Table: "Point", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		column("Point", "type", schema.Single, changeset.SchemaFields{Type: value.KindString}),
		column("Point", "coordinates", schema.List, changeset.SchemaFields{Type: value.KindDouble}),
		column("Dog", "at", schema.Single, changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Point", Nullable: true}),
		column("Dog", "friend", schema.Single, changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Dog", Nullable: true}),
		column("Dog", "friends", schema.List, changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Dog"}),
	))
	require.Equal(t, 201, s.ask("POST", documents("Dog", ""), user.Access, `[{"_id":-1,"at":{"type":"Point","coordinates":[10,50]}},{"_id":-2,"friend":-1,"friends":[-1,-2,-1]}]`).status)
	for _, point := range []string{`{"type":"Point","coordinates":[10]}`, `{"type":"Pint","coordinates":[10,50]}`, `{"type":"Point","coordinates":[10,95]}`, `{"type":"Point","coordinates":[{"$numberDouble":"Infinity"},1]}`, `{"coordinates":[1,2]}`} {
		s.ask("POST", documents("Dog", ""), user.Access, `[{"_id":-4},{"_id":-3,"at":`+point+`}]`).refused(400, "SchemaValidationFailedWrite")
		s.ask("PATCH", dataAPI+"Dog/documents/-1", user.Access, `{"at":`+point+`}`).refused(400, "SchemaValidationFailedWrite")
		s.ask("PUT", dataAPI+"Dog/documents/-1", user.Access, `{"at":`+point+`}`).refused(400, "SchemaValidationFailedWrite")
	}
	require.Equal(t, 204, s.ask("DELETE", dataAPI+"Dog/documents/-1", user.Access, "").status)
	a := s.ask("GET", dataAPI+"Dog/documents/-2", user.Access, "")
	require.Equal(t, 200, a.status)
	require.Contains(t, string(a.body), `"friends":[{"$numberLong":"-2"}]`)
	require.NotContains(t, string(a.body), `"friend":`)
	require.NoError(t, p.mark())
	require.NotContains(t, p.keys, int64(-3))
	h.stop()
}
