// Package value owns the values of the object database: everything that a property, a list element, a dictionary
// entry or a primary key can hold, and the total order and equality that queries, sets and merging agree on.
//
// It is pure: no I/O, no clock, no randomness. Values are immutable and may be shared between goroutines.
package value
