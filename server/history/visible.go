package history

// Viewer tells what one client file is subscribed to.
type Viewer interface {
	// Sees tells whether the object is in the view. The row is not nil.
	Sees(row *Row) (bool, error)
	// Subscribed tells whether the view has a query on the class.
	Subscribed(class string) bool
}

// FieldViewer is a Viewer that doesn't show every property of the objects that it shows. Those that it doesn't show may not be written either.
type FieldViewer interface {
	Viewer
	// FieldsOf returns a text that is equal for views which show the same properties of the class; "" stands for all.
	FieldsOf(class string) string
}

// SameFields tells whether two views show the same properties of the objects of a class that they show.
func SameFields(a, b Viewer, class string) bool { return fieldsOf(a, class) == fieldsOf(b, class) }

func fieldsOf(v Viewer, class string) string {
	if f, ok := v.(FieldViewer); ok {
		return f.FieldsOf(class)
	}
	return ""
}

// Change is what a version means for one object as a view sees it (spec/sync-semantics.md section 4.2).
type Change uint8

// The changes.
const (
	// Nothing: the object is outside, before and after; or neither it nor its class is of interest.
	Nothing Change = iota
	// Raw: the instructions of the version, as they are.
	Raw
	// Gone: one EraseObject, because the object ended (whatever else the version did to it) while the view could hold it.
	Gone
	// Left: one EraseObject, though the object lives on.
	Left
	// Entered: EraseObject, CreateObject and the full state, because the object existed outside the view before, or came to be in a large version.
	Entered
)

// Faithful tells whether a client that is sent this change can merge its own concurrent writes with it as the server does:
// both then merge with the same instructions, or with an erasure that discards the same writes. After any other change the
// two would disagree, so the server must not accept writes that were made without knowledge of it (see DESIGN.md).
func (c Change) Faithful() bool { return c == Raw || c == Gone }

// Classify tells what a version means for one object of a class that the view is subscribed to. before and after tell
// whether the object existed, in... whether it was in the view. See Image.Change.
func Classify(before, inBefore, after, inAfter bool) Change {
	switch {
	case inBefore && inAfter:
		return Raw
	case !before && inAfter:
		return Raw // it came to be here, so a concurrent creation merges with this one field by field
	case inAfter:
		return Entered
	case inBefore && after:
		return Left
	case inBefore || !before && !after:
		// Created and ended in one version counts too: a concurrent creation elsewhere is discarded by the erasure.
		return Gone
	default:
		return Nothing
	}
}

// change classifies an image. Classes without subscription are of no interest.
func change(view Viewer, m *Image) (Change, error) {
	if !view.Subscribed(m.ClassName) {
		return Nothing, nil
	}
	var in [2]bool
	for i, row := range [2]*Row{m.Before, m.After} {
		if row == nil {
			continue
		}
		var err error
		if in[i], err = view.Sees(row); err != nil {
			return Nothing, err
		}
	}
	return m.Change(in[0], in[1]), nil
}
