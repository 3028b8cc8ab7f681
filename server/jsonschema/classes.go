package jsonschema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
)

// Classes are what the schemas of a configuration describe. They are immutable.
type Classes struct {
	Schema *schema.Schema
	// Collections tells the collection of a class that is not embedded, where it has another name.
	Collections map[string]string
	// Wrong is why there are none: schemas that were stored before they were checked; nil: nothing is wrong.
	Wrong error
	paths map[string]string // where a class, or a property (Class.property), is described
}

// Of returns the classes that the schemas of the database that syncs describe; none if nothing syncs, or sync was terminated. What can't be a class is an
// *appconfig.ValidationError with the path of what is wrong.
//
// The name of a class is the title of its schema, or else the name of the collection; that of an embedded class is the title of the object, or
// else those of its owner and its property with _ between. Properties that are not required may be null, primary keys and elements of
// collections only if null is among their types. int and long are integers, several types at once are mixed. A relationship makes a link if it leads to the primary key of a
// synced class. linkingObjects are computed by devices, and left out.
func Of(c *appconfig.Config) (*Classes, error) {
	out := &Classes{Schema: schema.New(), Collections: map[string]string{}, paths: map[string]string{}}
	s := c.SyncService()
	if s == nil {
		return out, nil
	}
	if s.FlexibleSync.State == appconfig.SyncTerminated {
		out.name(c, s)
		return out, nil
	}
	b := &builder{Classes: out, service: s.Name, sync: s.FlexibleSync, classes: map[string]*schema.Class{}, keys: map[string]target{}}
	type synced struct {
		path  string
		node  *node
		class *schema.Class
		of    *appconfig.Schema
	}
	var all []synced
	for i := range c.Schemas {
		of := &c.Schemas[i]
		if of.Metadata.DataSource != s.Name || of.Metadata.Database != s.FlexibleSync.DatabaseName {
			continue
		}
		path := fmt.Sprintf("schemas[%d].schema", i)
		n, err := parse(path, of.Schema)
		if err != nil {
			return nil, err
		}
		class, err := b.collection(path, n, of)
		if err != nil {
			return nil, err
		}
		all = append(all, synced{path, n, class, of})
	}
	for _, a := range all { // only now: what they link to is known
		links, err := parseRelationships(a.path, a.of.Relationships)
		if err != nil {
			return nil, err
		}
		if err := b.fill(a.path, a.node, a.class, links, nil); err != nil {
			return nil, err
		}
	}
	list := make([]schema.Class, 0, len(b.classes))
	for _, name := range slices.Sorted(maps.Keys(b.classes)) {
		list = append(list, *b.classes[name])
	}
	out.Schema = schema.New(list...).Normalized()
	if err := schema.Validate(out.Schema, schema.Synced); err != nil {
		return nil, out.blame(err)
	}
	return out, nil
}

// name notes the collections of the classes that there were when sync was terminated: programs go on with their objects.
func (c *Classes) name(config *appconfig.Config, s *appconfig.Service) {
	for i := range config.Schemas {
		of := &config.Schemas[i]
		if of.Metadata.DataSource != s.Name || of.Metadata.Database != s.FlexibleSync.DatabaseName {
			continue
		}
		if n, err := parse("", of.Schema); err == nil && n.Title != "" && n.Title != of.Metadata.Collection {
			c.Collections[n.Title] = of.Metadata.Collection
		}
	}
}

// None are the classes of a configuration with which something is wrong.
func None(wrong error) *Classes {
	return &Classes{Schema: schema.New(), Collections: map[string]string{}, Wrong: wrong, paths: map[string]string{}}
}

// builder makes classes.
type builder struct {
	*Classes

	service string
	sync    *appconfig.FlexibleSync
	classes map[string]*schema.Class
	keys    map[string]target // by collection: what can be linked to
}

// target is a class that can be linked to.
type target struct {
	class string
	key   value.Kind
}

