package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// segments hold session ids, which are taken out before a path is forwarded.
var segments = []string{
	"/PHPSESSID=x", "/(S(abc))", "/x;a=b/..;PHPSESSID=1", "/phpsessid=1/JSESSIONID=2", "/a/PHPSESSID=1/..", "/%28S(abc))", "/SITE=1",
}

// TestAttack_SessionSegmentHidesPath: the rules apply to the path that the portal sees, after
// session ids are removed.
func TestAttack_SessionSegmentHidesPath(t *testing.T) {
	for rule, alias := range map[string]func(segment string) string{
		"deny /xmlrpc.php": func(s string) string { return s + "/xmlrpc.php" },
		"guest / /login*":  func(s string) string { return "/login" + s + "/../account" },
		"trust /hooks/*":   func(s string) string { return "/hooks" + s + "/../account" },
	} {
		t.Run(rule, func(t *testing.T) {
			portal := &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Add("Set-Cookie", "site=1; Path=/") // its name is a session's from now on
				return false
			}}
			h := harness.Start(t, portal, harness.LegacyLines+"\n"+rule)
			b := h.Browser()
			b.Get("/")
			for _, segment := range segments {
				before := len(portal.Requests())
				p := b.Get(alias(segment))
				for _, r := range portal.Requests()[before:] {
					verbatim := segment != "/SITE=1" && strings.Contains(r.RequestURI, segment) // that one is no session's before it is opened
					if path := r.URL.Path; path == "/xmlrpc.php" || verbatim || rule != "trust /hooks/*" && strings.Contains(path, "/../") {
						t.Errorf("%s: reached the portal as %q, status %d", alias(segment), r.RequestURI, p.Status)
					}
				}
			}
		})
	}
}
