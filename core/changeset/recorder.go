package changeset

import "slices"

// Recorder writes the changeset of a local transaction as it goes: each string definition right before the first
// instruction that needs it (spec/changeset.md sections 2.11 and 6.1). The zero Recorder is empty and ready. Reuse it with
// Reset: in steady state recording doesn't allocate. It belongs to one goroutine.
type Recorder struct {
	w     writer
	buf   []byte
	count int
	err   error
}

// Record appends an instruction. Nothing of it is kept: its strings may share memory that changes afterwards.
//
// It fails with a *BadChangesetError if the instruction has no form on the wire (a string over its limit, a timestamp
// that isn't normalised); nothing is appended then, and the transaction must not be committed.
func (r *Recorder) Record(in *Instruction) error {
	if err := in.encodable(); err != nil {
		err.Index = r.count
		if r.err == nil {
			r.err = err
		}
		return err
	}
	r.w.copy = true
	r.buf = r.w.define(r.buf, in)
	r.buf = r.w.append(r.buf, in)
	r.count++
	return nil
}

// Err returns the first error of Record since the last Reset, nil if there was none: for callers that look once, before they
// commit.
func (r *Recorder) Err() error { return r.err }

// Len returns the number of instructions recorded.
func (r *Recorder) Len() int { return r.count }

// Bytes returns the changeset so far, zero bytes if nothing is recorded. It is valid until the next Record or Reset, and
// must not be changed; Clone gives bytes to keep.
func (r *Recorder) Bytes() []byte { return r.buf }

// Clone returns a copy of the bytes.
func (r *Recorder) Clone() []byte { return slices.Clone(r.buf) }

// Reset empties the recorder. The memory of a big transaction is let go.
func (r *Recorder) Reset() {
	const big = 1 << 20
	if cap(r.buf) > big {
		r.buf = nil
	}
	r.w.reset()
	r.buf, r.count, r.err = r.buf[:0], 0, nil
}
