package langtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Variable names the folder of the public templates.
const Variable = "ESPALIER_CORPUS"

// Template is one file of the corpus.
type Template struct {
	Name string // its path below the folder
	Text []byte
}

// Corpus reads all templates below the folder that Variable names, in the order of their paths. It skips the test where
// the variable is not set.
func Corpus(t testing.TB) []Template {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		t.Skipf("skipped: %s names no folder of public templates", Variable)
	}
	var list []Template
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".pt" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		list = append(list, Template{filepath.ToSlash(name), text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("%s=%s: the folder holds no .pt file", Variable, dir)
	}
	return list
}
