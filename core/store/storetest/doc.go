// Package storetest reads what a realm file holds into memory, for tests that compare it with memstate. It is for tests; nothing else imports
// it.
package storetest
