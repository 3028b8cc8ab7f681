// Package backup copies the data directory of a server, running or not, brings such a copy back, and checks either: SQLite's own
// integrity, and that the data of each app doesn't contradict itself (history.Verify).
//
// A backup is a directory with the files of the data directory and manifest.json, which lists them with their sizes and SHA-256 sums. Each
// database is one consistent state (VACUUM INTO, which reads one snapshot and keeps nobody from writing). They are copied in an order in which
// a later one may know more than an earlier one, but not the other way round: first what is synced, which names users, then documents, then
// configurations, then accounts, then the keys that these are sealed with. Clients that know more than a restored server are told so by
// the salts of its history, and reset themselves (spec/wire-protocol.md section 6.4). An app that is deleted meanwhile is deleted in the backup too: its
// auth.db says so, and the server that the backup is restored for finishes it.
package backup
