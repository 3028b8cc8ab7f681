package store

import (
	"encoding/binary"
	"errors"
	"math"
)

// Changes in the trail. Numbers are varints. Rows are told as runs of successive ids, so that a class whose objects are all deleted or
// changed takes a few bytes.
//
//	trailFormat
//	per class, in ascending order: its id; 1 if it was removed, else 0; then created, modified, deleted, each as
//	  per run: length; distance from the end of the run before it, the first one from 0; of modified rows the mask of columns
//	  0
const trailFormat = 1

const (
	// maxTrailRows bounds how many rows are read from the trail at once: what runs stand for is much more than what they take in the file.
	maxTrailRows = 4 << 20
	// maxLeft bounds the rows and the bytes that one version leaves in the trail.
	maxLeft = 1 << 20
)

// encodeTrail returns false for changes that are too many for the trail.
func encodeTrail(ch *Changes) ([]byte, bool) {
	if ch.Rows() > maxLeft {
		return nil, false
	}
	w := trailWriter{b: []byte{trailFormat}}
	for i := range ch.Classes {
		cc := &ch.Classes[i]
		w.number(uint64(cc.Class))
		w.number(map[bool]uint64{true: 1}[cc.Removed])
		for _, s := range cc.Created {
			w.add(s.First, s.N, 0)
		}
		w.end()
		for _, m := range cc.Modified {
			w.add(m.Row, 1, m.Columns)
		}
		w.end()
		for _, row := range cc.Deleted {
			w.add(row, 1, 0)
		}
		w.end()
	}
	return w.b, len(w.b) <= maxLeft
}

type trailWriter struct {
	b    []byte
	run  Span // not written yet, unless it is empty
	cols uint64
	last int64 // end of the run that was written last
}

func (w *trailWriter) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

// add adds rows behind those that were added before. cols is 0 but for modified ones.
func (w *trailWriter) add(first, n int64, cols uint64) {
	if w.run.N > 0 && w.run.First+w.run.N == first && w.cols == cols {
		w.run.N += n
		return
	}
	w.write()
	w.run, w.cols = Span{first, n}, cols
}

func (w *trailWriter) write() {
	if w.run.N == 0 {
		return
	}
	w.number(uint64(w.run.N))
	w.b = binary.AppendVarint(w.b, w.run.First-w.last) // both ways it may wrap
	if w.cols != 0 {
		w.number(w.cols)
	}
	w.last = w.run.First + w.run.N
}

// end ends a list of runs.
func (w *trailWriter) end() {
	w.write()
	w.number(0)
	*w = trailWriter{b: w.b}
}

var (
	errTrail     = errors.New("it is damaged")
	errTrailLong = errors.New("it names too many rows")
)

// decodeTrail takes changes of at most so many rows, and otherwise fails with errTrailLong. Any bytes may come.
func decodeTrail(b []byte, rows int) (*Changes, error) {
	r := trailReader{b: b, rows: int64(rows)}
	if r.number() != trailFormat {
		return nil, errTrail
	}
	out := &Changes{}
	for len(r.b) > 0 && !r.bad {
		class, removed := r.number(), r.number()
		cc := ClassChanges{Class: uint32(class), Removed: removed == 1}
		r.bad = r.bad || class > math.MaxUint32 || removed > 1 || len(out.Classes) > 0 && out.Classes[len(out.Classes)-1].Class >= cc.Class
		r.runs(false, func(first, n int64, _ uint64) { cc.Created = append(cc.Created, Span{first, n}) })
		r.runs(true, func(first, n int64, cols uint64) {
			for r.take(n); n > 0 && !r.bad; first, n = first+1, n-1 {
				cc.Modified = append(cc.Modified, Modification{first, cols})
			}
		})
		r.runs(false, func(first, n int64, _ uint64) {
			for r.take(n); n > 0 && !r.bad; first, n = first+1, n-1 {
				cc.Deleted = append(cc.Deleted, first)
			}
		})
		out.Classes = append(out.Classes, cc)
	}
	switch {
	case r.bad && r.rows < 0:
		return nil, errTrailLong
	case r.bad:
		return nil, errTrail
	}
	return out, nil
}

type trailReader struct {
	b    []byte
	rows int64 // that may still be read
	bad  bool
}

func (r *trailReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// take counts rows, before there is memory for them.
func (r *trailReader) take(n int64) {
	r.rows -= n
	r.bad = r.bad || r.rows < 0
}

// runs reads a list of runs, in ascending order.
func (r *trailReader) runs(columns bool, f func(first, n int64, cols uint64)) {
	end, last, begun := int64(0), int64(0), false // end of the run before and its last row: at the last of all numbers, end wraps
	for !r.bad {
		n := r.number()
		if n == 0 {
			return
		}
		distance, k := binary.Varint(r.b)
		if k <= 0 {
			r.bad = true
			return
		}
		r.b = r.b[k:]
		cols := uint64(0)
		if columns {
			cols = r.number()
			r.bad = r.bad || cols == 0
		}
		first := end + distance
		if r.bad || n > math.MaxInt64 || first > math.MaxInt64-int64(n)+1 || begun && first <= last {
			r.bad = true
			return
		}
		f(first, int64(n), cols)
		end, last, begun = first+int64(n), first+int64(n)-1, true
	}
}
