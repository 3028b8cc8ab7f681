package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// The stored form of a row, a document: a byte for the form, then for each property that isn't as in a new object its number, the
// kind and the value. The primary key is not in it.
//
// Form 1 has values only. Form 2 has containers too:
//
//	object            class number, length of what follows, then properties as in a document
//	list, set         2 * count, then the elements; or 2 * pieces + 1, then for each piece its count and its number in the store
//	dictionary        the same with a key before each element
//
// The body of a piece is a byte for its form (1) and then its elements. Rows without containers have form 1.
const (
	documentForm = 1
	nestedForm   = 2
	pieceForm    = 1
)

// maxInline is how long the elements of a collection may be in a document; longer ones are in pieces.
const maxInline = 2 << 10

// maxDepth bounds the nesting of stored containers. Clients may nest 100 levels of collections; objects in between have one more each.
const maxDepth = 512

var errDocument = errors.New("history: a stored document is damaged")

// encoder writes documents. The pieces that they need and that are not in the store yet are collected.
type encoder struct {
	next   *uint64 // number of the next piece; nil: everything goes into the document
	limit  int     // maxInline
	pieces []store.Piece
	nested bool // there was a container in what was written last
}

// document appends the stored form of the row.
func (e *encoder) document(b []byte, r *Row) []byte {
	start := len(b)
	e.nested = false
	b = e.properties(append(b, documentForm), r)
	if e.nested {
		b[start] = nestedForm
	}
	return b
}

func (e *encoder) properties(b []byte, r *Row) []byte {
	for i := range r.values {
		p := &r.Class.Properties[i]
		var c *container
		if r.inner != nil {
			c = r.inner[i]
		}
		switch {
		case p.Name == r.Class.PrimaryKey:
			continue
		case r.Class.inherits(i): // that it is as in a new object must be said: a document without it has what was there before
		case c == nil && r.values[i].Identical(Default(p)), c != nil && p.Collection != schema.Single && c.count == 0:
			continue
		}
		b = binary.AppendUvarint(b, uint64(r.Class.ids[i]))
		b = e.element(b, element{r.values[i], c})
	}
	return b
}

func (e *encoder) element(b []byte, el element) []byte {
	c := el.inner
	if c == nil {
		return appendValue(b, el.value)
	}
	e.nested = true
	kind := c.kind
	b = append(b, byte(kind))
	if kind == value.KindObject {
		body := e.properties(nil, c.object)
		b = binary.AppendUvarint(b, uint64(c.object.Class.ID))
		b = binary.AppendUvarint(b, uint64(len(body)))
		return append(b, body...)
	}
	start := len(b)
	if e.inline(c) {
		b = binary.AppendUvarint(b, uint64(c.count)<<1)
		for k := range c.pieces {
			b = e.leaf(b, c.pieces[k].leaf)
		}
		if e.next == nil || len(b)-start <= e.limit {
			return b
		}
		b = b[:start]
	}
	b = binary.AppendUvarint(b, uint64(len(c.pieces))<<1|1)
	for k := range c.pieces {
		p := &c.pieces[k]
		if p.id == 0 {
			body := e.leaf([]byte{pieceForm}, p.leaf)
			// Whoever encodes has made this piece, or holds the only copy: nobody else knows it before it is in the store.
			p.id = *e.next
			*e.next++
			e.pieces = append(e.pieces, store.Piece{ID: p.id, Body: body})
		}
		b = binary.AppendUvarint(b, uint64(p.count))
		b = binary.AppendUvarint(b, p.id)
	}
	return b
}

// inline tells whether a collection may be in the document: it is all in memory, and not known to be long. That no piece has a
// number yet makes sure that what was found to be long is not written out once more for every container around it.
func (e *encoder) inline(c *container) bool {
	for k := range c.pieces {
		if p := &c.pieces[k]; p.leaf == nil || e.next != nil && p.id != 0 {
			return false
		}
	}
	return e.next == nil || len(c.pieces) <= 8
}

func (e *encoder) leaf(b []byte, l *leaf) []byte {
	for i, el := range l.elements {
		if l.keys != nil {
			b = appendText(b, l.keys[i])
		}
		b = e.element(b, el)
	}
	return b
}

