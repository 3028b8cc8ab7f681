package main

import (
	"log/slog"
	"time"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/functions"
	"realmsync/server/functions/script"
	"realmsync/server/rules"
)

// functionFlags bound what the functions of apps may do (docs/server-functions.md).
type functionFlags struct {
	FunctionTimeout time.Duration `default:"150s" help:"Longest time that a function of an app may take (default: ${default})."`
	FunctionCPU     time.Duration `name:"function-cpu" default:"30s" help:"Longest time that a function may compute (default: ${default})."`
	FunctionMemory  int64         `default:"256" placeholder:"MIB" help:"MiB that a function may use before it is ended (default: ${default})."`
	FunctionsAtOnce int           `default:"20" help:"Functions of one app that run at the same time (default: ${default})."`
	FunctionWorkers int           `default:"32" help:"Processes that functions of all apps run in, at the same time (default: ${default}). No two apps share one."`
	FunctionHost    []string      `placeholder:"HOST" help:"Host that functions may make HTTP requests to, may be repeated: a name, *.name for those below one, or * for all. Addresses that are not public are never reached. Default: none."`
}

// open makes the functions of all apps, and hands them to those who call them.
func (f *functionFlags) open(configs *appconfig.Store, users *auth.Service, documents *data.Data, ruled *data.Ruled, log *slog.Logger) (*functions.Service, error) {
	s, err := functions.New(functions.Config{
		Apps: configs, Data: documents, AllowHosts: f.FunctionHost, AtOnce: f.FunctionsAtOnce, Workers: f.FunctionWorkers, Logger: log,
		Limits: script.Limits{Wall: f.FunctionTimeout, CPU: f.FunctionCPU, Memory: f.FunctionMemory << 20},
	})
	if err != nil {
		return nil, err
	}
	users.SetFunctions(s)
	ruled.SetFunctions(s)
	return s, nil
}

// checkConfig is what a configuration must pass beside its form: its rules and its functions compile.
func checkConfig(c *appconfig.Config) error {
	if err := rules.Check(c); err != nil {
		return err
	}
	return functions.CheckConfig(c)
}
