// Package vectortest translates the JSON of the golden vectors (vectors/README.md, sections 1 and 2; package tests/vectors reads them) to values, keys,
// instructions and schemas, and back. It is for tests; nothing else imports it.
package vectortest
