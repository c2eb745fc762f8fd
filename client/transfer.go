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

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// ndjson is the media type of a stream of JSON values, one a line.
const ndjson = "application/x-ndjson"

// ImportCustomers sends CSV and calls progress, which may be nil, while the server works. A dry run changes nothing.
// Rows that are refused are no error; they stand in the result. The call is repeated after a refused token or a
// Retry-After only if csv is an io.Seeker.
func (c *Client) ImportCustomers(ctx context.Context, org ref.OrgID, csv io.Reader, dryRun bool, progress func(wire.ImportProgress)) (wire.ImportResult, error) {
	r, err := newRequest(http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/customers/import", org), nil, nil)
	if err != nil {
		return wire.ImportResult{}, err
	}
	if dryRun {
		r.query = url.Values{"dryRun": {"true"}}
	}
	r.contentType, r.accept, r.body, r.rewind = "text/csv", ndjson, csv, rewinder(csv)
	resp, err := c.send(ctx, r)
	if err != nil {
		return wire.ImportResult{}, err
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), ndjson) {
		return wire.ImportResult{}, fmt.Errorf("import: the answer is %q, not %s", resp.Header.Get("Content-Type"), ndjson)
	}
	return c.readImport(ctx, resp, progress)
}

func (c *Client) readImport(ctx context.Context, resp *http.Response, progress func(wire.ImportProgress)) (wire.ImportResult, error) {
	lines := json.NewDecoder(resp.Body)
	for {
		var line wire.ImportLine
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return wire.ImportResult{}, c.broken(ctx, errors.New("the import's answer ended before its result; import again, a repeated import changes nothing twice"))
		case err != nil:
			return wire.ImportResult{}, c.broken(ctx, fmt.Errorf("read the import's answer: %w", err))
		case line.Result != nil:
			return *line.Result, nil
		case line.ImportProgress != nil && progress != nil:
			progress(*line.ImportProgress)
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
