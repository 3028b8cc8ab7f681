// Command realm-sync-server is a self-hosted sync server for applications built on the Realm SDKs: the HTTP API of App
// Services and the Device Sync endpoint, in one process with one data directory.
//
// This package is flags and wiring. What is served is in realmsync/server.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"realmsync/server/functions"
)

// version is set by the linker (scripts/goserver.sh).
var version = "development"

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve apps until SIGTERM or SIGINT."`
	App     appCommand     `cmd:"" help:"Create, list and export the apps of a data directory."`
	Session sessionCommand `cmd:"" help:"List and end the sessions of an app's users."`
	Keys    keysCommand    `cmd:"" help:"Rotate the keys that sign tokens."`
	Import  importCommand  `cmd:"" help:"Import documents in extended JSON into a running server, from which they reach devices."`
	Export  exportCommand  `cmd:"" help:"Export documents of a running server as extended JSON."`
	Admin   adminCommand   `cmd:"" help:"Create accounts for the admin API."`
	Config  configCommand  `cmd:"" help:"Check a configuration file."`
	Backup  backupCommand  `cmd:"" help:"Copy a data directory, consistently; the server may run."`
	Restore restoreCommand `cmd:"" help:"Make a data directory of a backup, after checking it."`
	Fsck    fsckCommand    `cmd:"" help:"Check a data directory that no server uses, or a backup."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(k *kong.Context) error {
	_, err := fmt.Fprintln(k.Stdout, "realm-sync-server", version)
	return err
}

func main() {
	functions.Hook()
	environment, err := withSettings()
	if err != nil {
		fmt.Fprintln(os.Stderr, "realm-sync-server: error:", err)
		os.Exit(1)
	}
	parser, err := kong.New(&commands{}, kong.Name("realm-sync-server"), kong.ShortUsageOnError(), environment,
		kong.Description("A self-hosted sync server for applications built on the Realm SDKs."))
	if err != nil {
		panic(err) // commands is what it is
	}
	k, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(whence(err, os.Args[1:]))
	k.FatalIfErrorf(advise(k.Run(k)))
}
