package original

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operator administers an app of a development server over the admin API.
type operator struct {
	t         *testing.T
	srv       *server
	token, at string
	service   string // the data source that syncs
}

// administer logs in as an administrator, whose apps are below the path apps.
func administer(t *testing.T, srv *server) (o *operator, apps string) {
	t.Helper()
	o = &operator{t: t, srv: srv}
	const base = "/api/admin/v3.0"
	o.token = decoded[struct {
		Token string `json:"access_token"`
	}](t, o.call("POST", base+"/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200)).Token
	roles := decoded[struct {
		Roles []struct {
			Group string `json:"group_id"`
		} `json:"roles"`
	}](t, o.call("GET", base+"/auth/profile", "", 200)).Roles
	return o, base + "/groups/" + roles[0].Group + "/apps"
}

// operate makes an app, if there is none of that id, and logs in as its administrator.
func operate(t *testing.T, srv *server, app string) *operator {
	t.Helper()
	o, apps := administer(t, srv)
	type thing struct {
		ID     string `json:"_id"`
		Client string `json:"client_app_id"`
	}
	response, err := http.Get(srv.url() + "/api/client/v2.0/app/" + app + "/location") // in development mode an app is made by whoever asks for it
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, one := range decoded[[]thing](t, o.call("GET", apps, "", 200)) {
		if one.Client == app {
			o.at = apps + "/" + one.ID
		}
	}
	require.NotEmpty(t, o.at, "there is no app %s", app)
	o.service = "/services/" + decoded[[]thing](t, o.call("GET", "/services", "", 200))[0].ID
	return o
}

// call makes a request whose answer has the status want, 0 for any that means success, and returns its body.
func (o *operator) call(method, path, body string, want int) string {
	o.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = o.at + path
	}
	request, err := http.NewRequestWithContext(o.t.Context(), method, o.srv.url()+path, strings.NewReader(body))
	require.NoError(o.t, err)
	request.Header.Set("Authorization", "Bearer "+o.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(o.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(o.t, err)
	if want == 0 && response.StatusCode/100 == 2 {
		return string(text)
	}
	require.Equal(o.t, want, response.StatusCode, "%s %s: %s", method, path, text)
	return string(text)
}

// schema saves what the class of a collection is.
func (o *operator) schema(class, body string) {
	o.t.Helper()
	o.call("POST", "/schemas", `{"metadata":{"data_source":"mongodb-atlas","database":"app","collection":"`+class+`"},"schema":`+body+`}`, 200)
}

// roles saves the default roles.
func (o *operator) roles(roles string) {
	o.t.Helper()
	have := decoded[struct {
		ID string `json:"_id"`
	}](o.t, o.call("GET", o.service+"/default_rule", "", 200))
	o.call("PUT", o.service+"/default_rule", `{"_id":"`+have.ID+`","roles":`+roles+`}`, 204)
}

func decoded[T any](t testing.TB, text string) (out T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &out), text)
	return out
}
