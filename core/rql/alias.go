package rql

import "realmsync/core/schema"

// Aliases are names that a query may use instead of those of the schema (spec section 1), such as the public names of a
// binding. A replacement may be an alias itself.
type Aliases struct {
	// Properties maps a property name, of the class that it is used on, to another. The replacement may also be a backlink:
	// @links.Class.property.
	Properties map[Alias]string
	// Classes maps class names behind @links.
	Classes map[string]string
}

// Alias is a name that is used on a class.
type Alias struct{ Class, Name string }

// WithAliases lets a query use other names. The maps are read during Bind only.
func WithAliases(a Aliases) BindOption {
	return func(b *binder) { b.aliases = a }
}

// maxSubstitutions is how often one name is replaced before it is taken to go round in circles.
const maxSubstitutions = 50

// translate returns what a name stands for on a class; the variable of a subquery stands for nothing.
func (b *binder) translate(class *schema.Class, e element) string {
	name := e.text
	for n := 0; ; n++ {
		if b.variables[Alias{class.Name, name}] {
			return ""
		}
		next, ok := b.aliases.Properties[Alias{class.Name, name}]
		if !ok {
			return name
		}
		if n == maxSubstitutions {
			panic(fail(ErrMapping, e.pos, "Substitution loop detected while processing '%s' -> '%s' found in type '%s'", clip(name), clip(next), class.Name))
		}
		name = next
	}
}

func (b *binder) className(name string) string {
	for n := 0; ; n++ {
		next, ok := b.aliases.Classes[name]
		if !ok {
			return name
		}
		if n == maxSubstitutions {
			panic(fail(ErrMapping, -1, "Substitution loop detected while processing class name mapping from '%s' to '%s'.", clip(name), clip(next)))
		}
		name = next
	}
}
