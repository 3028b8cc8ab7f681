package hostile

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// Frames that are against RFC 6455, or too much, end their connection, with the code for it if there is one, and nothing else.
func TestFrames(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	length := func(n uint64) *uint64 { return &n }
	part := strings.Repeat("x", 1<<20)
	frugal(t, 96, func() {
		for _, c := range []struct {
			name string
			code int
			text string
		}{
			{"RSV1, compression that nobody negotiated", 1002, frame{op: opBinary, fin: true, rsv: 4, payload: "x"}.bytes()},
			{"RSV2", 1002, frame{op: opBinary, fin: true, rsv: 2, payload: "x"}.bytes()},
			{"RSV3 in a ping", 1002, frame{op: opPing, fin: true, rsv: 1}.bytes()},
			{"not masked", 0, frame{op: opBinary, fin: true, unmasked: true, payload: "mark 1 1\n"}.bytes()},
			{"an opcode that there isn't", 1002, frame{op: 3, fin: true}.bytes()},
			{"a control opcode that there isn't", 1002, frame{op: 11, fin: true}.bytes()},
			{"a ping of 126 bytes", 1002, frame{op: opPing, fin: true, payload: strings.Repeat("x", 126)}.bytes()},
			{"a ping in two parts", 1002, frame{op: opPing}.bytes()},
			{"a close frame of one byte", 1002, frame{op: opClose, fin: true, payload: "x"}.bytes()},
			{"a close code that may not be sent", 1002, frame{op: opClose, fin: true, payload: string(binary.BigEndian.AppendUint16(nil, 1005))}.bytes()},
			{"a continuation of nothing", 1002, frame{op: opContinuation, fin: true, payload: "x"}.bytes()},
			{"a message within a message", 1002, frame{op: opBinary, payload: "x"}.bytes() + message("y")},
			{"text", 1003, frame{op: opText, fin: true, payload: "mark 1 1\n"}.bytes()},
			{"text that isn't UTF-8", 1003, frame{op: opText, fin: true, payload: "\xff\xfe"}.bytes()},
			{"a length with the highest bit", 0, frame{op: opBinary, fin: true, length: length(1 << 63)}.bytes()},
		} {
			conn := s.upgraded(shop)
			conn.bound()
			_, _ = conn.Write([]byte(c.text)) // it may be cut off before the end
			require.Equal(t, c.code, conn.closeCode(), c.name)
			require.NoError(t, conn.Close())
		}
		// Who has sent much when it is refused is told so all the same.
		for name, begin := range map[string][2]string{
			"a giant length, and much": {frame{op: opBinary, fin: true, length: length(1 << 62)}.bytes(), part},
			"parts without end":        {frame{op: opBinary, payload: part}.bytes(), frame{op: opContinuation, payload: part}.bytes()},
		} {
			conn := s.upgraded(shop)
			conn.bound()
			_, _ = conn.Write([]byte(begin[0]))
			more := []byte(begin[1])
			for range 34 {
				_, _ = conn.Write(more)
			}
			require.Equal(t, 1009, conn.closeCode(), name)
			require.NoError(t, conn.Close())
		}
	})
	h.stop()
}

// A message that is not ended has its time, whatever else comes. Parts of no bytes are no end of it, and no sign of life.
func TestEndlessFragments(t *testing.T) {
	s := open(t, true, func(c settings) { c.sync.MessageTimeout = time.Second })
	h := s.honest()
	giant := uint64(1 << 62)
	for _, f := range []frame{{op: opBinary, payload: "mark 1"}, {op: opBinary, fin: true, length: &giant}} {
		c := s.upgraded(shop)
		c.bound()
		c.put(f.bytes())
		require.Zero(t, c.closeCode())
		require.NoError(t, c.Close())
	}
	c := s.upgraded(shop)
	c.bound()
	c.put(frame{op: opBinary, payload: "m"}.bytes())
	parts := strings.Repeat(frame{op: opContinuation}.bytes(), 1000) + strings.Repeat(frame{op: opPing, fin: true}.bytes(), 10)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := c.Write([]byte(parts)); err != nil {
				return
			}
		}
	}()
	require.Zero(t, c.closeCode())
	require.NoError(t, c.Close())
	<-ended
	h.stop()
}

