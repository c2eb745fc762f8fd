package api

import "net/http"

// The values are shared between all answers: a header's Set replaces them and Add copies them, so none is changed.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	// What the APIs send is data: nothing of it may be run, framed or loaded from. A handler of pages sets its own.
	dataPolicy = []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}
	denyFrames = []string{"DENY"}
	// One year, this host only: subdomains may belong to somebody else.
	strictTransport = []string{"max-age=31536000"}
)

// setSecurityHeaders sets what every answer carries; a handler may replace one by Set. https: the public address is
// https, so browsers may be told never to come by http.
func setSecurityHeaders(h http.Header, https bool) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = dataPolicy
	h["X-Frame-Options"] = denyFrames
	h["Cross-Origin-Opener-Policy"] = sameOrigin
	if https {
		h["Strict-Transport-Security"] = strictTransport
	}
}
