package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Stale tables fail here: run go generate ./contract.
func TestTablesAreFresh(t *testing.T) {
	t.Parallel()
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	const folder = "../opgen"
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the documents say now (%v): run go generate ./contract", name, err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()] == nil {
			t.Errorf("%s is not generated, and stands in a folder of generated files", e.Name())
		}
	}
}
