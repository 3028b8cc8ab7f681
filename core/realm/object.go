package realm

/*
#include "object.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Object is a live object in C memory: realm_object_t of include/realm_sync.h. Its owner gives it up with ReleaseObject. It is only
// ever a pointer that C handed in or that goes out to C.
type Object = unsafe.Pointer

// object returns the struct behind a pointer that came from outside.
func object(o Object) (*C.rlm_object, error) {
	p := (*C.rlm_object)(o)
	if C.rlm_object_check(p) == 0 {
		return nil, ErrInvalidHandle
	}
	return p, nil
}

// ReleaseObject gives an object up. Released and foreign pointers do nothing.
func ReleaseObject(o Object) { C.rlm_object_release((*C.rlm_object)(o)) }

// LiveObjects counts the objects that have not been released.
func LiveObjects() int64 { return int64(C.rlm_object_count()) }

// InstanceOf returns the instance an object belongs to, with a handle added.
func InstanceOf(o Object) (*Realm, error) {
	p, err := object(o)
	if err != nil {
		return nil, err
	}
	return retained(uint64(p.instance.id))
}

func retained(id uint64) (*Realm, error) {
	instances.Lock()
	r := instances.byID[id]
	instances.Unlock()
	if r == nil || !r.retainIfOpen() {
		return nil, ErrClosed
	}
	return r, nil
}

// owner returns the instance of an object without adding a handle: the object keeps it.
func owner(o Object) (*Realm, *C.rlm_object, error) {
	p, err := object(o)
	if err != nil {
		return nil, nil, err
	}
	instances.Lock()
	r := instances.byID[uint64(p.instance.id)]
	instances.Unlock()
	if r == nil {
		return nil, nil, ErrClosed
	}
	return r, p, nil
}

func (r *Realm) newObject(class uint32, row int64) Object {
	o := C.rlm_object_new(r.c, C.uint32_t(class), C.int64_t(row))
	if o == nil {
		panic("realm: out of memory") // as cgo does
	}
	return unsafe.Pointer(o)
}

// Create makes an object from n cells in property order (a *rlm_cell array), the primary key among them. With upsert an
// existing object with the key gets the supplied values instead. The object belongs to the caller.
//
// Collections and embedded objects have no cells: theirs are absent, and what they are to hold is put in afterwards. An embedded object that
// exists goes with a null.
//
// Errors: ErrNotInTransaction, ErrNoSubscription, store.ErrKeyExists, ErrType, ErrNotNullable, ErrNoObject.
func (r *Realm) Create(class uint32, cells unsafe.Pointer, n int, upsert bool) (o Object, created bool, err error) {
	if err := r.enterOnThread(); err != nil {
		return nil, false, err
	}
	defer r.leave()
	cl, err := r.classToWrite(class)
	if err != nil {
		return nil, false, err
	}
	if cl.Def.Kind == schema.Embedded {
		return nil, false, errorf(store.ErrType, "Explicit creation of embedded object not allowed in: class_%s", cl.Def.Name)
	}
	if n < 0 || n > len(cl.Def.Properties) || n > 0 && cells == nil {
		return nil, false, errorf(store.ErrRange, "class '%s' has %d properties, there are %d values", cl.Def.Name, len(cl.Def.Properties), n)
	}
	row := unsafe.Slice((*store.Cell)(cells), n)
	if err := r.checkText(cl, 0, row); err != nil {
		return nil, false, err
	}
	if err := r.checkPlaces(cl, 0, row); err != nil {
		return nil, false, err
	}
	rowid, created, err := r.create(cl, row, upsert)
	r.moved()
	if err != nil {
		return nil, false, err
	}
	return r.newObject(class, rowid), created, nil
}

func (r *Realm) create(cl *store.Class, cells []store.Cell, upsert bool) (rowid int64, created bool, err error) {
	if r.config.Synced && !r.config.ForcedHistory {
		// The check is for new objects only, but whether it is one is known after the insert; so it goes first, and costs a set
		// look-up per class and transaction.
		if err := r.checkSubscribed(cl, cells, upsert); err != nil {
			return 0, false, err
		}
	}
	rowid, err = r.conn.Insert(cl, unsafe.SliceData(cells), len(cells))
	switch {
	case err == nil:
		return rowid, true, r.recordCreate(cl, rowid, cells)
	case !upsert || !errors.Is(err, store.ErrKeyExists):
		return 0, false, err
	}
	rowid, ok, err := r.conn.FindCell(cl, &cells[cl.KeyIndex])
	if err != nil || !ok {
		return 0, false, errors.Join(err, errorf(store.ErrNoObject, "the existing object of class '%s' can't be found", cl.Def.Name))
	}
	for i := range cells {
		if i == cl.KeyIndex || cells[i].Type == store.CellAbsent {
			continue
		}
		if err := r.conn.SetCell(cl, rowid, i, &cells[i]); err != nil {
			return 0, false, err
		}
		if err := r.recordUpdate(cl, rowid, i, &cells[i], cells, false); err != nil {
			return 0, false, err
		}
	}
	return rowid, false, nil
}

// checkSubscribed refuses a new object of a class that the latest subscription set doesn't cover (sync-semantics.md 2.9).
func (r *Realm) checkSubscribed(cl *store.Class, cells []store.Cell, upsert bool) error {
	if cl.Def.Kind != schema.TopLevel || r.recorder.covered[cl.ID] {
		return nil
	}
	ok, err := history.Covered(r.conn, cl.Def.Name)
	if err != nil {
		return err
	}
	if ok {
		r.recorder.covered[cl.ID] = true
		return nil
	}
	if upsert && cl.KeyIndex >= 0 && cl.KeyIndex < len(cells) {
		if _, exists, err := r.conn.FindCell(cl, &cells[cl.KeyIndex]); err != nil || exists {
			return err
		}
	}
	return errorf(ErrNoSubscription, "Cannot write to class %s when no flexible sync subscription has been created.", cl.Def.Name)
}

func (r *Realm) classToWrite(class uint32) (*store.Class, error) {
	if !r.conn.InWrite() {
		return nil, ErrNotInTransaction
	}
	return r.classByID(class)
}

// Find returns the object with that primary key (a *rlm_cell); nil if there is none.
func (r *Realm) Find(class uint32, key unsafe.Pointer) (Object, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	cl, err := r.classByID(class)
	if err != nil {
		return nil, err
	}
	rowid, ok, err := r.conn.FindCell(cl, (*store.Cell)(key))
	if err != nil || !ok {
		return nil, err
	}
	return r.newObject(class, rowid), nil
}

// Get returns the object with that row id. Errors: store.ErrNoObject.
func (r *Realm) Get(class uint32, rowid int64) (Object, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	cl, err := r.classByID(class)
	if err != nil {
		return nil, err
	}
	o := r.newObject(class, rowid)
	if err := r.load(cl, (*C.rlm_object)(o)); err != nil {
		ReleaseObject(o) // doesn't call back: the caller has a handle
		return nil, err
	}
	return o, nil
}

// LoadObject makes the row of an object current. Errors: store.ErrNoObject, ErrClosed, ErrInvalidHandle.
func LoadObject(o Object) error {
	r, p, err := owner(o)
	if err != nil {
		return err
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	cl, err := r.classByID(uint32(p.class_key))
	if err != nil {
		return err
	}
	return r.load(cl, p)
}

func (r *Realm) load(cl *store.Class, p *C.rlm_object) error {
	if p.batch != nil && p.stamp == r.c.stamp {
		return nil
	}
	batch, err := r.conn.LoadRows(cl, []int64{int64(p.object_key)})
	if err != nil {
		return err
	}
	if !batch.Present(0) {
		batch.Release()
		C.rlm_object_detach(p)
		return noObject(cl, int64(p.object_key))
	}
	C.rlm_object_attach(p, (*C.rlm_batch)(batch.Pointer()), 0, r.c.stamp)
	return nil
}

// Valid tells whether an object exists in its realm's snapshot. After Invalidate there is none, until something is read.
func Valid(o Object) bool {
	r, p, err := owner(o)
	if err != nil || r.hasDrifted() || r.enter() != nil {
		return false
	}
	defer r.leave()
	if p.batch != nil && p.stamp == r.c.stamp {
		return true
	}
	cl, err := r.classByID(uint32(p.class_key))
	if err != nil {
		return false
	}
	ok, err := r.conn.Exists(cl, int64(p.object_key))
	return ok && err == nil
}

// CloneObject returns another handle on the same object.
func CloneObject(o Object) (Object, error) {
	r, p, err := owner(o)
	if err != nil {
		return nil, err
	}
	c := (*C.rlm_object)(r.newObject(uint32(p.class_key), int64(p.object_key)))
	if p.batch != nil {
		C.rlm_batch_retain(p.batch)
		C.rlm_object_attach(c, p.batch, p.row, p.stamp)
	}
	return unsafe.Pointer(c), nil
}

// ResolveObject returns the same object in another instance of the file; nil if it doesn't exist there. A live target that lags
// behind the object's instance is moved to the newest version first.
func ResolveObject(o Object, target *Realm) (Object, error) {
	r, p, err := owner(o)
	if err != nil {
		return nil, err
	}
	if r.file != target.file {
		return nil, errorf(ErrMismatchedConfig, "the object is of the realm '%s', not of '%s'", r.path, target.path)
	}
	class, row := uint32(p.class_key), int64(p.object_key)
	if err := target.catchUp(r.Version()); err != nil {
		return nil, err
	}
	found, err := target.Get(class, row)
	if errors.Is(err, store.ErrNoObject) {
		return nil, nil
	}
	return found, err
}

// catchUp moves a live instance that is behind a version to the newest one.
func (r *Realm) catchUp(version uint64) error {
	if r.frozen || r.InWrite() || r.Version() >= version {
		return nil
	}
	_, err := r.Refresh()
	return err
}

// set runs a change of an object in its write transaction.
func set(o Object, change func(r *Realm, cl *store.Class, p *C.rlm_object) error) error {
	r, p, err := owner(o)
	if err != nil {
		return err
	}
	if err := r.enterOnThread(); err != nil {
		return err
	}
	defer r.leave()
	cl, err := r.classToWrite(uint32(p.class_key))
	if err != nil {
		return err
	}
	defer r.moved()
	return change(r, cl, p)
}

// SetProperty sets a property to a cell (*rlm_cell); a link is a cell of type link, an absent one changes nothing. The
// object's own row stays current.
func SetProperty(o Object, property int, cell unsafe.Pointer) error {
	return setProperty(o, property, cell, false)
}

// SetDefault is SetProperty for a value that the application didn't choose: what its model gives to a new object. When devices write at the
// same time, such a write loses against any other, however old (merge.md). Null for a link that is null is not recorded.
func SetDefault(o Object, property int, cell unsafe.Pointer) error {
	return setProperty(o, property, cell, true)
}

func setProperty(o Object, property int, cell unsafe.Pointer, byDefault bool) error {
	return set(o, func(r *Realm, cl *store.Class, p *C.rlm_object) error {
		v := (*store.Cell)(cell)
		if v.Type == store.CellAbsent {
			return nil
		}
		if property < 0 || property >= len(cl.Def.Properties) {
			return errorf(store.ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
		}
		if err := r.checkText(cl, property, unsafe.Slice(v, 1)); err != nil {
			return err
		}
		if err := r.checkPlaces(cl, property, unsafe.Slice(v, 1)); err != nil {
			return err
		}
		if byDefault && v.Kind() == value.KindNull && cl.Def.Properties[property].Type == value.KindLink {
			old, err := r.conn.Value(cl, int64(p.object_key), property)
			if err != nil || old.IsNull() { // recorded, it would remove an embedded object that another device has made (changeset.md 6.4)
				return err
			}
		}
		if err := r.conn.SetCell(cl, int64(p.object_key), property, v); err != nil {
			return err
		}
		r.patch(p, property, v)
		return r.recordUpdate(cl, int64(p.object_key), property, v, r.rowOf(p), byDefault)
	})
}

// SetLink sets a property to a link by primary key, to an object that need not exist. While it doesn't, the property reads as null, and nothing is
// recorded: the link stays on this device until the object comes, and goes to the others then (changeset.md 6.4, 6.10). Errors: those of
// SetProperty.
func SetLink(o Object, property int, link value.Link) error {
	return set(o, func(r *Realm, cl *store.Class, p *C.rlm_object) error {
		if property < 0 || property >= len(cl.Def.Properties) {
			return errorf(store.ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
		}
		target := r.conn.Class(link.Class)
		if err := checkLink(cl, property, target, link); err != nil {
			return err
		}
		if err := r.conn.SetValue(cl, int64(p.object_key), property, value.FromLink(link.Class, link.Key)); err != nil {
			return err
		}
		row, live, err := r.conn.Find(target, link.Key)
		if err != nil || !live {
			return err
		}
		cell := store.LinkCell(target.ID, row)
		return r.recordUpdate(cl, int64(p.object_key), property, &cell, nil, false)
	})
}

// checkLink refuses links that a property can't hold; target is the link's class, nil if there is none.
func checkLink(cl *store.Class, property int, target *store.Class, link value.Link) error {
	p := &cl.Def.Properties[property]
	switch {
	case target == nil:
		return errorf(store.ErrSchema, "'%s' is not a class", link.Class)
	case target.Def.Kind != schema.TopLevel || target.KeyIndex < 0:
		return errorf(store.ErrType, "there are no links by primary key to objects of class '%s'", link.Class)
	case target.Def.Properties[target.KeyIndex].Type != link.Key.Kind() && (link.Key.Kind() != value.KindNull || !target.Def.Properties[target.KeyIndex].Nullable):
		return errorf(store.ErrType, "the primary key of class '%s' is not of type %v", link.Class, link.Key.Kind())
	case p.Collection != schema.Single, p.Type != value.KindMixed && (p.Type != value.KindLink || p.LinkTarget != link.Class):
		return errorf(store.ErrType, "a link to class '%s' for '%s.%s'", link.Class, cl.Def.Name, p.Name)
	default:
		return nil
	}
}

// AddInt adds to an integer property, wrapping around. Errors: ErrNull, store.ErrType.
func AddInt(o Object, property int, amount int64) error {
	return set(o, func(r *Realm, cl *store.Class, p *C.rlm_object) error {
		if property < 0 || property >= len(cl.Def.Properties) {
			return errorf(store.ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
		}
		if err := r.load(cl, p); err != nil {
			return err
		}
		old := &r.rowOf(p)[property]
		switch {
		case old.Kind() == value.KindNull:
			return ErrNull
		case old.Kind() != value.KindInt:
			return errorf(store.ErrType, "'%s.%s' is not an integer", cl.Def.Name, cl.Def.Properties[property].Name)
		}
		sum := store.IntCell(old.Int() + amount)
		if err := r.conn.SetCell(cl, int64(p.object_key), property, &sum); err != nil {
			return err
		}
		r.patch(p, property, &sum)
		if !r.recorder.on {
			return nil
		}
		a, err := r.addressOf(cl, int64(p.object_key), property, r.rowOf(p))
		if err != nil {
			return r.recorder.fail(err)
		}
		return r.recordAt(a, changeset.Instruction{Op: changeset.AddInteger, Add: amount})
	})
}

// DeleteObject deletes an object; links to it become null.
func DeleteObject(o Object) error {
	return set(o, func(r *Realm, cl *store.Class, p *C.rlm_object) error {
		if err := r.deleteRow(cl, int64(p.object_key)); err != nil {
			return err
		}
		C.rlm_object_detach(p)
		return nil
	})
}

// deleteRow deletes a row after taking the links to it away, as a local deletion does (changeset.md 6.10): what remains dangling are
// deletions that came from elsewhere.
func (r *Realm) deleteRow(cl *store.Class, rowid int64) error {
	if cl.Def.Kind == schema.Embedded {
		return r.deleteEmbedded(cl, rowid)
	}
	key, err := r.conn.KeyOf(cl, rowid)
	if errors.Is(err, store.ErrNoObject) {
		return noObject(cl, rowid)
	}
	if err != nil {
		return err
	}
	refs, err := r.conn.Incoming(cl, rowid)
	if err != nil {
		return err
	}
	u := unlinker{realm: r, link: store.LinkCell(cl.ID, rowid)}
	for _, ref := range refs {
		if err := u.unlink(ref); err != nil {
			return err
		}
	}
	if err := r.conn.Delete(cl, rowid); err != nil {
		return err
	}
	return r.recordErase(cl, key)
}

func noObject(cl *store.Class, rowid int64) error {
	return errorf(store.ErrNoObject, "No object with key '%d' in 'class_%s'", rowid, cl.Def.Name)
}

// rowOf returns the cells of an object's row as it was read last, nil if it wasn't: a key never changes, and stays the first property whatever
// becomes of the others.
func (r *Realm) rowOf(p *C.rlm_object) []store.Cell {
	if p.values == nil {
		return nil
	}
	return unsafe.Slice((*store.Cell)(unsafe.Pointer(p.values)), int(p.n_values))
}

// patch keeps an object's own row current across a change of one of its properties.
func (r *Realm) patch(p *C.rlm_object, property int, v *store.Cell) {
	current := p.batch != nil && p.stamp == r.c.stamp
	r.moved()
	if current && C.rlm_batch_patch(p.batch, p.row, C.int32_t(property), (*C.rlm_cell)(unsafe.Pointer(v))) == 0 {
		p.stamp = r.c.stamp
	}
}
