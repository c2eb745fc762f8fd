package api

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// Uninitialized answers in place of all routes while the server has no organization: a page for people and the six-field
// error for programs, both naming the command to run, e.g.
//
//	espalier init --data /var/lib/espalier --org "Northwind MSP" --owner you@example.com
//
// The page answers 503. Programs get 502: each operation of the contract declares it and none declares 503, and existing
// clients show the message of declared statuses only.
func Uninitialized(command string) http.Handler {
	var page bytes.Buffer
	if err := template.Must(template.ParseFS(viewer, "viewer/uninitialized.html")).Execute(&page, command); err != nil {
		panic("api: the page for an empty server: " + err.Error())
	}
	const message = "this server has no organization yet: its operator has to run "
	body, err := json.Marshal(map[string]any{
		"name": "bad_gateway", "id": "uninitialized", "message": message + command,
		"temporary": true, "timeout": false, "fault": false,
	})
	if err != nil {
		panic("api: the error of an empty server: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page.css" {
			http.ServeFileFS(w, r, viewer, "viewer/page.css")
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", "10")
		if r.URL.Path == "/" || strings.Contains(r.Header.Get("Accept"), "text/html") {
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", pagePolicy)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write(page.Bytes())
			return
		}
		h.Set("Content-Type", "application/vnd.goa.error")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write(body)
	})
}