func fail(path, format string, args ...any) error {
	return &appconfig.ValidationError{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// collection begins the class of a collection: it has its primary key.
func (b *builder) collection(path string, n *node, of *appconfig.Schema) (*schema.Class, error) {
	name := n.Title
	if name == "" {
		name = of.Metadata.Collection
	}
	if at, ok := b.paths[name]; ok {
		return nil, fail(path+".title", "the class %q is described already, at %s", clip(name), at)
	}
	raw, ok := n.Properties[schema.KeyName]
	if !ok {
		return nil, fail(path+".properties", "a class that syncs needs the property _id, its primary key")
	}
	at := path + ".properties._id"
	key, err := parse(at, raw)
	if err != nil {
		return nil, err
	}
	kind, null, err := key.scalar(at)
	if err != nil {
		return nil, err
	}
	if _, ok := keyKinds[kind]; !ok {
		return nil, fail(at+".bsonType", "a primary key is an objectId, a string, a long or a uuid, not %s", clip(strings.Join(key.BSONType, ", ")))
	}
	class := &schema.Class{Name: name, PrimaryKey: schema.KeyName, Properties: []schema.Property{{Name: schema.KeyName, Type: kind, Nullable: null}}}
	if slices.Contains(b.sync.AsymmetricTables, name) || slices.Contains(b.sync.AsymmetricTables, of.Metadata.Collection) {
		class.Kind = schema.Asymmetric
	}
	if name != of.Metadata.Collection {
		b.Collections[name] = of.Metadata.Collection
	}
	b.classes[name], b.paths[name] = class, path
	b.keys[of.Metadata.Collection] = target{name, kind}
	return class, nil
}

var keyKinds = map[value.Kind]string{value.KindObjectID: "objectId", value.KindString: "string", value.KindInt: "long", value.KindUUID: "uuid"}

// fill adds the properties that an object schema describes to a class. An embedded class may be described in several places, which add up. at is
// where the object is within its collection, for relationships.
func (b *builder) fill(path string, n *node, class *schema.Class, links relationships, at []string) error {
	if len(at) > maxNesting {
		return fail(path, "it is nested more than %d deep", maxNesting)
	}
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		if name == class.PrimaryKey {
			continue
		}
		where := path + ".properties." + name
		if name == "" || strings.ContainsRune(name, 0) {
			return fail(where, "this can't be the name of a property")
		}
		p, err := b.property(where, n.Properties[name], class.Name, links, append(at[:len(at):len(at)], name))
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		p.Name = name
		if p.Collection == schema.Single {
			p.Nullable = p.Nullable || !slices.Contains(n.Required, name)
		}
		id := class.Name + "." + name
		have := class.Property(name)
		if have == nil {
			class.Properties = append(class.Properties, *p)
			b.paths[id] = where
			continue
		}
		if have.TypeString() != p.TypeString() {
			return fail(where, "%q is described as %s, and as %s at %s", clip(id), p.TypeString(), have.TypeString(), b.paths[id])
		}
	}
	return nil
}

// property returns what one property is, nil if it is none that is stored.
func (b *builder) property(path string, raw []byte, owner string, links relationships, at []string) (*schema.Property, error) {
	n, err := parse(path, raw)
	if err != nil {
		return nil, err
	}
	p := &schema.Property{}
	element, where := n, path
	switch {
	case n.is("linkingObjects"):
		return nil, nil
	case n.isArray():
		p.Collection, where = schema.List, path+".items"
		if n.UniqueItems {
			p.Collection = schema.Set
		}
		if !isObject(n.Items) {
			return nil, fail(path, "an array needs items, the schema of its elements")
		}
		if element, err = parse(where, n.Items); err != nil {
			return nil, err
		}
	case n.isDictionary():
		p.Collection, where = schema.Dictionary, path+".additionalProperties"
		element = &node{BSONType: appconfig.Strings{"mixed"}}
		if isObject(n.AdditionalProperties) {
			if element, err = parse(where, n.AdditionalProperties); err != nil {
				return nil, err
			}
		}
	}
	if element.isArray() || element.isDictionary() && p.Collection != schema.Single {
		return nil, fail(where, "a collection can't have collections as its elements, unless they are mixed")
	}
	if link, ok := links[strings.Join(at, ".")]; ok && link.service == b.service && link.database == b.sync.DatabaseName && link.key == schema.KeyName {
		to, ok := b.keys[link.collection]
		if !ok {
			return nil, fail(link.path, "there is no schema for the collection %q", clip(link.collection))
		}
		kind, _, err := element.scalar(where)
		if err != nil {
			return nil, err
		}
		if kind != to.key {
			return nil, fail(where+".bsonType", "it links to objects of class %q, whose primary key is of type %s", clip(to.class), keyKinds[to.key])
		}
		p.Type, p.LinkTarget, p.Nullable = value.KindLink, to.class, p.Collection != schema.List && p.Collection != schema.Set
		return p, nil
	}
	if element.isObject() {
		name := element.Title
		if name == "" {
			name = owner + "_" + at[len(at)-1]
		}
		class := b.classes[name]
		if class == nil {
			class = &schema.Class{Name: name, Kind: schema.Embedded}
			b.classes[name], b.paths[name] = class, where
		}
		if class.Kind != schema.Embedded {
			return nil, fail(where+".title", "%q is a class of its own, described at %s; objects within others need another title", clip(name), b.paths[name])
		}
		p.Type, p.LinkTarget, p.Nullable = value.KindLink, name, p.Collection == schema.Single || p.Collection == schema.Dictionary
		return p, b.fill(where, element, class, links, at)
	}
	p.Type, p.Nullable, err = element.scalar(where)
	return p, err
}

// blame makes the error of what is wrong with the classes together.
func (c *Classes) blame(err error) error {
	var invalid *schema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	reason, path, best := invalid.Problems[0], "schemas", ""
	for id, at := range c.paths {
		if len(id) > len(best) && strings.Contains(reason, "'"+id+"'") {
			path, best = at, id
		}
	}
	return fail(path, "%s", clip(reason))
}

// Conflict looks whether classes that are there can get to what the configuration describes, by additions, or, if free, by changes of types too: nil, or an
// *appconfig.ValidationError (spec/sync-semantics.md section 9.4: types, optionality and primary keys stay for devices that have them). free says that
// no device has the classes any more; their kinds and primary keys stay all the same.
func (c *Classes) Conflict(with *schema.Schema, free bool) error {
	for _, class := range c.Schema.Classes() {
		have := with.Class(class.Name)
		if have == nil {
			continue
		}
		if have.Kind != class.Kind {
			return fail(c.paths[class.Name], "the class %q is in use and is %v, not %v; give the new one another name", clip(class.Name), have.Kind, class.Kind)
		}
		for i := range class.Properties {
			p := &class.Properties[i]
			old := have.Property(p.Name)
			if old == nil || old.TypeString() == p.TypeString() && old.Nullable == p.Nullable {
				continue
			}
			path, what := c.paths[class.Name+"."+p.Name], advice
			if p.Name == class.PrimaryKey {
				path, what = c.paths[class.Name]+".properties."+p.Name, "it is the primary key, by which objects are known: give the new class another name"
			} else if free {
				continue
			}
			return fail(path, "the property %q is in use with the type %s, not %s; %s", clip(class.Name+"."+p.Name), old.TypeString(), p.TypeString(), what)
		}
	}
	return nil
}

// Loses tells whether there is a class or a property here that there is not any more in what comes after.
func (c *Classes) Loses(after *Classes) bool {
	for _, class := range c.Schema.Classes() {
		left := after.Schema.Class(class.Name)
		if left == nil {
			return true
		}
		for i := range class.Properties {
			if left.Property(class.Properties[i].Name) == nil {
				return true
			}
		}
	}
	return false
}

const advice = "devices have it so, and what they have can't be changed in place: give the new one another name, or terminate sync, save the schema, and enable sync again, which resets all devices"
