package hostile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// peer is a connection with one honest session, which sends besides whatever a test says.
type peer struct {
	ws    *websocket.Conn
	ident uint64
	salt  int64
	at    wire.Progress
	next  uint64 // client version
	query int64
	req   uint64
	keys  map[int64]bool // of the dogs that were received
}

// dial opens a connection.
func (s *server) dial(app, token string) (*peer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, "ws://"+s.addr+clientAPI+"app/"+app+"/realm-sync?baas_at="+token, &websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols()})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("status %d", response.StatusCode)
		}
		return nil, err
	}
	ws.SetReadLimit(256 << 20)
	return &peer{ws: ws, next: 1, keys: map[int64]bool{}}, nil
}

// connect opens a connection with session 1 of a new file.
func (s *server) connect(app string) *peer {
	s.t.Helper()
	p, err := s.dial(app, s.anonymous(app).Access)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = p.ws.CloseNow() })
	require.NoError(s.t, p.begin())
	return p
}

// subscribed is connect, with class Dog and all dogs.
func (s *server) subscribed(app string) *peer {
	s.t.Helper()
	p := s.connect(app)
	require.NoError(s.t, p.prepare())
	return p
}

func (p *peer) raw(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.ws.Write(ctx, websocket.MessageBinary, []byte(text))
}

func (p *peer) send(m wire.ClientMessage) error {
	b, err := m.Append(nil)
	if err != nil {
		return err
	}
	return p.raw(string(b))
}

// read returns the next message, and keeps the book that an honest client keeps.
func (p *peer) read() (wire.ServerMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := p.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	m, err := wire.ParseServerMessage(b, wire.ClientLimits())
	if err != nil {
		return nil, err
	}
	if d, ok := m.(*wire.Download); ok && d.Session == 1 {
		if d.Progress.Download.ServerVersion < p.at.Download.ServerVersion || d.Progress.Upload.ClientVersion < p.at.Upload.ClientVersion {
			return nil, errors.New("a cursor goes back")
		}
		for _, e := range d.Entries {
			c, err := changeset.Decode(e.Changeset)
			if err != nil {
				return nil, err
			}
			for _, i := range c.Instructions {
				if i.Op == changeset.CreateObject && i.Table == "Dog" {
					p.keys[i.Key.Int()] = true
				}
			}
		}
		p.at = d.Progress
	}
	return m, nil
}

// wait reads until f is true. Errors of the session or the connection end it, and so does patience: a server that others keep busy always has something
// to send, the new cursor if nothing else, and a limit for each message alone would never be reached.
func (p *peer) wait(f func(wire.ServerMessage) bool) error {
	for began := time.Now(); ; {
		if time.Since(began) > patience {
			return errors.New("what was waited for doesn't come")
		}
		m, err := p.read()
		if err != nil {
			return err
		}
		if e, ok := m.(*wire.JSONError); ok {
			return fmt.Errorf("error %d: %s", e.Code, e.Message)
		}
		if f(m) {
			return nil
		}
	}
}

func bindText(sid uint64, need int) string {
	return fmt.Sprintf("bind %d 37 0 %d 0\n%s", sid, need, `{"schemaVersion":0,"sessionReason":0}`)
}

func last(m wire.ServerMessage) bool {
	d, ok := m.(*wire.Download)
	return ok && d.BatchState == wire.LastInBatch
}

func (p *peer) begin() error {
	if err := p.raw(bindText(1, 1)); err != nil {
		return err
	}
	if err := p.wait(func(m wire.ServerMessage) bool {
		i, ok := m.(*wire.ServerIdent)
		if ok {
			p.ident, p.salt = i.FileIdent, i.Salt
		}
		return ok
	}); err != nil {
		return err
	}
	if err := p.send(&wire.Ident{Session: 1, FileIdent: p.ident, Salt: p.salt, Query: []byte(`{}`)}); err != nil {
		return err
	}
	return p.wait(last)
}

func (p *peer) prepare() error {
	if err := p.upload(
		changeset.Instruction{Op: changeset.AddTable, Table: "Dog", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "name", Schema: &changeset.SchemaFields{Type: value.KindString}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "age", Schema: &changeset.SchemaFields{Type: value.KindInt}},
	); err != nil {
		return err
	}
	return p.subscribe(`{"Dog":"(TRUEPREDICATE)"}`)
}

