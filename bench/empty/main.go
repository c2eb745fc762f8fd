// Command empty opens the database of a data folder, reads its schema, says so, and ends: the least that a Go program which
// stands on SQLite has to do before it can serve.
package main

import (
	"database/sql"
	"fmt"
	"log"
	"os"

	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("sqlite", "file:"+os.Args[1]+"?_busy_timeout=10000&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=ON")
	if err != nil {
		log.Fatal(err)
	}
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready", tables)
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
}
