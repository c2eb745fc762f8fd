package door

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeBuffer is the size in bytes above which a buffer is not kept.
const largeBuffer = 1 << 20

// JSON answers with v. Nothing is sent unless v can be written whole.
func JSON(w http.ResponseWriter, status int, v any) error {
	return writeJSON(w, status, mediaJSON, v)
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