func (p *peer) subscribe(body string) error {
	p.query++
	if err := p.send(&wire.Query{Session: 1, Version: p.query, Body: []byte(body)}); err != nil {
		return err
	}
	return p.wait(func(m wire.ServerMessage) bool {
		d, ok := m.(*wire.Download)
		return ok && d.BatchState == wire.LastInBatch && d.QueryVersion == p.query
	})
}

// entry is an UPLOAD of one changeset, which needn't be one.
func (p *peer) entry(b []byte) *wire.Upload {
	p.next++
	v := p.at.Download.ServerVersion
	return &wire.Upload{Session: 1, Progress: wire.UploadCursor{ClientVersion: p.next, ServerVersion: v}, LockedServerVersion: v,
		Entries: []wire.UploadEntry{{ClientVersion: p.next, ServerVersion: v, OriginTimestamp: 1, Changeset: b}}}
}

// upload uploads and waits for the acknowledgement.
func (p *peer) upload(ins ...changeset.Instruction) error {
	b, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
	if err != nil {
		return err
	}
	if err := p.send(p.entry(b)); err != nil {
		return err
	}
	for p.at.Upload.ClientVersion < p.next {
		if err := p.wait(func(m wire.ServerMessage) bool { _, ok := m.(*wire.Download); return ok }); err != nil {
			return err
		}
	}
	return nil
}

func dog(key int64) []changeset.Instruction {
	return []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(key)},
		{Op: changeset.Update, Table: "Dog", Key: value.IntKey(key), Field: "name", Value: value.String("Rex")},
		{Op: changeset.Update, Table: "Dog", Key: value.IntKey(key), Field: "age", Value: value.Int(key)},
	}
}

// mark waits until everything that the server has by now is here.
func (p *peer) mark() error {
	p.req++
	if err := p.send(&wire.Mark{Session: 1, Request: p.req}); err != nil {
		return err
	}
	return p.wait(func(m wire.ServerMessage) bool {
		k, ok := m.(*wire.Mark)
		return ok && k.Session == 1 && k.Request == p.req
	})
}

// honest syncs while a test attacks: one client writes, another reads, and at the end (stop) the second has everything that the first was
// told is safe. At least one object is written after every attack.
type honest struct {
	t              *testing.T
	writer, reader *peer
	stopping       chan struct{}
	once           sync.Once
	done           chan error
	written        int64
}

func (s *server) honest() *honest {
	s.t.Helper()
	h := &honest{t: s.t, writer: s.subscribed(shop), reader: s.subscribed(shop), stopping: make(chan struct{}), done: make(chan error, 1)}
	go func() { h.done <- h.run() }()
	s.t.Cleanup(func() {
		h.once.Do(func() {
			close(h.stopping)
			<-h.done
		})
	})
	return h
}

func (h *honest) run() error {
	for final := false; ; {
		h.written++
		if err := h.writer.upload(dog(h.written)...); err != nil {
			return fmt.Errorf("the writer: %w", err)
		}
		if err := h.reader.mark(); err != nil {
			return fmt.Errorf("the reader: %w", err)
		}
		if !h.reader.keys[h.written] {
			return fmt.Errorf("object %d was acknowledged and has not arrived", h.written)
		}
		if final {
			return nil
		}
		select {
		case <-h.stopping:
			final = true
		default:
		}
	}
}

// stop ends it, and requires that all went well.
func (h *honest) stop() {
	h.t.Helper()
	h.once.Do(func() {
		close(h.stopping)
		require.NoError(h.t, <-h.done)
		require.Greater(h.t, h.written, int64(1))
		for k := int64(1); k <= h.written; k++ {
			require.True(h.t, h.reader.keys[k], "object %d", k)
		}
	})
}

// fails requires that the connection is told an error in time: a code of the protocol, or a close code.
func (p *peer) fails(t *testing.T, name string, code int) {
	t.Helper()
	for began := time.Now(); ; {
		require.Less(t, time.Since(began), patience, "%s: no error comes", name)
		m, err := p.read()
		if err != nil {
			require.Equal(t, code, int(websocket.CloseStatus(err)), "%s: %v", name, err)
			return
		}
		if e, ok := m.(*wire.JSONError); ok {
			require.Equal(t, code, int(e.Code), "%s: %s", name, e.Message)
			require.Less(t, len(e.Message), 8<<10, name)
			return
		}
		if e, ok := m.(*wire.QueryError); ok {
			require.Equal(t, code, int(e.Code), "%s: %s", name, e.Text)
			return
		}
	}
}
func deep(open, inner, closing string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
}
