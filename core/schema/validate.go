package schema

import (
	"errors"
	"fmt"
	"strings"

	"realmsync/core/value"
)

// Mode chooses the rules of Validate.
type Mode uint8

// The modes.
const (
	// Local is for realms that don't sync: a top-level class may have no primary key, or one of any name; there are no
	// asymmetric classes.
	Local Mode = iota
	// Synced is for realms that sync, and for the server: spec/changeset.md section 9. Embedded classes that nothing reaches are
	// left out of the realm (see Reachable).
	Synced
	// SyncedExplicit is Synced, and embedded classes that nothing reaches are errors.
	SyncedExplicit
)

// Limits of names in bytes, and of properties in a class (spec/changeset.md section 4).
const (
	MaxClassName    = 57
	MaxPropertyName = 63
	MaxProperties   = 65535
)

// KeyName is the name of the primary key in synced realms.
const KeyName = "_id"

// ErrInvalid is what the error of Validate is to errors.Is.
var ErrInvalid = errors.New("invalid schema")

// ValidationError lists everything that is wrong with a schema.
type ValidationError struct {
	Problems []string // sentences that name class and property
}

// Error implements error: one line per problem.
func (e *ValidationError) Error() string {
	return "Schema validation failed due to the following errors:\n- " + strings.Join(e.Problems, "\n- ")
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *ValidationError) Is(target error) bool { return target == ErrInvalid }

// Validate checks the rules of spec/changeset.md section 9. The error is a *ValidationError.
func Validate(s *Schema, mode Mode) error {
	v := validator{schema: s, mode: mode}
	for _, class := range s.Classes() {
		v.class(class)
	}
	v.embeddedCycles()
	if mode == SyncedExplicit {
		reachable := s.Reachable()
		for _, class := range s.Classes() {
			if reachable.Class(class.Name) == nil {
				v.failf("Embedded object type '%s' is unreachable by any link path from top level objects.", class.Name)
			}
		}
	}
	if len(v.problems) > 0 {
		return &ValidationError{v.problems}
	}
	return nil
}

type validator struct {
	schema   *Schema
	mode     Mode
	problems []string
}

func (v *validator) failf(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *validator) class(c *Class) {
	switch {
	case c.Name == "":
		v.failf("A class has no name.")
	case len(c.Name) > MaxClassName:
		v.failf("The name of class '%s' has %d bytes, more than %d.", c.Name, len(c.Name), MaxClassName)
	}
	switch {
	case c.Kind > Asymmetric:
		v.failf("Class '%s' has the unknown kind %d.", c.Name, c.Kind)
	case c.Kind == Asymmetric && v.mode == Local:
		v.failf("Asymmetric class '%s' is not allowed in a realm that doesn't sync.", c.Name)
	}
	if len(c.Properties) > MaxProperties {
		v.failf("Class '%s' has %d properties, more than %d.", c.Name, len(c.Properties), MaxProperties)
	}
	v.primaryKey(c)
	seen := make(map[string]bool, len(c.Properties))
	for i := range c.Properties {
		p := &c.Properties[i]
		if seen[p.Name] {
			v.failf("Property '%s' appears more than once in class '%s'.", p.Name, c.Name)
		}
		seen[p.Name] = true
		v.property(c, p)
	}
}

func (v *validator) primaryKey(c *Class) {
	p := c.Key()
	switch {
	case c.Kind == Embedded:
		if c.PrimaryKey != "" {
			v.failf("Embedded class '%s' must not have a primary key, it has '%s'.", c.Name, c.PrimaryKey)
		}
	case c.PrimaryKey == "":
		if v.mode != Local {
			v.failf("There must be a primary key property named '%s' on a synchronized realm but none was found for type '%s'.", KeyName, c.Name)
		}
	case p == nil:
		v.failf("Primary key property '%s' does not exist in class '%s'.", c.PrimaryKey, c.Name)
	case p.Collection != Single || !isKeyType(p.Type):
		v.failf("Property '%s.%s' of type '%s' can't be a primary key; use int, string, objectId or uuid.", c.Name, p.Name, p.TypeString())
	case v.mode != Local && p.Name != KeyName:
		v.failf("The primary key property on a synchronized realm must be named '%s' but found '%s' for type '%s'.", KeyName, p.Name, c.Name)
	}
}

func isKeyType(k value.Kind) bool {
	return k == value.KindInt || k == value.KindString || k == value.KindObjectID || k == value.KindUUID
}

