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

	require.ErrorContains(t, sender.Send(t.Context(), Letter{To: "nobody@b.c"}), "no such mail box")
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

// flaky fails as often as it was told.
type flaky struct {
	mu    sync.Mutex
	fails int
	sent  []string
	tried chan string
}

func (f *flaky) Send(_ context.Context, l Letter) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.tried <- l.To }()
	if f.fails > 0 {
		f.fails--
		return errors.New("not now")
	}
	f.sent = append(f.sent, l.To)
	return nil
}

func TestOutbox(t *testing.T) {
	f := &flaky{fails: 2, tried: make(chan string, 10)}
	o := NewOutbox(f, 0, slog.New(slog.DiscardHandler))
	require.NoError(t, o.Send(t.Context(), Letter{To: "one"}))
	require.NoError(t, o.Send(t.Context(), Letter{To: "two"}))
	for _, want := range []string{"one", "one", "one", "two"} {
		require.Equal(t, want, <-f.tried)
	}
	f.mu.Lock()
	require.Equal(t, []string{"one", "two"}, f.sent)
	f.fails = attempts
	f.mu.Unlock()
	require.NoError(t, o.Send(t.Context(), Letter{To: "three"}))
	require.NoError(t, o.Send(t.Context(), Letter{To: "four"}))
	for _, want := range []string{"three", "three", "three", "four"} {
		require.Equal(t, want, <-f.tried, "one that cannot be sent does not hold the others")
	}
	require.NoError(t, o.Close())
}

// A pause does not keep it from closing, and what waits has an end.
func TestOutboxIsBounded(t *testing.T) {
	f := &flaky{fails: 1 << 20, tried: make(chan string, 10)}
	o := NewOutbox(f, time.Hour, slog.New(slog.DiscardHandler))
	require.NoError(t, o.Send(t.Context(), Letter{To: "one"}))
	<-f.tried
	for range waiting {
		require.NoError(t, o.Send(t.Context(), Letter{}))
	}
	require.ErrorIs(t, o.Send(t.Context(), Letter{}), ErrFull)
	require.NoError(t, o.Close())
}
