package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// envPrefix begins the names of environment variables that stand for flags: REALM_SYNC_BASE_URL is --base-url.
const envPrefix = "REALM_SYNC_"

// maxSettings is the most that a configuration file may have, in bytes.
const maxSettings = 1 << 20

// settings give flags their values where the command line doesn't: the environment, and below it a file (koanf). It is a kong.Resolver.
type settings struct {
	values *koanf.Koanf
	path   string // of the file; "" is none
}

// openSettings reads the file, if one is named, and the environment. A key that is no flag of serve is an error: it would be a setting that
// somebody relies on and that does nothing.
func openSettings(path string, known []string) (*settings, error) {
	s := &settings{values: koanf.New("."), path: path}
	if path != "" {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: there is no such configuration file", path)
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular() || info.Size() > maxSettings:
			return nil, fmt.Errorf("%s is not a configuration file", path)
		}
		if err := s.values.Load(file.Provider(path), yaml.Parser()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		var unknown []string
		for _, key := range s.values.Keys() {
			if !slices.Contains(known, key) {
				unknown = append(unknown, fmt.Sprintf("%q", key))
			}
		}
		if len(unknown) > 0 {
			slices.Sort(known)
			return nil, fmt.Errorf("%s: unknown key %s; the keys are %s", path, strings.Join(unknown, ", "), strings.Join(known, ", "))
		}
	}
	err := s.values.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: func(k, v string) (string, any) {
		return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(k, envPrefix)), "_", "-"), v
	}}), nil)
	return s, err
}

// Validate implements kong.Resolver.
func (*settings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || flag.Name == "config" {
		return nil, nil
	}
	return s.values.Get(flag.Name), nil // nil if it isn't set
}

// configFlag is --config: it is read before the other flags get their values.
type configFlag string

// BeforeResolve implements kong's hook.
func (configFlag) BeforeResolve(k *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(configFlag)) //nolint:errcheck,forcetypeassert // its own flag
	var known []string
	for _, node := range k.Model.Children {
		if node.Name != "serve" {
			continue
		}
		for _, flag := range node.Flags {
			if flag.Name != "config" && flag.Name != "help" {
				known = append(known, flag.Name)
			}
		}
	}
	s, err := openSettings(path, known)
	if err != nil {
		return err
	}
	ctx.AddResolver(s)
	return nil
}

// withSettings is a parser's option: the environment is asked for every flag.
func withSettings() (kong.Option, error) {
	s, err := openSettings("", nil)
	if err != nil {
		return nil, err
	}
	return kong.Resolvers(s), nil
}

type configCommand struct {
	Check configCheck `cmd:"" help:"Check a configuration file, with the environment, as serve would read them."`
}

// configCheck takes what serve takes, and serves nothing.
type configCheck struct {
	serveCommand
}

// Run reports what would be used. The parser has found everything that is wrong.
func (c *configCheck) Run(k *kong.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	for _, name := range strangers(k.Model, os.Environ()) {
		if _, err := fmt.Fprintf(k.Stderr, "warning: the environment variable %s looks like a setting, but there is no such setting; it does nothing\n", name); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(k.Stdout, "the configuration is good: data %s, listen %s\n", c.Data, strings.Join(c.Listen, " "))
	return err
}
