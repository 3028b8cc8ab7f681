// Package sqlite is the driver of server/store that keeps an app in one SQLite file, in WAL mode with synchronous=FULL:
// a commit is on disk when Commit returns.
//
// One connection writes, a small pool of connections reads. Statements are prepared once per connection; rows are
// written in groups, because a call across database/sql and cgo costs more than the row.
//
// The SQL is in schema.go (numbered migrations, never edited once released) and beside the method that runs it.
package sqlite