func appendValue(b []byte, v value.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case value.KindInt:
		b = binary.AppendVarint(b, v.Int())
	case value.KindBool:
		b = append(b, byte(v.Bits()))
	case value.KindString, value.KindBinary:
		b = appendText(b, v.Str())
	case value.KindTimestamp:
		t := v.Timestamp()
		b = binary.AppendVarint(b, t.Seconds)
		b = binary.AppendVarint(b, int64(t.Nanoseconds))
	case value.KindFloat:
		b = binary.BigEndian.AppendUint32(b, uint32(v.Bits()))
	case value.KindDouble:
		b = binary.BigEndian.AppendUint64(b, v.Bits())
	case value.KindDecimal:
		d := v.Decimal()
		b = binary.BigEndian.AppendUint64(b, d.Hi)
		b = binary.BigEndian.AppendUint64(b, d.Lo)
	case value.KindLink:
		l := v.Link()
		b = appendText(b, l.Class)
		b = appendText(b, EncodeKey(l.Key))
	case value.KindObjectID:
		id := v.ObjectID()
		b = append(b, id[:]...)
	case value.KindUUID:
		id := v.UUID()
		b = append(b, id[:]...)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decodeDocument is the inverse of encoder.document. Values of properties that were removed are skipped.
func decodeDocument(catalog *Catalog, class *Class, key value.Key, doc []byte) (*Row, error) {
	if len(doc) == 0 || doc[0] != documentForm && doc[0] != nestedForm {
		return nil, errDocument
	}
	d := decoder{rest: doc[1:], catalog: catalog, flat: doc[0] == documentForm}
	r := d.properties(class, key)
	if d.failed {
		return nil, fmt.Errorf("%w: class %q, object %s", errDocument, class.Name, key)
	}
	return r, nil
}

// properties reads properties up to the end. Without a class they are passed over.
func (d *decoder) properties(class *Class, key value.Key) *Row {
	var r *Row
	var held map[uint32]element // everything, where properties have taken the place of others
	if class != nil {
		r = newRow(class, key)
		if len(class.was) > 0 {
			held = map[uint32]element{}
		}
	}
	for len(d.rest) > 0 {
		id := d.uvarint()
		e := d.element()
		if d.failed || id > math.MaxUint32 {
			d.failed = true
			return nil
		}
		if class == nil {
			continue
		}
		if held != nil {
			held[uint32(id)] = e
		}
		i, ok := class.at[uint32(id)]
		switch {
		case !ok: // of a property that was removed
		case class.Properties[i].Name == class.PrimaryKey: // then it has another primary key
			d.failed = true
			return nil
		case e.inner != nil && !e.inner.fits(&class.Properties[i]):
			d.failed = true
			return nil
		case e.inner != nil && class.Properties[i].Collection != schema.Single && e.inner.count == 0: // as in a new object
		default:
			r.set(i, e)
		}
	}
	if held != nil {
		r.inherit(held)
	}
	return r
}

// fits tells whether a property can hold the container.
func (c *container) fits(p *schema.Property) bool {
	switch p.Collection {
	case schema.List:
		return c.kind == value.KindList
	case schema.Set:
		return c.kind == value.KindSet
	case schema.Dictionary:
		return c.kind == value.KindDictionary
	default:
		return c.kind == value.KindObject && p.Type == value.KindLink || p.Type == value.KindMixed && (c.kind == value.KindList || c.kind == value.KindDictionary)
	}
}

// element reads a value or a container; an embedded object of a class that is no more becomes null.
func (d *decoder) element() element {
	if len(d.rest) == 0 {
		d.failed = true
		return element{}
	}
	kind := value.Kind(int8(d.rest[0]))
	if d.flat || kind != value.KindObject && kind != value.KindList && kind != value.KindSet && kind != value.KindDictionary {
		return element{value: d.value()}
	}
	d.byte()
	if d.depth++; d.depth > maxDepth {
		d.failed, d.rest = true, nil
		return element{}
	}
	defer func() { d.depth-- }()
	c := &container{kind: kind}
	if kind == value.KindObject {
		id, body := d.uvarint(), d.bytes(d.uvarint())
		if d.failed || id > math.MaxUint32 {
			d.failed = true
			return element{}
		}
		inside := decoder{rest: body, catalog: d.catalog, depth: d.depth, stored: d.stored}
		c.object = inside.properties(d.catalog.ClassByID(uint32(id)), value.NullKey())
		d.failed = d.failed || inside.failed
		if c.object == nil {
			return element{}
		}
		return element{value.Marker(kind), c}
	}
	n := d.uvarint()
	if n>>1 > uint64(len(d.rest)) || n == 1 {
		d.failed, d.rest = true, nil
		return element{}
	}
	if n&1 == 0 {
		if n > 0 {
			l := d.leaf(kind, int(n>>1))
			c.count, c.pieces = int(n>>1), []piece{{count: int(n >> 1), leaf: l}}
		}
		return element{value.Marker(kind), c}
	}
	c.catalog = d.catalog
	c.pieces = make([]piece, n>>1)
	for k := range c.pieces {
		count, id := d.uvarint(), d.uvarint()
		if d.failed || count == 0 || count > math.MaxInt32 || id == 0 {
			d.failed, d.rest = true, nil
			return element{}
		}
		c.pieces[k] = piece{count: int(count), id: id}
		if d.stored != nil {
			d.stored(kind, int(count), id)
		}
		c.count += int(count)
	}
	return element{value.Marker(kind), c}
}

// leaf reads n elements; there are at least as many bytes.
func (d *decoder) leaf(kind value.Kind, n int) *leaf {
	l := &leaf{}
	for range n {
		if d.failed {
			break
		}
		if kind == value.KindDictionary {
			l.keys = append(l.keys, d.text())
		}
		l.elements = append(l.elements, d.element())
	}
	l.measure()
	return l
}

// decodeLeaf reads the body of a piece.
func decodeLeaf(catalog *Catalog, kind value.Kind, count int, body []byte) (*leaf, error) {
	if len(body) <= count || body[0] != pieceForm {
		return nil, errPieces
	}
	d := decoder{rest: body[1:], catalog: catalog}
	l := d.leaf(kind, count)
	if d.failed || len(d.rest) > 0 {
		return nil, errPieces
	}
	return l, nil
}

// decoder takes stored bytes apart. After a failure everything reads as zero and failed stays set.
type decoder struct {
	rest    []byte
	failed  bool
	catalog *Catalog                                    // of embedded objects
	flat    bool                                        // there are no containers
	stored  func(kind value.Kind, count int, id uint64) // told of every piece that is apart; nil: nobody is
	depth   int
}

func (d *decoder) bytes(n uint64) []byte {
	if uint64(len(d.rest)) < n {
		d.failed, d.rest = true, nil
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) value() value.Value {
	switch value.Kind(int8(d.byte())) {
	case value.KindNull:
		return value.Null()
	case value.KindInt:
		return value.Int(d.varint())
	case value.KindBool:
		return value.Bool(d.byte() != 0)
	case value.KindString:
		return value.String(d.text())
	case value.KindBinary:
		return value.BinaryString(d.text())
	case value.KindTimestamp:
		return value.FromTimestamp(value.Timestamp{Seconds: d.varint(), Nanoseconds: int32(d.varint())})
	case value.KindFloat:
		if b := d.bytes(4); b != nil {
			return value.FloatBits(binary.BigEndian.Uint32(b))
		}
	case value.KindDouble:
		return value.DoubleBits(d.uint64())
	case value.KindDecimal:
		return value.FromDecimal(value.Decimal{Hi: d.uint64(), Lo: d.uint64()})
	case value.KindLink:
		class := d.text()
		key, err := DecodeKey(d.text())
		if err != nil {
			d.failed = true
		}
		return value.FromLink(class, key)
	case value.KindObjectID:
		if b := d.bytes(12); b != nil {
			return value.FromObjectID(value.ObjectID(b))
		}
	case value.KindUUID:
		if b := d.bytes(16); b != nil {
			return value.FromUUID(value.UUID(b))
		}
	default:
		d.failed = true
	}
	return value.Null()
}
