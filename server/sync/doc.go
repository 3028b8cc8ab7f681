// Package sync is the endpoint of Device Sync: the WebSocket that clients speak the protocol of spec/wire-protocol.md on, the
// server's side of their sessions, and the engines of the apps that they are for.
//
// A connection has one goroutine that reads, and each session bound on it one that works: the session. The reader only parses
// and hands over; a session takes its messages in order, and in between produces its output, one message at a time, when
// the socket takes it. So nothing piles up for a client that reads slowly: its session stays behind, and reads later from the
// history what it has not been sent. Nor does a client that writes fast: a full inbox stops the reader, and so the client's TCP.
//
// All messages of a session are sent by its own goroutine. That is what the order on the wire rests on: nothing follows an
// error, no MARK overtakes a bootstrap. See DESIGN.md for what a session sends when, and why.
//
// Errors go to the client in the form that an original client survives (spec/wire-protocol.md section 13); package wire refuses to
// write others.
package sync
