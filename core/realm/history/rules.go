package history

import (
	"errors"
	"fmt"

	"realmsync/core/merge"
	"realmsync/core/store"
)

// ErrRules is returned by OpenFile for a file that has been synced by other rules of merging than it is opened with.
var ErrRules = errors.New("the file has been synced by other rules of merging")

// settleRules holds the file to the rules by which it was synced first: what one rule set has made of the history means something else to
// the other. A file that has never met a server may still change. Files of the compatible rules need no table.
func (f *File) settleRules() error {
	fits := false
	if err := f.read(func() (err error) {
		fits, err = f.rulesFit()
		return err
	}); err != nil || fits {
		return err
	}
	return f.write(func() (uint64, error) {
		// Again: meanwhile another process may have synced the file.
		if fits, err := f.rulesFit(); err != nil || fits {
			return 0, err
		}
		if err := f.conn.Exec(`CREATE TABLE IF NOT EXISTS sync_rules (id INTEGER PRIMARY KEY CHECK (id = 1), rules TEXT NOT NULL)`); err != nil {
			return 0, err
		}
		return 0, f.conn.Exec(`INSERT OR REPLACE INTO sync_rules (id, rules) VALUES (1, ?)`, f.rules.String())
	})
}

// rulesFit tells whether the file has the rules of f; if not, it may be given them. Errors: ErrRules.
func (f *File) rulesFit() (bool, error) {
	have, synced, err := readRules(f.conn)
	if err == nil && synced && have != f.rules {
		err = fmt.Errorf("history: '%s' merges by the rules %q and can't be opened with the rules %q: %w; all clients of an app use the same as its server",
			f.path, have, f.rules, ErrRules)
	}
	return have == f.rules, err
}

// readRules returns the rules of a file, and whether it has been synced by them. Needs a snapshot.
func readRules(conn *store.Conn) (rules merge.Rules, synced bool, err error) {
	found, name := false, merge.Compatible.String()
	if err := conn.Query(`SELECT 1 FROM sqlite_schema WHERE type='table' AND name='sync_rules'`, nil, func(*store.Row) error {
		found = true
		return nil
	}); err != nil {
		return 0, false, err
	}
	if found {
		if err := conn.Query(`SELECT rules FROM sync_rules WHERE id=1`, nil, func(row *store.Row) error {
			name = row.Text(0)
			return nil
		}); err != nil {
			return 0, false, err
		}
	}
	s, err := readSyncFile(conn)
	if err != nil {
		return 0, false, err
	}
	rules, err = merge.ParseRules(name)
	return rules, s.ident != 0, err
}
