// Package schema owns classes and properties: their description, the rules a description must keep
// (spec/changeset.md section 9) and the difference between two schemas.
//
// It is pure. A *Schema is immutable once it is shared; With... methods return changed copies.
package schema
