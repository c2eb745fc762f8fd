package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

type customerExport struct {
	remote
	File   string `arg:"" optional:"" default:"-" help:"File to write, - for the output."`
	Format string `enum:"csv,xlsx" default:"csv" placeholder:"FORMAT" help:"csv or xlsx."`
	Filter string `placeholder:"EXPR" help:"Only those that match, such as \"tags eq 'tier:gold'\"."`
}

// Run writes the customers. A file appears whole or not at all.
func (v *customerExport) Run(ctx context.Context, sh *Shell) error {
	if v.File == "-" && v.Format == "xlsx" && isTerminal(sh.Out) {
		return usageOf(errors.New("an xlsx file is nothing for a terminal: name a file"))
	}
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	body, err := c.ExportCustomers(ctx, org, v.Format, v.Filter)
	if err != nil {
		return err
	}
	defer body.Close()
	if v.File == "-" {
		_, err := io.Copy(sh.Out, body)
		return err
	}
	return writeWhole(v.File, body)
}

// writeWhole writes a file beside its place and moves it there when it is complete.
func writeWhole(path string, body io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600: customers' data
	if err != nil {
		return usageOf(err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
