// Package functions runs the JavaScript functions of apps: for clients (functions/call, app-services 7.3), for logins, confirmations and
// password resets (4.3 and 7.1), and for each other. It is auth.Functions.
//
// Package script runs one call; here is what surrounds it: which function an app has, who may call it, as whom it runs, how many run at
// once, what they may reach, and where their logs go. docs/server-functions.md tells developers of apps what there is, and operators what
// the limits hold.
package functions
