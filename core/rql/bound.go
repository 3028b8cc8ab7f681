package rql

import (
	"slices"

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

	matcher   matcher
	navigates bool // whether matcher needs a run
	budget    int  // of a run
}

// Node is a bound predicate: *And, *Or, *Not, *Truth, *Comparison, *In, *Between, *FullText or *GeoWithin. Logic is
// two-valued.
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

	// Comparison compares two operands, of which at most one is constant. Operands may be multi-valued: spec section 6.7.
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

	// FullText is TEXT (spec section 6.4) on a string property with a full-text index. Path is a *Path, or a *KeyPath whose
	// hops lead to many objects: then one of them has to fit.
	FullText struct {
		Path Operand
		Text string

		search *search
	}

	// GeoWithin is GEOWITHIN (spec section 6.12): the objects that Path links to are points, of which some (ANY, no
	// quantifier), all of at least one (ALL), or none (NONE) lie in the region.
	GeoWithin struct {
		Path   *KeyPath
		Region *Region

		class             *schema.Class // the embedded one
		kind, coordinates int           // its properties
	}
)

func (*And) node()        {}
func (*Or) node()         {}
func (*Not) node()        {}
func (*Truth) node()      {}
func (*Comparison) node() {}
func (*In) node()         {}
func (*Between) node()    {}
func (*FullText) node()   {}
func (*GeoWithin) node()  {}

// Operand is a bound operand: *Path, *Constant, *ConstantList, *KeyPath, *Aggregate, *Subquery, *Arithmetic or *TypeConstant.
// The first three are all that queries without WithNavigation have.
type Operand interface{ operandType() Type }

type (
	// Path is a single property of the class, or of an object that single links lead to. A null link on the way, or one
	// whose target is deleted, makes the value null.
	Path struct {
		Hops     []Hop         // single links
		Class    *schema.Class // that owns the property
		Property int           // index in Class.Properties
		// Key is nil, except for a key of SORT or DISTINCT that is an entry of a dictionary: then Property is the dictionary.
		Key *string
	}

	// Hop is a link that a path follows: a property of Class; or, if Backlink, a property of Class that links to where the
	// path comes from, followed backwards.
	Hop struct {
		Class    *schema.Class // that owns the link
		Property int           // index in Class.Properties
		Backlink bool          // only in a KeyPath
		Element  Step          // only in a KeyPath: the one element of the list or dictionary to take, StepNone for all
	}

	// KeyPath is any other path (spec sections 4 and 6.10). Its hops may lead to many objects; its end may be a collection,
	// steps into a collection or mixed value, a link followed forward or backwards, or a count of any of these.
	KeyPath struct {
		Quantifier Quantifier
		Hops       []Hop
		End        Hop // the last property; its Property is -1 for @links, which counts all incoming links
		Steps      []Step
		Reading    Reading
	}

	// Step is an index or key behind a property.
	Step struct {
		Kind  StepKind
		Index int64  // StepIndex, from 0
		Key   string // StepKey
	}

	// Aggregate is @min, @max, @sum or @avg of a collection of scalars, or of a property of linked objects (spec section 6.8).
	Aggregate struct {
		Op       AggregateOp
		Path     *KeyPath      // its End is the collection, or the link
		Class    *schema.Class // of the linked objects, nil for collections of scalars
		Property int           // in Class
	}

	// Subquery counts the objects at the end of Path, a list of links or a backlink, for which Body holds. Body is bound
	// to Class, that of these objects.
	Subquery struct {
		Path  *KeyPath
		Class *schema.Class
		Body  Node
	}

	// Arithmetic is + - * or / (spec section 6.6).
	Arithmetic struct {
		Op          byte
		Left, Right Operand
	}

	// TypeConstant is what @type is compared with: attributes (spec section 6.9), of which a list may have several.
	TypeConstant struct {
		Quantifier Quantifier
		List       bool
		Attributes []TypeSet
	}

	// Constant is one value, converted toward the type of the other operand (spec section 5.3).
	Constant struct{ Value value.Value }

	// ConstantList is a list literal or list argument. Its elements may be of several types.
	ConstantList struct {
		Quantifier Quantifier
		Values     []value.Value
	}
)

// StepKind is a kind of Step.
type StepKind uint8

// The kinds of steps.
const (
	StepNone  StepKind = iota
	StepIndex          // [n], [FIRST]
	StepLast           // [LAST]
	StepAll            // [*], @values
	StepKey            // ['key'], .key
	StepKeys           // @keys, of a dictionary property
)

// Reading says what a KeyPath yields.
type Reading uint8

// What a KeyPath yields.
const (
	ReadValue  Reading = iota
	ReadCount          // @count, @size
	ReadType           // @type
	ReadLength         // .length, of each element of a list or set
)

// AggregateOp is an aggregate function.
type AggregateOp uint8

// The aggregate functions.
const (
	AggregateMin AggregateOp = iota
	AggregateMax
	AggregateSum
	AggregateAvg
)

// String returns the function as canonical text writes it.
func (op AggregateOp) String() string { return [...]string{"@min", "@max", "@sum", "@avg"}[op] }

// Prop returns the property at the end of the path.
func (p *Path) Prop() *schema.Property { return &p.Class.Properties[p.Property] }

// IsDirect tells whether the path has no hops.
func (p *Path) IsDirect() bool { return len(p.Hops) == 0 }

