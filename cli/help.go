package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// errHelped ends a command line that asked for help and got it.
var errHelped = errors.New("help was shown")

// helpFlag is --help. It is not kong's own, which ends the process.
type helpFlag bool

// BeforeReset shows the help of the verb that was named so far, whatever else the command line holds.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelped
}

// IgnoreDefault keeps kong from calling BeforeReset when the flag is not given.
func (helpFlag) IgnoreDefault() {}

// topics are texts that belong to no single verb.
var topics = map[string]string{
	"exit-codes": `Exit codes:
    0  done
    1  done, and the answer is no: rows were refused, a check found something; or a failure that has no code of its own
    2  the command line, a variable, the configuration file or a value in them is wrong
    3  not signed in, or without the right
    4  the thing is absent, or belongs to an organization that you have no tie to
    5  the present state or a rule forbids it; nothing was changed
    6  no server at that address, or one that cannot answer now; ask again later
  130  ended by a signal
`,
	"configuration": `Every flag is also a variable and a key of the configuration file.

  flag       --database-url postgres://db/espalier
  variable   ESPALIER_DATABASE_URL=postgres://db/espalier
  file       database-url: postgres://db/espalier

The file is YAML and is named by --config or ESPALIER_CONFIG. It may hold the keys of several verbs; a key that is no
flag of any verb is an error. Lists are YAML lists there, and values parted by commas in flags and variables.
A flag comes first, then the variable, then the file, then the default; a variable that is empty counts as not set.
The help of a verb shows each flag's variable. A key is the variable's name without ESPALIER_, in lower case and with
hyphens: nearly always the flag's own name.
`,
}

func topicNames() string {
	return strings.Join(slices.Sorted(maps.Keys(topics)), ", ")
}

type helpVerb struct {
	About []string `arg:"" optional:"" help:"A verb, such as 'customer list', or a topic: ${topics}."`
}

// Run prints a topic, or the help of a verb as --help would.
func (v *helpVerb) Run(_ context.Context, sh *Shell) error {
	if len(v.About) == 1 {
		if text, ok := topics[v.About[0]]; ok {
			_, err := fmt.Fprint(sh.Out, text)
			return err
		}
	}
	parser, err := newParser(sh)
	if err != nil {
		return err
	}
	if _, err = parser.Parse(append(v.About, "--help")); errors.Is(err, errHelped) {
		return nil
	}
	return usageOf(fmt.Errorf("no verb or topic %q; topics are %s", strings.Join(v.About, " "), topicNames()))
}
