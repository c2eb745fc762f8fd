package api

import (
	"compress/gzip"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is the size of a body, in bytes, from which compression saves more than it costs: below, one packet
// carries either.
const compressFrom = 1024

// compressed gzips JSON and CSV answers above 1 KiB for clients that ask for it. A handler's flush passes through, so a stream
// stays one. Answers that carry a token are below the size, and API tokens never stand beside text that a stranger
// chooses, which compression would betray.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(compressFrom),
		gzhttp.EnableZstd(false), // an encoder of it holds megabytes
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.ContentTypes([]string{
			"application/json", "application/scim+json", "application/vnd.goa.error", "text/csv",
		}),
	)
	if err != nil {
		panic("api: the options of compression are constants, and wrong: " + err.Error())
	}
	return wrap(h)
}
