package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// administration is the admin API of the shop.
func (s *server) administration() (path string) {
	s.t.Helper()
	for _, app := range s.apps() {
		var about struct {
			Client string `json:"client_app_id"`
		}
		path := adminAPI + "groups/" + s.group + "/apps/" + app
		if s.ask("GET", path, s.admin, "").into(200, &about); about.Client == shop {
			return path
		}
	}
	s.t.Fatal("the shop is not there")
	return ""
}

// Configurations that are deep, huge, or name what leads elsewhere: an administrator's mistake or somebody who has his token. Each is refused and changes
// nothing, or costs no more than it is long.
func TestConfigurations(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	app := s.administration()
	var services []struct {
		ID   string `json:"_id"`
		Name string
	}
	s.ask("GET", app+"/services", s.admin, "").into(200, &services)
	service := app + "/services/" + services[0].ID
	before, err := s.configs.Current(t.Context(), shop)
	require.NoError(t, err)
	rule := func(expression string) string {
		return `{"database":"d","collection":"c","roles":[{"name":"r","apply_when":` + expression + `,"read":true,"write":true}]}`
	}
	wide := make([]string, 20_000)
	for i := range wide {
		wide[i] = fmt.Sprintf(`{"f%d":{"$in":["%%%%user.id",%d]}}`, i, i)
	}
	frugal(t, 192, func() {
		for _, c := range []struct {
			path, body string
			status     int
			code       string
		}{
			// Expressions of rules.
			{service + "/rules", rule(deep(`{"%and":[`, "{}", "]}", 40)), 400, "BadRequest"},
			{service + "/rules", rule(deep(`{"%not":`, "{}", "}", 70)), 400, "BadRequest"},
			{service + "/rules", rule(deep(`{"a":`, "1", "}", 20_000)), 400, "BadRequest"},
			{service + "/rules", rule(`{"%%unknown":1}`), 400, "BadRequest"},
			{service + "/rules", rule(`{"$where":"1"}`), 400, "BadRequest"},
			{service + "/rules", rule(`{"a":{"$function":{}}}`), 400, "BadRequest"},
			{service + "/rules", rule(`{"a":{"%function":{"name":"none","arguments":"x"}}}`), 400, "BadRequest"},
			{service + "/rules", rule(`7`), 400, "BadRequest"},
			{service + "/rules", rule(`"%%true"`), 400, "BadRequest"},
			{service + "/rules", `{"database":"d","collection":"` + strings.Repeat("c", 500) + `","roles":[]}`, 400, "BadRequest"},
			{service + "/rules", `{"database":"d","collection":"c","roles":[{}]}`, 400, "BadRequest"},
			{service + "/rules", `{"database":"d","collection":"c","roles":"all"}`, 400, "BadRequest"},
			// Schemas.
			{app + "/schemas", schemaOf(deep(`{"bsonType":"object","properties":{"a":`, `{"bsonType":"int"}`, "}}", 40)), 400, "BadRequest"},
			{app + "/schemas", schemaOf(deep(`{"bsonType":"array","items":`, `{"bsonType":"int"}`, "}", 70)), 400, "BadRequest"},
			{app + "/schemas", schemaOf(`{"bsonType":"object","properties":{"a":{"bsonType":"evil"}}}`), 400, "BadRequest"},
			{app + "/schemas", schemaOf(`[]`), 400, "BadRequest"},
			{app + "/schemas", `{"metadata":{"data_source":"` + strings.Repeat("x", 500) + `"},"schema":{}}`, 400, "BadRequest"},
			// Names.
			{app + "/secrets", `{"name":"../../key","value":"x"}`, 400, "BadRequest"},
			{app + "/secrets", `{"name":"/etc/passwd","value":"x"}`, 400, "BadRequest"},
			{app + "/secrets", `{"name":"a\u0000b","value":"x"}`, 400, "BadRequest"},
			{app + "/secrets", `{"name":"big","value":"` + strings.Repeat("x", 65<<10) + `"}`, 400, "BadRequest"},
			{app + "/values", `{"name":"../x","value":1}`, 400, "BadRequest"},
			{app + "/values", `{"name":"stolen","value":"none","from_secret":true}`, 400, "BadRequest"},
			{app + "/functions", `{"name":"../../x","source":"exports = 1"}`, 400, "BadRequest"},
			{app + "/functions", `{"name":"a//b","source":"exports = 1"}`, 400, "BadRequest"},
			{app + "/functions", `{"name":"a/../b","source":"exports = 1"}`, 400, "BadRequest"},
			{app + "/services", `{"name":"../x","type":"mongodb"}`, 400, "BadRequest"},
			{app + "/auth_providers", `{"type":"../x"}`, 400, "BadRequest"},
			{app + "/auth_providers", `{"type":"custom-token","config":{"signingAlgorithm":"none"},"secret_config":{"signingKeys":["x"]}}`, 400, "BadRequest"},
			{adminAPI + "groups/" + s.group + "/apps", `{"name":""}`, 400, "MissingParameter"},
			// Bodies.
			{app + "/secrets", deep(`{"a":`, "1", "}", 100_000), 400, "BadRequest"},
			{app + "/secrets", "{\"name\":\"\xff\",\"value\":\"x\"}", 400, "BadRequest"},
			{app + "/secrets", `{"name":"x","value":"`, 400, "BadRequest"},
			{app + "/secrets", `[]`, 400, "BadRequest"},
			{app + "/secrets", `{"name":7,"value":"x"}`, 400, "BadRequest"},
			{app + "/secrets", `{"name":"x","value":"` + strings.Repeat("x", 9<<20) + `"}`, 413, "BadRequest"},
		} {
			a := s.ask("POST", c.path, s.admin, c.body)
			a.refused(c.status, c.code)
		}
		// As wide as a body can be is no more work than reading it.
		a := s.ask("POST", service+"/rules", s.admin, rule(`{"%or":[`+strings.Join(wide, ",")+`]}`))
		if a.status != 201 {
			a.refused(400, "BadRequest")
		}
	})
	for _, id := range []string{"..", "x' OR 1=1 --", strings.Repeat("a", 5000), "000000000000000000000000"} {
		for _, what := range []string{"secrets", "values", "functions", "services", "auth_providers", "schemas", "users"} {
			a := s.ask("DELETE", app+"/"+what+"/"+strings.ReplaceAll(strings.ReplaceAll(id, " ", "%20"), "/", "%2f"), s.admin, "")
			a.shaped()
			require.Contains(t, []int{404, 405}, a.status, "%s %s", what, id)
		}
	}
	after, err := s.configs.Current(t.Context(), shop)
	require.NoError(t, err)
	require.Equal(t, before.Secrets, after.Secrets)
	require.Equal(t, before.Functions, after.Functions)
	require.Equal(t, before.Values, after.Values)
	require.Equal(t, before.Schemas, after.Schemas)
	require.Equal(t, before.Providers, after.Providers)
	h.stop()
}

