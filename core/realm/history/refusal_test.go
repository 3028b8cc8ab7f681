package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// A DOWNLOAD that can't be integrated is refused with the code that the server is told, and changes nothing; a good one goes through
// after it.
func TestRefusals(t *testing.T) {
	entries := func(e ...wire.DownloadEntry) []wire.DownloadEntry { return e }
	good := progress(5, 0, 0, 0)
	at := func(change func(*wire.Progress)) wire.Progress {
		p := progress(5, 4, 4, 3)
		change(&p)
		return p
	}
	same := func(*wire.Progress) {}
	made := entry(t, 4, 0, 1, create(8)) // goes well, before one that doesn't
	list := changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(1), Field: "l", Value: value.Int(1)}
	list.Path = []changeset.Step{{IsPos: true}}
	inM := changeset.Instruction{Op: changeset.CreateObject, Table: "M", Key: key(1)}
	textKey := changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.StringKey("x")}
	text := column("T", "i", changeset.SchemaFields{Type: value.KindString})
	withKind := changeset.Instruction{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}}
	raw := entry(t, 5, 0, 1)
	raw.Changeset = []byte{0xff, 0xff, 0xff}
	own := entry(t, 5, 4, 1, create(9))
	own.OriginFileIdent = ownIdent
	nobody := own
	nobody.OriginFileIdent = 0
	for _, c := range []struct {
		name      string
		progress  wire.Progress
		entries   []wire.DownloadEntry
		code      wire.ErrorCode
		violation bool
	}{
		{"latest goes back", at(func(p *wire.Progress) { p.Latest.Version = 2 }), nil, 233, true},
		{"acknowledged goes back", at(func(p *wire.Progress) { p.Upload.ClientVersion, p.Download.ClientVersion = 1, 1 }), nil, 233, true},
		{"acknowledged beyond the newest", at(func(p *wire.Progress) { p.Upload.ClientVersion = 99 }), nil, 233, true},
		{"download goes back", at(func(p *wire.Progress) { p.Download.ServerVersion, p.Upload.ServerVersion = 2, 2 }), nil, 233, true},
		{"download beyond latest", at(func(p *wire.Progress) { p.Download.ServerVersion = 6 }), nil, 233, true},
		{"integrated beyond acknowledged", at(func(p *wire.Progress) { p.Download.ClientVersion = 5 }), nil, 233, true},
		{"reported beyond download", at(func(p *wire.Progress) { p.Upload.ServerVersion = 6 }), nil, 233, true},
		{"reported goes back", at(func(p *wire.Progress) { p.Upload.ServerVersion = 1 }), nil, 233, false},
		{"changesets out of order", at(same), entries(entry(t, 5, 4, 1), entry(t, 4, 4, 1)), 233, true},
		{"changeset beyond the cursor", at(same), entries(entry(t, 6, 4, 1)), 233, true},
		{"bases out of order", at(same), entries(entry(t, 4, 4, 1), entry(t, 5, 3, 1)), 233, true},
		{"base beyond the cursor", at(func(p *wire.Progress) { p.Download.ClientVersion = 3 }), entries(entry(t, 4, 4, 1)), 233, true},
		{"own changeset", at(same), entries(own), 233, true},
		{"no origin", at(same), entries(nobody), 233, true},
		{"not a changeset", good, entries(made, raw), 212, false},
		{"no such object", good, entries(entry(t, 4, 0, 1, create(8), set(7, "i", value.Int(1)))), 212, false},
		{"no such class", good, entries(made, entry(t, 5, 0, 1, table("N"), inM)), 212, false},
		{"wrong type", good, entries(entry(t, 4, 0, 1, create(8), set(8, "i", value.String("x")))), 212, false},
		{"null", good, entries(entry(t, 4, 0, 1, create(8), set(8, "s", value.Null()))), 212, false},
		{"wrong key", good, entries(made, entry(t, 5, 0, 1, textKey)), 212, false},
		{"other class of the name", good, entries(made, entry(t, 5, 0, 1, withKind)), 212, false},
		{"other property of the name", good, entries(made, entry(t, 5, 0, 1, text)), 212, false},
		{"no such list", good, entries(entry(t, 4, 0, 1, create(8), list)), 212, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t, ownIdent)
			d.write(create(1))
			// The columns of the base are as far as they are in the test's progress.
			if c.progress != good {
				d.integrate(steady(progress(3, 3, 4, 2)))
			}
			before := d.everything()
			err := d.file.Integrate(steady(c.progress, c.entries...))
			var bad *session.IntegrationError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.code, bad.Code, bad.Text)
			require.Equal(t, c.violation, bad.Violation, bad.Text)
			require.NotEmpty(t, bad.Text)
			require.Less(t, len(bad.Text), 1000)
			d.requireUnchanged(before)

			d.integrate(steady(progress(6, 3, 4, 2), entry(t, 6, 3, 1, create(2))))
			require.Equal(t, value.Int(0), d.get(2, "i"))
		})
	}
}

// Before the file has an ident nothing can be integrated: its own changes would have no origin.
func TestNoIdentYet(t *testing.T) {
	d := newDevice(t, 0)
	for _, f := range []func(*wire.Download) error{d.file.Integrate, d.file.AddBootstrap} {
		var bad *session.IntegrationError
		require.ErrorAs(t, f(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(1)))), &bad)
		require.True(t, bad.Violation)
	}
}

// A changeset of this file that can't be read is the file's fault, not the server's.
func TestDamagedHistory(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	require.NoError(t, d.conn.BeginWrite())
	require.NoError(t, d.conn.Exec(`UPDATE sync_history SET changeset=x'ff' WHERE version=4`))
	require.NoError(t, d.conn.Commit())
	err := d.file.Integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(1))))
	require.Error(t, err)
	var bad *session.IntegrationError
	require.NotErrorAs(t, err, &bad)
	require.NotErrorIs(t, err, changeset.ErrBadChangeset)
	require.Contains(t, err.Error(), d.path)
	require.True(t, strings.Contains(err.Error(), "version 4"))
}
