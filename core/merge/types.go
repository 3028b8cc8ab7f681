package merge

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// Entry is one changeset in a merge with its header (spec/merge.md section 1.1).
type Entry struct {
	// Changeset is never nil. Its instructions are only read; merging replaces the pointer when it changes something.
	Changeset *changeset.Changeset
	// Version is that of the sending side for incoming changesets, that of the merging side for local ones.
	Version uint64
	// LastIntegrated is the newest version of the receiving side that the sender had integrated before: the base. Incoming only.
	LastIntegrated uint64
	// Timestamp is the time of the change by the clock of its originating client, in ms since 2015-01-01T00:00:00Z.
	Timestamp uint64
	// FileIdent is the originating file, never 0: the file's own ident for its own changes, 1 for those of the server.
	FileIdent uint64
	// Dirty is set when merging changes the changeset; it is never reset.
	Dirty bool
	// Remakes is set when merging lets a Clear of the changeset outlive the removal of the dictionary entry that it clears: the entry is
	// gone where the changeset is going to be applied. Rules.ApplyEntry makes it again.
	Remakes bool
}

// older is the order that decides conflicts (section 3).
func (e *Entry) older(f *Entry) bool {
	if e.Timestamp != f.Timestamp {
		return e.Timestamp < f.Timestamp
	}
	return e.FileIdent < f.FileIdent
}

// ObjectRef names an object. It is comparable.
type ObjectRef struct {
	Class string
	Key   value.Key
}

// Touched tells what changesets concern.
type Touched struct {
	Objects []ObjectRef // each once, in the order in which they are first addressed; owners for what is inside of embedded objects
	Schema  bool        // there are schema instructions
	Erases  bool        // there are EraseTable or EraseColumn, which concern objects that are not listed
}

// Touch returns what the changesets concern. Of all rules of merging, those between two instructions on objects relate instructions
// on the same object only; EraseTable and EraseColumn meet everything; the other schema instructions meet only each other
// (section 2.4). So changesets need to be merged with a history entry only if
//
//   - an object is touched by both, or
//   - both have schema instructions, or
//   - one of them erases.
func Touch(changesets ...*changeset.Changeset) Touched {
	var t Touched
	n := 0
	for _, c := range changesets {
		n += len(c.Instructions)
	}
	seen := make(map[ObjectRef]struct{}, min(n, 1024))
	var last *changeset.Instruction
	for _, c := range changesets {
		for i := range c.Instructions {
			in := &c.Instructions[i]
			if in.IsSchema() {
				t.Schema = true
				t.Erases = t.Erases || in.Op == changeset.EraseTable || in.Op == changeset.EraseColumn
				continue
			}
			if last != nil && last.Key == in.Key && last.Table == in.Table {
				continue
			}
			last = in
			ref := ObjectRef{Class: in.Table, Key: in.Key}
			if _, ok := seen[ref]; !ok {
				seen[ref] = struct{}{}
				t.Objects = append(t.Objects, ref)
			}
		}
	}
	return t
}

// Objects returns the objects that a changeset touches, each once.
func Objects(c *changeset.Changeset) []ObjectRef { return Touch(c).Objects }
