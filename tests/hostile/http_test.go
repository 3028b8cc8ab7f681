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
		s.ask("GET", clientAPI+"app/"+url.PathEscape(id)+"/location", "", "").shaped()
		s.ask("POST", clientAPI+"app/"+url.PathEscape(id)+"/auth/providers/anon-user/login", "", "{}").shaped()
		s.ask("GET", "/api/data/v1/app/"+url.PathEscape(id)+"/collections", user.Access, "").shaped()
	}
	found, err := os.ReadDir(filepath.Join(s.dir, "apps"))
	require.NoError(t, err)
	require.Len(t, found, 1, "only the app that is synced")
	for _, body := range []string{deep(`{"a":`, "1", "}", 100), deep(`{"a":`, "1", "}", 20_000), "\x1f\x8b\x08\x00", "[]", `{"provider":`, strings.Repeat(" ", 3<<20)} {
		s.ask("POST", clientAPI+"app/"+shop+"/auth/providers/local-userpass/login", "", body).shaped()
		s.ask("POST", adminAPI+"auth/providers/local-userpass/login", "", body).shaped()
	}
	for _, filter := range []string{`{"$where":"while(true){}"}`, `{"a":{"$where":"1"}}`, `{"$expr":{"$function":{"body":"x","args":[],"lang":"js"}}}`, deep(`{"$and":[`, "{}", "]}", 1000)} {
		s.ask("GET", "/api/data/v1/app/"+shop+"/collections/Notes/documents?database=x&filter="+url.QueryEscape(filter), user.Access, "").shaped()
	}
	h.stop()
}
