package appconfig

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// NewID returns a fresh object id as 24 hexadecimal digits: seconds since 1970, then 64 random bits.
func NewID(now time.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(now.Unix()))
	_, _ = rand.Read(b[4:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// FixedID returns an object id that is always the same for the same names: for what exists without being stored.
func FixedID(names ...string) string {
	h := sha256.New()
	for _, n := range names {
		_ = binary.Write(h, binary.BigEndian, uint32(len(n))) // a hash never fails
		h.Write([]byte(n))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 12
}
