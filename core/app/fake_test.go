package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testApp = "test-abcde"

// fake is an App Services server with as much state as the tests need. Handlers given by a test win over its own.
type fake struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	log      []string // "METHOD path" of every request, with " A" or " R" for a present access or refresh token
	bodies   []string
	headers  []http.Header
	special  map[string]http.HandlerFunc // by "METHOD suffix of the path"
	accounts map[string]string           // email to password
	ids      map[string]string           // identity to user id
	sessions map[string]string           // refresh token to user id
	access   map[string]string           // valid access token to user id
	idents   map[string][]Identity       // by user id
	custom   map[string]string           // by user id: user_data JSON
	serial   int
	lifetime time.Duration
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, special: map[string]http.HandlerFunc{}, accounts: map[string]string{}, ids: map[string]string{}, sessions: map[string]string{},
		access: map[string]string{}, idents: map[string][]Identity{}, custom: map[string]string{}, lifetime: 30 * time.Minute}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// on replaces the answer of one route, named by method and end of path.
func (f *fake) on(route string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.special[route] = h
}

// calls returns the requests so far whose line contains part, and forgets none.
func (f *fake) calls(part string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.log), func(s string) bool { return !strings.Contains(s, part) })
}

func (f *fake) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log, f.bodies, f.headers = nil, nil, nil
}

// lastBody returns the body of the last request whose line contains part.
func (f *fake) lastBody(part string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.log) - 1; i >= 0; i-- {
		if strings.Contains(f.log[i], part) {
			return f.bodies[i]
		}
	}
	return "no such request: " + part
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.mu.Lock()
	kind := ""
	switch {
	case bearer == "":
	case strings.Contains(bearer, "refresh"):
		kind = " R"
	default:
		kind = " A"
	}
	f.log = append(f.log, r.Method+" "+r.URL.RequestURI()+kind)
	f.bodies = append(f.bodies, string(body))
	f.headers = append(f.headers, r.Header.Clone())
	for route, h := range f.special {
		method, suffix, _ := strings.Cut(route, " ")
		if r.Method == method && strings.HasSuffix(r.URL.Path, suffix) {
			f.mu.Unlock()
			h(w, r)
			return
		}
	}
	defer f.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/client/v2.0")
	switch route := r.Method + " " + strings.TrimPrefix(path, "/app/"+testApp); {
	case route == "GET /location":
		answer(w, 200, `{"deployment_model":"GLOBAL","location":"US-VA","hostname":%q,"ws_hostname":%q}`, f.URL, "ws"+f.URL[4:])
	case route == "POST /auth/providers/local-userpass/register":
		var in struct{ Email, Password string }
		json.Unmarshal(body, &in)
		if f.accounts[in.Email] != "" {
			answer(w, 409, `{"error":"name already in use","error_code":"AccountNameInUse","link":"%s/logs"}`, f.URL)
			return
		}
		f.accounts[in.Email] = in.Password
		answer(w, 201, `{}`)
	case strings.HasSuffix(route, "/login"):
		f.login(w, r, strings.Split(route, "/")[3], bearer, body)
	case route == "GET /auth/profile":
		id, ok := f.access[bearer]
		if !ok {
			invalidSession(w)
			return
		}
		idents, _ := json.Marshal(f.idents[id])
		answer(w, 200, `{"user_id":%q,"domain_id":"d","type":"normal","identities":%s,"data":{"email":"a@b.c", "name":"Foo"}}`, id, idents)
	case route == "POST /auth/session":
		id, ok := f.sessions[bearer]
		if !ok {
			invalidSession(w)
			return
		}
		answer(w, 201, `{"access_token":%q}`, f.newAccess(id))
	case route == "DELETE /auth/session":
		delete(f.sessions, bearer)
		w.WriteHeader(204)
	case route == "DELETE /auth/delete":
		if f.access[bearer] == "" {
			invalidSession(w)
			return
		}
		w.WriteHeader(204)
	case route == "POST /functions/call":
		if f.access[bearer] == "" {
			invalidSession(w)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		io.WriteString(w, `{"error":"not one", "got":`+string(body)+`}`)
	default:
		answer(w, 404, `{"error":"cannot find app using Client App ID 'NA'"}`)
	}
}

func (f *fake) login(w http.ResponseWriter, r *http.Request, provider, bearer string, body []byte) {
	var in struct{ Provider, Username, Password, Token string }
	json.Unmarshal(body, &in)
	identity := provider + ":" + in.Username + in.Token
	if provider == "local-userpass" && (f.accounts[in.Username] != in.Password || in.Password == "") {
		answer(w, 401, `{"error":"invalid username/password","error_code":"InvalidPassword","link":"%s/logs"}`, f.URL)
		return
	}
	id := f.ids[identity]
	if id == "" || provider == "anon-user" {
		f.serial++
		id = fmt.Sprintf("%024x", f.serial)
	}
	if r.URL.Query().Get("link") == "true" {
		if id = f.access[bearer]; id == "" {
			invalidSession(w)
			return
		}
		f.ids[identity] = id
		f.idents[id] = append(f.idents[id], Identity{identity, provider})
		answer(w, 200, `{"access_token":%q}`, f.newAccess(id))
		return
	}
	if f.ids[identity] != id {
		f.ids[identity] = id
		f.idents[id] = append(f.idents[id], Identity{identity, provider})
	}
	f.serial++
	refresh := jwt(fmt.Sprintf(`{"exp":4102444800,"iat":1,"n":%d}`, f.serial), "refresh")
	f.sessions[refresh] = id
	answer(w, 200, `{"access_token":%q,"refresh_token":%q,"user_id":%q,"device_id":"636aba021728b6c1c03db83f"}`, f.newAccess(id), refresh, id)
}

// newAccess issues an access token; the user's older ones stop being valid.
func (f *fake) newAccess(id string) string {
	for token, user := range f.access {
		if user == id {
			delete(f.access, token)
		}
	}
	f.serial++
	extra := ""
	if data := f.custom[id]; data != "" {
		extra = `,"user_data":` + data
	}
	token := jwt(fmt.Sprintf(`{"exp":%d,"iat":1,"n":%d%s}`, time.Now().Add(f.lifetime).Unix(), f.serial, extra), "access")
	f.access[token] = id
	return token
}

// expireAccess makes every access token invalid.
func (f *fake) expireAccess() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.access)
}

func jwt(payload, kind string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"`+kind+`"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + kind
}

func answer(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, format, args...)
}

func invalidSession(w http.ResponseWriter) {
	answer(w, 401, `{"error":"invalid session","error_code":"InvalidSession"}`)
}

// open makes an App on the server, closed when the test ends.
func (f *fake) open(dir string, change ...func(*Config)) *App {
	f.t.Helper()
	cfg := Config{AppID: testApp, BaseURL: f.URL, Dir: dir}
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(cfg)
	require.NoError(f.t, err)
	f.t.Cleanup(a.Close)
	return a
}

func (f *fake) mustLogIn(a *App, c Credentials) *User {
	f.t.Helper()
	u, err := a.LogIn(context.Background(), c)
	require.NoError(f.t, err)
	return u
}

func (f *fake) mustRegister(a *App, email string) Credentials {
	f.t.Helper()
	require.NoError(f.t, a.RegisterEmail(context.Background(), email, "secret1"))
	return EmailPassword(email, "secret1")
}

func userFilePath(dir string) string {
	return filepath.Join(dir, "mongodb-realm", testApp, "server-utility", "metadata", "users.dat")
}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	return e
}
