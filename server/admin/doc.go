// Package admin owns the administrative side of the server: the admin API of App Services and the few routes of its private one
// (spec/app-services.md section 11), and the accounts that may use them. They have nothing to do with the users of apps: another file,
// other tokens.
//
// It changes configurations, in package appconfig, and asks others to do the rest: users are package auth's, client files package sync's.
//
// Input is taken as the suites of the original send it: an empty body, null and {} are the same, null members are absent ones, and a list
// of roles may be in a list of its own.
package admin
