package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"realmsync/server/appconfig"
)

// Bounds of a directory.
const (
	maxFile  = 4 << 20  // bytes of one file
	maxTotal = 64 << 20 // bytes of all files that are read
	maxFiles = 20_000   // entries of directories that are looked at
	maxDepth = 8        // directories in each other
)

// files reads below a directory and not out of it.
type files struct {
	root  *os.Root
	total int
	seen  int
	texts map[string][]byte // what was read, for line numbers

	notices []Notice
}

// problem is something wrong with a file.
func problem(file string, line int, format string, args ...any) *appconfig.ValidationError {
	return &appconfig.ValidationError{File: file, Line: line, Reason: fmt.Sprintf(format, args...)}
}

// read returns a file; nil if there is none.
func (f *files) read(name string) ([]byte, error) {
	info, err := f.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, problem(name, 0, "it can't be read: %v", err)
	case !info.Mode().IsRegular():
		return nil, problem(name, 0, "it is not a file")
	}
	in, err := f.root.Open(name)
	if err != nil {
		return nil, problem(name, 0, "it can't be read: %v", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, problem(name, 0, "it can't be read: %v", err)
	}
	f.total += len(text)
	switch {
	case len(text) > maxFile:
		return nil, problem(name, 0, "it has more than %d bytes", maxFile)
	case f.total > maxTotal:
		return nil, problem(name, 0, "the files have more than %d bytes", maxTotal)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return nil, problem(name, lineAt(text, int64(at)), "it is not UTF-8")
	}
	f.texts[name] = text
	return text, nil
}

// json decodes a file; ok is false if there is none.
func (f *files) json(name string, into any) (ok bool, err error) {
	text, err := f.read(name)
	if err != nil || text == nil {
		return false, err
	}
	err = json.Unmarshal(text, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		if line, member := twice(text); line > 0 {
			return false, problem(name, line, "the member %q is there twice", member)
		}
		f.unknown(name, text, into)
		return true, nil
	case errors.As(err, &syntax):
		return false, problem(name, lineAt(text, syntax.Offset), "it is not JSON: %v", err)
	case errors.As(err, &kind):
		return false, problem(name, lineAt(text, kind.Offset), "%s is not of the right kind: it is a %s", orTop(kind.Field), kind.Value)
	}
	return false, problem(name, 1, "%v", err)
}

func orTop(field string) string {
	if field == "" {
		return "the whole"
	}
	return field
}

// list returns the names in a directory, sorted; none if there is no such directory.
func (f *files) list(name string) ([]fs.DirEntry, error) {
	d, err := f.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem(name, 0, "it can't be read: %v", err)
	}
	defer d.Close()
	entries, err := d.ReadDir(maxFiles + 1 - f.seen)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, problem(name, 0, "it can't be read: %v", err)
	}
	if f.seen += len(entries); f.seen > maxFiles {
		return nil, problem(name, 0, "there are more than %d files", maxFiles)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// directories returns the names of the directories in one; links to directories inside are among them.
func (f *files) directories(name string) ([]string, error) {
	entries, err := f.list(name)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && !hidden(e.Name()) {
			out = append(out, e.Name())
		}
		if e.Type()&fs.ModeSymlink == 0 || hidden(e.Name()) {
			continue
		}
		info, err := f.root.Stat(path.Join(name, e.Name()))
		if err != nil {
			return nil, problem(path.Join(name, e.Name()), 0, "it can't be read: %v", err)
		}
		if info.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// hidden tells whether a file is one of an editor, as the dangling links that are its locks, or of version control.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// lineAt returns the number of the line that a byte is in.
func lineAt(text []byte, offset int64) int {
	offset = max(0, min(offset, int64(len(text))))
	return bytes.Count(text[:offset], []byte("\n")) + 1
}

// lineOf returns the line in which the value at a path begins: members by name, elements by [index]. Where the path leads to nothing, the line
// of what is nearest.
func lineOf(text []byte, steps []string) int {
	d := json.NewDecoder(bytes.NewReader(text))
	at := int64(0)
	for {
		// What is next is the value that the steps so far lead to.
		start := d.InputOffset()
		for start < int64(len(text)) && strings.IndexByte(" \t\r\n,:", text[start]) >= 0 {
			start++
		}
		at = start
		if len(steps) == 0 {
			return lineAt(text, at)
		}
		open, err := d.Token()
		if err != nil || (open != json.Delim('{') && open != json.Delim('[')) {
			return lineAt(text, at)
		}
		found := false
		for i := 0; d.More() && !found; i++ {
			here := fmt.Sprintf("[%d]", i)
			if open == json.Delim('{') {
				key, err := d.Token()
				if err != nil {
					return lineAt(text, at)
				}
				here, _ = key.(string)
			}
			if found = here == steps[0]; !found {
				var skip json.RawMessage
				if d.Decode(&skip) != nil {
					return lineAt(text, at)
				}
			}
		}
		if !found {
			return lineAt(text, at)
		}
		steps = steps[1:]
	}
}

// splitPath makes steps for lineOf of a path like a.b[1].c.
func splitPath(p string) []string {
	var out []string
	for _, part := range strings.Split(p, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name != "" {
			out = append(out, name)
		}
		for indexed {
			var index string
			index, rest, _ = strings.Cut(rest, "]")
			out = append(out, "["+index+"]")
			_, rest, indexed = strings.Cut(rest, "[")
		}
	}
	return out
}
