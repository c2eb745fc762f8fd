// Package api is the HTTP server around the mounted APIs: what every request passes, whichever API answers it.
//
// Read [Config], [Server] and [Telemetry] first. The server takes a ready handler for all routes of the product and adds
// what an operator needs:
//
//	tel := api.NewTelemetry(api.TelemetryConfig{Logger: log, Version: "1.4.0"})
//	srv, err := api.New(api.Config{
//		Listen:    "127.0.0.1:8080",
//		Handler:   routes,
//		Ready:     db.Ping,
//		Documents: []string{"msp", "iam", "token", "espalier"},
//		Telemetry: tel,
//	})
//	...
//	err = srv.Run(ctx) // until ctx ends, then drains
//
// It answers /healthz, /readyz, /metrics and /docs itself, cuts clients that send or read too slowly ([Limits]), sets the
// security headers, compresses JSON and CSV, and on the end of its context finishes what was begun. [CallerLimiter] and
// [AddressLimiter] say when a caller has to wait; [Tracing] sends spans where the usual OTEL_ variables say.
//
// Routing, authentication, bodies and error answers are the business of api/door and of the packages per API. Package api
// never sees a database.
package api
