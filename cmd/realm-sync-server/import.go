package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type importCommand struct {
	remoteFlags

	JSONArray bool   `name:"jsonArray" aliases:"json-array" help:"The file is one array instead of a document per line."`
	Mode      string `enum:"insert,upsert" default:"insert" help:"What to do with a document whose _id is taken: insert (default) fails, upsert replaces what is there."`
	File      string `arg:"" optional:"" default:"-" placeholder:"FILE" help:"Documents in extended JSON, as mongoexport writes them (default: standard input)."`
}

// Bounds on one request of an import: what the server takes.
const (
	importBytes     = 2 << 20
	importDocuments = 1000
	maxImported     = 16 << 20 // of one document
)

// Run imports the documents through the running server, so that they reach devices.
func (c *importCommand) Run(k *kong.Context) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	in, size := io.Reader(os.Stdin), int64(0)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in = f
	}
	n, err := c.run(ctx, in, newProgress(k.Stderr, size))
	if err != nil {
		return fmt.Errorf("%d documents were imported, then: %w", n, err)
	}
	_, err = fmt.Fprintf(k.Stdout, "%d documents imported\n", n)
	return err
}

// readAhead bounds how far a decoder reads beyond what it has taken: it keeps that in memory, and a file without an end to its first document is no
// reason to keep all of it.
type readAhead struct {
	in    io.Reader
	taken func() int64 // bytes that the decoder has taken
	read  int64
}

// errNoEnd is the end of what readAhead reads.
var errNoEnd = fmt.Errorf("it is larger than %d bytes, or doesn't end", maxImported)

func (r *readAhead) Read(p []byte) (int, error) {
	if r.read-r.taken() > maxImported+maxImported/4 { // some of it is of the document behind it
		return 0, errNoEnd
	}
	n, err := r.in.Read(p)
	r.read += int64(n)
	return n, err
}

// run sends the documents in batches, each of which is imported whole or not at all. n is how many are in.
func (c *importCommand) run(ctx context.Context, in io.Reader, bar *progress) (n int, err error) {
	r, err := c.open()
	if err != nil {
		return 0, err
	}
	defer r.close()
	ahead := &readAhead{in: in}
	d := json.NewDecoder(ahead)
	ahead.taken = d.InputOffset
	if c.JSONArray {
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return 0, errors.New("the file doesn't begin with '[', as one array does")
		}
	}
	query := url.Values{"mode": {c.Mode}}
	var batch bytes.Buffer
	count := 0
	send := func() error {
		if count == 0 {
			return nil
		}
		batch.WriteByte(']')
		if _, err := r.do(ctx, http.MethodPost, "/documents", query, batch.Bytes()); err != nil {
			return fmt.Errorf("documents %d to %d: %w", n+1, n+count, err)
		}
		n += count
		count = 0
		batch.Reset()
		bar.show(d.InputOffset(), n)
		return nil
	}
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return n, fmt.Errorf("document %d, at byte %d: %w", n+count+1, d.InputOffset(), err)
		}
		if len(one) > maxImported || one[0] != '{' {
			return n, fmt.Errorf("document %d, at byte %d: it is no document, or larger than %d bytes", n+count+1, d.InputOffset(), maxImported)
		}
		if count == importDocuments || count > 0 && batch.Len()+len(one) > importBytes {
			if err := send(); err != nil {
				return n, err
			}
		}
		if count++; count == 1 {
			batch.WriteByte('[')
		} else {
			batch.WriteByte(',')
		}
		batch.Write(one)
	}
	if c.JSONArray {
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			return n, errors.New("the array doesn't end")
		}
	}
	if _, err := d.Token(); errors.Is(err, errNoEnd) {
		return n, fmt.Errorf("document %d, at byte %d: %w", n+count+1, d.InputOffset(), err)
	} else if !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("at byte %d: there is something that is no document", d.InputOffset())
	}
	if err := send(); err != nil {
		return n, err
	}
	bar.end(d.InputOffset(), n)
	return n, nil
}
