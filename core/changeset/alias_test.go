package changeset_test

import "unsafe"

// aliased returns a string that shares the bytes, as core/realm gives the recorder.
func aliased(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
