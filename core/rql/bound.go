package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Bound is a query bound to a class: names are resolved, constants converted, types checked. It is immutable; Match may
// be called by several goroutines at once.
type Bound struct {
	Schema *schema.Schema
	Class  *schema.Class
	// Root is the predicate.
	Root Node
	// Descriptors are SORT, DISTINCT and LIMIT in the order in which they apply; adjacent SORTs are merged.
	Descriptors []Descriptor

	matcher matcher
}

// Node is a bound predicate: *And, *Or, *Not, *Truth, *Comparison, *In or *Between. Logic is two-valued.
type Node interface{ node() }

type (
	// And is true when all of Nodes are; there are at least two.
	And struct{ Nodes []Node }
	// Or is true when one of Nodes is; there are at least two.
	Or struct{ Nodes []Node }
	// Not is true when Node is false.
	Not struct{ Node Node }

	// Truth is TRUEPREDICATE or FALSEPREDICATE.
	Truth struct {
		Value bool
		// Vanished marks a comparison that is always true, such as i >= -9223372036854775808: canonical text leaves it
		// out of conjunctions.
		Vanished bool
	}

	// Comparison compares two operands, of which at most one is constant.
	//
	// If Direct, Left is a *Path without hops to a non-mixed property and Right is a *Constant of exactly its type
	// (null counts as a string): then the rules of spec section 6.2 hold, which differ for float and double (IEEE: NaN
	// satisfies only !=), for ordering strings (null is the smallest string), and for string operators with a null needle.
	// Otherwise those of 6.1, 6.3 and 6.7.
	Comparison struct {
		Op          Op
		FoldCase    bool // only with ==, != and string operators
		Direct      bool
		Left, Right Operand
		in          bool // written with IN: matters to the printed form of link lists only
	}

	// In is true when the value of a direct property (int, string, objectId or uuid) is one of Values.
	// Null among Values is a null of the property.
	In struct {
		Path     *Path
		Values   []value.Value // at least one; of exactly the property's type, or null
		FoldCase bool          // strings only
	}

	// Between is Low <= value <= High on a direct property of type int or timestamp, with limits of that type.
	Between struct {
		Path      *Path
		Low, High value.Value
	}
)

func (*And) node()        {}
func (*Or) node()         {}
func (*Not) node()        {}
func (*Truth) node()      {}
func (*Comparison) node() {}
func (*In) node()         {}
func (*Between) node()    {}

// Operand is a bound operand: *Path, *Constant or *ConstantList.
type Operand interface{ operandType() Type }

type (
	// Path is a property of the class, or of an object that to-one links lead to. A null link on the way, or one whose
	// target is deleted, makes the value null.
	Path struct {
		Hops     []Hop
		Class    *schema.Class // that owns the property
		Property int           // index in Class.Properties
	}

	// Hop is a to-one link that a Path follows.
	Hop struct {
		Class    *schema.Class // that owns the link
		Property int           // index in Class.Properties
	}

	// Constant is one value, converted toward the type of the other operand (spec section 5.3).
	Constant struct{ Value value.Value }

	// ConstantList is a list literal or list argument. Its elements may be of several types.
	ConstantList struct {
		Quantifier Quantifier
		Values     []value.Value
	}
)

// Prop returns the property at the end of the path.
func (p *Path) Prop() *schema.Property { return &p.Class.Properties[p.Property] }

// IsDirect tells whether the path has no hops.
func (p *Path) IsDirect() bool { return len(p.Hops) == 0 }

// Link returns the link property of the hop.
func (h Hop) Link() *schema.Property { return &h.Class.Properties[h.Property] }

func (p *Path) operandType() Type         { return typeOfProperty(p.Prop()) }
func (c *Constant) operandType() Type     { return typeOfValue(c.Value) }
func (c *ConstantList) operandType() Type { return TypeMixed }

// Descriptor is *Sort, *Distinct or *Limit (spec section 7).
type Descriptor interface{ descriptor() }

type (
	// Sort orders by Keys, the first being the most significant; ties keep the previous order.
	Sort struct{ Keys []SortKey }
	// SortKey is one key of a Sort. Null values come first when ascending; objects with a null link on the way to the
	// value come last. Both are reversed when descending.
	SortKey struct {
		Path      *Path
		Ascending bool
	}
	// Distinct drops objects with a null link on the way to a key, then keeps the first of each group of equal keys.
	Distinct struct{ Paths []*Path }
	// Limit keeps the first Count objects.
	Limit struct{ Count int64 }
)

func (*Sort) descriptor()     {}
func (*Distinct) descriptor() {}
func (*Limit) descriptor()    {}
