package changeset

// RecordIn is Record of an instruction that acts inside of an embedded object of that class. The original defines the name of the class too,
// though no instruction uses it (changeset.md 6.8); so do we, that the bytes are the same.
func (r *Recorder) RecordIn(class string, in *Instruction) error {
	if err := in.encodable(); err == nil {
		r.w.copy = true
		r.buf = r.w.intern(r.buf, class)
	}
	return r.Record(in)
}
