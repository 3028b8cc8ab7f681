// Package jwks owns public keys that others publish: reading a JSON Web Key Set (RFC 7517), and keeping the sets of identity
// providers for a while, so that a login does not ask each time, and a key that was rotated in is found at once
// (app-services 13.4).
package jwks
