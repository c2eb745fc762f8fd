package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// importBatch is the rows of a transaction, in the product as in the floor.
const importBatch = 100

var importTags = []string{"tier:gold", "region:emea"}

// importFile is a CSV file of so many new customers.
func importFile(rows int) ([]byte, error) {
	var text bytes.Buffer
	file := csv.NewWriter(&text)
	if err := file.Write([]string{"name", "externalId", "description", "capabilities", "owners", "tags"}); err != nil {
		return nil, err
	}
	for i := range rows {
		c := numbered("csv-", i)
		err := file.Write([]string{c.name, c.externalID, c.description, strings.Join(customerCapabilities, ";"), "Kay Owner <" + c.email + ">", strings.Join(importTags, ";")})
		if err != nil {
			return nil, err
		}
	}
	file.Flush()
	return text.Bytes(), file.Error()
}

func prepareImport(_ context.Context, l *lab) ([]figure, error) {
	file, err := importFile(l.sizes.customers)
	if err != nil {
		return nil, err
	}
	return []figure{{
		name: "import " + count(l.sizes.customers) + " rows, SQLite", unit: seconds,
		take:   func(ctx context.Context) (float64, error) { return l.importing(ctx, file) },
		floors: []floor{{"R", l.inserting}}, against: "R", bar: 3,
	}}, nil
}

// importing imports the file into a fresh database.
func (l *lab) importing(ctx context.Context, file []byte) (took float64, err error) {
	defer l.takeDown(len(l.closers), &err)
	w, err := l.sqliteWorld(ctx, 0)
	if err != nil {
		return 0, err
	}
	c, err := l.served(ctx, w, 1)
	if err != nil {
		return 0, err
	}
	var answer bytes.Buffer
	took, err = once(func() error {
		path := fmt.Sprintf("/espalier/v1/orgs/%d/customers/import", w.made.OrgID)
		return c.do(ctx, http.MethodPost, path, "text/csv", file, http.StatusOK, &answer)
	})
	if err != nil {
		return 0, err
	}
	var result struct {
		Created int `json:"created"`
	}
	if err := json.Unmarshal(answer.Bytes(), &result); err != nil {
		return 0, err
	}
	if result.Created != l.sizes.customers {
		return 0, fmt.Errorf("the import made %d customers of %d", result.Created, l.sizes.customers)
	}
	return took, nil
}

// inserting inserts the rows of the same customers into a fresh database.
func (l *lab) inserting(ctx context.Context) (took float64, err error) {
	defer l.takeDown(len(l.closers), &err)
	in, err := l.newInserter(ctx, 0)
	if err != nil {
		return 0, err
	}
	return once(func() error {
		for first := 0; first < l.sizes.customers; first += importBatch {
			err := in.transaction(ctx, func() error {
				for n := first; n < min(first+importBatch, l.sizes.customers); n++ {
					c := numbered("csv-", n)
					c.tags = importTags
					if err := in.insert(ctx, in.root, c); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
