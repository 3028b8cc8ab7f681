// Package session owns the sync client (spec/sync-semantics.md): sessions and their states, the connections they share, what is sent when,
// and what becomes of errors. It sees a realm file through File and a user through User, and knows nothing of how either is made.
//
// A Manager holds at most one Session per file. A session that syncs has a protocol session (binding); the bindings of one user at
// one server share a connection. Three kinds of goroutines work for a manager:
//
//   - one loop per connection. It drives link, the state machine of the protocol, which does no I/O and reads no clock: messages,
//     results and time go in, actions come out. The loop never waits for a disk, a callback or the application.
//   - one worker per session. It alone calls the File, one job at a time, in order.
//   - one for callbacks. It moves sessions from state to state when the protocol says so, and calls the application: waiters,
//     observers, error handlers. What an application's own call brings about (Pause, Release, ...) is reported on the caller's goroutine.
//
// See DESIGN.md for why it is cut this way.
package session
