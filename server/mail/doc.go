// Package mail owns how letters leave the server: a Sender for SMTP, and an Outbox in front of a Sender, so that nobody waits for a
// mail server, and nobody can tell from the time that an answer takes whether a letter was sent (app-services 13.12).
package mail
