package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"espalier.dev/ref"
)

// ndjson is the media type of a stream of JSON values, one a line.
const ndjson = "application/x-ndjson"

// ImportAction is what became of a row, or in a dry run would become of it.
type ImportAction string

// The actions.
const (
	RowCreated   ImportAction = "created"
	RowUpdated   ImportAction = "updated"
	RowUnchanged ImportAction = "unchanged"
	RowFailed    ImportAction = "failed"
)

// ImportResult is the outcome of an import.
type ImportResult struct {
	DryRun    bool        `json:"dryRun"`
	Applied   bool        `json:"applied"` // the changes were written; false if any row failed the check
	Total     int         `json:"total"`
	Created   int         `json:"created"`
	Updated   int         `json:"updated"`
	Unchanged int         `json:"unchanged"`
	Failed    int         `json:"failed"`
	Rows      []ImportRow `json:"rows"` // in the order of the file
}

// ImportRow is what became of one row.
type ImportRow struct {
	Row        int           `json:"row"` // line in the file where it begins; the heading is line 1
	Name       string        `json:"name,omitempty"`
	ExternalID string        `json:"externalId,omitempty"`
	CustomerID ref.OrgID     `json:"customerId,omitempty"` // 0 when it failed, or would be created and nothing was applied
	Action     ImportAction  `json:"action"`
	Changes    []string      `json:"changes,omitempty"` // columns that change
	Errors     []ImportError `json:"errors,omitempty"`  // every reason why it failed
}

// ImportError is a reason why a row was refused.
type ImportError struct {
	Column  string `json:"column"` // "" when the row as a whole is meant
	Message string `json:"message"`
}

// ImportProgress is how far an import is.
type ImportProgress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// importLine is one line of the stream: progress again and again, and on the last line the result alone.
type importLine struct {
	ImportProgress
	Result *ImportResult `json:"result"`
}

// ImportCustomers sends CSV and calls progress, which may be nil, while the server works. A dry run changes nothing.
// Rows that are refused are no error; they stand in the result. The call is repeated after a refused token or a
// Retry-After only if csv is an io.Seeker.
func (c *Client) ImportCustomers(ctx context.Context, org ref.OrgID, csv io.Reader, dryRun bool, progress func(ImportProgress)) (ImportResult, error) {
	r, err := newRequest(http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/customers/import", org), nil, nil)
	if err != nil {
		return ImportResult{}, err
	}
	if dryRun {
		r.query = url.Values{"dryRun": {"true"}}
	}
	r.contentType, r.accept, r.body, r.rewind = "text/csv", ndjson, csv, rewinder(csv)
	resp, err := c.send(ctx, r)
	if err != nil {
		return ImportResult{}, err
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), ndjson) {
		return ImportResult{}, fmt.Errorf("import: the answer is %q, not %s", resp.Header.Get("Content-Type"), ndjson)
	}
	return c.readImport(ctx, resp, progress)
}

func (c *Client) readImport(ctx context.Context, resp *http.Response, progress func(ImportProgress)) (ImportResult, error) {
	lines := json.NewDecoder(resp.Body)
	for {
		var line importLine
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return ImportResult{}, c.broken(ctx, errors.New("the import's answer ended before its result; import again, a repeated import changes nothing twice"))
		case err != nil:
			return ImportResult{}, c.broken(ctx, fmt.Errorf("read the import's answer: %w", err))
		case line.Result != nil:
			return *line.Result, nil
		case progress != nil:
			progress(line.ImportProgress)
		}
	}
}

// rewinder returns how to send a body again, nil if it is a pipe.
func rewinder(body io.Reader) func() error {
	seeker, ok := body.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	return func() error { _, err := seeker.Seek(start, io.SeekStart); return err }
}

// ExportCustomers returns the customers as a file, "csv" or "xlsx". The caller closes it.
func (c *Client) ExportCustomers(ctx context.Context, org ref.OrgID, format, filter string) (io.ReadCloser, error) {
	r, err := newRequest(http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/customers/export", org), url.Values{"format": {format}}, nil)
	if err != nil {
		return nil, err
	}
	setIf(r.query, "filter", filter)
	r.accept = "*/*"
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	return &stream{ReadCloser: resp.Body, client: c, ctx: ctx}, nil
}

// stream is the body of an answer that the caller reads; it belongs to one call, whose ctx it keeps to explain its end.
type stream struct {
	io.ReadCloser
	client *Client
	ctx    context.Context
}

// Read reads on, and says which server broke off.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = s.client.broken(s.ctx, err)
	}
	return n, err
}
