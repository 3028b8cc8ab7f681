package store

import (
	"realmsync/core/rql"
	"realmsync/core/schema"
)

// noteAll notes everything that the query looks at, for the parts of it that run in Go.
func (k *compiler) noteAll(b *rql.Bound) {
	complete := b.Reads(func(class *schema.Class, property int) {
		if cl := k.conn.catalog.byName[class.Name]; cl != nil {
			k.index(cl, class, property)
			k.members[cl.ID] = true // a new object may be one that links to an object of the query
		}
	})
	if complete {
		return
	}
	for id := range k.conn.catalog.byID {
		k.deps[id], k.members[id] = ^uint64(0), true
	}
}
