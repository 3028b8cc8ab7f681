package reset

import (
	"fmt"
	"strings"

	"realmsync/core/changeset"
	"realmsync/core/schema"
)

// Additions are the classes and properties that local changes add: a fresh copy will have them when these have been recovered. The zero value
// has none.
type Additions struct {
	classes    map[string]bool
	properties map[[2]string]bool
}

// Note takes in what a local changeset adds.
func (a *Additions) Note(c *changeset.Changeset) {
	for i := range c.Instructions {
		switch in := &c.Instructions[i]; in.Op {
		case changeset.AddTable:
			if a.classes == nil {
				a.classes = map[string]bool{}
			}
			a.classes[in.Table] = true
		case changeset.AddColumn:
			if a.properties == nil {
				a.properties = map[[2]string]bool{}
			}
			a.properties[[2]string{in.Table, in.Field}] = true
		default:
		}
	}
}

// Fits tells whether a realm of the schema local can become one of the schema fresh: by additions alone, because open instances, and the
// program, count on what there is. What added names counts as there. The error is a *FailedError.
func Fits(fresh, local *schema.Schema, added Additions) error {
	var removed []string
	for _, have := range local.Classes() {
		if fresh.Class(have.Name) == nil && !added.classes[have.Name] {
			removed = append(removed, have.Name)
		}
	}
	if len(removed) > 0 {
		return failed("Client reset cannot recover when classes have been removed: {%s}", strings.Join(removed, ", "))
	}
	for _, have := range local.Classes() {
		if class := fresh.Class(have.Name); class != nil {
			if err := classFits(class, have, added); err != nil {
				return err
			}
		}
	}
	return nil
}

func classFits(fresh, local *schema.Class, added Additions) error {
	if fresh.Kind != local.Kind {
		return failed("Client reset found incompatible types of the class '%s': %v on the server, %v here", local.Name, fresh.Kind, local.Kind)
	}
	switch a, b := fresh.Key(), local.Key(); {
	case (a == nil) != (b == nil):
		return failed("Client reset requires a primary key in both versions of the class '%s'", local.Name)
	case a == nil:
	case a.Type != b.Type:
		return failed("Client reset found incompatible primary key types (%s vs %s) on '%s'", a.TypeString(), b.TypeString(), local.Name)
	case a.Nullable != b.Nullable:
		return failed("Client reset found incompatible primary key attributes (%s vs %s) on '%s'", a.TypeString(), b.TypeString(), local.Name)
	case a.Name != b.Name:
		return failed("Client reset requires equal primary key names but '%s' != '%s' on '%s'", a.Name, b.Name, local.Name)
	}
	var removed []string
	for i := range local.Properties {
		have := &local.Properties[i]
		p := fresh.Property(have.Name)
		switch {
		case p == nil && !added.properties[[2]string{local.Name, have.Name}]:
			removed = append(removed, have.Name)
		case p != nil && (p.Type != have.Type || p.Nullable != have.Nullable || p.Collection != have.Collection || p.LinkTarget != have.LinkTarget):
			return failed("Incompatible column type change detected during client reset for '%s.%s' (%s vs %s)",
				local.Name, have.Name, p.TypeString(), have.TypeString())
		}
	}
	if len(removed) > 0 {
		return failed("Client reset cannot recover when columns have been removed from '%s': {%s}", local.Name, strings.Join(removed, ", "))
	}
	return nil
}

// extend adds what from has and to lacks. Fits has said that nothing else differs.
func extend(from, to Realm) error {
	for _, class := range from.Schema().Classes() {
		if to.Schema().Class(class.Name) != nil {
			continue
		}
		bare := *class
		bare.Properties = nil
		if key := class.Key(); key != nil {
			bare.Properties = []schema.Property{*key}
		}
		if err := to.AddClass(bare); err != nil {
			return err
		}
	}
	// After all classes, for links.
	for _, class := range from.Schema().Classes() {
		for i := range class.Properties {
			p := class.Properties[i]
			if to.Schema().Class(class.Name).Property(p.Name) != nil {
				continue
			}
			if err := to.AddProperty(class.Name, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func failed(format string, args ...any) error { return &FailedError{fmt.Sprintf(format, args...)} }
