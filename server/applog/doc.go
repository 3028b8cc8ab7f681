// Package applog keeps the log lines of each app for its administrators, for days and over restarts, in a file of the data directory (logs.db).
// What it keeps is bounded by age, by lines of one app and of all, and by bytes of a line.
//
// Whoever logs never waits for the disk: lines go into a queue, which one goroutine writes in batches. What doesn't fit is counted, and said in the server's
// log and in the app's. Lines are no data: the newest may be lost when the machine fails, a file that is damaged is set aside, and nothing that is wrong
// with it keeps the server from starting or serving. While nobody logs next to nothing is in memory: package dbfile closes connections that nobody uses.
package applog
