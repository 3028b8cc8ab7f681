package arrows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// server/README.md lists every package of the server, once, and no other.
func TestServerRooms(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "server", "README.md"))
	require.NoError(t, err)
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, m[1])
	}
	var there []string
	for _, p := range packages(t) {
		if name, ok := strings.CutPrefix(p.ImportPath, module+"server/"); ok {
			there = append(there, name)
		}
	}
	require.ElementsMatch(t, there, listed)
}
