package failure

import (
	"strings"
	"unicode/utf8"
)

// Cut returns a text as a C string of at most max bytes can hold it: cut at the start of a character when it is too long, without
// NULs, and UTF-8 whatever it was.
func Cut(text string, max int) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "?")
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "?")
	}
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}
