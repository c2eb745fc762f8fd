package cli

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// grammar is the part of the command line that args can be read by: the verb they begin with and no other, since building
// the model of all verbs takes 10 ms, a fifth of the start of a server. It is the whole where a verb is misspelled or comes
// later, where the program tells about all verbs, and where there may be a configuration file, which holds keys of any.
func grammar(args []string, sh *Shell) any {
	whole := &root{}
	if len(args) == 0 || sh.Getenv(variable("config")) != "" || slices.ContainsFunc(args, namesConfig) {
		return whole
	}
	var fields []reflect.StructField
	found := false
	for f := range reflect.TypeFor[root]().Fields() {
		_, verb := f.Tag.Lookup("cmd")
		if named := verb && verbName(f) == args[0]; named || !verb {
			fields = append(fields, f)
			found = found || named && !aboutAll(f.Type)
		}
	}
	if !found {
		return whole
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// verbName is what a verb is called on the command line.
func verbName(f reflect.StructField) string {
	return cmp.Or(f.Tag.Get("name"), strings.ToLower(f.Name))
}

// aboutAll reports a verb that tells about the others.
func aboutAll(verb reflect.Type) bool {
	return verb == reflect.TypeFor[helpVerb]() || verb == reflect.TypeFor[completionVerb]() || verb == reflect.TypeFor[completeVerb]()
}

func namesConfig(arg string) bool { return strings.HasPrefix(arg, "--config") }
