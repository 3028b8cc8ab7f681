package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	f := open(t, nil)
	f.secret(password)
	post := func(body string) answer { return f.call(http.MethodPost, userpassPath+"register", "", body) }
	a := post(`{"email":"a@b.c","password":"` + password + `"}`)
	a.is(201, "{}")
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	post(`{"email":"a@b.c","password":"`+password+`"}`).refusedFor(409, "name already in use", "AccountNameInUse")
	post(`{"email":"short@b.c","password":"12345"}`).refusedFor(400, "password must be between 6 and 128 characters", "BadRequest")
	post(`{"email":"long@b.c","password":"`+strings.Repeat("p", 129)+`"}`).refusedFor(400, "password must be between 6 and 128 characters", "BadRequest")
	post(`{"email":"`+strings.Repeat("a", 129)+`","password":"`+password+`"}`).refusedFor(400, "email must be between 1 and 128 characters", "BadRequest")
	post(`{"email":"a\u0000@b.c","password":"`+password+`"}`).refusedFor(400, "email must be between 1 and 128 characters", "BadRequest")
	post(`{"password":"`+password+`"}`).refusedFor(400, "email must be between 1 and 128 characters", "BadRequest")
	post(`{"username":"u@b.c","password":"`+password+`"}`).refusedFor(400, "email must be between 1 and 128 characters", "BadRequest")
	post(`{"email":"n@b.c"}`).refusedFor(400, "password must be between 6 and 128 characters", "BadRequest")
	post(`{"email":5,"password":"`+password+`"}`).refusedFor(400, "'email' must be a string", "BadRequest")
	post(`{"email":"n@b.c","password":["x"]}`).refusedFor(400, "'password' must be a string", "BadRequest")
	// Characters are counted, not bytes; and 128 are allowed.
	post(`{"email":"ü@b.c","password":"`+strings.Repeat("ü", 128)+`"}`).is(201, "{}")
	f.login("local-userpass", userpassMembers("ü@b.c", f.secret(strings.Repeat("ü", 128))))
	// Another app has its own accounts.
	f.call(http.MethodPost, prefix+"app/other/auth/providers/local-userpass/register", "", `{"email":"a@b.c","password":"`+password+`"}`).is(201, "{}")
}

// The app of this test has no pages and no functions: each route says so, in the words that clients know where there are some.
func TestMailRoutes(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	good := strings.Repeat("0a", 64)
	const id = "636aba021728b6c1c03db83f"
	const noMail = "the app's local-userpass provider has no page to link to (emailConfirmationUrl, resetPasswordUrl)"
	for _, c := range []struct {
		path, body string
		status     int
		text, code string
	}{
		{"confirm", `{"token":"x","tokenId":"y"}`, 400, "invalid token data", "BadRequest"},
		{"confirm", `{}`, 400, "invalid token data", "BadRequest"},
		{"confirm", `{"token":"` + good + `","tokenId":"000000000000000000000000"}`, 400, "invalid token data", "BadRequest"},
		{"confirm", `{"token":"` + good + `","tokenId":"` + id + `"}`, 400, "userpass token is expired or invalid", "UserpassTokenInvalid"},
		{"confirm", `{"token":1,"tokenId":"` + id + `"}`, 400, "'token' must be a string", "BadRequest"},
		{"confirm/send", `{"email":"a@b.c"}`, 400, "already confirmed", "UserAlreadyConfirmed"},
		{"confirm/call", `{"email":"a@b.c"}`, 400, "already confirmed", "UserAlreadyConfirmed"},
		{"confirm/call", `{"email":"who@b.c"}`, 404, "user not found", "UserNotFound"},
		{"confirm/call", `{"email":{}}`, 400, "'email' must be a string", "BadRequest"},
		{"reset/send", `{"email":"a@b.c"}`, 400, noMail, "BadRequest"},
		{"reset/send", `{"email":"who@b.c"}`, 400, noMail, "BadRequest"},
		{"reset", `{"password":"new-password","token":"x","tokenId":"y"}`, 400, "invalid token data", "BadRequest"},
		{"reset", `{"password":"new-password","token":"` + good + `","tokenId":"` + id + `"}`, 400, "userpass token is expired or invalid", "UserpassTokenInvalid"},
		{"reset", `{"password":"x","token":"` + good + `","tokenId":"` + id + `"}`, 400, "password must be between 6 and 128 characters", "BadRequest"},
		{"reset/call", `{"email":"a@b.c","password":"new-password","arguments":["foo",{"$numberLong":"1"}]}`, 400, "the app has no password reset function", "BadRequest"},
		{"reset/call", `{"email":"who@b.c","password":"new-password","arguments":[]}`, 404, "user not found", "UserNotFound"},
	} {
		f.call(http.MethodPost, userpassPath+c.path, "", c.body).refusedFor(c.status, c.text, c.code)
	}
	f.secret("new-password")
	f.login("local-userpass", userpassMembers("a@b.c", password)) // nothing has changed
}

