package export

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLineOf(t *testing.T) {
	t.Parallel()
	text := []byte("{\n\"a\": [\n1,\n{\"b\": 2,\n\"c\":\n3}],\n\"d\": \"x\"\n}")
	for path, want := range map[string]int{"": 1, "a": 2, "a[0]": 3, "a[1]": 4, "a[1].b": 4, "a[1].c": 6, "a[1].none": 4, "a[7]": 2, "d": 7, "d.e": 7, "none.x": 1} {
		require.Equal(t, want, lineOf(text, splitPath(path)), path)
	}
}

// FuzzLineOf: any text and any path have a line that is in the text.
func FuzzLineOf(f *testing.F) {
	f.Add([]byte("{\"a\":[1,{\"b\":2}]}"), "a[1].b")
	f.Add([]byte("[[[\n"), "[0][0][0]")
	f.Add([]byte("{\"a\""), "a")
	f.Add([]byte(""), "]..[")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		line := lineOf(text, splitPath(path))
		require.GreaterOrEqual(t, line, 1)
		require.LessOrEqual(t, line, bytes.Count(text, []byte("\n"))+1)
	})
}
