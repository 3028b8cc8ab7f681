package merge

// The rules of lists. Positions are wire integers of 32 bits and wrap around like the original's; a list can't be long enough for
// that, so that applying such an instruction fails.

func failSizes(rule string, l, r *node) error {
	return fail(rule, l, r, "the sizes of the list before the two changes differ")
}

// sizes checks the positions of two changes of one list: both are to have the same size, with the position of l below limitL, that
// of r below limitR.
func sizes(rule string, l, r *node, limitL, limitR uint64) error {
	switch {
	case l.in.PriorSize != r.in.PriorSize:
		return failSizes(rule, l, r)
	case uint64(l.index()) >= limitL || uint64(r.index()) >= limitR:
		return failPosition(rule, l, r)
	}
	return nil
}

func failPosition(rule string, l, r *node) error {
	return fail(rule, l, r, "a position is beyond the end of the list")
}

// size returns the number of positions of existing elements; one more can be inserted at.
func size(n *node) uint64 { return uint64(n.in.PriorSize) }

// arrayUpdate checks that the update of something in the container of a list instruction is one of an element.
func arrayUpdate(rule string, l, r *node) error {
	if !r.in.IsArrayUpdate() {
		return fail(rule, l, r, "one takes the container for a list, the other one for a dictionary or an object")
	}
	return nil
}

// insertUpdate is R10.
func insertUpdate(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := arrayUpdate("R10", l, r); err != nil {
		return err
	}
	if err := sizes("R10", l, r, size(l)+1, size(r)); err != nil {
		return err
	}
	r.setPriorSize(r.in.PriorSize + 1)
	if r.index() >= l.index() {
		r.setIndex(r.index() + 1)
	}
	return nil
}

// moveUpdate is R11. The sizes are not compared.
func moveUpdate(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := arrayUpdate("R11", l, r); err != nil {
		return err
	}
	if uint64(l.index()) >= size(l) || uint64(r.index()) >= size(r) {
		return failPosition("R11", l, r)
	}
	r.setIndex(remap(r.index(), l.index(), l.in.Dest))
	return nil
}

// eraseUpdate is R12.
func eraseUpdate(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := arrayUpdate("R12", l, r); err != nil {
		return err
	}
	if err := sizes("R12", l, r, size(l), size(r)); err != nil {
		return err
	}
	if r.index() == l.index() {
		r.discard()
		return nil
	}
	r.setPriorSize(r.in.PriorSize - 1)
	if r.index() > l.index() {
		r.setIndex(r.index() - 1)
	}
	return nil
}

// insertInsert is R18: of two elements at one place the older comes first. Positions are not checked against the size.
func insertInsert(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if l.in.PriorSize != r.in.PriorSize {
		return failSizes("R18", l, r)
	}
	l.setPriorSize(l.in.PriorSize + 1)
	r.setPriorSize(r.in.PriorSize + 1)
	if i, k := l.index(), r.index(); i > k || i == k && !older(l, r) {
		l.setIndex(i + 1)
	} else {
		r.setIndex(k + 1)
	}
	return nil
}

// moveInsert is R19. Nothing is checked, and only the move gets another size.
func moveInsert(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	from, to, i := l.index(), l.in.Dest, r.index()
	if i > from {
		i--
	} else {
		from++
	}
	if i < to || i == to && older(l, r) {
		to++
	} else {
		i++
	}
	l.setPriorSize(l.in.PriorSize + 1)
	l.setIndex(from)
	l.setDest(to)
	r.setIndex(i)
	return nil
}

// eraseInsert is R20.
func eraseInsert(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := sizes("R20", l, r, size(l), size(r)+1); err != nil {
		return err
	}
	l.setPriorSize(l.in.PriorSize + 1)
	r.setPriorSize(r.in.PriorSize - 1)
	if r.index() <= l.index() {
		l.setIndex(l.index() + 1)
	} else {
		r.setIndex(r.index() - 1)
	}
	return nil
}

// moveMove is R21: of two moves of one element the newer stays, and moves it from where the older has put it.
func moveMove(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := sizes("R21", l, r, size(l), size(r)); err != nil {
		return err
	}
	fromL, toL, fromR, toR := l.index(), l.in.Dest, r.index(), r.in.Dest
	if uint64(toL) >= size(l) || uint64(toR) >= size(r) {
		return failPosition("R21", l, r)
	}
	switch {
	case fromL < fromR:
		fromR--
	case fromL > fromR:
		fromL--
	case older(l, r):
		followMove(l, r)
		return nil
	default:
		followMove(r, l)
		return nil
	}
	if toL > fromR {
		toL--
	} else {
		fromR++
	}
	if fromL < toR {
		toR--
	} else {
		fromL++
	}
	if toL < toR || toL == toR && older(l, r) {
		toR++
	} else {
		toL++
	}
	finishMove(l, fromL, toL)
	finishMove(r, fromR, toR)
	return nil
}

// followMove discards a move, and has another one of the same element start where it has put it.
func followMove(loser, winner *node) {
	loser.discard()
	finishMove(winner, loser.in.Dest, winner.in.Dest)
}

// finishMove stores what has become of a move; one that moves nothing is discarded.
func finishMove(n *node, from, to uint32) {
	if from == to {
		n.discard()
		return
	}
	n.setIndex(from)
	n.setDest(to)
}

// eraseMove is R22.
func eraseMove(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := sizes("R22", l, r, size(l), size(r)); err != nil {
		return err
	}
	i, from, to := l.index(), r.index(), r.in.Dest
	if i == from {
		l.setIndex(to)
		r.discard()
		return nil
	}
	if i > from {
		i--
	} else {
		from--
	}
	if i >= to {
		i++
	} else {
		to--
	}
	l.setIndex(i)
	r.setPriorSize(r.in.PriorSize - 1)
	finishMove(r, from, to)
	return nil
}

// eraseErase is R23.
func eraseErase(_ *merger, l, r *node) error {
	if !sameContainer(l, r) {
		return nil
	}
	if err := sizes("R23", l, r, size(l), size(r)); err != nil {
		return err
	}
	i, k := l.index(), r.index()
	if i == k {
		discardBoth(l, r)
		return nil
	}
	l.setPriorSize(l.in.PriorSize - 1)
	r.setPriorSize(r.in.PriorSize - 1)
	if i > k {
		l.setIndex(i - 1)
	} else {
		r.setIndex(k - 1)
	}
	return nil
}
