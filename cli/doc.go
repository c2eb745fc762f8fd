// Package cli is the command line: a file per verb, and the one way in which every flag is also a variable and a key of
// the configuration file.
//
// Read [Main] first, then root in cli.go: one struct names every verb, its flags, their help and their defaults. A verb
// is a struct whose fields are flags and arguments, and a method
//
//	func (v *versionVerb) Run(ctx context.Context, sh *Shell) error
//
// where [Shell] is all that a verb may know of the machine: three streams, the variables, whether people are watching.
// A new verb is a file with such a struct and one line in root. Its flags get their variable, their key, their place in
// the help and in the shell's completion without further work (settings.go, completion.go).
//
// An error that a verb returns becomes a sentence and an exit code in exit.go. The client's verbs speak to a server by
// package client alone; package cli holds no rule of the product.
package cli
