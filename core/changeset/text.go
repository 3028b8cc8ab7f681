package changeset

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"realmsync/core/value"
)

var opNames = [...]string{"AddTable", "EraseTable", "CreateObject", "EraseObject", "Update", "AddInteger", "AddColumn",
	"EraseColumn", "ArrayInsert", "ArrayMove", "ArrayErase", "Clear", "SetInsert", "SetErase"}

// String returns the name of the instruction.
func (op Op) String() string {
	if int(op) < len(opNames) {
		return opNames[op]
	}
	return fmt.Sprintf("instruction code %d", uint8(op))
}

// Address names the instruction and what it addresses, for error texts and logs: `Update Person["p1"].home.street`.
func (in *Instruction) Address() string {
	var b strings.Builder
	b.WriteString(in.Op.String())
	b.WriteByte(' ')
	b.WriteString(clip(in.Table))
	if in.IsPath() || in.Op == CreateObject || in.Op == EraseObject {
		fmt.Fprintf(&b, "[%s]", clip(in.Key.String()))
	}
	if in.IsPath() || in.Op == AddColumn || in.Op == EraseColumn {
		b.WriteByte('.')
		b.WriteString(clip(in.Field))
	}
	for i, step := range in.Path {
		if i == 8 {
			b.WriteString("...")
			break
		}
		if step.IsPos {
			fmt.Fprintf(&b, "[%d]", step.Pos)
		} else {
			fmt.Fprintf(&b, ".%s", clip(step.Key))
		}
	}
	return b.String()
}

// clip keeps error texts readable when somebody sends a megabyte.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// CheckText returns a *BadChangesetError if a name, a key or a string value is not UTF-8 (spec/changeset.md section 4, R12).
// Decode lets such text pass, as the original does; a server should refuse it on upload.
func CheckText(c *Changeset) error {
	for i := range c.Instructions {
		in := &c.Instructions[i]
		what := ""
		switch {
		case !utf8.ValidString(in.Table):
			what = "the class name"
		case !utf8.ValidString(in.Field):
			what = "the property name"
		case !utf8.ValidString(in.Key.Str()):
			what = "the primary key"
		case in.Schema != nil && !(utf8.ValidString(in.Schema.KeyField) && utf8.ValidString(in.Schema.LinkTarget)):
			what = "a name"
		case in.Value.Kind() == value.KindString && !utf8.ValidString(in.Value.Str()):
			what = "the value"
		case in.Value.Kind() == value.KindLink && !(utf8.ValidString(in.Value.Link().Class) && utf8.ValidString(in.Value.Link().Key.Str())):
			what = "the link's target"
		}
		for k := range in.Path {
			if !utf8.ValidString(in.Path[k].Key) {
				what = "a key of the path"
			}
		}
		if what != "" {
			return &BadChangesetError{Reason: ReasonText, Offset: -1, Index: i, Address: strings.ToValidUTF8(in.Address(), "?"), Text: what + " is not UTF-8"}
		}
	}
	return nil
}
