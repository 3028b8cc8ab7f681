// Package logline turns the core's log records into the lines that the C interface gives to an application's logger.
package logline
