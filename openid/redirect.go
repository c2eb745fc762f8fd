package openid

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxURI is how long a registered address may be, in bytes.
const maxURI = 2048

// checkURI says what is wrong with an address that browsers are to be sent to with a code, or after signing out; "" for nothing.
// It is compared byte by byte later, so that nothing may stand in it that programs read in two ways.
func checkURI(text string, public bool) string {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURI:
		return "is longer than 2048 bytes"
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\*<>\"`{}|^", r) }):
		return "has a character that belongs into no address, or stands for others"
	case err != nil:
		return "is no address"
	case strings.Contains(text, "#"):
		return "has a fragment"
	case u.User != nil:
		return "has a name or password"
	case u.Scheme != "" && (u.Opaque != "" || u.Path != "" && !clean(u.EscapedPath())):
		return "has dot segments, or no path that begins with one /"
	}
	return checkOrigin(u, public)
}

// clean reports whether a path has no empty and no dot segments, written in any way.
func clean(escaped string) bool {
	plain, err := url.PathUnescape(escaped)
	return err == nil && strings.HasPrefix(plain, "/") && !strings.Contains(plain, "\\") &&
		(path.Clean(plain) == plain || path.Clean(plain)+"/" == plain) && !strings.Contains(strings.ToLower(escaped), "%2f")
}

// loopback are the hosts that never leave the machine, RFC 8252, section 7.3 and 8.3.
var loopback = []string{"127.0.0.1", "::1", "localhost"}

func checkOrigin(u *url.URL, public bool) string {
	switch {
	case u.Scheme == "https" && u.Hostname() != "":
		return ""
	case u.Scheme == "http" && slices.Contains(loopback, u.Hostname()):
		return ""
	case u.Scheme == "http":
		return "is neither https nor http on the user's own machine (127.0.0.1, [::1] or localhost)"
	case public && strings.Contains(u.Scheme, ".") && u.Host == "" && strings.HasPrefix(u.Path, "/"): // RFC 8252, section 7.1
		return ""
	}
	return "is not of the form https://host/path; the app of a public application may have com.example.app:/path"
}
