package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	comments   = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	directives = regexp.MustCompile(`(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*`)
	identifier = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)[ \t\n]*\(`)
)

// declared returns the functions that a header declares with REALM_API, sorted. A name that does not begin with realm_, or
// stands there twice, is an error: it would be exported by mistake, or means that the header is not understood.
func declared(header string) ([]string, error) {
	text := comments.ReplaceAllString(header, " ")
	text = directives.ReplaceAllString(text, "")
	parts := strings.Split(text, "REALM_API")
	var names []string
	for _, part := range parts[1:] {
		declaration, _, ok := strings.Cut(part, ";")
		if !ok {
			return nil, fmt.Errorf("a REALM_API declaration has no end: %.60q", strings.TrimSpace(part))
		}
		match := identifier.FindStringSubmatch(declaration)
		if match == nil {
			return nil, fmt.Errorf("no function name in %.60q", strings.TrimSpace(declaration))
		}
		if !strings.HasPrefix(match[1], "realm_") {
			return nil, fmt.Errorf("the function %s does not begin with realm_", match[1])
		}
		names = append(names, match[1])
	}
	if len(names) == 0 {
		return nil, errors.New("no REALM_API declaration")
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return nil, fmt.Errorf("%s is declared twice", names[i])
		}
	}
	return names, nil
}

// versionScript is anonymous: a named version would itself be a symbol that the header does not list.
func versionScript(names []string) string {
	return "{\n  global:\n    " + strings.Join(names, ";\n    ") + ";\n  local:\n    *;\n};\n"
}

// compare returns an error that names every function without a symbol and every symbol without a function.
func compare(header, library []string) error {
	var problems []error
	for _, name := range header {
		if !slices.Contains(library, name) {
			problems = append(problems, fmt.Errorf("%s is in the header and not exported: write its //export function in capi/", name))
		}
	}
	for _, name := range library {
		if !slices.Contains(header, name) {
			problems = append(problems, fmt.Errorf("%s is exported and not in the header", name))
		}
	}
	return errors.Join(problems...)
}
