package sqlite

/*
long long sqlite3_memory_used(void);
*/
import "C"

// MemoryUsed is what SQLite holds in this process, in bytes: connections, statements and cached pages of all its files, whoever opened them.
func MemoryUsed() uint64 { return uint64(C.sqlite3_memory_used()) }
