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

	"realmsync/server/ejson"
)

type importCommand struct {
	remoteFlags

	JSONArray bool   `name:"jsonArray" aliases:"json-array" help:"The file is one array instead of a document per line."`
	Mode      string `enum:"insert,upsert" default:"insert" help:"What to do with a document whose _id is taken: insert (default) fails, upsert replaces what is there."`
	Skip      int    `placeholder:"N" help:"Leave out the first N documents: those that an import which failed has said are in."`
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
	context.AfterFunc(ctx, stop) // a second one ends it at once
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
		more := ""
		if n > 0 {
			more = fmt.Sprintf(" (to go on behind them: --skip %d)", n)
		}
		return fmt.Errorf("%d documents were imported%s, then: %w", n-c.Skip, more, err)
	}
	_, err = fmt.Fprintf(k.Stdout, "%d documents imported\n", n-c.Skip)
	return err
}

// readAhead bounds how far a decoder reads beyond what it has taken: it keeps that in memory, and a file without an end to its first document is no
// reason to keep all of it.
type readAhead struct {
	in    io.Reader
	taken func() int64 // bytes that the decoder has taken
	read  int64
	line  int     // number of the line that the decoder is in, without those of ends
	ends  []int64 // of lines that were read and not taken: the offsets behind them
}

// at returns the number of the line that a byte is in. Bytes are asked for in their order.
func (r *readAhead) at(offset int64) int {
	n := 0
	for n < len(r.ends) && r.ends[n] <= offset {
		n++
	}
	r.ends = r.ends[n:]
	r.line += n
	return r.line + 1
}

// errNoEnd is the end of what readAhead reads.
var errNoEnd = fmt.Errorf("it is larger than %d bytes, or doesn't end", maxImported)

func (r *readAhead) Read(p []byte) (int, error) {
	if r.read-r.taken() > maxImported+maxImported/4 { // some of it is of the document behind it
		return 0, errNoEnd
	}
	n, err := r.in.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			r.ends = append(r.ends, r.read+int64(i)+1)
		}
	}
	r.read += int64(n)
	return n, err
}

// run sends the documents in batches, each of which is imported whole or not at all. n is how many are done with, those that are skipped among them.
// When the context ends, the batch that is under way is waited for: what n says is so.
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
	var lines []int // on which the documents of the batch begin
	send := func() error {
		if len(lines) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return errors.New("it was interrupted")
		}
		batch.WriteByte(']')
		if _, err := r.do(context.WithoutCancel(ctx), http.MethodPost, "/documents", query, batch.Bytes()); err != nil {
			return c.explain(err, n, lines)
		}
		n += len(lines)
		lines = lines[:0]
		batch.Reset()
		bar.show(d.InputOffset(), n)
		return nil
	}
	wrong := func(err error) (int, error) {
		at := d.InputOffset() // where the document begins
		return n, fmt.Errorf("line %d (document %d, at byte %d): %w", ahead.at(at), n+len(lines)+1, at, err)
	}
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return wrong(err)
		}
		line := ahead.at(d.InputOffset() - int64(len(one)))
		if len(one) > maxImported || one[0] != '{' {
			return n, fmt.Errorf("line %d (document %d): it is no document, or larger than %d bytes", line, n+len(lines)+1, maxImported)
		}
		if n < c.Skip {
			n++
			continue
		}
		if _, err := ejson.ParseDocument(one); err != nil { // here, where it is known which one it is
			return n, fmt.Errorf("line %d (document %d): %w", line, n+len(lines)+1, err)
		}
		if len(lines) == importDocuments || len(lines) > 0 && batch.Len()+len(one) > importBytes {
			if err := send(); err != nil {
				return n, err
			}
		}
		if lines = append(lines, line); len(lines) == 1 {
			batch.WriteByte('[')
		} else {
			batch.WriteByte(',')
		}
		batch.Write(one)
	}
	if c.JSONArray {
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			return wrong(errors.New("the array doesn't end"))
		}
	}
	if _, err := d.Token(); errors.Is(err, errNoEnd) {
		return wrong(err)
	} else if !errors.Is(err, io.EOF) {
		return wrong(errors.New("there is something that is no document"))
	}
	if err := send(); err != nil {
		return n, err
	}
	if n < c.Skip {
		return n, fmt.Errorf("--skip %d: there are %d documents only", c.Skip, n)
	}
	bar.end(d.InputOffset(), n-c.Skip)
	return n, nil
}

// explain says which documents an error of the server is about: those behind n, which begin at some lines.
func (c *importCommand) explain(err error, n int, lines []int) error {
	var no *refused
	if errors.As(err, &no) && no.index >= 0 && no.index < len(lines) {
		return fmt.Errorf("line %d (document %d): %w. Nothing of documents %d to %d was imported", lines[no.index], n+no.index+1, err, n+1, n+len(lines))
	}
	if errors.Is(err, errUnsure) {
		return fmt.Errorf("documents %d to %d, which may be in or not (--mode upsert puts them in in any case): %w", n+1, n+len(lines), err)
	}
	return fmt.Errorf("documents %d to %d, of lines %d to %d: %w", n+1, n+len(lines), lines[0], lines[len(lines)-1], err)
}
