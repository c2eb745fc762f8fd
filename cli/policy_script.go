package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/script/child"
)

// policyScript is espalier policy script FILE NAME.
type policyScript struct {
	templateFile
	Name string   `arg:"" help:"Script block of the template."`
	Arg  []string `key:"-" sep:"none" placeholder:"NAME=JSON" help:"A parameter of the script as JSON, or NAME=@FILE for a file that holds it. Text that is no JSON is taken as a string. May be repeated."`
	clock
}

// Run runs one script on what it is given, and prints its result.
func (v *policyScript) Run(ctx context.Context, sh *Shell) error {
	_, program, err := v.template(sh)
	if err != nil {
		return err
	}
	if err := knownNames(program, resolve.Script, "script", []string{v.Name}); err != nil {
		return err
	}
	call, _ := program.Script(v.Name)
	if err := v.arguments(&call); err != nil {
		return usageOf(err)
	}
	shift, err := v.shift(time.Now())
	if err != nil {
		return usageOf(err)
	}
	call.Now = time.Now().Add(shift)
	engine, err := child.New(child.Config{Size: 1})
	if err != nil {
		return err
	}
	defer engine.Close()
	out, err := engine.Run(ctx, call)
	for _, line := range out.Logs {
		fmt.Fprintln(sh.Err, printable(line, true))
	}
	if err != nil {
		fmt.Fprintf(sh.Err, "espalier: script %s: %s\n", v.Name, printable(err.Error(), true))
		return errNo
	}
	return printJSON(sh.Out, out.JSON)
}

// arguments fills in the call, and says which are missing, unknown or unreadable.
func (v *policyScript) arguments(call *script.Call) error {
	given := map[string]json.RawMessage{}
	var problems []error
	for _, pair := range v.Arg {
		name, text, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			problems = append(problems, fmt.Errorf("--arg %s: want NAME=JSON or NAME=@FILE", pair))
		case !slices.Contains(call.Params, name):
			problems = append(problems, fmt.Errorf("--arg %s: the script has no parameter %s; it has %s", pair, name, strings.Join(call.Params, ", ")))
		default:
			x, err := argument(text)
			if err != nil {
				problems = append(problems, fmt.Errorf("--arg %s: %w", pair, err))
			}
			given[name] = x
		}
	}
	for _, name := range call.Params {
		if given[name] == nil {
			problems = append(problems, fmt.Errorf("parameter %s of the script is missing: --arg %s=JSON", name, name))
		}
		call.Args = append(call.Args, given[name])
	}
	return errors.Join(problems...)
}

// argument reads JSON, a file of it, or plain text.
func argument(text string) (json.RawMessage, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if !json.Valid(file) {
			return nil, errors.New("the file is no JSON")
		}
		return file, nil
	}
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	return json.Marshal(text)
}
