// Package arrows holds the arrows between the packages of this module, as design.md draws them in section 2. It has tests only.
//
// A package that the design does not name fails the test: it gets its line in rules.go, or a room that exists.
package arrows
