package arrows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The READMEs of core and server list every package there, once, and no other.
func TestRooms(t *testing.T) {
	all := packages(t)
	for _, side := range []string{"core", "server"} {
		text, err := os.ReadFile(filepath.Join("..", "..", side, "README.md"))
		require.NoError(t, err)
		var listed []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
			listed = append(listed, m[1])
		}
		var there []string
		for _, p := range all {
			if name, ok := strings.CutPrefix(p.ImportPath, module+side+"/"); ok {
				there = append(there, name)
			}
		}
		require.ElementsMatch(t, there, listed, side)
	}
}
