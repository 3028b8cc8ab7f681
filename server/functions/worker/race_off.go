//go:build !race

package worker

// raced says that the program was built with the race detector.
const raced = false
