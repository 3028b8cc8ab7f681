// Package store owns what the sync engine keeps on disk: one interface, Store, and the records that cross it.
//
// A Store is the memory of one app: its history of server versions, the state that the history leads to, and what is
// known of every client file. Records are flat and their blobs opaque: what a document or a changeset means is the
// business of server/history. A driver stores and finds, and decides nothing.
//
// There is one writer at a time, by Begin; any number of readers, by Snapshot. All that one group commit changes is
// handed over at once (Changes), so that a driver can write it in few statements and in one durable transaction.
//
// Drivers: server/store/sqlite. Every driver passes the suite in server/store/storetest.
package store
