package admin

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
)

const allAccess = `{"name":"default","apply_when":null,"insert":true,"delete":true,"additional_fields":null,"document_filters":{"read":true,"write":true},"read":true,"write":true}`

const customToken = `{"type":"custom-token","config":{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false},"secret_config":{"signingKeys":["customTokenKey"]},` +
	`"metadata_fields":[{"required":false,"name":"user_data.name","field_name":"name"},{"required":false,"name":"user_data.occupation","field_name":"occupation"},` +
	`{"required":false,"name":"my_metadata.name","field_name":"anotherName"}]}`

const query = "?bypass_service_change=DestructiveSyncProtocolVersionIncrease"

// TestRealmCppSequence is the whole of app-services 11.2 in its order, with its bodies (conformance items 22 to 25).
func TestRealmCppSequence(t *testing.T) {
	t.Parallel()
	f := open(t, true)
	a := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login"+query, `{"username":"unique_user@domain.com","password":"password"}`).want(200) // 1
	access, refresh := a.get("access_token"), a.get("refresh_token")
	var profile struct {
		Roles []struct {
			Group string `json:"group_id"`
		} `json:"roles"`
	}
	f.callAs(access, "GET", "/api/admin/v3.0/auth/profile", "").want(200).into(&profile) // 2
	f.group = profile.Roles[0].Group
	require.NotEmpty(t, f.callAs(refresh, "POST", "/api/admin/v3.0/auth/session"+query, "").want(201).get("access_token")) // 3
	f.token = access                                                                                                       // the first one is used to the end

	a = f.call("POST", "G", `{"name":"test"}`).want(201) // 4
	f.app, f.client = a.get("_id"), a.get("client_app_id")
	require.Regexp(t, `^[0-9a-f]{24}$`, f.app)
	require.Regexp(t, `^test-[a-z]{5}$`, f.client)
	require.Equal(t, f.group, a.get("group_id"))

	f.call("POST", "P/secrets"+query, `{"name":"customTokenKey","value":"My_very_confidential_secretttttt"}`).want(201) // 5
	f.call("POST", "P/auth_providers"+query, customToken).want(201)                                                     // 6
	f.call("POST", "P/auth_providers"+query, `{"type":"anon-user"}`).want(201)                                          // 7
	f.call("POST", "P/auth_providers"+query, `{"type":"local-userpass","config":{"emailConfirmationUrl":"http://foo.com","resetPasswordUrl":"http://foo.com",`+
		`"confirmEmailSubject":"Hi","resetPasswordSubject":"Bye","autoConfirm":true}}`).want(201) // 8
	var providers []struct {
		ID       string `json:"_id"`
		Type     string `json:"type"`
		Disabled bool   `json:"disabled"`
	}
	f.call("GET", "P/auth_providers"+query, `{}`).want(200).into(&providers) // 9
	key := ""
	for _, p := range providers {
		if p.Type == "api-key" {
			key = p.ID
			require.True(t, p.Disabled, "a new app has API keys, and they are off")
		}
	}
	f.call("PUT", "P/auth_providers/"+key+"/enable"+query, `{}`).want(204) // 10
	require.False(t, f.config().Provider("api-key").Disabled)
	for _, name := range []string{"updateUserData", "asymmetricSyncData", "deleteClientResetObjects", "insertClientResetObject"} { // 11 to 14
		f.call("POST", "P/functions"+query, `{"name":"`+name+`","private":false,"can_evaluate":null,"source":"exports = async function(data) { x = 1; return data < 2; };"}`).want(201)
	}
	schema := `{"schema":{"title":"AllTypesAsymmetricObject","properties":{"_id":{"bsonType":"objectId"},"str_col":{"bsonType":"string"},` +
		`"vec":{"bsonType":"array","items":{"bsonType":"mixed"}},"map":{"bsonType":"object","additionalProperties":{"bsonType":"uuid"}},` +
		`"embedded":{"bsonType":"object","title":"EmbeddedFoo","properties":{"bar":{"bsonType":"long"}},"required":["bar"]}},"required":["_id","str_col"]},` +
		`"metadata":{"data_source":"db-` + f.client + `","database":"test_data","collection":"AllTypesAsymmetricObject"}}`
	require.NotEmpty(t, f.call("POST", "P/schemas"+query, schema).want(200).get("_id"))                                                                                                  // 15
	service := f.call("POST", "P/services"+query, `{"name":"db-`+f.client+`","type":"mongodb","config":{"uri":"mongodb://localhost:26000"}}`).want(201).get("_id")                       // 16
	f.call("PATCH", "P/custom_user_data"+query, `{"mongo_service_id":"`+service+`","enabled":true,"database_name":"test_data","collection_name":"UserData","user_id_field":"user_id"}`). // 17
																								want(204)
	f.call("POST", "P/services/"+service+"/rules"+query, `{"database":"test_data","collection":"UserData","roles":[`+allAccess+`]}`).want(201)                    // 18
	f.call("POST", "P/services/"+service+"/rules"+query, `{"database":"`+f.client+`","collection":"AllTypesAsymmetricObject","roles":[`+allAccess+`]}`).want(201) // 19
	f.call("POST", "P/services/"+service+"/default_rule"+query, `{"roles":[{"name":"all","apply_when":null,"document_filters":{"read":true,"write":true},`+
		`"write":true,"read":true,"insert":true,"delete":true}]}`).want(201) // 20
	f.call("PATCH", "P/services/"+service+"/config"+query, `{"flexible_sync":{"type":"flexible","state":"enabled","database_name":"test_data","enabled":true,`+
		`"is_recovery_mode_disabled":true,"queryable_fields_names":["str_col","_id"],"asymmetric_tables":["AllTypesAsymmetricObject"]}}`).want(204) // 21
	f.call("PUT", "P/sync/config"+query, `{"development_mode_enabled":true}`).want(204) // 22

	c := f.config()
	want := &appconfig.FlexibleSync{State: "enabled", DatabaseName: "test_data", QueryableFieldsNames: []string{"str_col", "_id"},
		AsymmetricTables: []string{"AllTypesAsymmetricObject"}, IsRecoveryModeDisabled: true}
	require.Equal(t, want, c.SyncService().FlexibleSync)
	require.True(t, c.Sync.DevelopmentMode)
	require.Equal(t, "exports = async function(data) { x = 1; return data < 2; };", c.Function("updateUserData").Source)
	require.Nil(t, c.SyncService().Rules[0].Roles[0].ApplyWhen, "null is not given")
	require.Nil(t, c.SyncService().Rules[0].Roles[0].AdditionalFields)
	require.Equal(t, service, c.CustomUserData.ServiceID)
	require.True(t, c.CustomUserData.Enabled)

	// disable_sync, enable_sync: what they leave out stays.
	f.call("PATCH", "P/services/"+service+"/config"+query, `{"flexible_sync":{"state":"disabled","enabled":false}}`).want(204)
	text := string(f.call("GET", "P/services/"+service+"/config"+query, `{}`).want(200).body)
	require.Contains(t, text, `"state":"disabled"`)
	require.Contains(t, text, `"queryable_fields_names":["str_col","_id"]`)
	require.NotContains(t, text, "mongodb://", "an address may have a password in it")
	f.call("PATCH", "P/services/"+service+"/config"+query, `{"flexible_sync":{"state":"enabled","is_recovery_mode_disabled":false,"enabled":true}}`).want(204)
	require.Contains(t, string(f.call("GET", "P/services/"+service+"/config"+query, `{}`).want(200).body), `"state":"enabled"`)
	want.IsRecoveryModeDisabled = false
	require.Equal(t, want, f.config().SyncService().FlexibleSync)

	// trigger_client_reset: of a file that is there, and of one that is not.
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	engine, release, err := f.sync.Engine(t.Context(), f.client, app.Strict)
	require.NoError(t, err)
	file, err := engine.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	release()
	require.EqualValues(t, 2, file.Ident)
	f.call("PUT", "P/sync/force_reset"+query, `{"file_ident": 2}`).want(204)
	f.call("PUT", "P/sync/force_reset"+query, `{"file_ident": 77}`).refused(404, "no client file 77", "BadRequest")
	f.call("PUT", "P/sync/force_reset"+query, `{}`).refused(400, "file_ident", "MissingParameter")

	// Another app in the same run, with the first access token still.
	first := f.client
	f.create("test")
	require.NotEqual(t, first, f.client)

	// All that changed something was written down, with who did it, and without secrets.
	log := f.log.String()
	require.Contains(t, log, `admin=unique_user@domain.com method=PATCH route=/api/admin/v3.0/groups/:group/apps/:app/services/:id/config status=204`)
	require.Contains(t, log, "object=customTokenKey")
	require.Equal(t, 26, strings.Count(log, "msg=audit"))
	for _, secret := range []string{"My_very_confidential", access, refresh, `"password"`} {
		require.NotContains(t, log, secret)
	}
}
