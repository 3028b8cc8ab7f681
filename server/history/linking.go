package history

import (
	"errors"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// Linking calls f for the objects of a class that have a link to one of the objects of another class, ordered by key, until it returns false; and
// maybe for some that haven't. The snapshot is one of the newest version.
//
// There is no index of links: it would have to be kept up by every upload, and its rows are scattered over as many pages as there are objects
// linked to (an upload of 1000 objects with a link each would write ten times as much), for what only programs ask, when they remove objects. A
// link is stored as the same bytes wherever it is, so documents are searched for these by the store, and only what has them is taken apart.
func (s *Snapshot) Linking(class *Class, target string, keys []value.Key, f func(*Row) (bool, error)) error {
	if s.older != nil {
		return errors.New("history: links are looked for in a snapshot of the newest version")
	}
	var texts []string
	if len(keys) <= store.MaxTexts {
		for _, key := range keys {
			texts = append(texts, string(appendValue(nil, value.FromLink(target, key))))
		}
	} else {
		texts = []string{string(appendText([]byte{byte(value.KindLink)}, target))}
	}
	// What is in a piece is not in the document. That has a form of its own then.
	beginning := ""
	if class.collects(s.Catalog) {
		if highest, err := s.MaxPiece(); err != nil {
			return err
		} else if highest > 0 {
			beginning = string([]byte{nestedForm})
		}
	}
	return s.ScanHolding(class.ID, texts, beginning, func(key, doc []byte) (bool, error) {
		row, err := decodeStored(s.stored, class, string(key), doc)
		if err != nil {
			return false, err
		}
		return f(row)
	})
}

// collects tells whether objects of the class may have collections of links, of their own or further inside.
func (c *Class) collects(catalog *Catalog) bool {
	for i := range c.Properties {
		p := &c.Properties[i]
		if p.Type == value.KindMixed || p.Type == value.KindLink && p.Collection != schema.Single {
			return true
		}
		if p.Type == value.KindLink {
			if inner := catalog.Class(p.LinkTarget); inner != nil && inner.Kind == schema.Embedded {
				return true
			}
		}
	}
	return false
}
