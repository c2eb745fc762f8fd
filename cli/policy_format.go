package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"espalier.dev/policylang"
	"espalier.dev/policylang/source"
)

// policyFormat is espalier policy format FILE|DIR...
type policyFormat struct {
	Paths []string `arg:"" name:"path" help:"Template, folder whose *.pt files are meant, or - for the input."`
	Write bool     `key:"-" xor:"how" help:"Rewrite the files that are not formatted, and name them."`
	Check bool     `key:"-" xor:"how" help:"Name the files that are not formatted, and exit with 1 if there are any."`
}

// Help is the longer text of the verb.
func (v *policyFormat) Help() string {
	return `Two blanks a level, one blank between things, at most one empty line between statements. What a template means, its comments and its
scripts stay as they are. Without --write and --check the formatted text is printed. A file that can't be read as a template is left alone.`
}

// Run formats every file, and goes on where one can't be read.
func (v *policyFormat) Run(ctx context.Context, sh *Shell) error {
	refused := false
	each := func(name string, text []byte) error {
		formatted, wrong := policylang.Format(name, text)
		for _, d := range wrong {
			if err := source.Write(sh.Err, d); err != nil {
				return err
			}
		}
		if source.Errors(wrong) > 0 {
			refused = true
			return nil
		}
		return v.put(sh, name, string(text), formatted, &refused)
	}
	for _, path := range v.Paths {
		if err := eachTemplate(ctx, sh.In, path, each); err != nil {
			return err
		}
	}
	if refused {
		return errNo
	}
	return nil
}

func (v *policyFormat) put(sh *Shell, name, before, after string, refused *bool) error {
	if !v.Write && !v.Check {
		_, err := io.WriteString(sh.Out, after)
		return err
	}
	if before == after {
		return nil
	}
	fmt.Fprintln(sh.Out, name)
	if v.Check {
		*refused = true
		return nil
	}
	if name == standardInput {
		return usageOf(fmt.Errorf("--write: the input can't be written to"))
	}
	return replaceFile(name, after)
}

// replaceFile writes a file in place of another, whole or not at all.
func replaceFile(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".format-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there any more once it was renamed
	if _, err = io.WriteString(f, text); err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
