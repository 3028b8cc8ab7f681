package store

// Lead tries to make this Conn the one, of all processes, whose owner synchronizes the file. It doesn't wait. When the process ends, in
// whatever way, or the Conn is closed, another may lead. Any goroutine may call the methods of this file, but not while the Conn closes.
//
// Where processes can't know of each other (another system than Linux), only the Conns of this process exclude each other.
func (c *Conn) Lead() bool {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	l := c.lock
	if l.leader == nil && (l.note == nil || l.note.lead()) {
		l.leader = c
	}
	return l.leader == c
}

// Resign gives that up; without it, it does nothing.
func (c *Conn) Resign() {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	if c.lock.leader == c {
		c.lock.resign()
	}
}

// resign makes the file leaderless. fileLocks is locked.
func (l *fileLock) resign() {
	l.leader = nil
	if l.note != nil {
		l.note.resign()
	}
}

// Ask asks who leads, now or later, to call Answer with the number that it returns, or a higher one. WatchOthers tells of both.
func (c *Conn) Ask() (number uint64, err error) {
	if n := c.lock.note; n != nil {
		return n.ask()
	}
	return 0, nil
}

// Asked returns the last number that Ask has given out, in whatever process, and the last that was answered.
func (c *Conn) Asked() (asked, answered uint64) {
	if n := c.lock.note; n != nil {
		now := n.numbers()
		return now.asked, now.answered
	}
	return 0, 0
}

// Answer says that what was asked for up to the number has come true. Only who leads may call it.
func (c *Conn) Answer(number uint64) error {
	if n := c.lock.note; n != nil {
		return n.put(noteAnswered, number)
	}
	return nil
}
