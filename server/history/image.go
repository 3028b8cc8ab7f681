package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"realmsync/core/value"
	"realmsync/server/store"
)

// Image is what one version did to one object: how the object was before, and after. Nil means that it didn't exist.
//
// Previous is the version that touched the object before this one, 0 if none did. So the versions that touched an object
// form a chain, whose newest link is in the object's record: an upload finds the history it must be merged with by walking
// these chains from the objects that it touches, and needs no index beside them.
type Image struct {
	Ref           store.ObjectRef
	ClassName     string
	Key           value.Key
	Previous      uint64
	Before, After *Row

	large bool // the version is a large one (Config.LargeVersion)
}

// Change tells what the version means for the object as a view shows it that is subscribed to its class: inBefore and inAfter tell whether the object was
// in the view, where it existed.
//
// What came to be in a large version enters the views that show it, as what existed outside of them does. Such a version is told in batches, of which a
// client may keep some and then be told them again, and only what begins with an erasure says the same twice.
func (m *Image) Change(inBefore, inAfter bool) Change {
	return Classify(m.Before != nil || m.large && m.After != nil, inBefore, m.After != nil, inAfter)
}

// Images of one version: form byte, count, then for each object class, key, previous version, the two documents (length+1,
// or 0 for none).
const imagesForm = 1

var errImages = errors.New("history: stored images are cut short: the data is damaged")

func (e *encoder) images(b []byte, images []Image) []byte {
	size := 16
	for i := range images {
		size += 16 + len(images[i].ClassName) + len(images[i].Ref.Key)
		for _, row := range [2]*Row{images[i].Before, images[i].After} {
			if row != nil {
				size += row.stored()
			}
		}
	}
	b = slices.Grow(b, size)
	b = append(b, imagesForm)
	b = binary.AppendUvarint(b, uint64(len(images)))
	var doc []byte
	for i := range images {
		m := &images[i]
		b = binary.AppendUvarint(b, uint64(m.Ref.Class))
		b = appendText(b, m.ClassName)
		b = appendText(b, m.Ref.Key)
		b = binary.AppendUvarint(b, m.Previous)
		for _, row := range [2]*Row{m.Before, m.After} {
			if row == nil {
				b = append(b, 0)
				continue
			}
			doc = e.document(doc[:0], row)
			b = binary.AppendUvarint(b, uint64(len(doc))+1)
			b = append(b, doc...)
		}
	}
	return b
}

// decodeImages is the inverse of encoder.images, without objects of classes that are no more. want, if not nil, chooses the
// objects; the others are skipped, undecoded.
func decodeImages(catalog *Catalog, b []byte, want func(store.ObjectRef) bool) ([]Image, error) {
	d := decoder{rest: b}
	if form := d.byte(); form != imagesForm {
		return nil, fmt.Errorf("history: stored images have the unknown form %d: the data is damaged", form)
	}
	n := d.uvarint()
	if d.failed {
		return nil, errImages
	}
	var out []Image
	if want == nil && n <= uint64(len(b)) {
		out = make([]Image, 0, n)
	}
	for range n {
		m := Image{Ref: store.ObjectRef{Class: uint32(d.uvarint())}}
		m.ClassName = d.text()
		m.Ref.Key = d.text()
		m.Previous = d.uvarint()
		before, after := d.document(), d.document()
		if d.failed {
			return nil, errImages
		}
		class := catalog.ClassByID(m.Ref.Class)
		if class == nil || want != nil && !want(m.Ref) {
			continue
		}
		var err error
		if m.Key, err = DecodeKey(m.Ref.Key); err != nil {
			return nil, err
		}
		if m.Before, err = decodeOptional(catalog, class, m.Key, before); err != nil {
			return nil, err
		}
		if m.After, err = decodeOptional(catalog, class, m.Key, after); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// document reads a document, nil for none.
func (d *decoder) document() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	return d.bytes(n - 1)
}

func decodeOptional(catalog *Catalog, class *Class, key value.Key, doc []byte) (*Row, error) {
	if doc == nil {
		return nil, nil
	}
	return decodeDocument(catalog, class, key, doc)
}
