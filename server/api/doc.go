// Package api owns the HTTP side of the server: the client API of App Services (app-services sections 1 to 8), the sync
// endpoint's place in it, /healthz, /readyz and /metrics.
//
// It decides nothing about users: package server/auth does. It owns what the wire demands, and what the built-in HTTP
// stack of realm-cpp survives (app-services 1.3): absolute-form targets and a Host without a port are accepted, bodies of
// more than 8192 bytes are sent in chunks of at most 4096, no body ends with its connection, nothing is compressed, and
// every request is answered, also when a handler panics.
//
// # Public addresses
//
// The addresses in a location answer and in the link of an error come from the configured base URL. Without one they are
// the address that the client's connection arrived at, which a client on this machine or this network can use as it is.
// Behind a proxy, a port mapping or TLS it is not the one to use: configure the base URL there. The Host header is never
// used: realm-cpp leaves out its port, and anybody can write anything into it.
package api
