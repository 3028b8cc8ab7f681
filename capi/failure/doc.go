// Package failure turns the errors of the core into what the C interface reports of them: realm_error_t.
//
// There is one table per package that errors come from. An error that is in none of them is a defect, and reported as one.
package failure
