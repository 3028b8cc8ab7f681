package changeset

// Limits of the format, in bytes (spec/changeset.md section 4).
const (
	MaxClassName    = 57
	MaxPropertyName = 63
	MaxString       = 16777199 // string values and interned strings: names, string keys
	MaxBinary       = 16777200
	MaxProperties   = 65535 // of one class
)
