package sync

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// spoolMemory is how much of a bootstrap is kept in memory.
const spoolMemory = 4 << 20

// errSpoolFull says that the bootstraps that wait for slow clients take all the room that there is for them.
var errSpoolFull = errors.New("sync: too many bootstraps wait to be sent")

// spools are the room that all spools share. It is safe for concurrent use.
type spools struct {
	mu                   sync.Mutex
	memoryLeft, diskLeft int64
}

func (r *spools) take(left *int64, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *left < n {
		return false
	}
	*left -= n
	return true
}

// taken is how much of all the room is in use.
func (r *spools) taken(all int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return all - r.memoryLeft - r.diskLeft
}

func (r *spools) give(left *int64, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*left += n
}

// spool holds the changesets of a bootstrap between their making and their sending: in memory if they are few, else in a file
// that has no name, so that nothing is left of it however the process ends.
type spool struct {
	room   *spools
	dir    string
	kept   int64 // taken of the room's memory
	stored int64 // taken of the room's disk
	memory [][]byte
	size   int64 // of all changesets
	file   *os.File
	out    *bufio.Writer
	in     *bufio.Reader
}

func (s *session) newSpool() *spool {
	return newSpool(s.conn.server.cfg.SpoolDir, s.conn.server.spools)
}

func newSpool(dir string, room *spools) *spool { return &spool{dir: dir, room: room} }

// add appends a changeset, which is the spool's from then on. Errors: errSpoolFull, and those of the disk.
func (p *spool) add(c []byte) error {
	if p.file == nil && (p.size+int64(len(c)) > spoolMemory || !p.room.take(&p.room.memoryLeft, int64(len(c)))) {
		if err := p.spill(); err != nil {
			return err
		}
	}
	p.size += int64(len(c))
	if p.file == nil {
		p.kept += int64(len(c))
		p.memory = append(p.memory, c)
		return nil
	}
	return p.write(c)
}

// spill moves everything into a file.
func (p *spool) spill() error {
	f, err := os.CreateTemp(p.dir, "bootstrap-")
	if err != nil {
		return fmt.Errorf("sync: making a file for a bootstrap: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return fmt.Errorf("sync: making a file for a bootstrap: %w", err)
	}
	p.file, p.out = f, bufio.NewWriterSize(f, 256<<10)
	for _, c := range p.memory {
		if err := p.write(c); err != nil {
			return err
		}
	}
	p.memory = nil
	p.room.give(&p.room.memoryLeft, p.kept)
	p.kept = 0
	return nil
}

func (p *spool) write(c []byte) error {
	if !p.room.take(&p.room.diskLeft, int64(len(c))) {
		return errSpoolFull
	}
	p.stored += int64(len(c))
	var head [binary.MaxVarintLen64]byte
	_, err := p.out.Write(head[:binary.PutUvarint(head[:], uint64(len(c)))])
	if err == nil {
		_, err = p.out.Write(c)
	}
	if err != nil {
		return fmt.Errorf("sync: writing a bootstrap to %s: %w", p.file.Name(), err)
	}
	return nil
}

// finish ends adding.
func (p *spool) finish() error {
	if p.file == nil {
		return nil
	}
	err := p.out.Flush()
	if err == nil {
		_, err = p.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("sync: writing a bootstrap to %s: %w", p.file.Name(), err)
	}
	p.out, p.in = nil, bufio.NewReaderSize(p.file, 256<<10)
	return nil
}

// next returns the next changeset, nil after the last.
func (p *spool) next() ([]byte, error) {
	if p.file == nil {
		if len(p.memory) == 0 {
			return nil, nil
		}
		c := p.memory[0]
		p.memory[0] = nil
		p.memory = p.memory[1:]
		return c, nil
	}
	n, err := binary.ReadUvarint(p.in)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	var c []byte
	if err == nil {
		c = make([]byte, n)
		_, err = io.ReadFull(p.in, c)
	}
	if err != nil {
		return nil, fmt.Errorf("sync: reading a bootstrap from %s: %w", p.file.Name(), err)
	}
	return c, nil
}

func (p *spool) close() {
	if p.file != nil {
		_ = p.file.Close()
		p.file = nil
	}
	p.memory = nil
	p.room.give(&p.room.memoryLeft, p.kept)
	p.room.give(&p.room.diskLeft, p.stored)
	p.kept, p.stored = 0, 0
}
