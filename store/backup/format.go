package backup

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

const (
	formatName    = "espalier backup"
	formatVersion = 1
)

// Header is the first line of a backup.
type Header struct {
	Format     string      `json:"format"`  // "espalier backup"
	Version    int         `json:"version"` // of the format
	Product    string      `json:"product"` // version of the binary that made it
	MadeAt     time.Time   `json:"madeAt"`
	Engine     string      `json:"engine"` // it was made from: "sqlite" or "postgres"; it goes into either
	Schema     int         `json:"schema"` // number of the last migration
	Migrations []Migration `json:"migrations"`
	AuditHead  string      `json:"auditHead,omitempty"` // what audit.ParseHead reads; "" if nothing was sealed yet
}

// Migration is one that the database had when it was backed up.
type Migration struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Hash    string `json:"hash"` // SHA-256 of its file, hexadecimal
}

// section begins a table.
type section struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	LastID  int64    `json:"lastId,omitempty"` // highest id ever given out; 0: none, or the table has no ids of its own
}

// trailer ends a backup.
type trailer struct {
	Rows   map[string]int64 `json:"rows"`   // of each table
	SHA256 string           `json:"sha256"` // of all lines before this one, hexadecimal
}

// Summary is what a backup holds.
type Summary struct {
	Header
	Tables []Count // in the order of the file
}

// Count is the number of rows of a table.
type Count struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// Rows is the number of all rows.
func (s Summary) Rows() int64 {
	var n int64
	for _, c := range s.Tables {
		n += c.Rows
	}
	return n
}

// oddText is text that JSON cannot carry as it is.
type oddText struct {
	Base64 string `json:"base64"`
}

// encode turns a value of the database into one for JSON.
func encode(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return oddText{base64.StdEncoding.EncodeToString([]byte(v))}, nil
		}
		return v, nil
	}
	return nil, fmt.Errorf("a value of type %T, which backups do not know", v)
}

// decodeRow reads the line of a row.
func decodeRow(line []byte) ([]any, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var row []any
	if err := dec.Decode(&row); err != nil {
		return nil, err
	}
	for i, v := range row {
		var err error
		if row[i], err = decode(v); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// decode turns a value of JSON into one for the database.
func decode(v any) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		return v.Int64()
	case map[string]any:
		if text, ok := v["base64"].(string); ok && len(v) == 1 {
			b, err := base64.StdEncoding.DecodeString(text)
			return string(b), err
		}
	}
	return nil, fmt.Errorf("a value of type %T", v)
}
