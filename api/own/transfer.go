package own

import (
	"bufio"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/org"
	"espalier.dev/org/sheet"
)

// Media types of files and streams.
const (
	mediaLines = "application/x-ndjson"
	mediaCSV   = "text/csv; charset=utf-8"
	mediaXLSX  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

func (s *server) importCustomers(w http.ResponseWriter, r *door.Request) error {
	rows, err := sheet.Read(r.Body)
	if err != nil {
		return err
	}
	dryRun := r.Bool("dryRun")
	var progress func(int)
	out := lines{w}
	streamed := acceptsLines(r.Request)
	if streamed {
		progress = func(done int) {
			out.add(wire.ImportLine{ImportProgress: &wire.ImportProgress{Done: done, Total: len(rows)}})
		}
	}
	results, applied, err := s.Orgs.Import(r.Context(), r.Caller(), r.OrgID(), rows, dryRun, progress)
	if err != nil {
		return err
	}
	result := importResult(results, dryRun, applied)
	if streamed {
		out.add(wire.ImportLine{Result: &result})
		return nil
	}
	return door.JSON(w, http.StatusOK, result)
}

// acceptsLines reports whether the client asks for a stream of lines.
func acceptsLines(r *http.Request) bool {
	for text := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if media, _, err := mime.ParseMediaType(text); err == nil && media == mediaLines {
			return true
		}
	}
	return false
}

// lines is the answer of a streamed import, each line sent at once.
type lines struct{ w http.ResponseWriter }

// add sends a line. If the client is gone nobody misses it: the end of the request's context is what stops the work.
func (l lines) add(line wire.ImportLine) {
	l.w.Header().Set("Content-Type", mediaLines) // before the first line; later it has no effect
	e := json.NewEncoder(l.w)
	e.SetEscapeHTML(false)
	_ = e.Encode(line)
	_ = http.NewResponseController(l.w).Flush()
}

func importResult(results []org.RowResult, dryRun, applied bool) wire.ImportResult {
	out := wire.ImportResult{DryRun: dryRun, Applied: applied, Total: len(results), Rows: make([]wire.ImportRow, len(results))}
	for i, r := range results {
		switch r.Action {
		case org.Created:
			out.Created++
		case org.Updated:
			out.Updated++
		case org.Unchanged:
			out.Unchanged++
		case org.Failed:
			out.Failed++
		}
		out.Rows[i] = importRow(r)
	}
	return out
}

func importRow(r org.RowResult) wire.ImportRow {
	row := wire.ImportRow{Row: r.Line, Name: r.Name, ExternalID: r.ExternalID, CustomerID: r.Customer, Action: wire.ImportAction(r.Action), Changes: r.Changes}
	for _, e := range r.Errors {
		row.Errors = append(row.Errors, wire.ImportError{Column: e.Column, Message: e.Message})
	}
	return row
}

func (s *server) exportCustomers(w http.ResponseWriter, r *door.Request) error {
	match, err := r.Filter("filter", org.CustomerFilter)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("customers-%d-%s.%s", r.OrgID(), s.Now().UTC().Format(time.DateOnly), r.String("format"))
	var out *bufio.Writer
	var file interface {
		Add(org.Detail) error
		Close() error
	}
	if r.String("format") == "xlsx" {
		out = newDownload(w, mediaXLSX, name)
		file = sheet.NewXLSX(out)
	} else {
		out = newDownload(w, mediaCSV, name)
		file = sheet.NewCSV(out)
	}
	if err := s.Orgs.Export(r.Context(), r.Caller(), r.OrgID(), match, file.Add); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// downloadBuffer is how many bytes of a file are gathered before they are sent: a workbook of some ten thousand customers, so
// that one which a spreadsheet cannot hold is mostly refused by an answer that says why.
const downloadBuffer = 512 << 10

// newDownload is an answer of 200 with a file. Nothing is sent before the first buffer is full, so that an early error is
// still a clean answer.
func newDownload(w http.ResponseWriter, media, name string) *bufio.Writer {
	return bufio.NewWriterSize(&download{w: w, media: media, name: name}, downloadBuffer)
}

// download sends its header before the first bytes.
type download struct {
	w           http.ResponseWriter
	media, name string
	begun       bool
}

// Write sends a part of the file.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", d.media)
		d.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name}))
	}
	return d.w.Write(p)
}
