package merge

import (
	"encoding/binary"
	"math"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// manyNodes is from how many incoming instructions on one object on it pays to look more closely.
const manyNodes = 32

// bucket holds the incoming instructions on one object. If they are many, they are sorted once more when a local instruction on the
// object comes, by what else they can't have to do with each other:
//
//	instructions on different properties
//	those in different entries of one dictionary (or properties of one embedded object)
//	insertions and erasures of different elements of one set
//	increments of one property
type bucket struct {
	all   list
	split *split
}

type split struct {
	whole  list // CreateObject and EraseObject
	fields map[int32]*fieldLists
}

// fieldLists holds the instructions on one property of an object.
type fieldLists struct {
	all    list
	noAdds list           // without increments of the property itself
	common list           // what is in no lane
	lanes  map[lane]*list // by what laneOf returns
}

// related gives the lists of what a local instruction on the object can have to do with; some are nil.
func (b *bucket) related(n *node, many int) (lists [maxLists - 1]*list) {
	if len(b.all.nodes) < many && b.split == nil || !n.in.IsPath() {
		lists[0] = &b.all
		return lists
	}
	if b.split == nil {
		b.split = newSplit(b.all.nodes)
	}
	lists[0] = &b.split.whole
	f := b.split.fields[n.field]
	if f == nil {
		return lists
	}
	lane, ok := laneOf(n.in)
	switch {
	case ok:
		lists[1], lists[2] = &f.common, f.lanes[lane]
	case n.in.Op == changeset.AddInteger && len(n.in.Path) == 0:
		lists[1] = &f.noAdds
	default:
		lists[1] = &f.all
	}
	return lists
}

func newSplit(nodes []*node) *split {
	s := &split{fields: map[int32]*fieldLists{}}
	for _, n := range nodes {
		if n.dead {
			continue
		}
		if !n.in.IsPath() {
			s.whole.push(n)
			continue
		}
		f := s.fields[n.field]
		if f == nil {
			f = &fieldLists{lanes: map[lane]*list{}}
			s.fields[n.field] = f
		}
		f.all.push(n)
		if n.in.Op != changeset.AddInteger || len(n.in.Path) > 0 {
			f.noAdds.push(n)
		}
		if lane, ok := laneOf(n.in); ok {
			at(f.lanes, lane).push(n)
		} else {
			f.common.push(n)
		}
	}
	return s
}

// lane is an entry of a dictionary, a property of an embedded object, or an element of a set.
type lane struct {
	set  bool
	kind value.Kind
	text string
}

// laneOf tells in which lane of its property an instruction is, if in any. Instructions in different lanes have nothing to do with each
// other. Those in no lane are on the property as a whole, or on elements of a list: the latter meet what is in entries of a dictionary
// at the same place, to fail.
func laneOf(in *changeset.Instruction) (lane, bool) {
	if len(in.Path) > 0 {
		return lane{text: in.Path[0].Key}, !in.Path[0].IsPos
	}
	if in.Op == changeset.SetInsert || in.Op == changeset.SetErase {
		return lane{true, in.Value.Kind(), laneText(in.Value)}, true
	}
	return lane{}, false
}

// laneText returns the same text for values of one kind that sameValue finds the same; it may for others.
func laneText(v value.Value) string {
	var b []byte
	switch v.Kind() {
	case value.KindString, value.KindBinary:
		return v.Str()
	case value.KindInt:
		b = binary.LittleEndian.AppendUint64(b, uint64(v.Int()))
	case value.KindTimestamp:
		b = binary.LittleEndian.AppendUint64(b, uint64(v.Timestamp().Seconds))
	case value.KindDouble:
		if f := v.Double(); f != 0 { // both zeros are the same
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
		}
	case value.KindObjectID:
		id := v.ObjectID()
		b = append(b, id[:]...)
	case value.KindUUID:
		id := v.UUID()
		b = append(b, id[:]...)
	case value.KindLink:
		return v.Link().Key.String()
	}
	return string(b)
}
