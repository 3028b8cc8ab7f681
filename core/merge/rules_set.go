package merge

// setClear is R25 and R26: clearing a set beats its changes, whatever the timestamps.
func setClear(_ *merger, l, r *node) error {
	if samePath(l, r) {
		l.discard()
	}
	return nil
}

// setSet is R27, R28 and R29. Values are compared by content, not by position as in the original (X5).
func setSet(_ *merger, l, r *node) error {
	if samePath(l, r) && sameValue(l.in.Value, r.in.Value) {
		discardOlder(l, r)
	}
	return nil
}
