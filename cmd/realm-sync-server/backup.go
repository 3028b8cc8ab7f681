package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"realmsync/server/backup"
)

type backupCommand struct {
	dataFlags

	Out string `arg:"" name:"out" type:"path" help:"Directory to make; it must not exist."`
}

// Run copies the data directory; the server may run.
func (c *backupCommand) Run(k *kong.Context) error {
	ctx, stop := interruptible()
	defer stop()
	m, err := backup.Backup(ctx, c.Data, c.Out, version, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(k.Stdout, "%d files, %d bytes in %s\n", len(m.Files), bytesOf(m), c.Out)
	return err
}

type restoreCommand struct {
	dataFlags

	From string `arg:"" name:"backup" type:"existingdir" help:"A directory that 'backup' has made."`
}

// Run makes a data directory of a backup.
func (c *restoreCommand) Run(k *kong.Context) error {
	ctx, stop := interruptible()
	defer stop()
	m, err := backup.Restore(ctx, c.From, c.Data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(k.Stdout, "%d files, %d bytes in %s, from a backup of %s\n", len(m.Files), bytesOf(m), c.Data, m.Created.Format(time.RFC3339))
	return err
}

type fsckCommand struct {
	dataFlags
}

// Run checks a data directory that no server uses, or a backup.
func (c *fsckCommand) Run(k *kong.Context) error {
	ctx, stop := interruptible()
	defer stop()
	problems := 0
	var printing error
	report := func(p backup.Problem) {
		problems++
		_, err := fmt.Fprintln(k.Stdout, p)
		printing = errors.Join(printing, err)
	}
	if backup.IsBackup(c.Data) {
		m, err := backup.ReadManifest(c.Data)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(k.Stdout, "a backup of %s\n", m.Created.Format(time.RFC3339)); err != nil {
			return err
		}
		m.Check(c.Data, report)
	} else {
		if err := backup.IsData(c.Data); err != nil {
			return err
		}
		unlock, err := lockDataDir(c.Data)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if going, stray, err := backup.Leftovers(ctx, c.Data); err == nil { // what keeps it from being read, Check reports
		say := func(format string, ids []string) {
			for _, id := range ids {
				_, err := fmt.Fprintf(k.Stdout, format+"\n", id)
				printing = errors.Join(printing, err)
			}
		}
		say("app %s is being deleted; the next server that is started here finishes that, and what is left of it is not checked", going)
		say("apps/%s is data of no app: the next app of this id would find it; remove the directory if it is not wanted", stray)
	}
	err := backup.Check(ctx, c.Data, report)
	if err = errors.Join(err, printing); err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%d problems were found in %s", problems, c.Data)
	}
	_, err = fmt.Fprintln(k.Stdout, "clean")
	return err
}

func bytesOf(m *backup.Manifest) (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// interruptible is a context that ends with SIGINT or SIGTERM.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}
