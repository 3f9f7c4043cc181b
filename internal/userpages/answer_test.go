package userpages

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// answer is what came back.
type answer struct {
	*http.Response
	t    *testing.T
	body string
}

func (a answer) want(status int, texts ...string) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("status %d (Location %q), want %d\n%s", a.StatusCode, a.Header.Get("Location"), status, plainText(a.body))
	}
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			a.t.Errorf("the page lacks %q:\n%s", text, plainText(a.body))
		}
	}
	return a
}

func (a answer) wantNot(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(html.UnescapeString(a.body), text) {
			a.t.Errorf("the page has %q", text)
		}
	}
	return a
}

func (a answer) wantTo(location string) answer {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != location {
		a.t.Fatalf("sent to %q, want %q", got, location)
	}
	return a
}

var tags = regexp.MustCompile(`(?s)<[^>]*>|\s+`)

func plainText(body string) string { return tags.ReplaceAllString(body, " ") }

var (
	secretIn = regexp.MustCompile(`href="otpauth://totp/[^"]*[?;]secret=([A-Z2-7]+)`)
	setupIn  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
	backupIn = regexp.MustCompile(`<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</li>`)
)

// first returns the group of the first match.
func (a answer) first(re *regexp.Regexp) string {
	a.t.Helper()
	m := re.FindStringSubmatch(a.body)
	if m == nil {
		a.t.Fatalf("nothing like %s on the page:\n%s", re, plainText(a.body))
	}
	return m[1]
}

func (a answer) backupCodes() (codes []string) {
	for _, m := range backupIn.FindAllStringSubmatch(a.body, -1) {
		codes = append(codes, m[1])
	}
	return codes
}
