package changeset

import "realmsync/core/value"

// RecordIn is Record of an instruction that acts inside of an embedded object of that class. The original defines the name of the class too,
// though no instruction uses it (changeset.md 6.8); so do we, that the bytes are the same.
func (r *Recorder) RecordIn(class string, in *Instruction) error {
	if err := in.encodable(); err == nil {
		r.w.copy = true
		r.buf = r.w.intern(r.buf, class)
	}
	return r.Record(in)
}

// RecordSchema is Record of a change of the schema. For a property that links to nothing the original defines an empty string, as its target, that
// no instruction uses (changeset.md 6.2); so do we, that the bytes are the same.
func (r *Recorder) RecordSchema(in *Instruction) error {
	err := in.encodable()
	if err == nil && in.Op == AddColumn && in.Schema.Type != value.KindLink {
		r.w.copy = true
		r.buf = r.w.define(r.buf, in)
		r.buf = r.w.intern(r.buf, "")
	}
	return r.Record(in)
}
