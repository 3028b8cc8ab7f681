//go:build !linux

package main

import "os"

// hideTyping leaves the terminal as it is: what is typed is seen.
func hideTyping(*os.File) (ok bool, restore func()) { return false, nil }
