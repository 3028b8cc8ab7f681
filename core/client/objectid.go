package client

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"

	"realmsync/core/value"
)

// What makes the object ids of this process different from those of others, and from each other.
var (
	idProcess [5]byte
	idCounter atomic.Uint32
)

func init() {
	var seed [4]byte
	_, _ = rand.Read(idProcess[:]) // never fails
	_, _ = rand.Read(seed[:])
	idCounter.Store(binary.BigEndian.Uint32(seed[:]))
}

// NewObjectID returns a new object id: seconds since 1970, process, counter.
func NewObjectID() (id value.ObjectID) {
	binary.BigEndian.PutUint32(id[:4], uint32(time.Now().Unix()))
	copy(id[4:9], idProcess[:])
	n := idCounter.Add(1)
	id[9], id[10], id[11] = byte(n>>16), byte(n>>8), byte(n)
	return id
}
