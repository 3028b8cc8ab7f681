// Package hostile holds the tests of what hostile clients try on a whole server: bytes, tokens, names and amounts that nobody honest sends.
// Each attack gets the documented error, costs bounded memory, and leaves alone whoever syncs meanwhile. It has tests only.
package hostile
