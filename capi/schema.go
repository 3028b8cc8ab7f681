package main

/*
#include "abi.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// maxClasses bounds the classes of a schema and the properties of a class.
const maxClasses = 1 << 16

// schemaOf copies a schema that was handed in. Its rules are checked when the realm is opened; here only what can't be
// represented.
func schemaOf(infos *C.realm_class_info_t, n C.size_t) (*schema.Schema, error) {
	list, err := array(infos, n, maxClasses, "classes")
	if err != nil {
		return nil, err
	}
	classes := make([]schema.Class, 0, len(list))
	seen := make(map[string]bool, len(list))
	for i := range list {
		c, err := classOf(&list[i], fmt.Sprintf("classes[%d]", i))
		if err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, failure.Errorf(failure.InvalidSchema, "the class '%s' appears more than once", c.Name)
		}
		seen[c.Name] = true
		classes = append(classes, c)
	}
	return schema.New(classes...), nil
}

func classOf(info *C.realm_class_info_t, place string) (c schema.Class, err error) {
	if c.Name, err = text(info.name, place+".name"); err != nil {
		return c, err
	}
	if info.kind > C.REALM_CLASS_ASYMMETRIC {
		return c, failure.Errorf(failure.InvalidArgument, "%s: %d is no kind of class", place, info.kind)
	}
	c.Kind = schema.ClassKind(info.kind)
	properties, err := array(info.properties, info.n_properties, maxClasses, place+".properties")
	if err != nil {
		return c, err
	}
	for i := range properties {
		p, key, err := propertyOf(&properties[i], fmt.Sprintf("%s.properties[%d]", place, i))
		if err != nil {
			return c, err
		}
		if key && c.PrimaryKey != "" {
			return c, failure.Errorf(failure.InvalidSchema, "the class '%s' has two primary keys: '%s' and '%s'", c.Name,
				c.PrimaryKey, p.Name)
		}
		if key {
			c.PrimaryKey = p.Name
		}
		c.Properties = append(c.Properties, p)
	}
	return c, nil
}

func propertyOf(info *C.realm_property_info_t, place string) (p schema.Property, key bool, err error) {
	if p.Name, err = text(info.name, place+".name"); err != nil {
		return p, false, err
	}
	if info._type > C.REALM_TYPE_UUID {
		return p, false, failure.Errorf(failure.InvalidArgument, "%s: %d is no type of a property", place, info._type)
	}
	if info.collection > C.REALM_COLLECTION_SET {
		return p, false, failure.Errorf(failure.InvalidArgument, "%s: %d is no kind of collection", place, info.collection)
	}
	p.Type, p.Collection = value.Kind(info._type), schema.Collection(info.collection)
	for _, f := range []struct {
		from *C.bool
		to   *bool
	}{{&info.nullable, &p.Nullable}, {&info.primary_key, &key}, {&info.indexed, &p.Indexed}, {&info.full_text, &p.FullText}} {
		// A bool of C that is neither is no bool of Go.
		b := *(*uint8)(unsafe.Pointer(f.from))
		if b > 1 {
			return p, false, failure.Errorf(failure.InvalidArgument, "%s: a bool is 0 or 1, not %d", place, b)
		}
		*f.to = b == 1
	}
	if p.LinkTarget, err = text(info.link_target, place+".link_target"); err != nil {
		return p, false, err
	}
	origin, err := text(info.link_origin_property, place+".link_origin_property")
	if err == nil && origin != "" {
		err = failure.Errorf(failure.Unsupported, "%s: backlinks ('%s') are not available in this version", place, p.Name)
	}
	return p, key, err
}

// classToC describes a class; its memory is the arena's.
func classToC(c *schema.Class, a *arena) C.realm_class_info_t {
	properties := allocArray[C.realm_property_info_t](a, len(c.Properties))
	for i := range c.Properties {
		p := &c.Properties[i]
		properties[i] = C.realm_property_info_t{
			name: a.text(p.Name), _type: C.uint8_t(p.Type), collection: C.uint8_t(p.Collection), nullable: C.bool(p.Nullable),
			primary_key: C.bool(c.PrimaryKey != "" && p.Name == c.PrimaryKey), indexed: C.bool(p.Indexed), full_text: C.bool(p.FullText),
			link_target: a.text(p.LinkTarget),
		}
	}
	return C.realm_class_info_t{name: a.text(c.Name), kind: C.uint8_t(c.Kind), properties: unsafe.SliceData(properties),
		n_properties: C.size_t(len(properties))}
}
