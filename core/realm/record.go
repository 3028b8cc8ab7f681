package realm

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// recorder collects the instructions of a write transaction of a synced realm (changeset.md section 6). For a local realm it does
// nothing.
type recorder struct {
	on      bool
	rec     changeset.Recorder
	covered map[uint32]bool // classes that the latest subscription set was seen to cover, in this transaction
	fading  map[uint32]bool // asymmetric classes of which objects were created in this transaction: they vanish with it
	failed  error           // a change that was made could not be recorded: the transaction can't be committed
}

func (c *recorder) reset() {
	if c.on {
		c.rec.Reset()
		c.covered, c.fading, c.failed = map[uint32]bool{}, map[uint32]bool{}, nil
	}
}

// record records a change that has been made. If that fails, the transaction can only be rolled back: data and changeset would differ.
func (c *recorder) record(in changeset.Instruction) error { return c.fail(c.rec.Record(&in)) }

func (c *recorder) fail(err error) error {
	if err != nil && c.failed == nil {
		c.failed = err
	}
	return err
}

// keyOf returns the primary key of an object whose cells are at hand, or looks it up.
func (r *Realm) keyOf(cl *store.Class, rowid int64, cells []store.Cell) (value.Key, error) {
	if cl.KeyIndex >= 0 && cl.KeyIndex < len(cells) && cells[cl.KeyIndex].Type != store.CellAbsent {
		if key, ok := value.KeyOf(cells[cl.KeyIndex].Value()); ok {
			return key, nil
		}
	}
	return r.conn.KeyOf(cl, rowid)
}

// payload returns the value of a cell as an instruction carries it. The bytes of strings are those of the cell: the recorder copies
// them at once.
func (r *Realm) payload(cell *store.Cell) (value.Value, error) {
	switch cell.Kind() {
	case value.KindLink:
		return r.conn.ValueOf(cell)
	case value.KindString:
		return value.String(alias(cell.Bytes())), nil
	case value.KindBinary:
		return value.BinaryString(alias(cell.Bytes())), nil
	default:
		return cell.Value(), nil
	}
}

// checkText refuses, before anything is changed, strings that are no UTF-8: servers refuse their upload (changeset.CheckText), and every
// change after them would wait for ever.
func (r *Realm) checkText(cl *store.Class, first int, cells []store.Cell) error {
	if !r.recorder.on {
		return nil
	}
	for i := range cells {
		if cells[i].Kind() == value.KindString && cells[i].Type != store.CellAbsent && !utf8.Valid(cells[i].Bytes()) {
			return errorf(store.ErrType, "the string for '%s.%s' is not UTF-8, it can't be synced", cl.Def.Name, cl.Def.Properties[first+i].Name)
		}
	}
	return nil
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// recordUpdate records that a property was set; cells are those of the row, if they are at hand.
func (r *Realm) recordUpdate(cl *store.Class, row int64, property int, cell *store.Cell, cells []store.Cell, byDefault bool) error {
	if !r.recorder.on {
		return nil
	}
	v, err := r.payload(cell)
	if err != nil {
		return r.recorder.fail(err)
	}
	a, err := r.addressOf(cl, row, property, cells)
	if err != nil {
		return r.recorder.fail(err)
	}
	return r.recordAt(a, changeset.Instruction{Op: changeset.Update, Value: v, Default: byDefault})
}

// recordCreate records a new object, the links that its creation made live again, and the properties that were supplied.
func (r *Realm) recordCreate(cl *store.Class, rowid int64, cells []store.Cell) error {
	if !r.recorder.on {
		return nil
	}
	key, err := r.keyOf(cl, rowid, cells)
	if err != nil {
		return r.recorder.fail(err)
	}
	if err := r.recorder.record(changeset.Instruction{Op: changeset.CreateObject, Table: cl.Def.Name, Key: key}); err != nil {
		return err
	}
	if cl.Def.Kind == schema.Asymmetric {
		r.recorder.fading[cl.ID] = true
	}
	link := value.FromLink(cl.Def.Name, key)
	for _, ref := range slices.Clone(r.conn.Revived()) {
		if err := r.recordRevived(ref, link); err != nil {
			return r.recorder.fail(err)
		}
	}
	for i := range cells {
		if i == cl.KeyIndex || cells[i].Type == store.CellAbsent {
			continue
		}
		if err := r.recordUpdate(cl, rowid, i, &cells[i], cells, false); err != nil {
			return err
		}
	}
	return nil
}

// recordErase records that an object with that key was deleted.
func (r *Realm) recordErase(cl *store.Class, key value.Key) error {
	if !r.recorder.on || cl.Def.Kind == schema.Asymmetric {
		return nil
	}
	return r.recorder.record(changeset.Instruction{Op: changeset.EraseObject, Table: cl.Def.Name, Key: key})
}

// fade deletes the asymmetric objects that the transaction created: they are only uploaded. Nothing of it is recorded.
func (r *Realm) fade() error {
	for id := range r.recorder.fading {
		cl := r.conn.ClassByID(id)
		if cl == nil { // removed since
			continue
		}
		plan, err := r.conn.All(cl)
		if err != nil {
			return err
		}
		rows, err := plan.RowIDs()
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := r.conn.Delete(cl, row); err != nil {
				return err
			}
		}
	}
	return nil
}
