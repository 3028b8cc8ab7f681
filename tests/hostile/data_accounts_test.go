package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
)

const userpassAPI = clientAPI + "app/" + shop + "/auth/providers/local-userpass/"

// mail makes e-mail accounts of the shop wait for a letter, or not.
func (s *server) mail(autoConfirm bool) {
	s.t.Helper()
	s.configure(shop, func(c *appconfig.Config) {
		c.Provider("local-userpass").Config = json.RawMessage(fmt.Sprintf(
			`{"autoConfirm":%v,"emailConfirmationUrl":"https://shop.example/confirm","resetPasswordUrl":"https://shop.example/reset"}`, autoConfirm))
	})
}

func (s *server) userpass(path string, members ...string) answer {
	s.t.Helper()
	body := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		body[members[i]] = members[i+1]
	}
	text, err := json.Marshal(body)
	require.NoError(s.t, err)
	return s.ask("POST", userpassAPI+path, "", string(text))
}

func (s *server) register(email string) answer {
	s.t.Helper()
	return s.userpass("register", "email", email, "password", password)
}

func (s *server) logIn(email, password string) answer {
	s.t.Helper()
	return s.userpass("login", "username", email, "password", password)
}

// said is all that an answer tells: without what names the request.
func (a answer) said() string {
	a.t.Helper()
	var body map[string]any
	require.NoError(a.t, json.Unmarshal(a.body, &body), "%s: %s", a.what, a.body)
	if link, ok := body["link"].(string); ok {
		body["link"], _, _ = strings.Cut(link, "?co_id=")
	}
	text, err := json.Marshal(body)
	require.NoError(a.t, err)
	header := a.header.Clone()
	for _, name := range []string{"Date", "X-Appservices-Request-Id"} {
		header.Del(name)
	}
	header.Del("Content-Length") // that of the link's id
	return fmt.Sprint(a.status, header, string(text))
}

// Nobody learns from the answers which addresses have an account, but where app-services 2.4 fixes an answer that tells.
func TestEnumeration(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	s.mail(true)
	require.Equal(t, 201, s.register("known@example.com").status)
	require.Equal(t, 201, s.register("gone@example.com").status)
	var l login
	s.logIn("gone@example.com", password).into(200, &l)
	require.Equal(t, 204, s.ask("DELETE", clientAPI+"auth/delete", l.Access, "").status)
	s.logIn("known@example.com", password).into(200, &l)
	s.mail(false)
	require.Equal(t, 201, s.register("waits@example.com").status)
	emails := []string{"known@example.com", "waits@example.com", "gone@example.com", "nobody@example.com", "KNOWN@example.com", "known@example.com ", "' OR 1=1 --", strings.Repeat("x", 4000)}

	same := func(what string, ask func(email string) answer, emails ...string) answer {
		t.Helper()
		first := ask(emails[0])
		for _, email := range emails[1:] {
			require.Equal(t, first.said(), ask(email).said(), "%s: %.40s and %s", what, email, emails[0])
		}
		return first
	}
	same("login", func(email string) answer { return s.logIn(email, "wrong-password") }, emails...).refused(401, "InvalidPassword")
	same("login without a password", func(email string) answer { return s.logIn(email, "") }, emails...).refused(401, "InvalidPassword")
	require.Equal(t, 202, same("reset/send", func(email string) answer { return s.userpass("reset/send", "email", email) }, emails[:4]...).status)
	require.Equal(t, 202, same("confirm/send", func(email string) answer { return s.userpass("confirm/send", "email", email) }, emails[1:4]...).status)
	// Tokens say nothing of addresses.
	token, id := strings.Repeat("0a", 64), "636aba021728b6c1c03db83f"
	same("confirm", func(id string) answer { return s.userpass("confirm", "token", token, "tokenId", id) }, id, l.UserID).refused(400, "UserpassTokenInvalid")
	same("reset", func(id string) answer {
		return s.userpass("reset", "token", token, "tokenId", id, "password", password)
	}, id, l.UserID).refused(400, "UserpassTokenInvalid")
	same("a token that is none", func(id string) answer { return s.userpass("reset", "token", "x", "tokenId", id, "password", password) }, id, l.UserID, "../x").refused(400, "BadRequest")
	// These are fixed.
	s.register("known@example.com").refused(409, "AccountNameInUse")
	s.register("waits@example.com").refused(409, "AccountNameInUse")
	s.userpass("confirm/send", "email", "known@example.com").refused(400, "UserAlreadyConfirmed")
	s.userpass("confirm/call", "email", "nobody@example.com").refused(404, "UserNotFound")
	s.userpass("reset/call", "email", "nobody@example.com", "password", password).refused(404, "UserNotFound")
	h.stop()
}

