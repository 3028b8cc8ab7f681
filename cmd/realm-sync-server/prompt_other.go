//go:build !linux

package main

import "net"

// promptListener accepts connections as they are: other systems have nothing to ask them to acknowledge at once what they read.
type promptListener struct{ net.Listener }
