package excerpt

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc..."},
		{"aé", 2, "a..."}, {"aé", 3, "aé"}, {"€€", 5, "€..."}, {"€€", 2, "..."},
		{"a\xff\xfebc", 4, "ab..."}, {"\x80\x80\x80\x80", 3, "..."},
	} {
		require.Equal(t, c.want, Of(c.s, c.most), "%q at %d", c.s, c.most)
	}
	for n := range 40 {
		require.True(t, utf8.ValidString(Of(strings.Repeat("Ünïcode €", 4), n)), n)
	}
}
