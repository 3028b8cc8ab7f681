// Package changeset owns instructions: what they are, their bytes, and what they do to a State
// (spec/changeset.md). Apply is the only place in the project where instructions act.
//
// It is pure: no I/O of its own (a State may do I/O), no clock, no randomness.
package changeset
