package crypt

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// KeySize is the size of a key that an application gives, as in the original.
const KeySize = 64

// Key is an application's key. It can't be printed: every way to format it gives "[key]". Keys are immutable and may be shared.
type Key struct{ bytes [KeySize]byte }

// NewKey copies the key.
func NewKey(bytes *[KeySize]byte) *Key { return &Key{*bytes} }

// Equal compares in constant time. nil is no key, and equals only that.
func (k *Key) Equal(other *Key) bool {
	if k == nil || other == nil {
		return k == other
	}
	return subtle.ConstantTimeCompare(k.bytes[:], other.bytes[:]) == 1
}

const redacted = "[key]"

// Format implements fmt.Formatter.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns "[key]".
func (k *Key) String() string { return redacted }

// LogValue implements slog.LogValuer.
func (k *Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON uses too.
func (k *Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
