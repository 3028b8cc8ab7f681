// Package store owns the object store: a realm file on SQLite, its tables, rows and links, the SQL that queries become,
// and the C shim that moves rows (design.md section 4). It knows nothing of sync; the sync tables of a realm file are
// made and used by their owner through Exec and Query.
//
// A Conn is one SQLite connection. It, and every Class and Plan obtained from it, is used by one goroutine at a time;
// any number of Conns may be open on a file. All reading happens in a snapshot (BeginRead) or a write transaction
// (BeginWrite).
//
// # File
//
// A realm file is a SQLite database in WAL mode whose application id is "RLMS" and whose user version is the format
// version. store_class and store_property describe the classes; store_tombstone holds the keys that dangling links name;
// store_meta the version counter, and how many objects there are (counts.go). A class is the table c<id>_<name>, a property its column p<id>_<name>: readable,
// unique without regard to case, free of quotes. shim_codec.c says how values are stored. Tables of other packages must
// not begin with store_, c<digit> or sqlite_.
//
// The elements of a list, set or dictionary property are the rows of a table of their own, c<id>_<name>_e<id>_<name>, one
// each (elements.go): so links in them are found by an index as others are, and a query can join them. Embedded objects are
// rows of their class's table; the link in the place that owns them is the only one to them. Collections inside of mixed are
// numbered; the mixed value holds the number, store_container says where each is, store_nested has their elements
// (nested.go). The order of a list is that of positions which leave room between them (sequence.go).
//
// Files of versions that had no collections are files of the same format: the tables are made when they are needed first.
//
// # Order
//
// Results without SORT are in row id order. Row ids ascend in order of creation, except in classes with a required
// integer primary key, where the key is the row id.
package store
