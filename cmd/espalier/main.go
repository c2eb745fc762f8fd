// Command espalier is the one binary: the server, the operator's verbs beside it, and the client's verbs over its API.
// The verbs are in package cli.
package main

import (
	"os"

	"espalier.dev/cli"
	_ "espalier.dev/cmd/espalier/prefault"
	"espalier.dev/policylang/script/child"
)

func main() {
	child.Enter(os.Args) // scripts of policies run in processes of this program
	os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
