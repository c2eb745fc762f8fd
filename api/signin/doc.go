// Package signin is the pages for people who sign in: the way in by e-mail and password, code, passkey or the organization's
// own provider, the link to choose a new password, and the account, where each sees and changes how it signs in and ends its
// sessions.
//
// Read [Pages] first. The pages are rendered here and work without scripts; the one script is for passkeys, which browsers
// give to scripts alone. Forms are safe from other sites by the origin that browsers tell. A page is a file in templates, inside
// the frame of templates/frame.html:
//
//	pages, err := signin.New(signin.Config{Service: service, ...})
//	pages.Mount(mux, telemetry.Observed)
//
// What is right or wrong is decided by package signin at the root, rows are kept by store.
package signin
