package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"realmsync/server/mail"
)

// Mailer sends letters: mail.Outbox is one. It must not take long.
type Mailer interface {
	Send(ctx context.Context, l mail.Letter) error
}

// errNoMail is the answer to all that would need a mail, whether the address is known or not.
var errNoMail = errBadRequest("this server sends no e-mail: configure a mail server (--smtp-server), or a function, or confirm accounts automatically")

// errMailFull: so many letters wait that this one was not taken.
var errMailFull = &Error{Status: http.StatusServiceUnavailable, Code: "InternalServerError", Text: "too many e-mails wait to be sent, try again later"}

// quietly makes nothing of errMailFull where the answer must not tell whether there was a letter to send: whoever waits for it asks again.
func (s *Service) quietly(app *App, err error) error {
	if errors.Is(err, errMailFull) {
		s.log.Warn("a letter was not taken: too many wait to be sent", "app", app.ID)
		return nil
	}
	return err
}

// unknownAddress is what is done in place of a letter to an address that nobody has: one durable write, as for one that is known. So the time that
// the answer takes does not tell either.
func (s *Service) unknownAddress(ctx context.Context) error {
	_, err := s.db.write.ExecContext(ctx, "UPDATE noise SET n = n + 1")
	return err
}

// canMail says whether a link to a page could be sent to an address.
func (s *Service) canMail(page, email string) error {
	if s.cfg.Mailer == nil && !s.cfg.Dev {
		return errNoMail
	}
	u, err := url.Parse(page)
	if page == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errBadRequest("the app's local-userpass provider has no page to link to (emailConfirmationUrl, resetPasswordUrl)")
	}
	if mail.CheckAddress(email) != nil {
		return errBadRequest("'email' must be the address of a mail box")
	}
	return nil
}

// sendLink mails a link to a page of the app, with a token (app-services 7.1). In development mode without a mail server the link is
// written to the log instead.
func (s *Service) sendLink(ctx context.Context, app *App, email, page, subject, what string, t mailToken) error {
	u, err := url.Parse(page)
	if err != nil {
		return err
	}
	query := u.Query()
	query.Set("token", t.token)
	query.Set("tokenId", t.id)
	u.RawQuery = query.Encode()
	if s.cfg.Mailer == nil {
		s.log.Warn("no mail server: in development mode the link is here", "app", app.ID, "email", email, "to", what, "link", u.String())
		return nil
	}
	text := "To " + what + ", follow this link within 30 minutes:\n\n" + u.String() + "\n\nIf you have not asked for it, ignore this message.\n"
	if subject == "" {
		subject = what
	}
	err = s.cfg.Mailer.Send(ctx, mail.Letter{To: email, Subject: subject, Text: text})
	if errors.Is(err, mail.ErrFull) {
		return errMailFull
	}
	return err
}
