package extract

import (
	"fmt"
	"regexp"
	"strings"

	"espalier.dev/policylang/syntax"
)

// Regexp reads a regular expression as the language means it: ^ and $ at every line, m for a dot that matches line breaks.
// The error is a *syntax.Error of package regexp's.
func Regexp(x *syntax.Regexp) (*regexp.Regexp, error) {
	flags := "m"
	if strings.Contains(x.Flags, "i") {
		flags += "i"
	}
	if strings.Contains(x.Flags, "m") {
		flags += "s"
	}
	pattern := strings.NewReplacer(`\\`, `\\`, `\Z`, `\z`, `\/`, "/").Replace(x.Pattern)
	return regexp.Compile(fmt.Sprintf("(?%s)%s", flags, pattern))
}
