// Package original holds the server against the original's client: peer (a C++ program around the published binary of Realm Core, which
// scripts/original.sh fetches and links) does what the tests tell it. Without that program, whose path is in REALM_ORIGINAL, they are
// skipped.
package original
