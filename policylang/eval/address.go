package eval

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// address joins scheme, host and path. The path may hold a query already. What is escaped in it stays so; bytes that may
// not stand in an address are escaped.
func address(scheme, host, path string) (string, error) {
	if host == "" {
		return "", errors.New("host is empty: expected the name of a server")
	}
	if strings.ContainsAny(host, "/?#@\\ \t\r\n") {
		return "", fmt.Errorf("host is %q: expected the name of a server without scheme and path", host)
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	return webAddress(scheme + "://" + host + escape(path, legal))
}

// webAddress checks an address that a request goes to.
func webAddress(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no address", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%q is no address that requests go to: expected https or http", text)
	case u.Host == "":
		return "", fmt.Errorf("%q names no host", text)
	}
	return text, nil
}

const (
	// unreserved is what RFC 3986, 2.3 lets stand in a name or a value, besides letters and digits.
	unreserved = "-._~"
	// legal is what may stand in a path and its query as it is. A # would begin what is never sent.
	legal = unreserved + "!$&'()*+,;=:@/?%[]"
)

const hexDigits = "0123456789ABCDEF"

// escape percent-encodes all bytes but letters, digits and those of keep. Where % may stay it must begin an escape.
func escape(s, keep string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		stays := isAlnum(c) || strings.IndexByte(keep, c) >= 0
		if c == '%' && stays {
			stays = i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
		}
		if stays {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// addQuery appends a parameter. An empty value leaves name=.
func addQuery(address, name, value string) string {
	sign := "?"
	if strings.Contains(address, "?") {
		sign = "&"
	}
	if strings.HasSuffix(address, "?") || strings.HasSuffix(address, "&") {
		sign = ""
	}
	return address + sign + escape(name, unreserved) + "=" + escape(value, unreserved)
}

// setQuery appends a parameter in place of those with its name.
func setQuery(address, name, value string) string {
	path, query, _ := strings.Cut(address, "?")
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(key); part != "" && (err != nil || plain != name) {
			kept = append(kept, part)
		}
	}
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	return addQuery(path, name, value)
}

// follow resolves a link that a page gave against the address that the page came from.
func follow(from, link string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", fmt.Errorf("%q is no address", from)
	}
	to, err := base.Parse(escape(strings.TrimSpace(link), legal))
	if err != nil {
		return "", fmt.Errorf("the link to the next page is %q, which is no address", link)
	}
	to.Fragment = ""
	return webAddress(to.String())
}

// nextLink is what the Link header of a page names as the next one (RFC 8288), "" if it names none. A header that is no
// list of links is the address itself.
func nextLink(headers []string) string {
	all := strings.TrimSpace(strings.Join(headers, ","))
	if !strings.HasPrefix(all, "<") {
		return all
	}
	for all != "" {
		target, rest, ok := strings.Cut(strings.TrimLeft(all, " \t,"), ">")
		if !ok || target == "" || target[0] != '<' {
			return ""
		}
		var isNext bool
		isNext, all = linkParams(rest)
		if isNext {
			return target[1:]
		}
	}
	return ""
}

// linkParams reads the parameters behind a target, up to the comma that ends them, and tells whether they say rel=next.
func linkParams(s string) (isNext bool, rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] != ';' {
			break
		}
		var name, value string
		name, value, s = linkParam(s[1:])
		if strings.EqualFold(name, "rel") {
			for word := range strings.FieldsSeq(value) {
				isNext = isNext || strings.EqualFold(word, "next")
			}
		}
	}
	_, rest, _ = strings.Cut(s, ",")
	return isNext, rest
}

// linkParam reads name=value or name="value".
func linkParam(s string) (name, value, rest string) {
	end := strings.IndexAny(s, ";,=")
	if end < 0 {
		return strings.TrimSpace(s), "", ""
	}
	name, s = strings.TrimSpace(s[:end]), s[end:]
	if s[0] != '=' {
		return name, "", s
	}
	s = strings.TrimLeft(s[1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		end = strings.IndexAny(s+",", ";,")
		return name, strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return name, b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return name, b.String(), ""
}
