package signin

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"espalier.dev/errs"
)

const (
	minPassword = 10  // characters
	maxPassword = 256 // characters
	minBits     = 50  // of the estimate below: with the pauses, beyond any guessing at the door
)

// normal is a password as it is hashed: the same characters whatever keyboard composed them. Source: NIST SP 800-63B 5.1.1.2.
func normal(password string) string { return norm.NFKC.String(password) }

// CheckStrength returns nil if a password is hard enough to guess for one who knows the person, and else errs.Invalid that
// says what would help. about is what guessers try first: the address, names, the organization.
func CheckStrength(password string, about ...string) error {
	if !utf8.ValidString(password) {
		return errs.Invalidf("The password is not text in UTF-8.")
	}
	password = normal(password)
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return errs.Invalidf("The password is too short: it has %d characters; use at least %d. Four words that have nothing to do with one another are good.", n, minPassword)
	case n > maxPassword:
		return errs.Invalidf("The password is too long: it has %d characters; use at most %d.", n, maxPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return errs.Invalidf("The password has a control character, which cannot be typed everywhere.")
	}
	if bits := estimate(password, about); bits < minBits {
		return errs.Invalidf("The password is too easy to guess: it leans on names, common words, years or rows of keys. Four words that have nothing to do with one another are good.")
	}
	return nil
}

// estimate is how hard a password is to guess, in bits. What is tried first counts for little wherever it stands: words of
// the person, common words, years, runs such as aaaa, 4567 and qwer. Letters in a row are taken for language and count 3.5
// bits each; what is left counts by the alphabets it draws from.
func estimate(password string, about []string) float64 {
	plain := []rune(strings.ToLower(password))
	words := append(parts(about), common...)
	alphabet := alphabetBits(password)
	var bits float64
	for i := 0; i < len(plain); {
		n, worth := 1, alphabet
		switch word, run, letters := leadingWord(plain[i:], words), leadingRun(plain[i:]), leadingLetters(plain[i:], words); {
		case word > 0:
			n, worth = word, 6
		case leadingYear(plain[i:]):
			n, worth = 4, 7
		case run >= 3:
			n, worth = run, 5+math.Log2(float64(run))
		case letters >= 4:
			n, worth = letters, 3.5*float64(letters)
		}
		bits += worth
		i += n
	}
	return bits
}

// alphabetBits is what one character is worth, by the kinds of characters there are.
func alphabetBits(password string) float64 {
	var lower, upper, digit, mark, other float64
	for _, r := range password {
		switch {
		case r >= 'a' && r <= 'z':
			lower = 26
		case r >= 'A' && r <= 'Z':
			upper = 26
		case r >= '0' && r <= '9':
			digit = 10
		case r < utf8.RuneSelf:
			mark = 33
		default:
			other = 100
		}
	}
	return math.Log2(lower + upper + digit + mark + other)
}

// parts cuts what is known of a person into words of three letters and more.
func parts(about []string) []string {
	var words []string
	for _, text := range about {
		for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
			if utf8.RuneCountInString(word) >= 3 {
				words = append(words, word)
			}
		}
	}
	return words
}

// spelled is the letters that people write as something else.
var spelled = map[rune]rune{'@': 'a', '4': 'a', '3': 'e', '1': 'i', '!': 'i', '0': 'o', '$': 's', '5': 's', '7': 't'}

// leadingWord is the length of the longest of words that text begins with, also as p@ssw0rd; 0 for none.
func leadingWord(text []rune, words []string) int {
	longest := 0
	for _, word := range words {
		n := 0
		for _, w := range word {
			if n == len(text) || text[n] != w && spelled[text[n]] != w {
				n = 0
				break
			}
			n++
		}
		longest = max(longest, n)
	}
	return longest
}

func leadingYear(text []rune) bool {
	return len(text) >= 4 && (string(text[:2]) == "19" || string(text[:2]) == "20") && unicode.IsDigit(text[2]) && unicode.IsDigit(text[3])
}

// rows are what fingers and children run along.
var rows = []string{"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1qaz2wsx3edc4rfv"}

// leadingRun is how many characters from the first on are one that repeats, or neighbours in a row, in either direction.
func leadingRun(text []rune) int {
	n := 1
	for n < len(text) && text[n] == text[0] {
		n++
	}
	for _, row := range rows {
		n = max(n, along(text, row), along(text, reversed(row)))
	}
	return n
}

func along(text []rune, row string) int {
	at := strings.IndexRune(row, text[0])
	if at < 0 {
		return 0
	}
	n := 0
	for n < len(text) && at+n < len(row) && text[n] == rune(row[at+n]) {
		n++
	}
	return n
}

func reversed(row string) string {
	b := []byte(row)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// leadingLetters is how many letters of an alphabet text begins with before one of words begins. Of syllables and ideographs
// there are too many for that.
func leadingLetters(text []rune, words []string) int {
	n := 0
	for n < len(text) && unicode.IsLetter(text[n]) && text[n] < firstIdeograph && (n == 0 || leadingWord(text[n:], words) == 0) {
		n++
	}
	return n
}

const firstIdeograph = 0x2e80

// common is words that guessers try before others, and ours.
var common = []string{
	"password", "passwort", "passe", "secret", "geheim", "welcome", "willkommen", "bienvenue", "letmein", "login", "access",
	"admin", "administrator", "root", "user", "guest", "test", "demo", "default", "changeme", "temp", "master", "super",
	"love", "iloveyou", "hello", "hallo", "monkey", "dragon", "shadow", "sunshine", "princess", "football", "baseball", "soccer",
	"superman", "batman", "pokemon", "starwars", "michael", "daniel", "jordan", "thomas", "charlie", "ashley", "summer", "sommer",
	"winter", "spring", "autumn", "january", "february", "march", "april", "june", "july", "august", "september", "october",
	"november", "december", "monday", "friday", "sunday", "company", "office", "server", "network", "cloud", "security",
	"espalier", "correcthorsebatterystaple", "trustno", "whatever", "freedom", "killer", "hunter", "ninja", "pass", "word",
}
