package store

// A list keeps each element at a position, a number; the order of the positions is the order of the list. Appending takes the next
// position, stride further on; inserting takes one between the neighbours. Only when there is none left, some positions are spread anew.
const stride = 1 << 20

// sequence is the positions of a list, in order.
//
// A list that has only grown and shrunk at its ends is dense: its positions are stride apart, so that two numbers stand for all of them
// and any index is found without looking. A list that isn't has a row in store_ragged, and its positions in memory.
type sequence struct {
	n         int
	first     int64           // dense: the position of index 0
	positions *counted[int64] // ragged
	last      int             // ragged: the index of the element inserted last
}

func (s *sequence) ragged() bool { return s.positions != nil }

// newRagged makes a sequence of positions in ascending order.
func newRagged(positions []int64) sequence {
	return sequence{n: len(positions), positions: newCounted(positions)}
}

// expand gives up the dense form.
func (s *sequence) expand() {
	if s.ragged() {
		return
	}
	positions := make([]int64, s.n)
	for i := range positions {
		positions[i] = s.first + int64(i)*stride
	}
	*s = newRagged(positions)
}

// at returns the position of an index in range.
func (s *sequence) at(i int) int64 {
	if !s.ragged() {
		return s.first + int64(i)*stride
	}
	return s.positions.at(i)
}

// find returns the index of a position that is in the sequence.
func (s *sequence) find(position int64) int {
	if !s.ragged() {
		return int((position - s.first) / stride)
	}
	return s.positions.index(position)
}

// insert notes an element at a position in front of index i of a ragged sequence.
func (s *sequence) insert(i int, position int64) {
	s.n++
	s.last = i
	s.positions.insert(position)
}

// remove takes index i out of a ragged sequence.
func (s *sequence) remove(i int) {
	s.n--
	s.positions.remove(s.positions.at(i))
}

// spread gives the elements from index first to last of a ragged sequence the positions start, start+step, ... which keep their order.
func (s *sequence) spread(first, last int, start, step int64) {
	for range last - first + 1 {
		s.positions.remove(s.positions.at(first))
	}
	for i := range int64(last - first + 1) {
		s.positions.insert(start + i*step)
	}
}

// between returns a free position in front of index i, 0 < i < n; false if there is none. Elements that are inserted one behind the other, or
// one in front of the other, are put close together, so that the room lasts.
func (s *sequence) between(i int) (int64, bool) {
	const close = 16
	low, high := s.at(i-1), s.at(i)
	half := (high - low) / 2
	switch {
	case half == 0:
		return 0, false
	case s.last == i-1:
		return low + min(half, close), true
	case s.last == i:
		return high - min(half, close), true
	default:
		return low + half, true
	}
}

// crowd returns the indexes around i, from first to last, whose positions have to be spread so that there is room again, with the position
// of the first and the step from each to the next. The more elements, the more room they must get: so what has been spread widely is not
// spread again soon, and inserting costs O(log n) moves in the long run, wherever it happens.
func (s *sequence) crowd(i int) (first, last int, start, step int64) {
	enough := int64(64)
	for width := 32; ; width *= 2 {
		first, last = max(0, i-width/2), min(s.n-1, i+width/2)
		count := int64(last - first + 1)
		var low, high int64 // exclusive bounds
		if low = s.at(first) - count*stride; first > 0 {
			low = s.at(first - 1)
		}
		if high = s.at(last) + count*stride; last < s.n-1 {
			high = s.at(last + 1)
		}
		if step = (high - low) / (count + 1); step >= enough || first == 0 && last == s.n-1 {
			return first, last, low + step, step
		}
		enough += enough / 2
	}
}
