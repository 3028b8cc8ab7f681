// Exports keeps the symbols of librealm_sync and the functions of include/realm_sync.h the same.
//
//	exports list HEADER            the functions that the header declares, one a line
//	exports map HEADER             the linker version script that exports them and nothing else
//	exports check HEADER LIBRARY   compares with what `nm -D --defined-only LIBRARY` would show; fails on any difference
package main

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "exports:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) < 2 || (args[0] == "check") != (len(args) == 3) {
		return fmt.Errorf("usage: exports list|map HEADER, or exports check HEADER LIBRARY")
	}
	header, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	names, err := declared(string(header))
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	switch args[0] {
	case "list":
		fmt.Fprintln(out, strings.Join(names, "\n"))
	case "map":
		fmt.Fprint(out, versionScript(names))
	case "check":
		found, err := exported(args[2])
		if err != nil {
			return err
		}
		if err := compare(names, found); err != nil {
			return fmt.Errorf("%s: %w", args[2], err)
		}
		fmt.Fprintf(out, "%d functions in the header, the same %d symbols in the library\n", len(names), len(found))
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
	return nil
}

// exported returns the names of the dynamic symbols that the library defines.
func exported(path string) ([]string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var names []string
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names, nil
}
