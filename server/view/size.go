package view

// Size is how much a Fan has to look after.
type Size struct {
	Sets    int // distinct subscription sets that are in use
	Queries int // distinct queries in them
	Kept    int // versions in memory for sessions that keep up
}

// Size returns what there is now.
func (f *Fan) Size() Size {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Size{Sets: len(f.sets), Queries: len(f.queries), Kept: len(f.recent)}
}
