package cookie

import (
	"strings"
	"time"
)

// ParseDate parses the date of an Expires attribute by the algorithm of RFC 6265 5.1.1, which
// accepts the parts in almost any order and with any punctuation.
func ParseDate(s string) (time.Time, bool) {
	var d date
	for _, token := range strings.FieldsFunc(s, dateDelimiter) {
		d.take(token)
	}
	return d.time()
}

// date has the parts of a date that were found so far.
type date struct {
	hour, minute, second, day, month, year int
	hasTime, hasDay, hasMonth, hasYear     bool
}

func dateDelimiter(r rune) bool {
	return r == '\t' || ' ' <= r && r <= '/' || ';' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

// take stores the token as the first part of the date that is still missing and that the token
// fits.
func (d *date) take(token string) {
	if !d.hasTime && d.takeTime(token) {
		d.hasTime = true
		return
	}
	n, digits := leading(token)
	switch {
	case !d.hasDay && (digits == 1 || digits == 2):
		d.day, d.hasDay = n, true
	case !d.hasMonth && len(token) >= 3 && months[strings.ToLower(token[:3])] != 0:
		d.month, d.hasMonth = months[strings.ToLower(token[:3])], true
	case !d.hasYear && 2 <= digits && digits <= 4:
		d.year, d.hasYear = n, true
	}
}

func (d *date) takeTime(token string) bool {
	var parts [3]int
	for i := range parts {
		n, digits := leading(token)
		if digits != 1 && digits != 2 {
			return false
		}
		parts[i], token = n, token[digits:]
		if i < 2 && !strings.HasPrefix(token, ":") {
			return false
		}
		token = strings.TrimPrefix(token, ":")
	}
	d.hour, d.minute, d.second = parts[0], parts[1], parts[2]
	return true
}

// leading returns the number at the beginning of a token and its count of digits. For more
// than four digits it returns 0 and 5.
func leading(token string) (n, digits int) {
	for digits < len(token) && '0' <= token[digits] && token[digits] <= '9' {
		if digits == 4 {
			return 0, 5
		}
		n = n*10 + int(token[digits]-'0')
		digits++
	}
	return n, digits
}

func (d *date) time() (time.Time, bool) {
	year := d.year
	switch {
	case 70 <= year && year <= 99:
		year += 1900
	case year < 70:
		year += 2000
	}
	ok := d.hasTime && d.hasDay && d.hasMonth && d.hasYear &&
		d.day >= 1 && year >= 1601 && d.hour <= 23 && d.minute <= 59 && d.second <= 59
	t := time.Date(year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return t, ok && t.Day() == d.day // the 31st of February does not exist
}

var months = map[string]int{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
	"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}