// Pings by the thousand are answered, and cost what they cost.
func TestPingFlood(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	c := s.upgraded(shop)
	c.bound()
	const pings = 5_000
	frugal(t, 32, func() {
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte(strings.Repeat(frame{op: opPing, fin: true, payload: "p"}.bytes()+message("ping 1 1\n"), pings)))
			sent <- err
		}()
		pongs, answers := 0, 0
		for pongs < pings || answers < pings {
			op, payload, err := c.read()
			require.NoError(t, err)
			switch op {
			case opPong:
				require.Equal(t, "p", payload)
				pongs++
			case opBinary:
				require.Equal(t, "pong 1\n", payload)
				answers++
			}
		}
		require.NoError(t, <-sent)
	})
	h.stop()
}

// Messages that are none, or that come when they may not.
func TestMessagesOutOfPlace(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	for _, c := range []struct {
		name, text string
		code       wire.ErrorCode
	}{
		{"a type that there isn't", "frobnicate 1 2 3\n", wire.CodeUnknownMessage},
		{"a type of the server's", "download 1 0 0 0 0 0 0 0 1 1 0 0 0\n", wire.CodeUnknownMessage},
		{"nothing", "", wire.CodeBadSyntax},
		{"a body that is shorter than said", "query 1 1 100\n{}", wire.CodeBadSyntax},
		{"a body that is longer than said", "query 1 1 2\n{}{}", wire.CodeBadSyntax},
		{"an upload that is shorter than said", "upload 1 0 10 0 5 0 0\nxx", wire.CodeBadSyntax},
		{"a packed upload that is shorter than said", "upload 1 1 10 100 5 0 0\nxx", wire.CodeBadSyntax},
		{"a negative session", "mark -1 1\n", wire.CodeBadSyntax},
		{"session 0", bindText(0, 0), wire.CodeBadSyntax},
		{"a session beyond numbers", "mark 99999999999999999999999 1\n", wire.CodeBadSyntax},
		{"BIND without JSON", "bind 9 37 3 0 0\nabc", wire.CodeBadSyntax},
		{"MARK that goes back", "mark 1 0\n", wire.CodeBadMessageOrder},
		{"QUERY that goes back", "query 1 0 2\n{}", wire.CodeBadMessageOrder},
		{"IDENT again", "ident 1 1 1 0 0 0 0 0 2\n{}", wire.CodeBadMessageOrder},
	} {
		p := s.connect(shop)
		require.NoError(t, p.raw(c.text), c.name)
		p.fails(t, c.name, int(c.code))
		_ = p.ws.CloseNow()
	}
	// After UNBIND there is no session; the connection had nothing else.
	for _, text := range []string{"mark 1 9\n", "query 1 9 2\n{}", "upload 1 0 0 0 1 0 0\n", "unbind 1\n"} {
		p := s.connect(shop)
		require.NoError(t, p.raw("unbind 1\n"))
		require.NoError(t, p.raw(text))
		p.fails(t, text, int(wire.CodeBadSessionIdent))
		_ = p.ws.CloseNow()
	}
	// A cursor beyond what there is, and one that contradicts another.
	for name, c := range map[string]struct {
		text string
		code wire.ErrorCode
	}{
		"a download cursor beyond the history": {"%d 1152921504606846976 0 1152921504606846976 0 0 2\n{}", wire.CodeBadServerVersion},
		"a negative query version":             {"%d 0 0 0 0 -1 2\n{}", wire.CodeBadSyntax},
	} {
		p := s.connect(shop)
		require.NoError(t, p.raw(bindText(2, 0)))
		require.NoError(t, p.raw("unbind 1\n"))
		require.NoError(t, p.raw(fmt.Sprintf("ident 2 %d "+c.text, p.ident, p.salt)), name)
		p.fails(t, name, int(c.code))
		_ = p.ws.CloseNow()
	}
	h.stop()
}