func (v *validator) property(c *Class, p *Property) {
	switch {
	case p.Name == "":
		v.failf("A property of class '%s' has no name.", c.Name)
	case len(p.Name) > MaxPropertyName:
		v.failf("The name of property '%s.%s' has %d bytes, more than %d.", c.Name, p.Name, len(p.Name), MaxPropertyName)
	}
	switch {
	case !p.Type.IsValue() || p.Collection > Set:
		v.failf("Property '%s.%s' has an unknown type.", c.Name, p.Name)
		return
	case p.Type == value.KindLink:
		v.link(c, p)
	case p.LinkTarget != "":
		v.failf("Property '%s.%s' of type '%s' cannot have an object type, it has '%s'.", c.Name, p.Name, p.TypeString(), p.LinkTarget)
	}
	if want := p.impliedNullability(); want != p.Nullable {
		v.failf("Property '%s.%s' of type '%s' %s be nullable.", c.Name, p.Name, p.TypeString(), map[bool]string{true: "must", false: "must not"}[want])
	}
	if p.FullText && (p.Type != value.KindString || p.Collection != Single) {
		v.failf("Property '%s.%s' of type '%s' cannot have a full-text index, only a string can.", c.Name, p.Name, p.TypeString())
	}
	if p.Indexed && !p.indexable() {
		v.failf("Property '%s.%s' of type '%s' cannot be indexed.", c.Name, p.Name, p.TypeString())
	}
}

func (v *validator) link(c *Class, p *Property) {
	target := v.schema.Class(p.LinkTarget)
	switch {
	case target == nil:
		v.failf("Property '%s.%s' of type '%s' has unknown object type '%s'.", c.Name, p.Name, p.TypeString(), p.LinkTarget)
	case target.Kind == Asymmetric:
		v.failf("Property '%s.%s' of type '%s' cannot link to the asymmetric class '%s'.", c.Name, p.Name, p.TypeString(), p.LinkTarget)
	case target.Kind == Embedded && p.Collection == Set:
		v.failf("Property '%s.%s' of type '%s': sets of embedded objects are not allowed.", c.Name, p.Name, p.TypeString())
	}
}

// impliedNullability is the nullability that the type prescribes, that of the property where it prescribes none.
func (p *Property) impliedNullability() bool {
	switch p.Type {
	case value.KindMixed:
		return true
	case value.KindLink:
		return p.Collection == Single || p.Collection == Dictionary
	default:
		return p.Nullable
	}
}

func (p *Property) indexable() bool {
	if p.Collection != Single {
		return false
	}
	switch p.Type {
	case value.KindInt, value.KindBool, value.KindString, value.KindTimestamp, value.KindObjectID, value.KindUUID, value.KindMixed:
		return true
	default:
		return false
	}
}

// embeddedCycles finds embedded classes that can contain themselves.
func (v *validator) embeddedCycles() {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(c *Class)
	visit = func(c *Class) {
		state[c.Name] = entered
		for i := range c.Properties {
			p := &c.Properties[i]
			target := v.schema.Class(p.LinkTarget)
			if p.Type != value.KindLink || target == nil || target.Kind != Embedded {
				continue
			}
			switch state[target.Name] {
			case entered:
				v.failf("Cycles containing embedded objects are not supported: '%s.%s' leads back to '%s'.", c.Name, p.Name, target.Name)
			case 0:
				visit(target)
			}
		}
		state[c.Name] = left
	}
	for _, c := range v.schema.Classes() {
		if c.Kind == Embedded && state[c.Name] == 0 {
			visit(c)
		}
	}
}

// Reachable returns the schema without the embedded classes that no chain of properties reaches from another class. It is the
// schema itself if there are none.
func (s *Schema) Reachable() *Schema {
	reached := map[string]bool{}
	var visit func(c *Class)
	visit = func(c *Class) {
		reached[c.Name] = true
		for i := range c.Properties {
			p := &c.Properties[i]
			if target := s.Class(p.LinkTarget); p.Type == value.KindLink && target != nil && !reached[target.Name] {
				visit(target)
			}
		}
	}
	for _, c := range s.Classes() {
		if c.Kind != Embedded && !reached[c.Name] {
			visit(c)
		}
	}
	out := s
	for _, c := range s.Classes() {
		if !reached[c.Name] {
			out = out.Without(c.Name)
		}
	}
	return out
}

// Normalized returns the schema with the nullability that types prescribe: mixed, single links and dictionaries of links are
// nullable, lists and sets of links are not.
func (s *Schema) Normalized() *Schema {
	classes := make([]Class, len(s.Classes()))
	for i, c := range s.Classes() {
		classes[i] = *c
		classes[i].Properties = make([]Property, len(c.Properties))
		for k, p := range c.Properties {
			p.Nullable = p.impliedNullability()
			classes[i].Properties[k] = p
		}
	}
	return New(classes...)
}
