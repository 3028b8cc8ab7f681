// Package excerpt is what the server does to texts of others before it repeats them.
package excerpt

import "strings"

// Of bounds what is repeated of somebody's text in answers and logs to about most bytes: it cuts between characters, leaves out what is not UTF-8 there,
// and says with three dots that there was more.
func Of(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
