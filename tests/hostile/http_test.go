package hostile

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Names that are paths or SQL, bodies that are deep or no JSON, and operators that would run a program: each is refused, and nothing is made of it.
func TestRequests(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	for _, id := range []string{"..", "../..", "..%2f..%2fetc", "a'; DROP TABLE apps; --", "a\x00b", strings.Repeat("a", 5000)} {
		for _, a := range []answer{
			s.ask("GET", clientAPI+"app/"+url.PathEscape(id)+"/location", "", ""),
			s.ask("POST", clientAPI+"app/"+url.PathEscape(id)+"/auth/providers/anon-user/login", "", "{}"),
			s.ask("GET", "/api/data/v1/app/"+url.PathEscape(id)+"/collections", user.Access, ""),
		} {
			a.refused(404, "")
			require.Regexp(t, "cannot find app using Client App ID '|there is nothing at this path", string(a.body), "%q: %s", id, a.what)
		}
	}
	found, err := os.ReadDir(filepath.Join(s.dir, "apps"))
	require.NoError(t, err)
	require.Len(t, found, 1, "only the app that is synced")
	// A body that doesn't fit where the kernels keep it is cut off while it is sent, and then its client may see no answer.
	for _, body := range []string{deep(`{"a":`, "1", "}", 100), deep(`{"a":`, "1", "}", 10_000), "\x1f\x8b\x08\x00", "[]", `{"provider":`, strings.Repeat(" ", 100<<10)} {
		client := s.ask("POST", clientAPI+"app/"+shop+"/auth/providers/local-userpass/login", "", body)
		admin := s.ask("POST", adminAPI+"auth/providers/local-userpass/login", "", body)
		if len(body) <= 64<<10 {
			client.refused(400, "BadRequest")
			admin.refused(400, "BadRequest")
		} else {
			client.refused(413, "BadRequest")
			admin.refused(413, "BadRequest")
		}
	}
	for filter, code := range map[string]string{
		`{"$where":"while(true){}"}`: "MongoDBError", `{"a":{"$where":"1"}}`: "MongoDBError", `{"$expr":{"$function":{"body":"x","args":[],"lang":"js"}}}`: "MongoDBError",
		deep(`{"$and":[`, "{}", "]}", 1000): "BadRequest",
	} {
		s.ask("GET", "/api/data/v1/app/"+shop+"/collections/Notes/documents?database=x&filter="+url.QueryEscape(filter), user.Access, "").refused(400, code)
	}
	h.stop()
}
