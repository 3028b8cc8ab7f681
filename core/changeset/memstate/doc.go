// Package memstate is changeset.State in memory: the oracle that tests compare stores with. It is made to be obviously right,
// not fast.
package memstate
