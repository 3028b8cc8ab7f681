package logline

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secretNames are attributes whose values are never written. The core doesn't log any; this is for the day when somebody forgets.
var secretNames = []string{"token", "password", "secret", "authorization", "baas_at", "apikey", "api_key"}

// appendAttr appends " name=value"; the members of a group are written with its name and a dot before theirs.
func appendAttr(line []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range v.Group() {
			line = appendAttr(line, group, member)
		}
		return line
	}
	if a.Equal(slog.Attr{}) {
		return line
	}
	line = append(line, ' ')
	line = append(line, oneLine(group+a.Key)...)
	line = append(line, '=')
	if isSecret(a.Key) {
		return append(line, "(secret)"...)
	}
	text := withoutToken(v.String())
	if needsQuotes(text) {
		return strconv.AppendQuote(line, text)
	}
	return append(line, text...)
}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	for _, s := range secretNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// withoutToken cuts the access token out of a sync URL (wire-protocol 1.1).
func withoutToken(text string) string {
	const parameter = "baas_at="
	at := strings.Index(text, parameter)
	if at < 0 {
		return text
	}
	at += len(parameter)
	end := strings.IndexAny(text[at:], "& \"'")
	if end < 0 {
		return text[:at] + "(secret)"
	}
	return text[:at] + "(secret)" + withoutToken(text[at+end:])
}

func needsQuotes(text string) bool {
	if text == "" {
		return true
	}
	for _, r := range text {
		if r == utf8.RuneError || r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return true
		}
	}
	return false
}

// oneLine is a text without line breaks and control characters, and UTF-8.
func oneLine(text string) string {
	return withoutToken(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
}
