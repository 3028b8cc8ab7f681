package auth

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"time"
)

// appID is what the id of an app may be: it becomes a part of paths, on disk too.
var appID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidAppID reports whether a text can be the client app id of an app: 1 to 64 letters, digits, dots, underscores and
// hyphens, beginning with a letter or a digit.
func ValidAppID(id string) bool { return appID.MatchString(id) }

// NewObjectID returns a fresh object id as 24 hexadecimal digits: seconds since 1970, then 64 random bits.
func NewObjectID(now time.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(now.Unix()))
	_, _ = rand.Read(b[4:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// isObjectID reports whether a text is an object id other than the one of zeros, which means "none" (app-services 4.2).
func isObjectID(s string) bool {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 12 {
		return false
	}
	for _, c := range b {
		if c != 0 {
			return true
		}
	}
	return false
}
