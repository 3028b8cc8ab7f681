package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// Letter is a mail of plain text to one person.
type Letter struct {
	To      string // an address, without a name
	Subject string
	Text    string
}

// Sender sends letters. Its methods may be called concurrently.
type Sender interface {
	Send(ctx context.Context, l Letter) error
}

// SMTP sends letters through a mail server: with TLS from the beginning (port 465) or by STARTTLS, which is required unless the
// server is on this machine.
type SMTP struct {
	Addr     string // HOST:PORT
	From     string // an address, with or without a name
	User     string // empty: without authentication
	Password string
	Roots    *x509.CertPool // nil: the system's
	Now      func() time.Time
}

// ErrRefused: the mail server says that it will never take a letter to that address.
var ErrRefused = errors.New("the mail server refused the address")

// timeout bounds one delivery.
const timeout = 30 * time.Second

// Check says what is wrong with the configuration.
func (s *SMTP) Check() error {
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return fmt.Errorf("mail: the mail server must be HOST:PORT: %w", err)
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		return fmt.Errorf("mail: the sender %q is no address: %w", s.From, err)
	}
	return nil
}

// CheckAddress refuses what cannot be the address of a letter.
func CheckAddress(to string) error {
	a, err := mail.ParseAddress(to)
	if err != nil || a.Address != to || strings.ContainsAny(to, "\r\n") {
		return errors.New("it is not the address of a mail box")
	}
	return nil
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return fmt.Errorf("mail: the sender: %w", err)
	}
	if err := CheckAddress(l.To); err != nil {
		return fmt.Errorf("mail: the receiver: %w", err)
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	secure := &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	if port == "465" {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer c.Close()
	if port != "465" {
		if ok, _ := c.Extension("STARTTLS"); ok {
			err = c.StartTLS(secure)
		} else if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			err = errors.New("the mail server offers no encryption (STARTTLS)")
		}
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
	}
	if s.User != "" {
		if err := c.Auth(smtp.PlainAuth("", s.User, s.Password, host)); err != nil {
			return fmt.Errorf("mail: logging in: %w", err)
		}
	}
	if err := deliver(c, from.Address, l.To, s.write(from, l)); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

func deliver(c *smtp.Client, from, to string, text []byte) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		var reply *textproto.Error
		if errors.As(err, &reply) && reply.Code >= 500 {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// write returns the letter as RFC 5322 has it. No header has a text of a stranger that could end its line.
func (s *SMTP) write(from *mail.Address, l Letter) []byte {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	var b bytes.Buffer
	_, domain, _ := strings.Cut(from.Address, "@")
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n", from.String(), (&mail.Address{Address: l.To}).String(),
		mime.QEncoding.Encode("utf-8", oneLine(l.Subject)), now().UTC().Format(time.RFC1123Z), hex.EncodeToString(id[:]), domain)
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(q, l.Text) // a buffer never fails
	_ = q.Close()
	return b.Bytes()
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
