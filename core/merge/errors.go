package merge

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTransform is what every *TransformError is to errors.Is: changesets can't be merged. On the wire it is error code 212
// (bad_changeset). The transaction must be rolled back; the entries that were given are unchanged.
var ErrTransform = errors.New("changesets can't be merged")

// TransformError says which two instructions can't be merged, and why (spec/merge.md section 2.5).
type TransformError struct {
	Rule     string // the rule of spec/merge.md that found it, for example "R18"; "" if an instruction is malformed by itself
	Local    string // the instruction of the merging side and what it addresses; "" if it isn't about one
	Incoming string // the instruction of the other side
	// Versions of the two changesets, each on the side that made it.
	LocalVersion, IncomingVersion uint64
	Text                          string // what is wrong
}

// Error implements error.
func (e *TransformError) Error() string {
	var b strings.Builder
	b.WriteString("merge: ")
	b.WriteString(e.Text)
	if e.Incoming != "" {
		fmt.Fprintf(&b, ": incoming version %d, %s", e.IncomingVersion, e.Incoming)
	}
	if e.Local != "" {
		fmt.Fprintf(&b, ": local version %d, %s", e.LocalVersion, e.Local)
	}
	if e.Rule != "" {
		fmt.Fprintf(&b, " (%s)", e.Rule)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrTransform) true.
func (e *TransformError) Is(target error) bool { return target == ErrTransform }

// maxText bounds the text of an error: names come from the other side and may be long. Addresses are bounded by themselves.
const maxText = 400

// fail makes the error of a rule about two instructions, given in any order.
func fail(rule string, x, y *node, text string) error {
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	if !x.owner.local {
		x, y = y, x
	}
	return &TransformError{
		Rule: rule, Text: text,
		Local: x.in.Address(), LocalVersion: x.owner.entry.Version,
		Incoming: y.in.Address(), IncomingVersion: y.owner.entry.Version,
	}
}

// malformed makes the error of an instruction that no decoder returns.
func malformed(w *work, address, text string) error {
	e := &TransformError{Text: text}
	if w.local {
		e.Local, e.LocalVersion = address, w.entry.Version
	} else {
		e.Incoming, e.IncomingVersion = address, w.entry.Version
	}
	return e
}
