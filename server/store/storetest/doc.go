// Package storetest is the suite that every driver of server/store passes: what server/history relies on, and nothing that is only
// one driver's affair. A driver's own tests call Run.
package storetest