// Link returns the link property of the hop.
func (h Hop) Link() *schema.Property { return &h.Class.Properties[h.Property] }

// Prop returns the last property of the path, nil for @links alone.
func (p *KeyPath) Prop() *schema.Property {
	if p.End.Property < 0 {
		return nil
	}
	return p.End.Link()
}

// EndsInLinks tells whether the path yields links to objects.
func (p *KeyPath) EndsInLinks() bool {
	prop := p.Prop()
	return prop != nil && p.Reading == ReadValue && len(p.Steps) == 0 && (p.End.Backlink || prop.Type == value.KindLink)
}

// isMany tells whether the hop may lead to several objects. An index doesn't change that.
func (h Hop) isMany() bool { return h.Backlink || h.Link().Collection != schema.Single }

// manyHops tells whether one of the hops is a collection or a backlink.
func (p *KeyPath) manyHops() bool { return slices.ContainsFunc(p.Hops, Hop.isMany) }

func (p *Path) operandType() Type         { return typeOfProperty(p.Prop()) }
func (c *Constant) operandType() Type     { return typeOfValue(c.Value) }
func (c *ConstantList) operandType() Type { return TypeMixed }
func (*Subquery) operandType() Type       { return TypeInt }

func (*TypeConstant) operandType() Type { return TypeAttribute }
func (a *Arithmetic) operandType() Type { return a.Left.operandType() }

func (p *KeyPath) operandType() Type {
	switch {
	case p.Reading == ReadCount, p.Reading == ReadLength:
		return TypeInt
	case p.Reading == ReadType:
		return TypeAttribute
	case p.EndsInLinks():
		return TypeLink
	case p.Prop().Collection == schema.Dictionary:
		if p.Steps[0].Kind == StepKeys {
			return TypeString
		}
		return TypeMixed
	default:
		return typeOfProperty(p.Prop())
	}
}

func (a *Aggregate) operandType() Type {
	switch {
	case a.Class != nil:
		return typeOfProperty(&a.Class.Properties[a.Property])
	default:
		return typeOfProperty(a.Path.Prop())
	}
}

// isMulti tells whether an operand is multi-valued (spec section 6.7).
func isMulti(o Operand) bool {
	switch o := o.(type) {
	case *ConstantList:
		return true
	case *TypeConstant:
		return o.List
	case *KeyPath:
		return o.isMulti()
	case *Aggregate:
		return o.Class == nil && o.Path.manyHops()
	case *Arithmetic:
		return isTerms(o.Left) || isTerms(o.Right)
	default:
		return false
	}
}

// isTerms tells whether an operand of arithmetic is multi-valued: a list of one constant is not.
func isTerms(o Operand) bool {
	list, ok := o.(*ConstantList)
	return isMulti(o) && (!ok || len(list.Values) != 1)
}

// isPrimitives tells whether an operand is a collection of scalars, or steps into one that is a property.
func isPrimitives(o Operand) bool {
	p, ok := o.(*KeyPath)
	if !ok || p.Reading != ReadValue || p.End.Property < 0 || p.EndsInLinks() || p.Prop().Collection == schema.Single {
		return false
	}
	return len(p.Steps) == 0 || p.Steps[0].Kind != StepKeys
}

func quantifierOf(o Operand) Quantifier {
	switch o := o.(type) {
	case *ConstantList:
		return o.Quantifier
	case *TypeConstant:
		return o.Quantifier
	case *KeyPath:
		if !o.isMulti() || o.Reading == ReadCount && o.Prop().Type == value.KindLink {
			return QuantNone // it has been accepted, but says nothing
		}
		return o.Quantifier
	case *Arithmetic:
		if isTerms(o.Left) {
			return quantifierOf(o.Left)
		}
		return quantifierOf(o.Right)
	default:
		return QuantNone
	}
}

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

// isMulti tells whether the path yields lists of values, each as a whole compared by quantifier, instead of single ones.
func (p *KeyPath) isMulti() bool {
	prop := p.Prop()
	switch {
	case prop == nil:
		return false
	case p.Reading == ReadLength:
		return true
	case p.Reading == ReadCount && prop.Type != value.KindMixed:
		return p.manyHops()
	case p.Reading == ReadCount && prop.Collection != schema.Single:
		return p.manyHops()
	case p.EndsInLinks():
		return p.manyHops() || p.End.isMany()
	case len(p.Steps) == 0:
		return p.manyHops() || prop.Collection != schema.Single
	case prop.Collection == schema.List && len(p.Steps) == 1:
		return true
	default:
		return slices.ContainsFunc(p.Steps, func(s Step) bool {
			return s.Kind == StepAll || s.Kind == StepKeys || s.Kind == StepKey && s.Key == keysStep
		})
	}
}

// keysStep is the key that, nested in a mixed value, lists the keys of a dictionary that doesn't have it.
const keysStep = "@keys"

// hasMany tells whether an operand is accepted where a list is needed: behind IN.
func hasMany(o Operand) bool {
	p, ok := o.(*KeyPath)
	if !ok {
		return isMulti(o)
	}
	if p.Prop() != nil && p.isKeys() {
		return false
	}
	return isMulti(o) || p.manyHops() || p.Reading == ReadValue && p.Prop() != nil && p.Prop().Collection != schema.Single
}

func (p *KeyPath) isKeys() bool { return len(p.Steps) > 0 && p.Steps[0].Kind == StepKeys }