// The pages that mails link to, and what programs call with their tokens.
func TestMails(t *testing.T) {
	f := open(t, nil)
	f.provide("local-userpass", `{"emailConfirmationUrl":"https://app.example/confirm","resetPasswordUrl":"https://app.example/reset"}`, "")
	post := func(path, body string) answer { return f.call(http.MethodPost, userpassPath+path, "", body) }
	f.register("a@b.c")
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(401, "confirmation required", "AuthError")
	post("confirm/send", `{"email":"a@b.c"}`).is(202, "{}")
	post("confirm/send", `{"email":"who@b.c"}`).is(202, "{}")
	token, id := f.mailToken("a@b.c")
	post("confirm", `{"token":"`+token+`","tokenId":"`+id+`"}`).is(200, "{}")
	post("confirm", `{"token":"`+token+`","tokenId":"`+id+`"}`).refusedFor(400, "userpass token is expired or invalid", "UserpassTokenInvalid")
	user := f.login("local-userpass", userpassMembers("a@b.c", password))

	post("reset/send", `{"email":"a@b.c"}`).is(202, "{}")
	post("reset/send", `{"email":"who@b.c"}`).is(202, "{}")
	token, id = f.mailToken("a@b.c")
	next := f.secret("another-password")
	post("reset", `{"password":"`+next+`","token":"`+token+`","tokenId":"`+id+`"}`).is(204, "")
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(401, "invalid username/password", "InvalidPassword")
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	require.Equal(t, user.UserID, f.login("local-userpass", userpassMembers("a@b.c", next)).UserID)
}

// The functions of Realm Core's suite, which its tests of e-mail users are about.
func TestUserFunctions(t *testing.T) {
	f := open(t, nil)
	f.suiteFunctions()
	post := func(path, body string) answer { return f.call(http.MethodPost, userpassPath+path, "", body) }
	const good, bad = "realm_tests_do_autoverify_1@b.c", "not_verified@b.c"
	f.register(good)
	user := f.login("local-userpass", userpassMembers(good, password))
	post("register", `{"email":"`+bad+`","password":"`+password+`"}`).refusedFor(400, `failed to confirm user "`+bad+`"`, "BadRequest")
	post("confirm/call", `{"email":"`+bad+`"}`).refusedFor(404, "user not found", "UserNotFound")
	post("confirm/call", `{"email":"`+good+`"}`).refusedFor(400, "already confirmed", "UserAlreadyConfirmed")

	f.secret("realm_tests_do_reset-x")
	f.secret("wrong-new-password")
	post("reset/call", `{"email":"`+good+`","password":"wrong-new-password","arguments":[]}`).refusedFor(400, `failed to reset password for user "`+good+`"`, "BadRequest")
	post("reset/call", `{"email":"`+good+`","password":"realm_tests_do_reset-x","arguments":["foo",{"$numberLong":"1"}]}`).is(204, "")
	require.Equal(t, user.UserID, f.login("local-userpass", userpassMembers(good, "realm_tests_do_reset-x")).UserID)
	require.Equal(t, 400, post("reset/call", `{"email":"`+good+`","password":"realm_tests_do_reset-x","arguments":{}}`).status)
}
