// Package vectortest reads the golden vectors: it finds their folder and translates their JSON (vectors/README.md, sections
// 1 and 2) to values, keys, instructions and schemas, and back. It is for tests; nothing else imports it.
package vectortest
