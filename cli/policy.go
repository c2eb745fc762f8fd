package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"espalier.dev/policylang"
	"espalier.dev/policylang/source"
)

type policyVerb struct {
	Check    policyCheck    `cmd:"" help:"Say what is wrong with policy templates."`
	Format   policyFormat   `cmd:"" help:"Write policy templates anew, in one style."`
	Script   policyScript   `cmd:"" help:"Run one script of a template on what it is given."`
	Retrieve policyRetrieve `cmd:"" help:"Evaluate datasources of a template, and print their values."`
	Run      policyRun      `cmd:"" help:"Evaluate a template, print the incidents that it would raise, and act if told to."`
}

// policyCheck is espalier policy check FILE|DIR...
type policyCheck struct {
	Paths []string `arg:"" name:"path" help:"Template, folder whose *.pt files are checked, or - for the input."`
	JSON  bool     `name:"json" xor:"form" help:"Print JSON for programs instead of text for people."`
	SARIF bool     `name:"sarif" xor:"form" help:"Print SARIF 2.1.0 for code scanning."`
}

// Help is the longer text of the verb.
func (v *policyCheck) Help() string {
	return `Each problem is shown as FILE:LINE:COLUMN with the line and a caret, and what was probably meant. The exit code is 1 if a
template has an error; warnings tell of what runs, perhaps not as meant. No server is needed.`
}

// checked is what --json prints.
type checked struct {
	Files       int                 `json:"files"`
	Errors      int                 `json:"errors"`
	Warnings    int                 `json:"warnings"`
	Diagnostics []source.Diagnostic `json:"diagnostics"`
}

// Run checks every file and prints what was found, in the order of the files' names.
func (v *policyCheck) Run(ctx context.Context, sh *Shell) error {
	found := checked{Diagnostics: []source.Diagnostic{}}
	for _, path := range v.Paths {
		if err := eachTemplate(ctx, sh.In, path, found.check); err != nil {
			return err
		}
	}
	found.Diagnostics = source.Sort(found.Diagnostics)
	found.Errors = source.Errors(found.Diagnostics)
	found.Warnings = len(found.Diagnostics) - found.Errors
	if err := v.print(sh, found); err != nil {
		return err
	}
	if found.Errors > 0 {
		return errNo
	}
	return nil
}

// standardInput is what - is called.
const standardInput = "standard input"

// eachTemplate reads a file, the *.pt files of a folder, or the input.
func eachTemplate(ctx context.Context, in io.Reader, path string, each func(name string, text []byte) error) error {
	if path == "-" {
		text, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("read the input: %w", err)
		}
		return each(standardInput, text)
	}
	files := 0
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return usageOf(err)
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir(), name != path && filepath.Ext(name) != ".pt":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return usageOf(err)
		}
		files++
		return each(name, text)
	})
	if err == nil && files == 0 {
		err = usageOf(fmt.Errorf("%s holds no .pt file", path))
	}
	return err
}

func (c *checked) check(name string, text []byte) error {
	c.Files++
	c.Diagnostics = append(c.Diagnostics, policylang.Check(name, text)...)
	return nil
}

func (v *policyCheck) print(sh *Shell, found checked) error {
	switch {
	case v.JSON:
		return printJSON(sh.Out, found)
	case v.SARIF:
		return source.WriteSARIF(sh.Out, "espalier", BuildVersion().Version, found.Diagnostics)
	}
	for _, d := range found.Diagnostics {
		if err := source.Write(sh.Out, d); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(sh.Err, "%s: %s, %s\n", plural(found.Files, "file"), plural(found.Errors, "error"), plural(found.Warnings, "warning"))
	return err
}

// plural counts things: 1 file, 2 files.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
