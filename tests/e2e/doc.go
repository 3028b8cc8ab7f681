// Package e2e tests the client core and the server together, over real sockets and real files: the server is the program that
// users run, the client is core/client, which the C interface is made of.
package e2e
