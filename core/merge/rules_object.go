package merge

// eraseObjectCreateObject is R5, whatever the timestamps.
func eraseObjectCreateObject(_ *merger, l, r *node) error {
	if sameObject(l, r) {
		r.discard()
	}
	return nil
}

// eraseObjectEraseObject is R6. The newer erasure survives, so that an object that was erased and created again on the newer side is
// not defeated by a longer history of erasures on the older side.
func eraseObjectEraseObject(_ *merger, l, r *node) error {
	switch {
	case !sameObject(l, r):
	case older(r, l):
		r.discard()
	default:
		l.discard()
	}
	return nil
}
