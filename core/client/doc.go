// Package client ties the parts of the client together for an application: apps and users (core/app), realms (core/realm) and
// their sync sessions (core/session). The C interface calls it, and has no logic of its own.
//
// A Client has the sessions of a process. What it adds to the parts:
//
//   - An open synced realm keeps its session going: each live instance of the file holds an external reference of the session
//
// until
//
//	  it closes (sync-semantics 1.1).
//	- A Session is weak: when the last live instance has closed it is gone, whatever goes on underneath (1.12).
//	- A session, and everything that an application holds of a user, keep the app going.
//
// No lock is held while something of the application's runs.
package client
