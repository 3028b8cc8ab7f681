package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"reflect"
	"strings"
)

// Notice tells that something in a directory is not taken over, though nothing is wrong with it.
type Notice struct {
	File   string // or directory, relative to the export
	Reason string
}

// maxNotices bounds how many there are; the last one says how many more there would be.
const maxNotices = 50

// Notices returns what was read and not taken over, and what was not read.
func (d *Directory) Notices() []Notice {
	out := d.files.notices
	if over := len(out) - maxNotices; over > 0 {
		out = append(out[:maxNotices:maxNotices], Notice{".", fmt.Sprintf("there are %d more files like these", over)})
	}
	return out
}

func (f *files) notice(file, format string, args ...any) {
	n := Notice{file, fmt.Sprintf(format, args...)}
	for _, other := range f.notices {
		if other == n {
			return // it was read twice
		}
	}
	f.notices = append(f.notices, n)
}

// unsupported is what exports have and this server has not, by directory or file.
var unsupported = map[string]string{
	"triggers":                      "triggers are not run",
	"hosting":                       "static files are not hosted",
	"http_endpoints":                "HTTPS endpoints are not served",
	"graphql":                       "GraphQL is not served",
	"log_forwarders":                "logs are not forwarded",
	"data_api_config.json":          "the data API is there for every app, and isn't configured by this",
	"functions/node_modules":        packages,
	"functions/node_modules.tar.gz": packages,
	"functions/node_modules.zip":    packages,
	"functions/package.json":        packages,
	"functions/package-lock.json":   packages,
	"functions/yarn.lock":           packages,
}

const partition = "partition-based sync is not served; what is said of it is kept"

const packages = "packages are not loaded: functions that require them fail when they do"

// unread tells of what nothing has read. It looks into directories that exports have, and no further than list does.
func (f *files) unread(dir string, depth int) error {
	entries, err := f.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		reason, known := unsupported[name]
		switch {
		case hidden(e.Name()), f.seenFile(name):
		case known && e.IsDir():
			first, n, err := f.content(name)
			if err != nil {
				return err
			}
			if n > 0 {
				f.notice(name, "%s (%s)", reason, first)
			}
		case known:
			f.notice(name, "%s", reason)
		case e.IsDir() && depth < maxDepth:
			if err := f.unread(name, depth+1); err != nil {
				return err
			}
		case e.IsDir():
			f.notice(name, "it is deeper than anything of an export")
		case strings.HasPrefix(name, "functions/") && strings.HasSuffix(name, ".js"):
			f.notice(name, "functions/config.json doesn't list it")
		default:
			f.notice(name, "nothing of this server reads such a file")
		}
	}
	return nil
}

func (f *files) seenFile(name string) bool {
	_, ok := f.texts[name]
	return ok
}

// content names what is in a directory that is not supported, apart from what App Services wrote into each export: files that say nothing.
func (f *files) content(dir string) (what string, n int, err error) {
	entries, err := f.list(dir)
	if err != nil {
		return "", 0, err
	}
	for _, e := range entries {
		if hidden(e.Name()) || idle(f, path.Join(dir, e.Name())) {
			continue
		}
		if n++; n == 1 {
			what = e.Name()
		}
	}
	if n > 1 {
		what = fmt.Sprintf("%s and %d more", what, n-1)
	}
	return what, n, nil
}

// idle tells whether a file of a part that is not supported is as in an app that doesn't use the part.
func idle(f *files, name string) bool {
	in, err := f.root.Open(name)
	if err != nil {
		return false
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, 256))
	if err != nil {
		return false // a directory
	}
	var compact bytes.Buffer
	if json.Compact(&compact, bytes.TrimPrefix(text, []byte("\ufeff"))) != nil {
		return false
	}
	switch compact.String() {
	case "[]", "{}", `{"disabled":true}`, `{"use_natural_pluralization":true}`, `{"use_natural_pluralization":false}`:
		return true
	}
	return false
}

// unknown tells of the first member of a file that its form doesn't have: it is dropped.
func (f *files) unknown(name string, text []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(reflect.New(reflect.TypeOf(into).Elem()).Interface())
	if err == nil {
		return
	}
	if member, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		f.notice(name, "the member %s is not known, and is dropped", member)
	}
}

// twice returns the line of the first member that an object has had already, and its name; 0 if there is none. The text is JSON. Of two members of
// one name only the last would count.
func twice(text []byte) (line int, name string) {
	type level struct {
		seen map[string]bool // nil: an array
		key  bool            // the next token is the name of a member
	}
	var open []level
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil { // the end
			return 0, ""
		}
		top := len(open) - 1
		if top >= 0 && open[top].key {
			if key, ok := token.(string); ok {
				if open[top].seen[key] {
					return lineAt(text, d.InputOffset()), key
				}
				open[top].seen[key], open[top].key = true, false
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{seen: map[string]bool{}, key: true})
			continue
		case json.Delim('['):
			open = append(open, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
			top--
		}
		if top >= 0 && open[top].seen != nil {
			open[top].key = true
		}
	}
}
