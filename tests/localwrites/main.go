// The program localwrites compares what the C++ headers record of a write transaction with what realm-cpp records of the same statements:
// vectors/localwrites/realm-cpp.jsonl, at the commit, to the byte.
//
//	localwrites generate SOURCE         writes a C++ program that runs every line of the vectors, each in a file of its own
//	localwrites check SOURCE PROGRAM    runs that program, and compares what its files have recorded with the vectors
//
// CMake builds both programs and makes a ctest of the check.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"realmsync/tests/vectors"
)

// line is a line of the vectors.
type line struct {
	Name         string
	Setup        string
	Code         string
	Transactions []struct{ Hex string }
}

var usesObject = regexp.MustCompile(`\bo\b`)

// hasObject tells whether the statements find a stored object `o`: those with a setup do, and those that use it without declaring it.
func (l *line) hasObject() bool {
	return l.Setup != "" || usesObject.MatchString(l.Code) && !strings.Contains(l.Code, "All o ")
}

// opens tells whether the line isn't a transaction, but opens the database.
func (l *line) opens() bool { return !strings.HasPrefix(l.Code, "{") }

func readLines() (lines []line, err error) {
	err = vectors.Lines("localwrites/realm-cpp.jsonl", func(raw []byte) error {
		var l line
		err := json.Unmarshal(raw, &l)
		lines = append(lines, l)
		return err
	})
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("there are no lines")
	}
	return lines, err
}

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "generate":
		err = generate(args[1])
	case len(args) == 3 && args[0] == "check":
		err = check(args[1], args[2])
	default:
		err = fmt.Errorf("usage: localwrites generate SOURCE | check SOURCE PROGRAM")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "localwrites: %v\n", err)
		os.Exit(1)
	}
}
