// Command generate writes the tables of contract/opgen from the corrected documents, a file per API and one that lists
// them. It refuses a document that uses a keyword the tables cannot hold, so that nothing is dropped in silence.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "opgen", "folder to write to")
	flag.Parse()
	files, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*out, name), text, 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
