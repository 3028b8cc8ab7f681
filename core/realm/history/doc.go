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
// The original keeps an entry for every version. Here a version has a row only if it says something: a local commit with content, or
// an integration that moved the download cursor. A version without a row is a local commit without content (subscriptions, the
// ident): never uploaded, never merged with, and made with the server version of the row before it.
//
// The row of an integration holds the download cursor that it led to, where the original holds the server version of the last
// changeset, which may be lower: so what is reported to the server in UPLOAD is the same, and is always the same for one version.
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
