// Package history owns the sync side of a realm file: the changesets of local commits that the server has not
// acknowledged, the progress cursors, the file ident, the subscription sets and the bootstrap that is being received
// (spec/merge.md section 9, spec/sync-semantics.md sections 2 and 3). It knows no network: a session drives it through File.
//
// Everything here is in the realm file, in tables named sync_*, and is written in the transaction it belongs to.
//
// The functions that take a *store.Conn work inside the caller's transaction: core/realm uses them when the application
// commits. File has a connection of its own and is what a session uses.
//
// # What is stored of the history
//
// The original keeps an entry for every version. Here a version has a row only if it says something: in sync_history if it is a local
// commit with content, in sync_integration if it moved the download cursor. Others (subscriptions, the ident) are never uploaded nor
// merged with, and the download cursor is that of the version before: so what an UPLOAD says of a version is always the same,
// as the server demands (merge.md 10.2).
//
// An integration's row holds the download cursor that it led to, where the original holds the server version of the last changeset.
// That may be lower, by changesets of our own that the server has skipped.
//
// # Bookkeeping is no version
//
// Only what an instance of the realm could see makes a new version: commits, integrations, the ident. States of subscription sets,
// parts of a bootstrap and acknowledgements are stored without one, so that they wake nobody.
//
// # Finding what to merge with
//
// Incoming changesets are merged only with local ones that touch the same objects. File keeps, in memory, which object was touched
// by which version (window). A table would survive restarts, but every commit of the application would pay for it, also those
// that are acknowledged before anything has to be merged; the memory is 30 bytes per touched object, for as long as it isn't
// acknowledged, and decoding 10,000 changesets again after a restart takes less than 0.1 s.
package history
