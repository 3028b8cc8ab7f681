package admin

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRealmCoreSequence is app-services 11.3 in its order (conformance item 25 at its end).
func TestRealmCoreSequence(t *testing.T) {
	t.Parallel()
	f := open(t, true)
	a := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"provider":"userpass","username":"unique_user@domain.com","password":"password"}`).want(200)
	f.token = a.get("access_token")
	f.login().create("test_app")
	ids := map[string]string{}
	for _, name := range []string{"updateUserData", "sumFunc", "confirmFunc", "authFunc", "resetFunc"} {
		ids[name] = f.call("POST", "P/functions", `{"name":"`+name+`","private":false,"can_evaluate":{},"source":"exports = () => true"}`).want(201).get("_id")
	}
	f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).want(201)
	f.call("POST", "P/auth_providers", `{"type":"local-userpass","config":{"autoConfirm":false,"confirmEmailSubject":"","emailConfirmationUrl":"http://localhost/confirmEmail",`+
		`"confirmationFunctionName":"confirmFunc","confirmationFunctionId":"`+ids["confirmFunc"]+`","runConfirmationFunction":true,`+
		`"resetFunctionName":"resetFunc","resetFunctionId":"`+ids["resetFunc"]+`","resetPasswordSubject":"","resetPasswordUrl":"http://localhost/resetPassword","runResetFunction":true}}`).want(201)
	f.call("POST", "P/auth_providers", `{"type":"custom-function","config":{"authFunctionName":"authFunc","authFunctionId":"`+ids["authFunc"]+`"}}`).want(201)
	var providers []map[string]any
	f.call("GET", "P/auth_providers", "").want(200).into(&providers)
	for _, p := range providers {
		if p["type"] == "api-key" {
			f.call("PUT", "P/auth_providers/"+p["_id"].(string)+"/enable", "").want(204)
		}
	}
	for _, s := range []string{`{"name":"BackingDB_uri","value":"mongodb://localhost:26000"}`, `{"name":"gcm","value":"gcm"}`, `{"name":"customTokenKey","value":"My_very_confidential_secretttttt"}`} {
		f.call("POST", "P/secrets", s).want(201)
	}
	f.call("POST", "P/auth_providers", strings.Replace(customToken, `{"type"`, `{"disabled":false,"type"`, 1)).want(201)
	service := f.call("POST", "P/services", `{"name":"BackingDB","type":"mongodb","config":{"uri":"mongodb://localhost:26000","flexible_sync":`+
		`{"database_name":"test_db","queryable_fields_names":["queryable_str_field"],"asymmetric_tables":[]}}}`).want(201).get("_id")
	rule := f.call("POST", "P/services/"+service+"/default_rule", `{"roles":[{"name":"default","apply_when":{},"document_filters":{"read":true,"write":true},`+
		`"read":true,"write":true,"insert":true,"delete":true}]}`).want(201).get("_id")
	var schemas []map[string]any
	f.call("GET", "P/schemas", "").want(200).into(&schemas)
	require.Empty(t, schemas)
	metadata := `"metadata":{"data_source":"BackingDB","database":"test_db","collection":"TopLevel"}`
	id := f.call("POST", "P/schemas", `{"schema":{"title":"TopLevel","properties":{"_id":{"bsonType":"objectId"}},"required":["_id"]},`+metadata+`}`).want(200).get("_id")
	full := `{"_id":"` + id + `","schema":{"title":"TopLevel","properties":{"_id":{"bsonType":"objectId"},"queryable_str_field":{"bsonType":"string"},` +
		`"set":{"bsonType":"array","uniqueItems":true,"items":{"bsonType":"decimal"}},"link":{"bsonType":"objectId"}},"required":["_id"]},` + metadata +
		`,"relationships":{"link":{"ref":"#/relationship/BackingDB/test_db/TopLevel","foreign_key":"_id","is_list":false}}}`
	f.call("PUT", "P/schemas/"+id, full).want(204)
	f.call("GET", "P/schemas", "").want(200).into(&schemas)
	require.Equal(t, id, schemas[0]["_id"])
	require.Equal(t, "TopLevel", schemas[0]["metadata"].(map[string]any)["collection"])
	obsolete := f.call("POST", "P/schemas", `{"schema":{"title":"Old","properties":{}},"metadata":{"data_source":"BackingDB","database":"test_db","collection":"Old"}}`).want(200).get("_id")
	f.call("DELETE", "P/schemas/"+obsolete, "").want(204)
	require.JSONEq(t, `{"progress":{}}`, string(f.call("GET", "P/sync/progress", "").want(200).body))
	require.JSONEq(t, `{"state":""}`, string(f.call("GET", "P/sync/state?sync_type=flexible", "").want(200).body))
	f.call("PATCH", "P/services/"+service+"/config", `{"flexible_sync":{"database_name":"test_db","state":"enabled","is_recovery_mode_disabled":false,`+
		`"queryable_fields_names":["queryable_str_field"],"asymmetric_tables":["Asymmetric"]}}`).want(204)
	f.call("PUT", "P/sync/config", `{"development_mode_enabled":false}`).want(204)
	f.call("POST", "P/services/"+service+"/rules", `{"database":"test_db","collection":"UserData","roles":[`+allAccess+`]}`).want(201)
	f.call("PATCH", "P/custom_user_data", `{"mongo_service_id":"`+service+`","enabled":true,"database_name":"test_db","collection_name":"UserData","user_id_field":"user_id"}`).want(204)
	f.call("POST", "P/services", `{"name":"gcm","type":"gcm","config":{"senderId":"gcm"},"secret_config":{"apiKey":"gcm"},"version":1}`).want(201)
	var progress struct {
		Progress map[string]struct {
			Complete bool `json:"complete"`
		} `json:"progress"`
	}
	f.call("GET", "P/sync/progress", "").want(200).into(&progress)
	require.Contains(t, progress.Progress, "test_db.TopLevel")
	for name, p := range progress.Progress {
		require.True(t, p.Complete, name)
	}

	// What the tests do later (11.4).
	var services []struct {
		ID           string `json:"_id"`
		Type         string `json:"type"`
		Version      *int64 `json:"version"`
		LastModified *int64 `json:"last_modified"`
	}
	f.call("GET", "P/services", "").want(200).into(&services)
	require.Equal(t, service, services[0].ID)
	require.Equal(t, "mongodb", services[0].Type)
	require.NotNil(t, services[0].Version)
	require.Positive(t, *services[0].LastModified)
	require.JSONEq(t, `{"state":"enabled"}`, string(f.call("GET", "P/sync/state?sync_type=flexible", "").want(200).body))
	require.JSONEq(t, `{"state":""}`, string(f.call("GET", "P/sync/state?sync_type=partition", "").want(200).body))

	// A default rule goes back as it came, changed, and in a list of a list.
	text := string(f.call("GET", "P/services/"+service+"/default_rule", "").want(200).body)
	require.Contains(t, text, rule)
	f.call("PUT", "P/services/"+service+"/default_rule", strings.Replace(text, `"default"`, `"other"`, 1)).want(204)
	require.Equal(t, "other", f.config().SyncService().DefaultRule.Roles[0].Name)
	f.call("PUT", "P/services/"+service+"/default_rule", `{"_id":"`+rule+`","roles":[[{"name":"nested","apply_when":{},"read":true,"write":true}]]}`).want(204)
	require.Equal(t, "nested", f.config().SyncService().DefaultRule.Roles[0].Name)
	f.call("PUT", "P/services/"+service+"/default_rule", `{"_id":"`+id+`","roles":[]}`).refused(400, "service default rule id mismatch", "BadRequest")
	f.call("PUT", "P/services/"+service+"/default_rule", `{"roles":[]}`).refused(400, "service default rule id mismatch", "BadRequest")
	f.call("POST", "P/services/"+service+"/default_rule", `{"roles":[]}`).refused(400, "default rule already exists", "RuleAlreadyExists")
	f.call("DELETE", "P/services/"+service+"/default_rule", "").want(204)
	f.call("GET", "P/services/"+service+"/default_rule", "").refused(404, "default rule not found", "RuleNotFound")

	// Schema versions, one for a draft.
	versions := func() string { return string(f.call("GET", "P/sync/schemas/versions", "").want(200).body) }
	before := versions()
	require.Contains(t, before, `{"version_major":0}`)
	draft := f.call("POST", "P/drafts", "null").want(201).get("_id")
	f.call("PUT", "P/schemas/"+id, strings.Replace(full, `"decimal"`, `"double"`, 1)).want(204)
	f.call("PUT", "P/schemas/"+id, full).want(204)
	require.Equal(t, before, versions())
	f.call("POST", "P/drafts/"+draft+"/deployment", "null").want(201)
	require.Equal(t, strings.Count(before, "version_major")+1, strings.Count(versions(), "version_major"))
	f.call("POST", "P/drafts/"+draft+"/deployment", "null").refused(404, "draft not found", "")

	require.JSONEq(t, `{"statusMessage":"","isMigrated":false,"isCancelable":false,"isRevertible":false}`, string(f.call("GET", "P/sync/migration", "").want(200).body))
	f.call("PUT", "P/sync/migration", `{"serviceId":"`+service+`","action":"start"}`).refused(400, "partition-based sync is not served", "BadRequest")

	// Terminate: every client file is forgotten, so every client resets.
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	engine, release, err := f.sync.Engine(t.Context(), f.client, app.Strict)
	require.NoError(t, err)
	defer release()
	file, err := engine.NewFile(t.Context(), "u", 0)
	require.NoError(t, err)
	f.call("PATCH", "P/services/"+service+"/config", `{"flexible_sync":{"state":""}}`).want(204)
	require.JSONEq(t, `{"state":""}`, string(f.call("GET", "P/sync/state?sync_type=flexible", "").want(200).body))
	f.call("PATCH", "P/services/"+service+"/config", `{"flexible_sync":{"state":"enabled"}}`).want(204)
	require.ErrorContains(t, identify(t, engine, file), "Bad client file identifier (IDENT)")
}

func TestPartitionSyncReadsBack(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	service := f.call("POST", "P/services", `{"name":"BackingDB","type":"mongodb","config":{"sync":{"database_name":"d","partition":{"key":"k","type":"string","required":false,`+
		`"permissions":{"read":true,"write":true}}}}}`).want(201).get("_id")
	require.Contains(t, string(f.call("GET", "P/services/"+service+"/config", "").want(200).body), `"state":""`)
	f.call("PATCH", "P/services/"+service+"/config", `{"sync":{"state":"enabled"}}`).want(204)
	text := string(f.call("GET", "P/services/"+service+"/config", "").want(200).body)
	require.Contains(t, text, `"state":"enabled"`)
	require.Contains(t, text, `"database_name":"d"`)
	require.Contains(t, string(f.call("GET", "P/sync/state?sync_type=partition", "").want(200).body), "enabled")
}
