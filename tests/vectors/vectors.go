// Package vectors finds and reads the golden vectors: results of the original, which tests compare with.
package vectors

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// Path finds a file of the vectors, such as "changeset/encode.jsonl": in the folder that the environment variable
// REALM_VECTORS names; if it isn't set, in ../shared/vectors beside the repository; if that doesn't exist, in the testdata
// of the package under test.
func Path(name string) (string, error) {
	folders := []string{os.Getenv("REALM_VECTORS")}
	if folders[0] == "" {
		folders = nil
		if root, err := repository(); err == nil {
			folders = append(folders, filepath.Join(root, "..", "shared", "vectors"))
		}
		folders = append(folders, "testdata")
	}
	for _, folder := range folders {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("vectors: %s is in none of the folders %q; set REALM_VECTORS to the folder of the vectors", name, folders)
}

// repository returns the folder with go.mod, from the working directory upward.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			err = os.ErrNotExist
		}
		dir = parent
	}
	return "", err
}

// Lines calls fn with each line of a .jsonl file of the vectors, until it fails. The line is only valid during the call.
func Lines(name string, fn func(line []byte) error) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := fn(lines.Bytes()); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
	}
	return lines.Err()
}

// Load reads a whole file of the vectors.
func Load(name string) ([]byte, error) {
	path, err := Path(name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
