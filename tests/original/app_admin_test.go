package original

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// admin administers one app that tests of the client of App Services use.
type admin struct {
	*operator
	client string // its client app id
}

// jwtKey signs the custom JWTs of the tests, HS256.
const jwtKey = "My_very_confidential_secretttttt"

// newApp makes an app that has a data source, mongodb-atlas, which everybody may use, and anonymous and e-mail users.
func newApp(t *testing.T, srv *server) *admin {
	t.Helper()
	o, apps := administer(t, srv)
	made := o.call("POST", apps, `{"name":"test"}`, 201)
	o.at = apps + "/" + member(t, made, "_id")
	a := &admin{o, member(t, made, "client_app_id")}
	a.provide("anon-user", "")
	a.provide("local-userpass", `"config":{"autoConfirm":true}`)
	a.service = "/services/" + member(t, a.call("POST", "/services", `{"name":"mongodb-atlas","type":"mongodb","config":{"uri":"mongodb://localhost:26000"}}`), "_id")
	a.call("POST", a.service+"/default_rule", `{"roles":`+everything+`}`)
	a.call("PATCH", a.service+"/config", `{"flexible_sync":{"state":"enabled","database_name":"synced"}}`)
	a.call("PATCH", "/custom_user_data", `{"mongo_service_id":"`+strings.TrimPrefix(a.service, "/services/")+`","enabled":true,"database_name":"plain","collection_name":"UserData","user_id_field":"user_id"}`)
	a.call("PUT", "/sync/config", `{"development_mode_enabled":true}`)
	return a
}

func member(t *testing.T, body, name string) string {
	t.Helper()
	return decoded[map[string]any](t, body)[name].(string)
}

// call makes a request that must succeed.
func (a *admin) call(method, path, body string) string {
	a.t.Helper()
	return a.operator.call(method, path, body, 0)
}

// provide adds a way to log in, or changes it. members are those of the provider behind its type.
func (a *admin) provide(kind, members string) {
	a.t.Helper()
	if members != "" {
		members = "," + members
	}
	body := `{"type":"` + kind + `","disabled":false` + members + `}`
	type provider struct {
		ID   string `json:"_id"`
		Type string
	}
	for _, p := range decoded[[]provider](a.t, a.call("GET", "/auth_providers", "")) {
		if p.Type == kind {
			a.call("PATCH", "/auth_providers/"+p.ID, body)
			a.call("PUT", "/auth_providers/"+p.ID+"/enable", "")
			return
		}
	}
	a.call("POST", "/auth_providers", body)
}

// secret stores a secret of the app.
func (a *admin) secret(name, value string) {
	a.t.Helper()
	body, err := json.Marshal(object{"name": name, "value": value})
	require.NoError(a.t, err)
	a.call("POST", "/secrets", string(body))
}

// function makes a function that everybody may call, and returns its id.
func (a *admin) function(name, source string) string {
	a.t.Helper()
	body, err := json.Marshal(object{"name": name, "source": source, "private": false})
	require.NoError(a.t, err)
	return member(a.t, a.call("POST", "/functions", string(body)), "_id")
}

// user is what the original's client says of a user.
type user struct {
	ID         string
	State      int // 0 logged out, 1 logged in, 2 removed
	Anonymous  bool
	Device     string
	HasDevice  bool `json:"has_device"`
	Identities []struct{ ID, Provider string }
	Profile    string  // extended JSON
	CustomData *string `json:"custom_data"` // extended JSON
	Access     string
	Refresh    string
}

// exchange is an HTTP request that the original's client has made, with the status that it was answered with.
type exchange struct {
	Method, URL, Authorization string
	Status                     int
}

// into runs a command that must succeed and reads what it gives.
func into[T any](p *peer, command object) (out T) {
	p.t.Helper()
	return decoded[T](p.t, string(p.do(command)))
}

// appError runs a command that the client's App must refuse with an error.
func (p *peer) appError(command object) *refusal {
	p.t.Helper()
	out, err := p.try(command)
	require.Error(p.t, err, "%v gives %s", command["do"], out)
	var r *refusal
	require.ErrorAs(p.t, err, &r)
	return r
}

// is compares code, text and HTTP status of an error, and what the client calls the server's error.
func (r *refusal) is(t *testing.T, status int, code, text string) {
	t.Helper()
	require.Equal(t, []any{status, code, text}, []any{r.Status, r.Code, r.Reason}, "%+v", r)
}

// exchanges are the requests since the last time.
func (p *peer) exchanges() []exchange {
	p.t.Helper()
	return into[[]exchange](p, object{"do": "exchanges"})
}
