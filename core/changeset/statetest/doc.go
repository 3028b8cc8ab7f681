// Package statetest makes random changesets, for tests that compare a changeset.State with memstate, and for tests of merging. It is for
// tests; nothing else imports it.
package statetest
