// Package mql owns the part of MongoDB's query language that App Services clients and functions use (spec/app-services.md section 7.4):
// filters, updates, projections, sort orders and aggregation pipelines, on documents in memory.
//
// Everything is compiled first and then evaluated, any number of times. Compiling refuses what is not supported: a filter that was silently
// taken for less would match, or delete, what it should not. Errors are *Error, with the texts of MongoDB where programs may look for them.
//
// The package is pure. What evaluating costs is counted by a Meter, so that no query can take more than it is given.
package mql
