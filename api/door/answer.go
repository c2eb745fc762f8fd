package door

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeBuffer is the size in bytes above which a buffer is not kept.
const largeBuffer = 1 << 20

// JSON answers with v. Nothing is sent unless v can be written whole.
func JSON(w http.ResponseWriter, status int, v any) error {
	return writeJSON(w, status, jsonType(w), v)
}

// mediaSCIM is RFC 7644's own name of JSON. The contract answers application/json, and directories written by the RFC ask for this.
const mediaSCIM = "application/scim+json"

// jsonType is the type that JSON of an answer is said to be.
func jsonType(w http.ResponseWriter) string {
	if x, ok := w.(*exchange); ok && x.json != "" {
		return x.json
	}
	return mediaJSON
}

// jsonType is application/scim+json where the operation is one of SCIM and the client prefers that to application/json.
func (rt *route) jsonType(r *http.Request) string {
	if !rt.scim {
		return mediaJSON
	}
	best, chosen := 0.0, mediaJSON
	for _, line := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(item)
			if err != nil || media != mediaJSON && media != mediaSCIM {
				continue
			}
			weight := 1.0
			if q, given := params["q"]; given {
				weight, _ = strconv.ParseFloat(q, 64)
			}
			if weight > best { // of two that are as good the first
				best, chosen = weight, media
			}
		}
	}
	return chosen
}

func writeJSON(w http.ResponseWriter, status int, media string, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	defer func() {
		if b.Cap() <= largeBuffer {
			buffers.Put(b)
		}
	}()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	w.Write(b.Bytes()) // an error means that the client is gone; there is nobody left to tell
	return nil
}

// Created answers 201 with the path of what was made and no body.
func Created(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// NoContent answers 204.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
