package workflow

import (
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/antchfx/xmlquery"
	"github.com/go-jose/go-jose/v4"
)

// fits refuses to make a value of n bytes that is larger than the run may hold.
func (e *env) fits(n int) error {
	if n > e.limits.Bytes {
		return &Fault{Type: "limit", Message: fmt.Sprintf("memory: a value of more than %d bytes", e.limits.Bytes)}
	}
	return nil
}

// fnStrftime formats as Ruby does: %Y, with flags - _ 0 ^ # and a width between % and the letter.
func fnStrftime(_ *env, a []Value) (Value, error) {
	at, err := fnToD(nil, a)
	if err != nil {
		return nil, err
	}
	format, err := str(a[1], "strftime")
	if err != nil {
		return nil, err
	}
	t := at.(Time).utc()
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		n := directive(&b, t, format[i:])
		i += n - 1
	}
	return String(b.String()), nil
}

// directive writes the directive that s begins with, and is its length. One that is unknown is written as it is.
func directive(b *strings.Builder, t time.Time, s string) int {
	i := 1
	flags := ""
	for i < len(s) && strings.IndexByte("-_0^#:", s[i]) >= 0 {
		flags += s[i : i+1]
		i++
	}
	width := 0
	for i < len(s) && isDigit(s[i]) {
		width = min(width*10+int(s[i]-'0'), 100)
		i++
	}
	if i == len(s) {
		b.WriteString(s)
		return i
	}
	text, pad, least := dateField(t, s[i], flags, width)
	if least < 0 {
		b.WriteString(s[:i+1])
		return i + 1
	}
	switch {
	case strings.Contains(flags, "-"):
		least, width = 0, 0
	case strings.Contains(flags, "_"):
		pad = " "
	case strings.Contains(flags, "0"):
		pad = "0"
	}
	if strings.Contains(flags, "^") {
		text = strings.ToUpper(text)
	}
	if strings.Contains(flags, "#") {
		text = swapCase(text)
	}
	if missing := max(least, width) - len(text); missing > 0 {
		b.WriteString(strings.Repeat(pad, missing))
	}
	b.WriteString(text)
	return i + 1
}

func swapCase(s string) string {
	if strings.ContainsFunc(s, unicode.IsLower) && strings.ToUpper(s) != s {
		return strings.ToUpper(s)
	}
	return strings.ToLower(s)
}

// dateField is the text of a directive, what it is padded with, and its least width, -1 if there is no such one.
func dateField(t time.Time, c byte, flags string, width int) (text, pad string, least int) {
	number := func(n, least int, pad string) (string, string, int) { return fmt.Sprint(n), pad, least }
	layout := func(l string) (string, string, int) { return t.Format(l), " ", 0 }
	hour12 := (t.Hour()+11)%12 + 1
	switch c {
	case 'Y':
		return number(t.Year(), 4, "0")
	case 'C':
		return number(t.Year()/100, 2, "0")
	case 'y':
		return number(t.Year()%100, 2, "0")
	case 'm':
		return number(int(t.Month()), 2, "0")
	case 'B':
		return layout("January")
	case 'b', 'h':
		return layout("Jan")
	case 'd':
		return number(t.Day(), 2, "0")
	case 'e':
		return number(t.Day(), 2, " ")
	case 'j':
		return number(t.YearDay(), 3, "0")
	case 'H':
		return number(t.Hour(), 2, "0")
	case 'k':
		return number(t.Hour(), 2, " ")
	case 'I':
		return number(hour12, 2, "0")
	case 'l':
		return number(hour12, 2, " ")
	case 'M':
		return number(t.Minute(), 2, "0")
	case 'S':
		return number(t.Second(), 2, "0")
	case 'L':
		return strings.Repeat("0", max(width, 3)), "0", 0
	case 'N':
		return strings.Repeat("0", cmp.Or(width, 9)), "0", 0
	case 'p':
		return layout("PM")
	case 'P':
		return layout("pm")
	case 'A':
		return layout("Monday")
	case 'a':
		return layout("Mon")
	case 'u':
		return number((int(t.Weekday())+6)%7+1, 0, "0")
	case 'w':
		return number(int(t.Weekday()), 0, "0")
	case 'z':
		if strings.Contains(flags, ":") {
			return layout("-07:00")
		}
		return layout("-0700")
	case 'Z':
		return "UTC", " ", 0
	case 's':
		return fmt.Sprint(t.Unix()), "0", 0
	case 'G':
		year, _ := t.ISOWeek()
		return number(year, 4, "0")
	case 'g':
		year, _ := t.ISOWeek()
		return number(year%100, 2, "0")
	case 'V':
		_, week := t.ISOWeek()
		return number(week, 2, "0")
	case 'U':
		return number((t.YearDay()+6-int(t.Weekday()))/7, 2, "0")
	case 'W':
		return number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, "0")
	case 'n':
		return "\n", "", 0
	case 't':
		return "\t", "", 0
	case '%':
		return "%", "", 0
	case 'c':
		return layout("Mon Jan _2 15:04:05 2006")
	case 'D', 'x':
		return layout("01/02/06")
	case 'F':
		return layout("2006-01-02")
	case 'T', 'X':
		return layout("15:04:05")
	case 'R':
		return layout("15:04")
	case 'r':
		return layout("03:04:05 PM")
	case 'v':
		return strings.ToUpper(t.Format("_2-Jan-2006")), " ", 0
	case '+':
		return layout("Mon Jan _2 15:04:05 MST 2006")
	}
	return "", "", -1
}

