package realm

// attached calls Config.Attach for a new instance. When that fails, the instance is closed and given up.
func (r *Realm) attached() (*Realm, error) {
	if r.config.Attach == nil {
		return r, nil
	}
	detach, err := r.config.Attach(r)
	if err != nil {
		_ = r.Close() // the first error counts
		r.Release()
		return nil, err
	}
	r.mu.Lock()
	r.detach = detach
	r.mu.Unlock()
	return r, nil
}

// unlockAndDetach gives r.mu up after a call that may have closed the instance, and then tells who attached to it.
func (r *Realm) unlockAndDetach() {
	detach := r.detaching
	r.detaching = nil
	r.mu.Unlock()
	if detach != nil {
		detach()
	}
}
