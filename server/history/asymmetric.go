package history

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/schema"
)

// Asymmetric returns the objects of asymmetric classes that a version has brought, as they are at its end. Nothing of them is kept in the state
// (spec/sync-semantics.md section 8), but each is whole in the changeset that makes it. It asks no store and doesn't block.
func (e *Engine) Asymmetric(entry *Entry) ([]*Row, error) {
	c := &changeset.Changeset{}
	for i := range entry.Changeset.Instructions {
		in := &entry.Changeset.Instructions[i]
		if class := entry.Catalog.Class(in.Table); !in.IsSchema() && class != nil && class.Kind == schema.Asymmetric {
			c.Instructions = append(c.Instructions, *in)
		}
	}
	if c.Empty() {
		return nil, nil
	}
	w := newWorkspace(nil, entry.Catalog) // slots of these classes are never read
	w.mark()
	w.begin(entry.Version)
	if err := e.cfg.Rules.ApplyEntry(w, &merge.Entry{Changeset: c}); err != nil {
		return nil, fmt.Errorf("history: the asymmetric objects of server version %d: %w", entry.Version, err)
	}
	var out []*Row
	for _, s := range w.touched {
		if s.row != nil {
			out = append(out, s.row)
		}
	}
	return out, nil
}
