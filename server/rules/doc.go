// Package rules says what the users of an app may read and write: roles and their expressions, as App Services had them
// (spec/app-services.md section 12).
//
// Compile turns the rules of an app's configuration into a Set, and names the path of what is wrong with them. A Set answers for two
// kinds of access:
//
//   - Sync (Set.Sync): the role of each collection is chosen once, when a session starts, and what it expands is frozen. What is left is
//     an Access by class: filters on the fields of the object alone, which have a canonical text, so that a server can tell whether two
//     sessions may see the same, and can say later what a client was sent.
//   - Programs (Set.Document): the role is chosen for each document.
//
// Expressions have three values: true, false and undefined, which is what comes of a value that isn't there. Only true opens a gate.
//
// The package does no I/O. Functions that expressions call are passed in.
package rules
