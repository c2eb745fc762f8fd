package backup

import (
	"bytes"
	"encoding/json"
)

// For tests.
var (
	RestoreWith = restore
	Seeded      = seeded
	DecodeRow   = decodeRow
)

// EncodeRow writes a row as a backup does.
func EncodeRow(row []any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	out := make([]any, len(row))
	for i, v := range row {
		var err error
		if out[i], err = encode(v); err != nil {
			return nil, err
		}
	}
	err := enc.Encode(out)
	return b.Bytes(), err
}
