// Package view owns what each client may see: subscription sets, compiled; the changesets of a server version as a set sees
// them; bootstraps, which turn one view into another (spec/sync-semantics.md section 4).
//
// A Fan is one app's worth of it. Queries are shared: of all subscription sets that are in use, each distinct pair of class
// and query is compiled once, and each changed object is evaluated once against it, however many clients subscribe to it.
// Queries that only objects with one of a few values can match (owner == "x") are found by these values and not tried one
// after the other. Sessions with the same set share the encoded changesets as well.
//
// What a session may see (Access, from its roles) is part of its set: filters are joined to its queries, and are found by their values like them, so that a thousand
// users who each see their own cost a change no more than one; properties that a role hides are left out of everything that is sent.
//
// The package decides nothing about sessions, cursors or messages: that is server/sync. What an object's change means for
// a view is decided by history.Classify, because the engine judges uploads by the same rule.
package view
