package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/value"
	"realmsync/tests/request"
)

// operator administers the app over the admin API.
type operator struct {
	t         *testing.T
	s         *server
	token, at string
}

func (o *operator) call(method, path, body string, want int) string {
	o.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = o.at + path
	}
	a := request.Request{Method: method, URL: o.s.url() + path, Token: o.token, Body: body}.Do(o.t)
	require.Equal(o.t, want, a.Status, "%s", a.Body)
	return string(a.Body)
}

func decoded[T any](t *testing.T, text string) (out T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &out), text)
	return out
}

// login opens a session, and finds the app and its data source, which syncs.
func (o *operator) login() (service string) {
	o.t.Helper()
	type thing struct {
		ID     string `json:"_id"`
		Client string `json:"client_app_id"`
	}
	const base = "/api/admin/v3.0"
	o.token = decoded[map[string]any](o.t, o.call("POST", base+"/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200))["access_token"].(string)
	roles := decoded[struct {
		Roles []struct {
			Group string `json:"group_id"`
		} `json:"roles"`
	}](o.t, o.call("GET", base+"/auth/profile", "", 200)).Roles
	for _, app := range decoded[[]thing](o.t, o.call("GET", base+"/groups/"+roles[0].Group+"/apps", "", 200)) {
		if app.Client == appID {
			o.at = base + "/groups/" + roles[0].Group + "/apps/" + app.ID
		}
	}
	require.NotEmpty(o.t, o.at)
	return "/services/" + decoded[[]thing](o.t, o.call("GET", "/services", "", 200))[0].ID
}

// A breaking change of the schema: it is refused while devices have the one before. An administrator who terminates sync, saves the schema and enables
// sync again gets it: all devices reset, programs of now have the new types, objects keep what fits, and what programs wrote in between is there.
func TestBreakingSchemaChange(t *testing.T) {
	s := startServer(t)
	errs := make(chan *session.Error, 64)
	tell := func(e *session.Error) {
		if e.ClientResetRequested {
			errs <- e
		}
	}
	old := schema.New(integers("Item", "_id", "n", "d"), integers("Note", "_id", "n"))
	dir, other := t.TempDir(), t.TempDir()
	device, err := openDevice(deviceOptions{url: s.url(), dir: dir, schema: old, failed: tell})
	require.NoError(t, err)
	defer func() { device.close() }()
	require.NoError(t, device.subscribe("Item", "TRUEPREDICATE"))
	require.NoError(t, device.write(func() error { return device.create("Item", 1, 11, 111) }))
	require.NoError(t, device.settle())
	log := newResetLog(session.ResetRecoverOrDiscard)
	automatic, err := openDevice(deviceOptions{url: s.url(), dir: other, schema: old, failed: tell, reset: log})
	require.NoError(t, err)
	defer automatic.close()
	require.NoError(t, automatic.subscribe("Item", "TRUEPREDICATE"))

	o := &operator{t: t, s: s}
	service := o.login()
	type saved struct {
		ID       string `json:"_id"`
		Metadata struct {
			Collection string `json:"collection"`
		} `json:"metadata"`
	}
	schemas := map[string]string{}
	require.Eventually(t, func() bool {
		for _, x := range decoded[[]saved](t, o.call("GET", "/schemas", "", 200)) {
			schemas[x.Metadata.Collection] = x.ID
		}
		return len(schemas) == 2
	}, patient, 10*time.Millisecond, "what devices brought is in the configuration")
	o.call("PUT", "/sync/config", `{"development_mode_enabled":false}`, 204)
	const changed = `{"schema":{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"d":{"bsonType":"double"},"s":{"bsonType":"string"}},"required":["_id","d"]}}`
	require.Contains(t, o.call("PUT", "/schemas/"+schemas["Item"], changed, 400), "terminate sync")

	o.call("PATCH", service+"/config", `{"flexible_sync":{"state":""}}`, 204)
	require.JSONEq(t, `{"state":""}`, o.call("GET", "/sync/state?sync_type=flexible", "", 200))
	c := &caller{t: t, s: s}
	c.login("anon-user", `{}`)
	insert := func(document string) {
		t.Helper()
		status, said := c.post("/functions/call", `{"name":"insertOne","service":"mongodb-atlas","arguments":[{"database":"app","collection":"Item","document":`+document+`}]}`)
		require.Equal(t, 200, status, said)
	}
	insert(`{"_id":2,"n":22,"d":222}`)
	o.call("PUT", "/schemas/"+schemas["Item"], changed, 204)
	o.call("DELETE", "/schemas/"+schemas["Note"], "", 204)
	s.kill() // nothing of it is in memory only
	s.start()
	o.call("PATCH", service+"/config", `{"flexible_sync":{"state":"enabled"}}`, 204)
	insert(`{"_id":3,"d":0.5,"s":"new"}`)

	// Both are told to reset. The types of the old program are no more: what resets by itself can't, and says so.
	for range 2 {
		select {
		case e := <-errs:
			require.True(t, e.Fatal)
			require.Regexp(t, `Bad client file identifier|client reset`, e.Message)
		case <-time.After(patient):
			require.FailNow(t, "a device was not told to reset")
		}
	}
	device.close()

	// Their programs of now begin anew.
	item := integers("Item", "_id", "n")
	item.Properties[1].Nullable = true
	item.Properties = append(item.Properties, schema.Property{Name: "d", Type: value.KindDouble})
	device, err = openDevice(deviceOptions{url: s.url(), dir: dir, schema: schema.New(item), failed: tell})
	require.NoError(t, err)
	require.NoError(t, device.subscribe("Item", "TRUEPREDICATE"))
	double := func(f float64) int64 { return int64(math.Float64bits(f)) }
	rows, err := device.rows("Item")
	require.NoError(t, err)
	for i := range rows {
		rows[i] = rows[i][:3] // without the text that the program doesn't know
	}
	require.ElementsMatch(t, [][]int64{{1, 11, double(111)}, {2, 22, double(222)}, {3, 0, double(0.5)}}, rows)
	require.NoError(t, device.write(func() error { return device.create("Item", 4, 44) }))
	require.NoError(t, device.settle())
	insert(`{"_id":5,"n":55,"d":5}`)
	require.NoError(t, device.settle())
	rows, err = device.rows("Item")
	require.NoError(t, err)
	require.Len(t, rows, 5)
}
