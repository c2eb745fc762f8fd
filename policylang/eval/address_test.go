package eval

import "testing"

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ scheme, host, path, want string }{
		{"https", "h.example", "", "https://h.example/"},
		{"http", "h.example:81", "a/b", "http://h.example:81/a/b"},
		{"https", "h.example", "/a b?x=c d#e", "https://h.example/a%20b?x=c%20d%23e"},
		{"https", "h.example", "/%2F%zz%", "https://h.example/%2F%25zz%25"},
		{"https", "h.example", "/$metadata/(x)'y'", "https://h.example/$metadata/(x)'y'"},
		{"https", "h.example", "//evil.example/x", "https://h.example//evil.example/x"},
		{"https", "h.example", "?location=", "https://h.example/?location="},
	} {
		if got, err := address(test.scheme, test.host, test.path); err != nil || got != test.want {
			t.Errorf("address(%q, %q, %q): got %q, %v, want %q", test.scheme, test.host, test.path, got, err, test.want)
		}
	}
	for _, host := range []string{"", "a b", "h/x", "user@h", "h?x", "h#x", "h\n"} {
		if got, err := address("https", host, "/"); err == nil {
			t.Errorf("address of the host %q: got %s, want an error", host, got)
		}
	}
	if got, err := address("ftp", "h", "/"); err == nil {
		t.Errorf("address of the scheme ftp: got %s, want an error", got)
	}
}

func TestSetQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ address, name, value, want string }{
		{"https://h/", "p", "2", "https://h/?p=2"},
		{"https://h/?p=1&q=3&p=9", "p", "2", "https://h/?q=3&p=2"},
		{"https://h/?%24skip=1&x", "$skip", "a b", "https://h/?x&%24skip=a%20b"},
		{"https://h/?", "p", "", "https://h/?p="},
	} {
		if got := setQuery(test.address, test.name, test.value); got != test.want {
			t.Errorf("setQuery(%q, %q, %q): got %q, want %q", test.address, test.name, test.value, got, test.want)
		}
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	const from = "https://h.example/a/b?c=1"
	for _, test := range []struct{ link, want string }{
		{"https://other.example/x?y=%3D", "https://other.example/x?y=%3D"},
		{"/x", "https://h.example/x"},
		{"?page=2", "https://h.example/a/b?page=2"},
		{"c d", "https://h.example/a/c%20d"},
		{"//other.example/x", "https://other.example/x"},
	} {
		if got, err := follow(from, test.link); err != nil || got != test.want {
			t.Errorf("follow(%q): got %q, %v, want %q", test.link, got, err, test.want)
		}
	}
	for _, link := range []string{"file:///etc/passwd", "gopher://h/", "https://", "http://[::1"} {
		if got, err := follow(from, link); err == nil {
			t.Errorf("follow(%q): got %s, want an error", link, got)
		}
	}
}

func TestNextLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ header, want string }{
		{"", ""},
		{"https://h/plain", "https://h/plain"},
		{`<https://h/2>; rel="next"`, "https://h/2"},
		{`<https://h/1>; rel=prev, <https://h/3> ; title="a, b; c" ; REL = Next`, "https://h/3"},
		{`<https://h/1>; rel="last next"`, "https://h/1"},
		{`<https://h/1>`, ""},
		{`<https://h/1>; rel="nextish"`, ""},
		{`<https://h/a,b>; rel=next`, "https://h/a,b"},
		{`<https://h/1>; title="\"rel=next", <https://h/2>; rel=next`, "https://h/2"},
		{`<https://h/1`, ""},
		{`<https://h/1>; rel="next`, "https://h/1"},
	} {
		if got := nextLink([]string{test.header}); got != test.want {
			t.Errorf("nextLink(%q): got %q, want %q", test.header, got, test.want)
		}
	}
}
