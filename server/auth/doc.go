// Package auth owns who may use an app: apps and their login providers, users and their identities, e-mail accounts,
// API keys, sessions, and the tokens that prove them (app-services sections 4 to 8 and 13).
//
// A Service is one data directory's worth of it: the file auth.db (SQLite) and the file token-keys (the HS256 keys that
// sign tokens). It knows nothing of HTTP but the status and code that belong to each error; package server/api speaks.
// The sync endpoint asks Service.Authenticate.
//
// What is stored: passwords as Argon2id hashes, refresh tokens and API keys as SHA-256 digests. None of them, and no
// token, is ever in an error's text or in a log line.
package auth
