package changeset

import "realmsync/core/schema"

// Limits of the format, in bytes (spec/changeset.md section 4).
const (
	MaxClassName    = schema.MaxClassName
	MaxPropertyName = schema.MaxPropertyName
	MaxProperties   = schema.MaxProperties // of one class
	MaxString       = 16777199             // string values and interned strings: names, string keys
	MaxBinary       = 16777200
)
