package schema

import "realmsync/core/value"

// TypeString returns the type of a property as error texts have it: "int", "string?", "list<string>", "link<Dog>",
// "dictionary<mixed>", "set<uuid?>". Links and mixed are written without ?, they are what they are.
func (p *Property) TypeString() string {
	t := p.Type.String()
	switch p.Type {
	case value.KindMixed:
		t = "mixed"
	case value.KindLink:
		t = "link<" + p.LinkTarget + ">"
	default:
		if p.Nullable {
			t += "?"
		}
	}
	if p.Collection != Single {
		t = p.Collection.String() + "<" + t + ">"
	}
	return t
}
