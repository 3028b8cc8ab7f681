package main

import (
	"log/slog"
	"time"

	"realmsync/server/auth"
	"realmsync/server/mail"
)

// mailFlags say how letters to users leave: links to confirm an address and to reset a password.
type mailFlags struct {
	SMTPServer   string `name:"smtp-server" placeholder:"HOST:PORT" help:"Mail server for links that confirm an address or reset a password: port 465 with TLS, others with STARTTLS. Without one such links are written to the log with --dev, and refused otherwise."`
	SMTPFrom     string `name:"smtp-from" placeholder:"ADDRESS" help:"Sender of those mails."`
	SMTPUser     string `name:"smtp-user" placeholder:"NAME" help:"User at the mail server (default: none)."`
	SMTPPassword string `name:"smtp-password" env:"REALM_SYNC_SMTP_PASSWORD" placeholder:"PASSWORD" help:"Its password. Better set in the environment ($$${env})."`
}

// resendPause is the time between two attempts to send a letter.
const resendPause = 30 * time.Second

// open starts the outbox; nil without a mail server. Call close.
func (f *mailFlags) open(log *slog.Logger) (mailer auth.Mailer, closer func() error, err error) {
	if f.SMTPServer == "" {
		return nil, func() error { return nil }, nil
	}
	sender := &mail.SMTP{Addr: f.SMTPServer, From: f.SMTPFrom, User: f.SMTPUser, Password: f.SMTPPassword}
	if err := sender.Check(); err != nil {
		return nil, nil, err
	}
	outbox := mail.NewOutbox(sender, resendPause, log)
	return outbox, outbox.Close, nil
}
