package admin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/admin"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

// noSync is not asked here.
type noSync struct{ admin.Sync }

// pending is a confirmation function that lets accounts wait.
type pending struct{}

func (pending) Call(context.Context, string, *auth.Caller, string, bson.A) (any, error) {
	return bson.D{{Key: "status", Value: "pending"}}, nil
}

// Server API keys and e-mail users by the admin API: the key logs in as a user of the type server, until it is disabled or deleted.
func TestCredentials(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	cheap := auth.PasswordCost{MemoryKiB: 64, Passes: 1, Lanes: 1}
	configs, err := appconfig.Open(ctx, appconfig.StoreConfig{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, configs.Close()) }()
	users, err := auth.Open(ctx, auth.Config{Dir: dir, Configs: configs, PasswordCost: cheap})
	require.NoError(t, err)
	defer func() { require.NoError(t, users.Close()) }()
	accounts, err := admin.OpenAccounts(ctx, admin.AccountsConfig{Dir: dir, PasswordCost: cheap})
	require.NoError(t, err)
	defer func() { require.NoError(t, accounts.Close()) }()
	require.NoError(t, accounts.Create(ctx, "ops@example.com", "a good password"))
	tokens, err := accounts.Login(ctx, "ops@example.com", "a good password", "")
	require.NoError(t, err)
	server, err := admin.New(admin.Config{Accounts: accounts, Users: users, Configs: configs, Sync: noSync{}})
	require.NoError(t, err)
	app, _, err := users.CreateApp(ctx, "app-abcde")
	require.NoError(t, err)
	require.NoError(t, users.SetProviderDisabled(ctx, app, auth.ProviderAPIKey, false))
	call := func(method, path, body string, status int, out any) {
		t.Helper()
		r := httptest.NewRequestWithContext(ctx, method, "/api/admin/v3.0/groups/"+app.GroupID+"/apps/"+app.InternalID+"/"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+tokens.Access)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		require.Equal(t, status, w.Code, w.Body)
		if out != nil {
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), out))
		}
	}
	login := func(key string) (auth.Login, error) {
		return users.Login(context.Background(), app, auth.Credentials{Provider: auth.ProviderAPIKey, Key: key})
	}
	var k auth.APIKey
	call(http.MethodPost, "api_keys", `{"name":"backend"}`, 201, &k)
	call(http.MethodPost, "api_keys", `{"name":"backend"}`, 409, nil)
	call(http.MethodPost, "api_keys", `{}`, 400, nil)
	l, err := login(k.Key)
	require.NoError(t, err)
	var list []auth.APIKey
	call(http.MethodGet, "api_keys", "", 200, &list)
	require.Equal(t, []auth.APIKey{{ID: k.ID, Name: "backend"}}, list, "the key itself is shown once")
	var user struct {
		Type string `json:"type"`
	}
	call(http.MethodGet, "users/"+l.UserID, "", 200, &user)
	require.Equal(t, "server", user.Type)
	call(http.MethodPut, "api_keys/"+k.ID+"/disable", "", 204, nil)
	_, err = login(k.Key)
	require.Error(t, err)
	call(http.MethodPut, "api_keys/"+k.ID+"/enable", "", 204, nil)
	_, err = login(k.Key)
	require.NoError(t, err)
	call(http.MethodDelete, "api_keys/"+k.ID, "", 204, nil)
	call(http.MethodDelete, "api_keys/"+k.ID, "", 404, nil)
	call(http.MethodGet, "api_keys/"+k.ID, "", 404, nil)

	call(http.MethodPost, "users", `{"email":"a@b.c","password":"password"}`, 201, nil)
	call(http.MethodPost, "users", `{"email":"a@b.c","password":"password"}`, 409, nil)
	_, err = users.Login(ctx, app, auth.Credentials{Provider: auth.ProviderUserpass, Username: "a@b.c", Password: "password"})
	require.NoError(t, err)

	// An account that waits for a mail which nobody sends.
	_, err = configs.Update(ctx, app.ID, func(c *appconfig.Config) error {
		c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID("wait"), Name: "wait", Source: "exports = () => 1"})
		c.Provider(auth.ProviderUserpass).Config = json.RawMessage(`{"runConfirmationFunction":true,"confirmationFunctionName":"wait"}`)
		return nil
	})
	require.NoError(t, err)
	users.SetFunctions(pending{})
	for _, email := range []string{"p@b.c", "q@b.c"} {
		require.NoError(t, users.Register(ctx, app, email, "password", ""))
	}
	var waiting []struct {
		LoginIDs []map[string]string `json:"login_ids"`
	}
	call(http.MethodGet, "user_registrations/pending_users", "", 200, &waiting)
	require.Len(t, waiting, 2)
	require.Equal(t, "p@b.c", waiting[0].LoginIDs[0]["id"])
	call(http.MethodPost, "user_registrations/by_email/p@b.c/confirm", "", 200, nil)
	_, err = users.Login(ctx, app, auth.Credentials{Provider: auth.ProviderUserpass, Username: "p@b.c", Password: "password"})
	require.NoError(t, err)
	call(http.MethodDelete, "user_registrations/by_email/q@b.c", "", 204, nil)
	call(http.MethodDelete, "user_registrations/by_email/q@b.c", "", 404, nil)
}
