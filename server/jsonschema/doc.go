// Package jsonschema is the way between the schemas of an app's configuration and the classes that its devices sync (spec/app-services.md
// sections 11.2 and 11.3): a JSON schema for a collection of the synced database is a class, and what devices bring in development mode becomes
// a JSON schema. It is pure.
package jsonschema
