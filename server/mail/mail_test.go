package mail

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a mail server of a few lines: it takes one letter per connection.
type server struct {
	addr     string
	roots    *x509.CertPool
	mu       sync.Mutex
	commands []string
	letter   string
}

func startServer(t *testing.T, encrypted bool) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{addr: l.Addr().String(), roots: x509.NewCertPool()}
	s.roots.AddCert(leaf)
	var group errgroup.Group
	group.Go(func() error {
		for {
			conn, err := l.Accept()
			if err != nil {
				return nil
			}
			s.serve(conn, encrypted, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		require.NoError(t, group.Wait())
	})
	return s
}

func (s *server) serve(conn net.Conn, encrypted bool, config *tls.Config) {
	defer func() { _ = conn.Close() }()
	in := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 here")
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		switch word, _, _ := strings.Cut(line, " "); word {
		case "EHLO":
			if encrypted {
				say("250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN")
			} else {
				say("250 here")
			}
		case "STARTTLS":
			say("220 go")
			secure := tls.Server(conn, config)
			conn, in = secure, textproto.NewReader(bufio.NewReader(secure))
		case "AUTH":
			say("235 yes")
		case "DATA":
			say("354 go")
			text, err := io.ReadAll(in.DotReader())
			if err != nil {
				return
			}
			s.mu.Lock()
			s.letter = string(text)
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		case "RCPT":
			if strings.Contains(line, "nobody@") {
				say("550 no such mail box")
				continue
			}
			say("250 yes")
		default:
			say("250 yes")
		}
	}
}

func TestSMTP(t *testing.T) {
	s := startServer(t, true)
	sender := &SMTP{Addr: s.addr, From: "App <app@example.com>", User: "me", Password: "pw", Roots: s.roots, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }}
	require.NoError(t, sender.Check())
	body := "Zeile mit ü\n.\nhttps://app.example/confirm?token=" + strings.Repeat("ab", 64) + "&tokenId=x\n"
	require.NoError(t, sender.Send(t.Context(), Letter{To: "a@b.c", Subject: "Grüße\r\nBcc: x@y.z", Text: body}))
	require.Contains(t, strings.Join(s.commands, "\n"), "STARTTLS")
	require.Contains(t, strings.Join(s.commands, "\n"), "AUTH PLAIN")
	require.Contains(t, strings.Join(s.commands, "\n"), "RCPT TO:<a@b.c>")
	m, err := mail.ReadMessage(strings.NewReader(s.letter))
	require.NoError(t, err)
	require.Empty(t, m.Header.Get("Bcc"), "a subject is one line")
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Grüße  Bcc: x@y.z", subject)
	require.Equal(t, "<a@b.c>", m.Header.Get("To"))
	require.Equal(t, `"App" <app@example.com>`, m.Header.Get("From"))
	require.Equal(t, "Tue, 14 Nov 2023 22:13:20 +0000", m.Header.Get("Date"))
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	require.NoError(t, err)
	require.Equal(t, body, string(text))

	refused := sender.Send(t.Context(), Letter{To: "nobody@b.c"})
	require.ErrorContains(t, refused, "no such mail box")
	require.ErrorIs(t, refused, ErrRefused)
	for _, to := range []string{"", "a", "a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c, d@e.f", "A <a@b.c>"} {
		require.Error(t, sender.Send(t.Context(), Letter{To: to}), to)
	}
	sender.Roots = x509.NewCertPool()
	require.Error(t, sender.Send(t.Context(), Letter{To: "a@b.c"}), "who is at the other end is checked")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, sender.Send(ctx, Letter{To: "a@b.c"}))
}

// To this machine letters go without encryption, and a password does not.
func TestPlain(t *testing.T) {
	s := startServer(t, false)
	sender := &SMTP{Addr: s.addr, From: "app@example.com"}
	require.NoError(t, sender.Send(t.Context(), Letter{To: "a@b.c", Subject: "s", Text: "t"}))
	require.Contains(t, s.letter, "Subject: s")
	for _, bad := range []*SMTP{{Addr: "mail", From: "a@b.c"}, {Addr: "mail:25", From: "nobody"}, {Addr: "mail:25"}} {
		require.Error(t, bad.Check())
	}
}

// flaky fails for each address as often as it was told, and holds letters to "slow" until it is let go.
type flaky struct {
	mu    sync.Mutex
	fails map[string]int
	err   error
	held  chan struct{}
	tried chan string
}

func (f *flaky) Send(_ context.Context, l Letter) error {
	if l.To == "slow" {
		<-f.held
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.tried <- l.To }()
	if f.fails[l.To] > 0 {
		f.fails[l.To]--
		return f.err
	}
	return nil
}

// tries is how often each address was tried by now.
func (f *flaky) tries(n int) map[string]int {
	out := map[string]int{}
	for range n {
		out[<-f.tried]++
	}
	return out
}

// A letter is tried three times, unless its address is refused for good.
func TestOutbox(t *testing.T) {
	f := &flaky{fails: map[string]int{"one": 2, "three": 100}, err: errors.New("not now"), tried: make(chan string, 10)}
	o := NewOutbox(f, 0, slog.New(slog.DiscardHandler))
	for _, to := range []string{"one", "two", "three"} {
		require.NoError(t, o.Send(t.Context(), Letter{To: to}))
	}
	require.Equal(t, map[string]int{"one": 3, "two": 1, "three": attempts}, f.tries(7))
	f.err, f.fails = fmt.Errorf("sending: %w", ErrRefused), map[string]int{"nobody": 100} // nothing is on its way
	require.NoError(t, o.Send(t.Context(), Letter{To: "nobody"}))
	require.Equal(t, map[string]int{"nobody": 1}, f.tries(1))
	require.NoError(t, o.Close())
	require.Empty(t, f.tried)
	require.Zero(t, o.held.Load(), "there is room again")
}

// Letters that cannot be sent, or whose sending takes long, don't hold the others: before, one address that a stranger had made up kept all letters
// waiting for two pauses.
func TestOutboxIsFair(t *testing.T) {
	f := &flaky{fails: map[string]int{"bad": 1 << 20}, err: errors.New("not now"), held: make(chan struct{}), tried: make(chan string, 100)}
	o := NewOutbox(f, time.Hour, slog.New(slog.DiscardHandler))
	for range 10 {
		require.NoError(t, o.Send(t.Context(), Letter{To: "bad"}))
	}
	for range atOnce - 1 {
		require.NoError(t, o.Send(t.Context(), Letter{To: "slow"}))
	}
	require.NoError(t, o.Send(t.Context(), Letter{To: "good"}))
	require.Equal(t, map[string]int{"bad": 10, "good": 1}, f.tries(11))
	close(f.held)
	require.NoError(t, o.Close())
}

// A pause does not keep it from closing, and what waits has an end, whether it was tried or not.
func TestOutboxIsBounded(t *testing.T) {
	f := &flaky{fails: map[string]int{"": 1 << 20}, err: errors.New("not now"), tried: make(chan string, waiting)}
	o := NewOutbox(f, time.Hour, slog.New(slog.DiscardHandler))
	for range waiting {
		require.NoError(t, o.Send(t.Context(), Letter{}))
	}
	f.tries(waiting)
	require.ErrorIs(t, o.Send(t.Context(), Letter{}), ErrFull)
	require.NoError(t, o.Close())
}