func schemaOf(schema string) string {
	return `{"metadata":{"data_source":"mongodb-atlas","database":"d","collection":"c"},"schema":` + schema + `}`
}

// varint is a length as changesets write it: seven bits at a time, and six in the last byte.
func varint(n int) (out []byte) {
	for ; n >= 1<<6; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

// Names that devices give classes, properties and keys: those that are taken are names and nothing else; those that aren't end the session of who sent
// them, and nobody else's.
func TestNamesOfDevices(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	for i, text := range append(evil, strings.Repeat("x", 57), strings.Repeat("x", 58), strings.Repeat("x", 3000), "\xff\xfe", "a\xc3") {
		p := s.subscribed(shop)
		table := changeset.Instruction{Op: changeset.AddTable, Table: "QQQ", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString}}
		column := changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "QQQ", Schema: &changeset.SchemaFields{Type: value.KindString, Nullable: true}}
		for _, in := range []changeset.Instruction{table, column} {
			b, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{in}})
			require.NoError(t, err)
			// Our own encoder wouldn't write all of them: interned texts are their length and their bytes (changeset.md 2.1).
			b = bytes.Replace(b, []byte("\x03QQQ"), append(varint(len(text)), text...), 1)
			require.NoError(t, p.send(p.entry(b)))
			refused := false
			for p.at.Upload.ClientVersion < p.next && !refused {
				m, err := p.read()
				require.NoError(t, err, "%q", text)
				if e, ok := m.(*wire.JSONError); ok {
					require.Contains(t, []wire.ErrorCode{wire.CodeBadChangeset, wire.CodeInvalidSchemaChange}, e.Code, "%q: %s", text, e.Message)
					require.Less(t, len(e.Message), 1<<10)
					refused = true
				}
			}
			if refused {
				_ = p.ws.CloseNow()
				p = s.subscribed(shop)
				continue
			}
			if in.Op == changeset.AddTable {
				quoted, err := json.Marshal(text)
				require.NoError(t, err)
				require.NoError(t, p.subscribe(`{"Dog":"(TRUEPREDICATE)",`+string(quoted)+`:"(TRUEPREDICATE)"}`), "%q", text)
				require.NoError(t, p.upload(changeset.Instruction{Op: changeset.CreateObject, Table: text, Key: value.StringKey(text)}), "%q", text)
				// Programs find it by its name and its key.
				a := s.ask("POST", clientAPI+"app/"+shop+"/functions/call", user.Access,
					`{"name":"count","service":"mongodb-atlas","arguments":[{"database":"`+s.database()+`","collection":`+string(quoted)+`,"query":{"_id":`+string(quoted)+`}}]}`)
				require.Equal(t, `{"$numberLong":"1"}`, string(a.body), "%q", text)
			}
		}
		require.NoError(t, p.mark(), "%d", i)
		_ = p.ws.CloseNow()
	}
	h.stop()
}
