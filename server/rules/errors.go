package rules

import (
	"fmt"

	"realmsync/server/excerpt"
)

// Error says what is wrong with rules, and where.
type Error struct {
	// Path leads to it from the configuration: services[0].rules[1].roles[0].document_filters.read.owner_id.$in
	Path   string
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return e.Path + ": " + e.Reason }

func fault(path, format string, args ...any) *Error {
	return &Error{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// clip bounds what is repeated of a configuration's text, in bytes.
func clip(s string) string { return excerpt.Of(s, 64) }
