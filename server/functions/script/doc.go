// Package script runs one call of a JavaScript function: source and arguments in, a BSON value out (spec/app-services.md sections 7.3 and
// 11.2). It has no network, no files and no data of its own: what a function asks for goes through the Host that the caller gives.
//
// Every call has a runtime of its own, so nothing that one call leaves behind is seen by another. Making one takes a few microseconds;
// what is kept between calls is the compiled source (Compile), which is immutable.
//
// It runs in a process that is made for it (package worker): what a source can do to that is bounded there.
//
// A call is one goroutine: JavaScript runs there, and so does everything that touches its values. Work that waits (data, HTTP) has
// goroutines that Run waits for before it returns.
package script
