package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/store"
)

// check runs the program that was made of a source, and compares what its files hold.
func check(file, program string) error {
	lines, text, err := source()
	if err != nil {
		return err
	}
	if built, err := os.ReadFile(file); err != nil || !bytes.Equal(built, text) {
		return fmt.Errorf("%s was made of other vectors: build again", file)
	}
	folder, err := os.MkdirTemp(memory(), "localwrites-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	server := httptest.NewServer(http.HandlerFunc(login))
	defer server.Close()
	run := exec.Command(program, server.URL, "localwrites", folder)
	run.Stderr = os.Stderr // on its stdout the library says that nobody answers
	if err := run.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	var failed []error
	for i := range lines {
		have, err := recordedIn(filepath.Join(folder, fmt.Sprint(i)+".realm"))
		if err == nil {
			err = lines[i].compare(have)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("line %d (%s): %w", i+1, lines[i].Name, err))
		}
	}
	fmt.Printf("%d of %d lines record what realm-cpp records\n", len(lines)-len(failed), len(lines))
	return errors.Join(failed...)
}

// memory is a folder in memory; "", the usual one, where the system has none.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// recordedIn returns the changesets of a realm file that a local transaction has recorded, without the empty ones.
func recordedIn(path string) (out []string, err error) {
	conn, err := store.Open(path, store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.BeginRead(); err != nil {
		return nil, err
	}
	err = conn.Query("SELECT changeset FROM sync_history ORDER BY version", nil, func(row *store.Row) error {
		if b := row.Blob(0); len(b) > 0 {
			out = append(out, hex.EncodeToString(b))
		}
		return nil
	})
	return out, err
}

// compare compares all that a file has recorded: the schema, the object, and then the transactions of the line.
func (l *line) compare(have []string) error {
	before := 1
	if l.opens() {
		before = 0
	}
	if l.hasObject() {
		before++
	}
	if len(have) != before+len(l.Transactions) {
		return fmt.Errorf("%d changesets, not %d", len(have)-before, len(l.Transactions))
	}
	for i, tx := range l.Transactions {
		if err := compareBytes(tx.Hex, have[before+i], have[:before+i]); err != nil {
			return err
		}
	}
	return nil
}

// compareBytes allows another order of what a deletion brings about, what we mean to record otherwise than the original, and nothing else.
// earlier is what the file had recorded before.
func compareBytes(want, have string, earlier []string) error {
	if want == have {
		return nil
	}
	w, err := decode(want)
	if err != nil {
		return err
	}
	h, err := decode(have)
	if err != nil {
		return err
	}
	meant, err := better(w, h, earlier)
	if err != nil {
		return err
	}
	free := vectortest.Unlinking(w)
	if err := vectortest.CompareRecordings(meant, h, free); err != nil {
		return err
	}
	if len(free) == 0 && slices.EqualFunc(w, meant, func(a, b changeset.Instruction) bool { return a.Op == b.Op }) {
		return fmt.Errorf("the instructions are the same, but not the bytes:\n\t%s, not\n\t%s", have, want)
	}
	return nil
}

func decode(text string) ([]changeset.Instruction, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	c, err := changeset.Decode(raw)
	if err != nil {
		return nil, err
	}
	return c.Instructions, nil
}
