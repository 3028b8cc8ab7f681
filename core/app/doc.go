// Package app owns the App Services client: where an app's server is, who is logged in, and with which tokens
// (spec/app-services.md). It knows nothing of realms and sync sessions; a session gets its route and its tokens here.
//
// An App stands for one app id at one server. Its users are kept in one file below Config.Dir, so that they are still logged in
// after a restart. Several Apps, in one process or in many, may share a directory: every change is made to the file's newest
// contents under a lock, and each App then takes over what it finds there.
//
//	a, err := app.New(app.Config{AppID: "myapp-abcde", BaseURL: "http://localhost:9090", Dir: dir})
//	user, err := a.LogIn(ctx, app.Anonymous())
//	stop := user.Observe(func(c app.UserChange) { ... })   // logged in, logged out, removed, new token
//
// All functions and methods may be called concurrently. Calls that contact the server take a context, run on the caller's
// goroutine and return when the answer is there; the package starts no goroutine of its own. Besides the context every single
// request ends after Config.DefaultTimeout.
//
// Every failure of a call to the server is an *Error; files that cannot be read or written give a *FileError. Nothing that
// the package logs, and no error text of its own making, contains a token, a password or a request body.
//
// Locks, outermost first: App.storeMu (one change of the user file at a time), App.mu (all fields of App and of its users).
// No lock is held while a request runs or an observer is called.
package app
