// Package wire owns the sync protocol of spec/wire-protocol.md, flexible sync, version 14: what the messages are, their bytes,
// their limits, the error codes and the negotiation of the version. It knows nothing of sockets, sessions or files, and treats
// changesets as bytes.
//
// One struct per message. Append methods write a message to the end of a buffer, ParseClientMessage and ParseServerMessage
// read one whole WebSocket message. What is parsed doesn't copy: byte slices of a parsed message point into the message that was
// given (or, when its body was compressed, into one fresh buffer) and stay valid as long as the caller leaves those bytes
// alone; strings are copies. The capacity of such a slice ends where it ends, so appending to it can't overwrite a neighbour.
//
// Two kinds of strictness meet here. A parser accepts what original peers send and refuses everything else with a
// *ProtocolError, before it allocates anything that an untrusted number asks for. An Append method additionally refuses
// what an original client can't survive (wire-protocol.md section 13): it returns an error of kind ErrRefused and
// the buffer as it was.
//
// The package is pure: no I/O, no goroutines, no clock, no randomness. All functions may be called concurrently;
// a message value belongs to whoever holds it.
package wire
