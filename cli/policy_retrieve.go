package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/value"
)

// policyRetrieve is espalier policy retrieve FILE [NAME...].
type policyRetrieve struct {
	trial
	Names []string `arg:"" optional:"" name:"name" help:"Datasources; all if none is named."`
	Out   string   `key:"-" placeholder:"DIR" help:"Write each datasource as DIR/NAME.json, instead of all to the screen."`
}

// retrieved is what --json prints.
type retrieved struct {
	Status      string     `json:"status"`
	Error       string     `json:"error"`
	Datasources *value.Map `json:"datasources"`
	Log         string     `json:"log"`
}

// Run evaluates datasources and writes their values.
func (v *policyRetrieve) Run(ctx context.Context, sh *Shell) error {
	a, err := v.prepare(sh)
	if err != nil {
		return err
	}
	defer a.close()
	if err := knownNames(a.program, resolve.Datasource, "datasource", v.Names); err != nil {
		return err
	}
	out, err := openOutput(v.Out)
	if err != nil {
		return err
	}
	result := a.program.Retrieve(ctx, a.host, a.input, v.Names...)
	got := retrieved{Status: string(result.Status), Datasources: result.Datasources, Log: result.Log}
	if result.Failure != nil {
		got.Error = result.Failure.Error()
	}
	if err := errors.Join(v.write(out, result), v.print(sh, got)); err != nil {
		return err
	}
	if result.Status != eval.Completed {
		return errNo
	}
	return nil
}

func (v *policyRetrieve) write(out *output, result eval.Result) error {
	if out.dir == "" {
		return nil
	}
	files := map[string]string{}
	for name, x := range result.Datasources.All() {
		text, err := indented(x)
		if err != nil {
			return err
		}
		files[filepath.Base(name)+".json"] = text
	}
	return out.put(files)
}

// indented is a value as JSON for people, its numbers as they came.
func indented(x value.Value) (string, error) {
	var b strings.Builder
	err := printJSON(&b, json.RawMessage(value.Encode(x)))
	return b.String(), err
}

func (v *policyRetrieve) print(sh *Shell, got retrieved) error {
	switch {
	case v.JSON:
		return printJSON(sh.Out, got)
	case got.Error != "":
		_, err := fmt.Fprintf(sh.Out, "The evaluation %s: %s\n", got.Status, printable(got.Error, true))
		return err
	case v.Out != "":
		for name := range got.Datasources.All() {
			fmt.Fprintln(sh.Out, filepath.Join(v.Out, filepath.Base(name)+".json"))
		}
		return nil
	}
	return printJSON(sh.Out, got.Datasources)
}

// knownNames refuses names of blocks that the template has not, all of them at once.
func knownNames(p *eval.Program, kind resolve.Kind, what string, names []string) error {
	var problems []error
	for _, name := range names {
		problems = append(problems, knownName(p, kind, what, name))
	}
	if err := errors.Join(problems...); err != nil {
		return usageOf(err)
	}
	return nil
}

// knownName refuses one, and says which was meant.
func knownName(p *eval.Program, kind resolve.Kind, what, name string) error {
	var known []string
	for _, d := range p.Template().Decls {
		if d.Kind == kind {
			known = append(known, d.Name)
		}
	}
	if slices.Contains(known, name) {
		return nil
	}
	err := fmt.Errorf("the template has no %s %s", what, name)
	if near := source.Nearest(name, known); near != "" {
		err = fmt.Errorf("%w: did you mean %s?", err, near)
	}
	return err
}
