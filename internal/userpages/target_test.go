package userpages

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var goodTargets = []string{
	"/", "/a", "/clientarea.php?action=details", "/a//b", "/a/./b", "/?next=//evil.com", "/a?x=https://evil.com", "/caf%C3%A9", "/a%20b",
	"/wp-admin/", "/a/../b", "/index.php?rp=/login", "/x:y", "/@evil.com", "/a%2Fb", "/.well-known/x",
}

// threats.md, section F.
var badTargets = []string{
	"", "a", "?x", "#x", `/\evil.com`, "//evil.com", "///evil.com", "https:evil.com", "https://evil.com", "javascript:alert(1)", "/%09/evil.com",
	"/.//evil.com", "/.//.", "///../..", "/a/..//x", "\\\\evil.com", "/\tevil.com", "/\n/evil.com", " /a", "/a b", "/a\x00", "/%00", "/%5Cevil.com", "/%2Fevil.com", "/%2f%2fevil.com",
	"/a/..//evil.com", "/../..//evil.com", "/%2e//evil.com", "/a/%2e%2e//evil.com", "/é", "/a\x7f", "/%0d%0aSet-Cookie:x", "/%zz", "//", "/" + strings.Repeat("a", maxTarget),
}

func TestValidTarget(t *testing.T) {
	for _, s := range goodTargets {
		if !ValidTarget(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range badTargets {
		if ValidTarget(s) {
			t.Errorf("%q is accepted", s)
		}
	}
}

// FuzzValidTarget: an accepted target stays on the origin in each reading: as a browser resolves
// it, as Go does, and again after a server has normalised it.
func FuzzValidTarget(f *testing.F) {
	for _, s := range append(goodTargets, badTargets...) {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "portal.example", Path: "/two-factor/challenge"}
	f.Fuzz(func(t *testing.T, s string) {
		if !ValidTarget(s) {
			return
		}
		if origin := browserOrigin(s); origin != "https://portal.example" {
			t.Errorf("%q: a browser goes to %s", s, origin)
		}
		ref, err := url.Parse(s)
		if err != nil {
			t.Fatalf("%q does not parse: %v", s, err)
		}
		resolved := base.ResolveReference(ref)
		if resolved.Host != base.Host || resolved.Scheme != base.Scheme {
			t.Errorf("%q resolves to %s", s, resolved)
		}
		if origin := browserOrigin(resolved.Path); origin != "https://portal.example" {
			t.Errorf("%q, decoded and resolved, goes to %s", s, origin)
		}
	})
}

var schemed = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)

// browserOrigin is the origin a browser ends at from https://portal.example, by the
// URL Standard's parser as far as origins go: blanks and control characters at the
// ends are stripped, tabs and newlines removed anywhere, backslashes are slashes, a
// leading // names a host, however many slashes follow.
func browserOrigin(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	if scheme := schemed.FindString(s); scheme != "" {
		return scheme
	}
	if strings.HasPrefix(s, "//") {
		return "//" + strings.TrimLeft(s, "/")
	}
	return "https://portal.example"
}
