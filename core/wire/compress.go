package wire

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math"
	"strconv"
	"sync"
)

// maxRatio is what deflate can gain at most: 258 bytes for two bits. A body that announces more can't be honest.
const maxRatio = 1032

// keepBuffer is the largest buffer that goes back to a pool, so that one huge message doesn't stay in memory.
const keepBuffer = 4 << 20

// packer serialises one body and, by the rule of section 2.2, deflates it. Packers are pooled: a deflater is about 1 MB.
type packer struct {
	size    int // of the plain body
	plain   []byte
	packed  cappedBuffer
	deflate *zlib.Writer
	useful  bool // packed is shorter than plain
}

var packers = sync.Pool{New: func() any { return new(packer) }}

// packBody takes the size of the body and the function that appends it. The result must be released.
func packBody(size int, fill func([]byte) []byte) *packer {
	p := packers.Get().(*packer)
	if cap(p.plain) < size {
		p.plain = make([]byte, 0, size)
	}
	p.size, p.useful, p.plain = size, false, fill(p.plain[:0])
	if size > CompressAbove {
		p.useful = p.compress()
	}
	return p
}

func (p *packer) compress() bool {
	p.packed.bytes, p.packed.limit = p.packed.bytes[:0], len(p.plain)-1
	if p.deflate == nil {
		w, err := zlib.NewWriterLevel(&p.packed, zlib.BestSpeed) // the level of the original, header 78 01
		if err != nil {
			return false // can't happen: the level is a valid constant
		}
		p.deflate = w
	} else {
		p.deflate.Reset(&p.packed)
	}
	if _, err := p.deflate.Write(p.plain); err != nil {
		return false
	}
	return p.deflate.Close() == nil
}

// putSizes appends is_compressed, usize and csize.
func (p *packer) putSizes(dst []byte) []byte {
	dst = putBool(dst, p.useful)
	dst = putLen(dst, p.size)
	if p.useful {
		return putLen(dst, len(p.packed.bytes))
	}
	return putLen(dst, 0)
}

func (p *packer) put(dst []byte) []byte {
	if p.useful {
		return append(dst, p.packed.bytes...)
	}
	return append(dst, p.plain...)
}

func (p *packer) release() {
	if cap(p.plain) > keepBuffer {
		p.plain = nil
	}
	if cap(p.packed.bytes) > keepBuffer {
		p.packed.bytes = nil
	}
	packers.Put(p)
}

// cappedBuffer takes up to limit bytes, so that deflating stops as soon as it doesn't pay.
type cappedBuffer struct {
	bytes []byte
	limit int
}

var errFull = errors.New("wire: the deflated body is not smaller")

// Write implements io.Writer.
func (b *cappedBuffer) Write(p []byte) (int, error) {
	if len(b.bytes)+len(p) > b.limit {
		return 0, errFull
	}
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

// inflater is a pooled zlib reader. Its source is a bytes.Reader, from which deflate takes no byte more than it needs.
type inflater struct {
	source bytes.Reader
	zlib   io.ReadCloser
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflate returns the body of exactly size bytes that src holds, or the reason why it doesn't. The caller has compared size
// with its limit; here it is compared with what src can hold at most, before anything is allocated.
func inflate(src []byte, size int) (body []byte, reason string) {
	if size == 0 && len(src) == 0 {
		return nil, "" // the original's parser accepts an empty body without any stream
	}
	if size/maxRatio > len(src) {
		return nil, "it announces more bytes than " + strconv.Itoa(len(src)) + " compressed bytes can hold"
	}
	f := inflaters.Get().(*inflater)
	defer func() {
		f.source.Reset(nil)
		inflaters.Put(f)
	}()
	f.source.Reset(src)
	var err error
	if f.zlib == nil {
		f.zlib, err = zlib.NewReader(&f.source)
	} else {
		err = f.zlib.(zlib.Resetter).Reset(&f.source, nil)
	}
	if err != nil {
		return nil, "not a zlib stream: " + err.Error()
	}
	body = make([]byte, size)
	if n, err := io.ReadFull(f.zlib, body); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, "it ends after " + strconv.Itoa(n) + " of " + strconv.Itoa(size) + " bytes"
		}
		return nil, err.Error()
	}
	var more [1]byte
	switch n, err := io.ReadFull(f.zlib, more[:]); {
	case n > 0:
		return nil, "it inflates to more than the announced " + strconv.Itoa(size) + " bytes"
	case err != io.EOF: // the end, where the checksum was compared
		return nil, err.Error()
	case f.source.Len() != 0:
		return nil, strconv.Itoa(f.source.Len()) + " bytes follow the end of the stream"
	}
	return body, ""
}

// body reads the sized body of UPLOAD or DOWNLOAD, which is the rest of the message (section 2.2).
func (r *reader) body(compressed bool, usize, csize uint64, limit int) ([]byte, BodyInfo) {
	if r.err != nil {
		return nil, BodyInfo{}
	}
	rest := r.msg[r.pos:]
	switch {
	case usize > uint64(limit) || usize > math.MaxInt:
		r.fail(ErrLimit, "usize", r.pos, "a body of %d bytes is larger than the limit of %d", usize, limit)
	case !compressed && csize != 0:
		r.fail(ErrSyntax, "csize", r.pos, "it is %d for an uncompressed body, must be 0", csize)
	case !compressed && usize != uint64(len(rest)):
		r.fail(ErrSyntax, "usize", r.pos, "the head announces %d bytes, %d follow", usize, len(rest))
	case compressed && csize != uint64(len(rest)):
		r.fail(ErrSyntax, "csize", r.pos, "the head announces %d bytes, %d follow", csize, len(rest))
	}
	if r.err != nil {
		return nil, BodyInfo{}
	}
	info := BodyInfo{Compressed: compressed, Size: int(usize), WireSize: len(rest)}
	if !compressed {
		return rest, info
	}
	plain, reason := inflate(rest, int(usize))
	if reason != "" {
		r.fail(ErrDecompression, "body", r.pos, "%s", reason)
	}
	return plain, info
}