// Passwords of an account, and accounts of an address, can't be tried without end; whoever syncs, or has a session, isn't held up by it. An address is the
// connection's: what a header says of it doesn't count.
func TestAttempts(t *testing.T) {
	s := open(t, false)
	h := s.honest()
	user := s.anonymous(shop)
	require.Equal(t, 201, s.register("anna@example.com").status)
	tooMany := func(a answer) {
		t.Helper()
		a.refused(429, "")
	}
	for _, email := range []string{"anna@example.com", "nobody@example.com"} {
		refused := 0
		for a := s.logIn(email, "wrong-password"); a.status != 429; a = s.logIn(email, "wrong-password") {
			a.refused(401, "InvalidPassword")
			refused++
			require.Less(t, refused, 40)
		}
		require.GreaterOrEqual(t, refused, 10, "an honest user may mistype")
		if email == "anna@example.com" {
			tooMany(s.logIn(email, password)) // the right one, too
		}
	}
	n := 0
	forged := func(path, body string) answer {
		n++
		header := http.Header{"X-Forwarded-For": {fmt.Sprintf("10.1.%d.%d", n>>8, n&255)}, "Forwarded": {fmt.Sprintf("for=10.1.%d.%d", n>>8, n&255)}, "X-Real-Ip": {fmt.Sprintf("10.2.%d.%d", n>>8, n&255)}}
		return s.askWith("POST", userpassAPI+path, "", body, header)
	}
	for a := forged("register", `{"email":"x","password":"short"}`); a.status != 429; a = forged("register", `{"email":"x","password":"short"}`) {
		a.refused(400, "BadRequest")
		require.Less(t, n, 3000)
	}
	for path, body := range map[string]string{
		"register": `{"email":"b@example.com","password":"` + password + `"}`, "login": `{"username":"b@example.com","password":"x"}`, "reset/send": `{"email":"b@example.com"}`,
		"reset/call": `{"email":"b@example.com","password":"x"}`, "reset": `{}`, "confirm": `{}`, "confirm/send": `{"email":"b@example.com"}`, "confirm/call": `{"email":"b@example.com"}`,
	} {
		// Ten a second come back: of two dozen at least one is refused, whatever the machine does.
		refused := 0
		for range 60 {
			if a := forged(path, body); a.status == 429 {
				a.refused(429, "")
				refused++
			}
		}
		require.Positive(t, refused, path)
	}
	require.Equal(t, 200, s.ask("GET", clientAPI+"auth/profile", user.Access, "").status)
	require.Equal(t, 201, s.ask("POST", clientAPI+"auth/session", user.Refresh, "").status)
	h.stop()
}

// evil are texts that mean something to somebody: to SQL, paths, formats, terminals, JSON, templates.
var evil = []string{
	`'; DROP TABLE accounts; DROP TABLE apps; --`, `" OR "1"="1`, `x') UNION SELECT value FROM secrets --`, "a\x00b", "a\nBcc: all@example.com", "\x1b[2J", "\u202egnp.exe",
	"../../etc/passwd", "%00%2e%2e%2f", "%s%n%d", "${jndi:ldap://x}", "{{7*7}}", "<script>alert(1)</script>", "\ufffd", "\U0001f4a9", "__proto__", "$where", "a.b", "", " ",
}

// Names are data: what is taken comes back as it was given, and what isn't is refused; nothing of it is run.
func TestNames(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	var l login
	control := func(text string) bool { return strings.ContainsAny(text, "\x00\n\x1b") }
	for _, text := range append(evil, strings.Repeat("é", 129)) {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		// An e-mail.
		a := s.register(text)
		if n := len([]rune(text)); n == 0 || n > 128 || control(text) {
			a.refused(400, "BadRequest")
			s.logIn(text, password).refused(401, "InvalidPassword")
		} else {
			require.Equal(t, 201, a.status, "%q: %s", text, a.body)
			s.logIn(text, password).into(200, &l)
			var profile struct {
				Data struct{ Email string }
			}
			s.ask("GET", clientAPI+"auth/profile", l.Access, "").into(200, &profile)
			require.Equal(t, text, profile.Data.Email)
		}
		// An API key's name, and a key that is none.
		a = s.ask("POST", clientAPI+"auth/api_keys", l.Refresh, `{"name":`+string(quoted)+`}`)
		if n := len([]rune(text)); n == 0 || n > 128 || control(text) {
			a.refused(400, "BadRequest")
		} else {
			var key struct{ ID, Name string }
			a.into(201, &key)
			require.Equal(t, text, key.Name)
			s.ask("POST", clientAPI+"auth/api_keys", l.Refresh, `{"name":`+string(quoted)+`}`).refused(409, "APIKeyAlreadyExists")
			var keys []struct{ Name string }
			s.ask("GET", clientAPI+"auth/api_keys", l.Refresh, "").into(200, &keys)
			require.Equal(t, []struct{ Name string }{{text}}, keys)
		}
		s.ask("POST", clientAPI+"app/"+shop+"/auth/providers/api-key/login", "", `{"key":`+string(quoted)+`}`).refused(404, "AuthProviderNotFound")
		// What there isn't.
		s.ask("POST", clientAPI+"app/"+shop+"/functions/call", l.Access, `{"name":`+string(quoted)+`,"arguments":[]}`).refused(404, "FunctionNotFound")
		if text != "" {
			s.ask("POST", clientAPI+"app/"+shop+"/functions/call", l.Access, `{"name":"find","service":`+string(quoted)+`,"arguments":[{"database":"d","collection":"c"}]}`).refused(404, "ServiceNotFound")
			s.ask("POST", clientAPI+"app/"+shop+"/functions/call", l.Access, `{"name":`+string(quoted)+`,"service":"mongodb-atlas","arguments":[{}]}`).refused(400, "ServiceCommandNotFound")
		}
	}
	h.stop()
}
