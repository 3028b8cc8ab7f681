// Package crypt arranges the cryptography of encrypted realm files: which key seals what. It does no I/O; core/store's VFS calls it
// for every page. docs/encryption.md describes the whole.
//
// The primitives are those of Go's standard library: AES-256-GCM, HKDF and HMAC with SHA-256. They are put together as
// XAES-256-GCM (C2SP): from a 24 byte random nonce its first half derives the AES key that seals with the other half. A page is
// sealed anew each time it is written, and under one key of plain AES-GCM only 2^32 random nonces are safe: a busy file writes as
// many pages in a year. With 24 random bytes nothing has to be counted, kept or coordinated between processes.
//
// Deriving a key costs as much as sealing a page. So a sealer draws the first half anew only after every 2^16 seals, and the second
// each time: that two of 2^16 random nonces of 96 bits are equal has a probability of 2^-65.
package crypt
