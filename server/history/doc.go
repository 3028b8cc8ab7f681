// Package history owns one app's data on the server: the sequence of server versions, the state that they lead to, and
// what is known of each client file (spec/merge.md section 10, spec/sync-semantics.md sections 4 and 5).
//
// An Engine is the only writer of a store.Store. Its goroutine takes the uploads that wait together, merges each with the
// history that touches the same objects, judges it against the uploader's view, applies it, and commits all of them in one
// durable transaction (group commit). Work of one client that fails is undone in memory and only that client hears of it.
//
// What a commit changed leaves the package as []*Entry, in order, through Config.Committed: package view turns it into
// what each session may see.
//
// See DESIGN.md for the formats and for the rules by which an upload is judged.
package history
