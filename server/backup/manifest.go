package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	manifestName   = "manifest.json"
	manifestFormat = 1
	maxManifest    = 64 << 20 // bytes
)

// Manifest says what a backup holds.
type Manifest struct {
	Format  int       `json:"format"` // 1
	Server  string    `json:"server"` // version of the program that made it
	Created time.Time `json:"created"`
	Files   []File    `json:"files"` // in the order of copying
}

// File is one file of a backup.
type File struct {
	Path   string `json:"path"` // below the backup, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// describe measures a file.
func describe(dir, path string) (out File, err error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(path)))
	if err != nil {
		return out, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Path: path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// ReadManifest reads the manifest of a backup, and checks that it names files of the backup only.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a backup: it has no %s", dir, manifestName)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("%s is too large to be a manifest", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("%s has the format %d, and this version knows %d", path, m.Format, manifestFormat)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || classify(f.Path) == skip {
			return nil, fmt.Errorf("%s names the file %q, which a backup can't have", path, f.Path)
		}
	}
	return &m, nil
}

// Check compares the files of a backup with the manifest.
func (m *Manifest) Check(dir string, report func(Problem)) {
	for _, want := range m.Files {
		switch got, err := describe(dir, want.Path); {
		case errors.Is(err, fs.ErrNotExist):
			report(Problem{want.Path, "it is missing"})
		case err != nil:
			report(Problem{want.Path, "it can't be read: " + err.Error()})
		case got != want:
			report(Problem{want.Path, fmt.Sprintf("it has been damaged or changed: %d bytes with the sum %s, but the manifest says %d bytes with %s", got.Bytes, got.SHA256, want.Bytes, want.SHA256)})
		}
	}
}
