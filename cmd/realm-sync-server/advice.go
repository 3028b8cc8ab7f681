package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"realmsync/server/dbfile"
)

// advise adds what to do to errors of the system, which say only what happened and where.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; another process listens there: stop it (ss -ltnp shows which it is), or choose another port", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; this machine doesn't have that address: choose one of those that it has (ip address), or 0.0.0.0 for all", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; this process runs as user %d: a data directory, and all that is in it, must belong to the user that the server runs as", err, os.Getuid())
	case dbfile.Full(err):
		return fmt.Errorf("%w; the disk is full: make room there, and try again", err)
	}
	return err
}

// whence adds where a value that is no good was given, if that is not the command line.
func whence(err error, args []string) error {
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "--") {
		return err
	}
	name := strings.TrimSuffix(strings.Fields(err.Error())[0], ":")
	for _, a := range args {
		if a == name || strings.HasPrefix(a, name+"=") {
			return err
		}
	}
	if variable := variableOf(name[2:]); os.Getenv(variable) != "" {
		return fmt.Errorf("%w (in the environment: %s)", err, variable)
	}
	for i, a := range args {
		if file, ok := strings.CutPrefix(a, "--config="); ok {
			return fmt.Errorf("%w (in %s)", err, file)
		}
		if a == "--config" && i+1 < len(args) {
			return fmt.Errorf("%w (in %s)", err, args[i+1])
		}
	}
	return err
}

// variableOf is the environment variable of a flag.
func variableOf(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// strangers are the environment variables that look like settings and are those of no command. They are no error: others put such names there too (Kubernetes
// does, for a service called realm-sync).
func strangers(commands *kong.Application, environment []string) (out []string) {
	known := map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			known[variableOf(f.Name)] = true
			for _, e := range f.Envs {
				known[e] = true
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(commands.Node)
	for _, v := range environment {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, envPrefix) && !known[name] {
			out = append(out, name)
		}
	}
	return out
}
