// Package reset owns what an automatic client reset does to data (spec/sync-semantics.md 7.4 and 7.6): applying local changes that the server has
// not acknowledged to a fresh copy of what the server has (Recovery), and making a realm hold what another one does by the fewest changes
// (Transfer). It is pure: it sees realms as changeset.Nested and knows neither files, histories nor the network.
package reset

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// Realm is a state whose objects can be listed.
type Realm interface {
	changeset.Nested
	// Each calls f with the keys of all objects of a class. f may change and erase objects.
	Each(class string, f func(key value.Key) error) error
}

// FailedError says why a realm can't be reset so: what differs can't be made equal, or a change can't be recovered. Errors of the realms
// themselves (disk full, ...) stay what they are.
type FailedError struct{ Text string }

// Error implements error.
func (e *FailedError) Error() string { return e.Text }