func fnUUID(e *env, _ []Value) (Value, error) {
	raw, err := e.random(16)
	if err != nil || len(raw) != 16 {
		return nil, fault("uuid: no randomness: %v", err)
	}
	raw[6] = raw[6]&0x0f | 0x40 // version 4, RFC 9562 section 5.4
	raw[8] = raw[8]&0x3f | 0x80
	h := hex.EncodeToString(raw)
	return String(strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")), nil
}

// fnJWTEncode signs a payload: HS256 and its kin with a text, RS, PS and ES with a private key in PEM.
func fnJWTEncode(_ *env, a []Value) (Value, error) {
	name, err := str(a[0], "jwt_encode")
	if err != nil {
		return nil, err
	}
	secret, err := str(a[2], "jwt_encode")
	if err != nil {
		return nil, err
	}
	var key any = []byte(secret)
	if !strings.HasPrefix(name, "HS") {
		if key, err = privateKey(secret); err != nil {
			return nil, fault("jwt_encode: %s", err)
		}
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if header, ok := opt(a, 3).(Hash); ok {
		for k, v := range header.All() {
			if k != "alg" {
				options = options.WithHeader(jose.HeaderKey(k), Text(v))
			}
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(name), Key: key}, options)
	if err != nil {
		return nil, fault("jwt_encode: %s", err)
	}
	payload := Text(a[1])
	if _, isText := a[1].(String); !isText {
		payload = JSON(a[1])
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		return nil, fault("jwt_encode: %s", err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return nil, fault("jwt_encode: %s", err)
	}
	return String(compact), nil
}

func privateKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("the key is no PEM block")
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

// fnXPath gives the texts of what a path finds in an XML text. css: and a selector of names, classes and ids works too.
func fnXPath(_ *env, a []Value) (v Value, err error) {
	text, err := str(a[0], "xpath")
	if err != nil {
		return nil, err
	}
	path, err := str(a[1], "xpath")
	if err != nil {
		return nil, err
	}
	if selector, ok := strings.CutPrefix(path, "css:"); ok {
		path = cssPath(selector)
	}
	defer func() { // the library panics on some malformed paths
		if r := recover(); r != nil {
			v, err = nil, fault("xpath: %s is no path", Inspect(String(path)))
		}
	}()
	doc, bad := xmlquery.Parse(strings.NewReader(text))
	if bad != nil {
		return nil, fault("xpath: the text is no XML: %s", bad)
	}
	nodes, bad := xmlquery.QueryAll(doc, path)
	if bad != nil {
		return nil, fault("xpath: %s", bad)
	}
	out := Array{}
	for _, n := range nodes {
		out = out.Append(String(n.InnerText()))
	}
	return out, nil
}

// cssPath turns a selector of names, .classes, #ids, blanks and > into an XPath.
func cssPath(selector string) string {
	path, axis := "", "//"
	for _, step := range strings.Fields(strings.ReplaceAll(selector, ">", " > ")) {
		if step == ">" {
			axis = "/"
			continue
		}
		name := step
		if i := strings.IndexAny(step, ".#"); i >= 0 {
			name = step[:i]
		}
		rest := step[len(name):]
		if name == "" {
			name = "*"
		}
		path += axis + name
		for rest != "" {
			kind, word := rest[0], rest[1:]
			if i := strings.IndexAny(word, ".#"); i >= 0 {
				word = word[:i]
			}
			rest = rest[1+len(word):]
			word = strings.ReplaceAll(word, "'", "")
			if kind == '#' {
				path += "[@id='" + word + "']"
			} else {
				path += "[contains(concat(' ', @class, ' '), ' " + word + " ')]"
			}
		}
		axis = "//"
	}
	return path
}

// inflections are pairs of endings, singular and plural; the longest that fits counts.
var inflections = [][2]string{
	{"person", "people"}, {"child", "children"}, {"man", "men"}, {"mouse", "mice"}, {"index", "indices"}, {"matrix", "matrices"}, {"vertex", "vertices"},
	{"analysis", "analyses"}, {"basis", "bases"}, {"datum", "data"}, {"status", "statuses"}, {"alias", "aliases"}, {"address", "addresses"}, {"bus", "buses"},
	{"ss", "sses"}, {"sh", "shes"}, {"ch", "ches"}, {"x", "xes"}, {"wife", "wives"}, {"life", "lives"}, {"leaf", "leaves"}, {"shelf", "shelves"},
	{"ay", "ays"}, {"ey", "eys"}, {"oy", "oys"}, {"uy", "uys"}, {"y", "ies"}, {"hero", "heroes"}, {"potato", "potatoes"}, {"tomato", "tomatoes"}, {"movie", "movies"}, {"", "s"},
}

var uncountable = []string{"equipment", "information", "rice", "money", "species", "series", "fish", "sheep", "software", "hardware"}

func pluralize(s string) string {
	lower := strings.ToLower(s)
	singularLooks := strings.HasSuffix(lower, "ss") || strings.HasSuffix(lower, "us") || strings.HasSuffix(lower, "is")
	if one := singularize(s); !singularLooks && one != s && swapEnding(one, 0, 1) == s { // a plural already
		return s
	}
	return swapEnding(s, 0, 1)
}

func singularize(s string) string {
	if strings.HasSuffix(strings.ToLower(s), "ss") {
		return s
	}
	return swapEnding(s, 1, 0)
}

// swapEnding exchanges the longest ending of one number that s has for that of the other.
func swapEnding(s string, from, to int) string {
	lower := strings.ToLower(s)
	if s == "" || slices.ContainsFunc(uncountable, func(w string) bool { return strings.HasSuffix(lower, w) }) {
		return s
	}
	best := -1
	for i, pair := range inflections {
		if strings.HasSuffix(lower, pair[from]) && (best < 0 || len(pair[from]) > len(inflections[best][from])) {
			best = i
		}
	}
	if best < 0 {
		return s
	}
	return s[:len(s)-len(inflections[best][from])] + inflections[best][to]
}
