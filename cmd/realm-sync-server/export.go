package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
)

type exportCommand struct {
	remoteFlags

	JSONArray bool   `name:"jsonArray" aliases:"json-array" help:"Write one array instead of a document per line."`
	Query     string `placeholder:"RQL" help:"Only what matches this query of the Realm Query Language (classes)."`
	Filter    string `placeholder:"JSON" help:"Only what matches this filter of MongoDB's query language."`
	Out       string `short:"o" default:"-" placeholder:"FILE" help:"File to write, which must not exist (default: standard output)."`
}

// Run exports the documents that the caller may read.
func (c *exportCommand) Run(k *kong.Context) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	out := k.Stdout
	if c.Out != "-" {
		if _, err := os.Lstat(c.Out); err == nil {
			return fmt.Errorf("%s exists already", c.Out)
		}
		// Under another name until it is whole.
		f, err := os.CreateTemp(filepath.Dir(c.Out), filepath.Base(c.Out)+".*")
		if err != nil {
			return err
		}
		defer func() {
			_ = f.Close()
			_ = os.Remove(f.Name()) // not there any more, if all went well
		}()
		n, err := c.run(ctx, f, newProgress(k.Stderr, 0))
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err == nil {
			err = os.Rename(f.Name(), c.Out)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(k.Stdout, "%d documents exported\n", n)
		return err
	}
	_, err = c.run(ctx, out, newProgress(k.Stderr, 0))
	return err
}

// run writes what the server sends, all of one moment, line by line.
func (c *exportCommand) run(ctx context.Context, out io.Writer, bar *progress) (n int, err error) {
	r, err := c.open()
	if err != nil {
		return 0, err
	}
	defer r.close()
	query := url.Values{}
	for name, text := range map[string]string{"query": c.Query, "filter": c.Filter} {
		if text != "" {
			query.Set(name, text)
		}
	}
	response, err := r.ask(ctx, http.MethodGet, "/export", query, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	w := bufio.NewWriterSize(out, 1<<16)
	written := int64(0)
	put := func(text []byte) {
		m, _ := w.Write(text) // the error stays in w
		written += int64(m)
	}
	if c.JSONArray {
		put([]byte("["))
	}
	in := bufio.NewReaderSize(response.Body, 1<<16)
	for first := true; ; { // of a line
		part, err := in.ReadSlice('\n')
		if len(part) > 0 && first && c.JSONArray && n > 0 {
			put([]byte(",\n"))
		}
		whole := bytes.HasSuffix(part, []byte("\n"))
		if whole {
			n++
			if c.JSONArray {
				part = part[:len(part)-1]
			}
		}
		put(part)
		first = whole
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if ctx.Err() != nil {
				return n, ctx.Err()
			}
			return n, fmt.Errorf("the server broke the export off after %d documents; its log has the reason under request %s: %w", n, response.Header.Get("X-Appservices-Request-Id"), err)
		}
		if whole {
			if _, err := w.Write(nil); err != nil {
				return n, err
			}
			bar.show(written, n)
		}
	}
	if c.JSONArray {
		put([]byte("]\n"))
	}
	if err := w.Flush(); err != nil {
		return n, err
	}
	bar.end(written, n)
	return n, nil
}
