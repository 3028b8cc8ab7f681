package history

import (
	"realmsync/core/value"
)

// Row is one object: its key and the values of its properties. A Row that has left the engine is immutable.
type Row struct {
	Class  *Class // as of the time the row was made
	Key    value.Key
	values []value.Value // by property index of Class; markers stand for what is in inner
	inner  []*container  // by property index, nil if the row has none; an empty list, set or dictionary property may be nil
}

// newRow returns an object with default values.
func newRow(class *Class, key value.Key) *Row {
	r := &Row{Class: class, Key: key, values: make([]value.Value, len(class.Properties))}
	for i := range class.Properties {
		r.values[i] = Default(&class.Properties[i])
		if class.Properties[i].Name == class.PrimaryKey {
			r.values[i] = key.Value()
		}
	}
	return r
}

// Value returns the value of the property with that index in the row's own class. Marker(KindObject), Marker(KindList)... stand for what
// State tells; a list, set or dictionary property without elements may as well read as null.
func (r *Row) Value(property int) value.Value { return r.values[property] }

// At returns the value of the property with that index in class, which is the row's class at this or another time.
func (r *Row) At(class *Class, property int) value.Value {
	if i := r.index(class, property); i >= 0 {
		return r.values[i]
	}
	return r.earlier(class, property).value
}

// container returns what is in a property of class besides a value, nil if nothing.
func (r *Row) container(class *Class, property int) *container {
	if i := r.index(class, property); i < 0 {
		return r.earlier(class, property).inner
	} else if r.inner != nil {
		return r.inner[i]
	}
	return nil
}

// index finds a property of class in the row's own class, -1 if that has none such.
func (r *Row) index(class *Class, property int) int {
	if r.Class == class {
		return property
	}
	if r.Class.ID == class.ID {
		if i, ok := r.Class.at[class.ids[property]]; ok {
			return i
		}
	}
	return -1
}

// set stores a value or a container of the changeset at work.
func (r *Row) set(property int, e element) {
	r.values[property] = e.value
	if e.inner == nil && r.inner == nil {
		return
	}
	if r.inner == nil {
		r.inner = make([]*container, len(r.values))
	}
	r.inner[property] = e.inner
}

// clone returns a copy in the given form of the class.
func (r *Row) clone(class *Class) *Row {
	out := &Row{Class: class, Key: r.Key, values: make([]value.Value, len(class.Properties))}
	if r.Class == class {
		copy(out.values, r.values)
		if r.inner != nil {
			out.inner = append([]*container(nil), r.inner...)
		}
		return out
	}
	for i := range out.values {
		out.set(i, element{r.At(class, i), r.container(class, i)})
	}
	return out
}

// size estimates the memory of the row in bytes.
func (r *Row) size() int {
	n := 64 + 56*len(r.values) + 8*len(r.inner)
	for i := range r.values {
		n += len(r.values[i].Str())
	}
	for _, c := range r.inner {
		if c != nil {
			n += c.size()
		}
	}
	return n
}

// stored estimates the size of the row's document.
func (r *Row) stored() int {
	n := 8 + 12*len(r.values)
	for i := range r.values {
		n += len(r.values[i].Str())
	}
	for _, c := range r.inner {
		if c != nil {
			n += min(8*c.count, 2*maxInline) + 6*len(c.pieces)
		}
	}
	return n
}
