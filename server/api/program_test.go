package api

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/mail"
)

// functions are those of the test's app, by name. What JavaScript is like is a test of server/functions.
type functions map[string]func(caller *auth.Caller, args bson.A) (any, error)

func (m functions) Call(_ context.Context, app string, caller *auth.Caller, name string, args bson.A) (any, error) {
	if m[name] == nil || app != testApp {
		return nil, auth.FunctionNotFound(name)
	}
	return m[name](caller, args)
}

// collections answer the operations of data sources. What MongoDB is like is a test of server/data.
type collections func(caller *auth.Caller, service, method string, arg bson.D) (any, error)

func (c collections) Call(_ context.Context, _ string, caller *auth.Caller, service, method string, arg bson.D) (any, error) {
	return c(caller, service, method, arg)
}

// letters are those that were sent.
type letters struct {
	mu   sync.Mutex
	sent []mail.Letter
}

func (l *letters) Send(_ context.Context, letter mail.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, letter)
	return nil
}

var linkPattern = regexp.MustCompile(`https?://\S+`)

// mailToken returns what the newest letter to an address has, as secrets.
func (f *fixture) mailToken(to string) (token, id string) {
	f.t.Helper()
	f.letters.mu.Lock()
	defer f.letters.mu.Unlock()
	for _, l := range slices.Backward(f.letters.sent) {
		if l.To == to {
			u, err := url.Parse(linkPattern.FindString(l.Text))
			require.NoError(f.t, err)
			f.secret(u.Query().Get("token"))
			return u.Query().Get("token"), u.Query().Get("tokenId")
		}
	}
	require.Fail(f.t, "there is no letter to "+to)
	return "", ""
}

// configure changes the app's configuration.
func (f *fixture) configure(change func(*appconfig.Config)) {
	f.t.Helper()
	_, err := f.configs.Update(f.t.Context(), testApp, func(c *appconfig.Config) error { change(c); return nil })
	require.NoError(f.t, err)
}

// provide sets a provider, as the admin API does; "" as secret_config is none.
func (f *fixture) provide(kind, config, secretConfig string, fields ...appconfig.MetadataField) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) {
		p := appconfig.Provider{ID: appconfig.FixedID(kind), Name: kind, Type: kind, Config: json.RawMessage(config), MetadataFields: fields}
		if secretConfig != "" {
			p.SecretConfig = json.RawMessage(secretConfig)
		}
		if have := c.Provider(kind); have != nil {
			*have = p
		} else {
			c.Providers = append(c.Providers, p)
		}
	})
}

// program makes a function of the app.
func (f *fixture) program(name string, run func(caller *auth.Caller, args bson.A) (any, error)) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) {
		c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID(name), Name: name, Source: "exports = () => 1"})
	})
	f.programs[name] = run
}

// status is what confirmation and reset functions return.
func status(s string) bson.D { return bson.D{{Key: "status", Value: s}} }

// suiteFunctions are the default functions of Realm Core's suite (app-services 11.3), and what uses them.
func (f *fixture) suiteFunctions() {
	f.t.Helper()
	f.program("sumFunc", func(_ *auth.Caller, args bson.A) (any, error) {
		var sum int64
		for _, a := range args {
			switch n := a.(type) {
			case int32:
				sum += int64(n)
			case int64:
				sum += n
			}
		}
		return sum, nil
	})
	f.program("confirmFunc", func(_ *auth.Caller, args bson.A) (any, error) {
		return status(map[bool]string{true: "success", false: "fail"}[contains(args, "username", "realm_tests_do_autoverify")]), nil
	})
	f.program("resetFunc", func(_ *auth.Caller, args bson.A) (any, error) {
		return status(map[bool]string{true: "success", false: "fail"}[contains(args, "password", "realm_tests_do_reset")]), nil
	})
	f.program("authFunc", func(_ *auth.Caller, args bson.A) (any, error) {
		for _, e := range args[0].(bson.D) {
			if e.Key == "realmCustomAuthFuncUserId" {
				return e.Value, nil
			}
		}
		return nil, &auth.FunctionError{Message: "who are you?"}
	})
	f.provide("custom-function", `{"authFunctionName":"authFunc"}`, "")
	f.provide("local-userpass", `{"autoConfirm":false,"runConfirmationFunction":true,"confirmationFunctionName":"confirmFunc","runResetFunction":true,"resetFunctionName":"resetFunc"}`, "")
}

func contains(args bson.A, key, text string) bool {
	for _, e := range args[0].(bson.D) {
		if value, ok := e.Value.(string); e.Key == key && ok {
			return strings.Contains(value, text)
		}
	}
	return false
}
