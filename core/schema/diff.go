package schema

import (
	"errors"
	"fmt"
	"strings"
)

// ChangeKind says what a Change adds.
type ChangeKind uint8

// The kinds of changes, in the order in which Diff lists them.
const (
	AddClass    ChangeKind = iota // Class, with its primary key property, if any, and no other
	AddProperty                   // Property, to the class named Class.Name
	SetIndexes                    // Property: an existing property of the class is to have these indexes; never on the wire
)

// Change is one additive change of a schema.
type Change struct {
	Kind     ChangeKind
	Class    Class // AddClass: what to add. Otherwise only the name counts
	Property Property
}

// ErrIncompatible is what the error of Diff is to errors.Is.
var ErrIncompatible = errors.New("incompatible schema change")

// IncompatibleError lists the differences between two schemas that are not additions.
type IncompatibleError struct {
	Problems []string // sentences that name class, property and both types
}

// Error implements error: one line per problem.
func (e *IncompatibleError) Error() string {
	return "The following changes cannot be made in additive-only schema mode:\n- " + strings.Join(e.Problems, "\n- ")
}

// Is makes errors.Is(err, ErrIncompatible) true.
func (e *IncompatibleError) Is(target error) bool { return target == ErrIncompatible }

// Diff returns the changes that make old, what is stored, hold all that new declares: first the new classes by name,
// then the new properties, classes by name and properties as declared (spec/changeset.md section 6.2), then changed indexes.
// Classes and properties that new lacks are kept and are no difference. Any other difference is refused with an
// *IncompatibleError that lists them all.
//
// Both schemas are taken to be valid. Embedded classes that nothing reaches are added like others: see Reachable.
func Diff(old, new *Schema) ([]Change, error) {
	var classes, properties, indexes []Change
	var problems []string
	for _, c := range new.Classes() {
		have := old.Class(c.Name)
		if have == nil {
			added := *c
			added.Properties = nil
			if key := c.Key(); key != nil {
				added.Properties = []Property{*key}
			}
			classes = append(classes, Change{Kind: AddClass, Class: added})
			have = &added
		} else {
			problems = append(problems, classProblems(have, c)...)
		}
		for i := range c.Properties {
			p := &c.Properties[i]
			q := have.Property(p.Name)
			switch {
			case q == nil && p.Name == c.PrimaryKey: // told above: the key has changed
			case q == nil:
				properties = append(properties, Change{Kind: AddProperty, Class: Class{Name: c.Name, Kind: c.Kind}, Property: *p})
			case !q.sameType(p):
				problems = append(problems, fmt.Sprintf("Property '%s.%s' has been changed from '%s' to '%s'.", c.Name, p.Name, q.TypeString(), p.TypeString()))
			case q.Indexed != p.Indexed || q.FullText != p.FullText:
				indexes = append(indexes, Change{Kind: SetIndexes, Class: Class{Name: c.Name, Kind: c.Kind}, Property: *p})
			}
		}
	}
	if len(problems) > 0 {
		return nil, &IncompatibleError{problems}
	}
	return append(append(classes, properties...), indexes...), nil
}

func classProblems(old, new *Class) (problems []string) {
	if old.Kind != new.Kind {
		problems = append(problems, fmt.Sprintf("Class '%s' has been changed from %v to %v.", new.Name, old.Kind, new.Kind))
	}
	if old.PrimaryKey != new.PrimaryKey {
		problems = append(problems, fmt.Sprintf("Primary Key for class '%s' has been changed from %s to %s.", new.Name, old.keyText(), new.keyText()))
	}
	return problems
}

func (c *Class) keyText() string {
	if p := c.Key(); p != nil {
		return fmt.Sprintf("'%s' (%s)", p.Name, p.TypeString())
	}
	return "none"
}

// sameType tells whether values of one property fit the other; indexes don't count.
func (p *Property) sameType(q *Property) bool {
	return p.Type == q.Type && p.Nullable == q.Nullable && p.Collection == q.Collection && p.LinkTarget == q.LinkTarget
}
