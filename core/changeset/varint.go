package changeset

import "math"

// The integers of the format (spec/changeset.md section 2.1): little-endian groups of 7 bits, of which the last has only 6
// and a sign flag. Neither LEB128 nor zigzag.
const (
	moreFlag = 0x80
	signFlag = 0x40
)

func appendUint(dst []byte, m uint64) []byte {
	for m >= 0x40 {
		dst = append(dst, moreFlag|byte(m))
		m >>= 7
	}
	return append(dst, byte(m))
}

func appendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return appendUint(dst, uint64(v))
	}
	dst = appendUint(dst, uint64(-(v + 1)))
	dst[len(dst)-1] |= signFlag
	return dst
}

// integer reads the magnitude and the sign of an integer of at most so many bytes.
func (d *decoder) integer(maxBytes int) (m uint64, negative bool) {
	start := d.pos
	for i := 0; i < maxBytes && d.pos < len(d.in); i++ {
		b := d.in[d.pos]
		d.pos++
		shift := uint(7 * i)
		if b&moreFlag == 0 {
			last := uint64(b &^ signFlag)
			if last<<shift>>shift != last {
				break
			}
			return m | last<<shift, b&signFlag != 0
		}
		m |= uint64(b&^moreFlag) << shift
	}
	d.failAt(start, ReasonInteger, "an integer is cut, or longer than the %d bytes of its field", maxBytes)
	return 0, false
}

// unsigned reads an integer from 0 to limit.
func (d *decoder) unsigned(maxBytes int, limit uint64) uint64 {
	if d.pos < len(d.in) && d.in[d.pos] < signFlag { // one byte, not negative
		d.pos++
		return uint64(d.in[d.pos-1])
	}
	start := d.pos
	m, negative := d.integer(maxBytes)
	if negative || m > limit {
		d.failAt(start, ReasonInteger, "an integer is out of range: its field holds 0 to %d", limit)
		return 0
	}
	return m
}

func (d *decoder) uint8() uint8   { return uint8(d.unsigned(2, math.MaxUint8)) }
func (d *decoder) uint32() uint32 { return uint32(d.unsigned(5, math.MaxUint32)) }
func (d *decoder) uint64() uint64 { return d.unsigned(10, math.MaxUint64) }

// bool reads a flag; everything but 0 is true, as for the original.
func (d *decoder) bool() bool { return d.uint8() != 0 }

// signed reads an integer from -limit-1 to limit.
func (d *decoder) signed(maxBytes int, limit uint64) int64 {
	start := d.pos
	m, negative := d.integer(maxBytes)
	if m > limit {
		d.failAt(start, ReasonInteger, "an integer is out of range: its field holds %d to %d", -int64(limit)-1, limit)
		return 0
	}
	if negative {
		return -int64(m) - 1
	}
	return int64(m)
}

func (d *decoder) int32() int32 { return int32(d.signed(5, math.MaxInt32)) }
func (d *decoder) int64() int64 { return d.signed(10, math.MaxInt64) }
