package functions

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/functions/script"
	"realmsync/server/functions/worker"
)

// compilable remembers sources of all apps that can be compiled, by the hash of name and source: whenever something of an app changes, all its
// functions are looked at.
var compilable = known{sources: map[[sha256.Size]byte]bool{}}

type known struct {
	mu      sync.Mutex
	sources map[[sha256.Size]byte]bool
}

const maxKnown = 100_000 // sources that are remembered

func keyOf(name, source string) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(name), name, source)
	return [sha256.Size]byte(h.Sum(nil))
}

// check compiles those functions that are not known. It returns the position of the first that cannot be compiled, and why, or -1; an error with
// -1 is not about a function.
func (k *known) check(functions []appconfig.Function) (int, error) {
	var unknown []worker.Function
	var at []int
	k.mu.Lock()
	for i, f := range functions {
		if !k.sources[keyOf(f.Name, f.Source)] {
			unknown, at = append(unknown, worker.Function{Name: f.Name, Source: f.Source}), append(at, i)
		}
	}
	k.mu.Unlock()
	if len(unknown) == 0 {
		return -1, nil
	}
	// Each source has its own time, so this ends.
	bad, err := worker.Check(context.Background(), unknown)
	if err != nil {
		if bad >= 0 {
			bad = at[bad]
		}
		return bad, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.sources)+len(unknown) > maxKnown {
		clear(k.sources)
	}
	for _, f := range unknown {
		k.sources[keyOf(f.Name, f.Source)] = true
	}
	return -1, nil
}

// Check says whether the source of a function can be compiled: nil, or FunctionSyntaxError with the line. The source is compiled in a process
// of its own (package worker).
func Check(name, source string) error {
	at, err := compilable.check([]appconfig.Function{{Name: name, Source: source}})
	switch {
	case err == nil:
		return nil
	case at < 0:
		return fmt.Errorf("functions: %w", err)
	}
	return apierror.New(http.StatusBadRequest, "FunctionSyntaxError", "%s", err.Error())
}

// CheckConfig reports the first function whose source cannot be compiled, as *appconfig.ValidationError: for appconfig.StoreConfig.Check.
func CheckConfig(c *appconfig.Config) error {
	at, err := compilable.check(c.Functions)
	switch {
	case err == nil:
		return nil
	case at < 0:
		return fmt.Errorf("functions: %w", err)
	}
	f := c.Functions[at]
	invalid := &appconfig.ValidationError{Path: fmt.Sprintf("functions[%d].source", at), Reason: fmt.Sprintf("function %q: %v", f.Name, err)}
	var syntax *script.SyntaxError
	if errors.As(err, &syntax) {
		invalid.Line = syntax.Line
	}
	return invalid
}

// Hook must be the first thing that main does, or TestMain, in a program that runs functions (see worker.Hook).
func Hook() { worker.Hook() }
