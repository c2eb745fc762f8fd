package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A handler that fails after its answer began aborts it; the client has to notice, compressed or not.
func TestAbortedAnswerIsNotWhole(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"values":"`+strings.Repeat("a", 4000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})})
	for _, accept := range []string{"", "gzip"} {
		req, err := http.NewRequest(http.MethodGet, s.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", accept)
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("Accept-Encoding %q: half an answer was read without an error", accept)
		}
		resp.Body.Close()
	}
}
