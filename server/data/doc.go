// Package data is the collections of an app as programs see them: functions, clients' remote collections, the HTTP data API, custom user data
// (spec/app-services.md sections 7.4 and 9).
//
// There are two kinds of collections, and one set of operations on both (package mql):
//
//   - The classes of the database that syncs. Their documents are the app's objects: reads are of a snapshot of the engine's state, writes become
//     changesets of the server's own in the app's history, and so reach devices, merge with what devices write, and obey the schema
//     (history.Engine.Write).
//   - Plain collections, everything else: documents without a schema in a SQLite file of the app, documents.db; also the objects of asymmetric classes,
//     which no device is sent (ingest). Each is of one data source, because the rules of another one may allow more.
//
// An operation finds its documents outside of the writer's turn, and looks at them once more inside: each document is written atomically, and those
// of one operation that are few are written together. What an operation may cost is bounded (mql.Meter); who may do it is asked of Permissions.
package data
