package functions

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/functions/script"
)

// compiled keeps compiled sources of all apps, by the hash of name and source. A Program is immutable, so whoever compiled it, everybody
// may run it.
var compiled = cache{programs: map[[sha256.Size]byte]*script.Program{}}

type cache struct {
	mu       sync.Mutex
	programs map[[sha256.Size]byte]*script.Program
	bytes    int // of their sources
}

const maxCached = 32 << 20 // bytes of sources whose programs are kept

func (c *cache) compile(name, source string) (*script.Program, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(name), name, source)
	key := [sha256.Size]byte(h.Sum(nil))
	c.mu.Lock()
	p := c.programs[key]
	c.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := script.Compile(name, source)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes += len(source); c.bytes > maxCached {
		clear(c.programs)
		c.bytes = len(source)
	}
	c.programs[key] = p
	return p, nil
}

// Check says whether the source of a function can be compiled: nil, or FunctionSyntaxError with the line.
func Check(name, source string) error {
	if _, err := compiled.compile(name, source); err != nil {
		return apierror.New(http.StatusBadRequest, "FunctionSyntaxError", "%s", err.Error())
	}
	return nil
}

// CheckConfig reports the first function whose source cannot be compiled, as *appconfig.ValidationError: for appconfig.StoreConfig.Check.
func CheckConfig(c *appconfig.Config) error {
	for i, f := range c.Functions {
		if _, err := compiled.compile(f.Name, f.Source); err != nil {
			return &appconfig.ValidationError{Path: fmt.Sprintf("functions[%d].source", i), Reason: fmt.Sprintf("function %q: %v", f.Name, err)}
		}
	}
	return nil
}
