package original

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever may not come any more is logged out while syncing, with an error that says so, and can log in again if they may.
func TestSyncEndsWithTheSession(t *testing.T) {
	a := newApp(t, startAppServer(t))
	login := object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"}
	first := a.device(t.TempDir())
	first.do(object{"do": "register", "email": "a@b.c", "password": "password"})
	for name, end := range map[string]struct {
		text string
		end  func(id string)
	}{
		"revoked":  {"Unable to refresh the user access token: invalid session", func(id string) { a.call("PUT", "/users/"+id+"/logout", "") }},
		"disabled": {"Unable to refresh the user access token: invalid session", func(id string) { a.call("PUT", "/users/"+id+"/disable", "") }},
		"deleted":  {"the user was deleted", func(id string) { a.call("DELETE", "/users/"+id, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "deleted" {
				defer first.do(object{"do": "register", "email": "a@b.c", "password": "password"})
			}
			if name == "disabled" {
				defer func() { a.call("PUT", "/users/"+describe(first).ID+"/enable", "") }()
			}
			p := a.device(t.TempDir())
			p.t = t
			first.do(login)
			p.do(login)
			openDogs(p)
			p.do(object{"do": "upload", "realm": "dogs"})
			end.end(describe(p).ID)
			e := p.await(func(e event) bool { return e.Event == "error" })
			require.Equal(t, "AuthError", e.Code, "%+v", e)
			require.Equal(t, end.text, e.Text)
			require.True(t, e.Fatal)
			require.False(t, e.ClientReset)
			p.becomes(object{"do": "user"}, "null")
			require.Equal(t, 0, describe(p).State)
		})
	}
	p := a.device(t.TempDir())
	first.do(login)
	p.do(login)
	openDogs(p)
	p.do(object{"do": "upload", "realm": "dogs"})
	require.Empty(t, p.said())
}

// A client that is logged out and in again syncs on, with what it wrote meanwhile.
func TestSyncAfterLogin(t *testing.T) {
	a := newApp(t, startAppServer(t))
	login := object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"}
	p := a.device(t.TempDir())
	p.do(object{"do": "register", "email": "a@b.c", "password": "password"})
	p.do(login)
	openDogs(p)
	p.do(object{"do": "logout"})
	write := func(id string) {
		p.do(object{"do": "write", "realm": "dogs", "instructions": []object{{"op": "CreateObject", "table": "Dog", "object": object{"int": id}}}})
	}
	write("1")
	p.do(login)
	write("2")
	p.do(object{"do": "upload", "realm": "dogs"})
	collection{p, "synced", "Dog"}.gives(2, "count", nil)
	require.Empty(t, p.said())
}
