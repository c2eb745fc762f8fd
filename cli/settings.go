package cli

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// variablePrefix begins the name of every variable.
const variablePrefix = "ESPALIER_"

// keyTag is the struct tag that gives a flag another key than its name, or none at all ("-"). A flag needs it when
// another verb has a flag of the same name and a different meaning, since all verbs share one file and one environment.
const keyTag = "key"

// settings gives flags their value from the variables and from the configuration file. A flag on the command line comes
// first, then its variable, then the file, then the default. It is a kong.Resolver.
type settings struct {
	shell *Shell
	flags map[string][]*kong.Flag // by key; verbs may share a key
	file  string                  // path of the file that was read, "" for none
	keys  map[string]any          // what it holds
}

// settingKey returns the name of a flag in the configuration file, "" for a flag that is neither a key nor a variable.
func settingKey(v *kong.Value) string {
	switch key := v.Tag.Get(keyTag); key {
	case "-":
		return ""
	case "":
		return v.Name
	default:
		return key
	}
}

// variable returns the name of the variable that stands for a key: ESPALIER_DATABASE_URL for database-url.
func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// bind walks the model once and notes which keys exist.
func (s *settings) bind(k *kong.Kong) error {
	s.flags = map[string][]*kong.Flag{}
	return kong.Visit(k.Model.Node, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			if key := settingKey(flag.Value); key != "" {
				s.flags[key] = append(s.flags[key], flag)
			}
		}
		return next(nil)
	})
}

// load reads the configuration file that the command line or ESPALIER_CONFIG names. It runs before any value is
// resolved; kong calls it once for every part of the command line, the first call does the work.
func (s *settings) load(ctx *kong.Context) error {
	if s.keys != nil {
		return nil
	}
	s.keys = map[string]any{}
	path := s.shell.Getenv(variable("config"))
	for _, flag := range s.flags["config"] {
		if given, ok := ctx.FlagValue(flag).(string); ok && given != "" {
			path = given
		}
	}
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	s.file = path
	return s.parse(text)
}

// parse reads the text of a configuration file and refuses every key that is not a flag, all of them at once.
func (s *settings) parse(text []byte) error {
	if err := yaml.Unmarshal(text, &s.keys); err != nil {
		return fmt.Errorf("configuration file %s: %s", s.file, yaml.FormatError(err, false, false))
	}
	var problems []error
	for key, value := range s.keys {
		switch {
		case key == "config":
			problems = append(problems, fmt.Errorf("configuration file %s: key config cannot stand in the file itself", s.file))
		case len(s.flags[key]) == 0:
			problems = append(problems, fmt.Errorf("configuration file %s: unknown key %q%s", s.file, key, s.suggest(key)))
		case value == nil:
			problems = append(problems, fmt.Errorf("configuration file %s: key %s has no value; remove it to get the default", s.file, key))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// suggest names the key that someone who wrote database_url or databaseUrl had in mind.
func (s *settings) suggest(key string) string {
	fold := func(k string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(k))
	}
	for known := range s.flags {
		if fold(known) == fold(key) {
			return fmt.Sprintf("; did you mean %q?", known)
		}
	}
	return ""
}

// Validate is part of kong.Resolver; keys are checked when the file is read.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a flag that the command line does not give, nil to leave the default.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	key := settingKey(flag.Value)
	if key == "" || key == "config" {
		return nil, nil
	}
	if text := s.shell.Getenv(variable(key)); text != "" { // compose files write X=${X:-} for "not set"
		return tried(flag, text, "variable "+variable(key))
	}
	if value, ok := s.keys[key]; ok {
		return tried(flag, plain(value), "key "+key+" of "+s.file)
	}
	return nil, nil
}

// tried parses a value on trial, so that the error says where the value came from.
func tried(flag *kong.Flag, value any, source string) (any, error) {
	target := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), target); err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // without the flag's name, which kong puts before it again
		}
		return nil, fmt.Errorf("from %s: %w", source, err)
	}
	return value, nil
}

// plain turns what YAML read into what the command line would have given: numbers become text, since YAML reads
// 0010 and 1_000 its own way and a flag has one way only; a list becomes one value per item.
func plain(value any) any {
	switch v := value.(type) {
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = plain(item)
		}
		return items
	case map[string]any, bool, string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// describe writes the help of a flag or an argument: what it is for, its default, its variable.
func describe(v *kong.Value) string {
	help := v.Help
	if v.Flag == nil {
		return help
	}
	var notes []string
	if v.HasDefault && v.Default != "" {
		notes = append(notes, "default: "+v.Default)
	}
	if key := settingKey(v); key != "" {
		notes = append(notes, "$"+variable(key))
	}
	if len(notes) == 0 {
		return help
	}
	return help + " (" + strings.Join(notes, ", ") + ")"
}
