package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Schemas that are saved through the admin API are classes, whose collections have them: documents obey them, what contradicts is refused with its
// place, and the export has them.
func TestSchemasOverHTTP(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data, "--known-apps")
	s := &suite{process: p}
	s.token = s.call("POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200)["access_token"].(string)
	group := s.call("GET", "/api/admin/v3.0/auth/profile", "", 200)["roles"].([]any)[0].(map[string]any)["group_id"].(string)
	app := s.call("POST", "/api/admin/v3.0/groups/"+group+"/apps", `{"name":"test"}`, 201)
	at, client := "/api/admin/v3.0/groups/"+group+"/apps/"+app["_id"].(string), app["client_app_id"].(string)
	s.call("POST", at+"/auth_providers", `{"type":"anon-user"}`, 201)
	schema := func(property string) string {
		return `{"schema":{"title":"Dog","properties":{"_id":{"bsonType":"long"},` + property + `},"required":["_id"]},"metadata":{"data_source":"db","database":"d","collection":"dogs"}}`
	}
	id := s.call("POST", at+"/schemas", schema(`"age":{"bsonType":"long"}`), 200)["_id"].(string) // before its service is there
	service := s.call("POST", at+"/services", `{"name":"db","type":"mongodb","config":{}}`, 201)["_id"].(string)
	s.call("POST", at+"/services/"+service+"/default_rule", `{"roles":[{"name":"all","apply_when":null,"document_filters":{"read":true,"write":true},"write":true,"read":true,"insert":true,"delete":true}]}`, 201)
	s.call("PATCH", at+"/services/"+service+"/config", `{"flexible_sync":{"type":"flexible","state":"enabled","database_name":"d"}}`, 204)

	user := &suite{process: p}
	user.token = user.call("POST", "/api/client/v2.0/app/"+client+"/auth/providers/anon-user/login", `{"provider":"anon-user"}`, 200)["access_token"].(string)
	insert := func(document string, want int) map[string]any {
		return user.call("POST", "/api/client/v2.0/app/"+client+"/functions/call", `{"name":"insertOne","service":"db","arguments":[{"database":"d","collection":"dogs","document":`+document+`}]}`, want)
	}
	insert(`{"_id":1,"age":4}`, 200)
	require.Contains(t, insert(`{"_id":2,"age":"four"}`, 400)["error"], "Dog.age")
	require.Contains(t, insert(`{"_id":2,"color":"red"}`, 400)["error"], "class 'Dog' has no property 'color'")

	refused := s.call("PUT", at+"/schemas/"+id, schema(`"age":{"bsonType":"string"}`), 400)
	require.Contains(t, refused["error"], `schemas[0].schema.properties.age: the property "Dog.age" is in use with the type int?, not string?`)
	refused = s.call("PUT", at+"/schemas/"+id, schema(`"age":{"bsonType":"long"},"x":{"bsonType":"regex"}`), 400)
	require.Contains(t, refused["error"], "schemas[0].schema.properties.x.bsonType")
	s.call("PUT", at+"/schemas/"+id, schema(`"age":{"bsonType":"long"},"color":{"bsonType":"string"}`), 204)
	insert(`{"_id":2,"color":"red"}`, 200)

	// In development mode documents bring properties, too, which are written down.
	s.call("PUT", at+"/sync/config", `{"development_mode_enabled":true}`, 204)
	insert(`{"_id":3,"name":"Rex"}`, 200)
	p.stop()
	out := filepath.Join(t.TempDir(), "export")
	cmd, log := command("app", "export", "--data", data, client, out)
	require.NoError(t, cmd.Run(), log)
	text, err := os.ReadFile(filepath.Join(out, "data_sources", "db", "d", "dogs", "schema.json"))
	require.NoError(t, err)
	for _, name := range []string{"age", "color", "name"} {
		require.True(t, strings.Contains(string(text), `"`+name+`"`), string(text))
	}
}
