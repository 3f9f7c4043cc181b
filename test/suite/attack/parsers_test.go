//go:build portals

package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// twins are spellings of a session's cookie, alone or together with other cookies, that only some
// parsers accept. ID is replaced by the session's id.
func twins(id string) map[string]string {
	var escaped strings.Builder
	for _, c := range []byte(id) {
		fmt.Fprintf(&escaped, "%%%02X", c)
	}
	return map[string]string{
		"as it is":             "app_sess=ID",
		"behind 3,001 pairs":   strings.Repeat(";", 3001) + "app_sess=ID",
		"behind 900 pairs":     strings.Repeat("a=b;", 900) + "app_sess=ID",
		"percent in the value": "app_sess=" + escaped.String(),
		"percent in the name":  "app%5Fsess=ID",
		"dot":                  "app.sess=ID",
		"blank":                "app sess=ID",
		"bracket":              "app[sess=ID",
		"blank in front":       "  app_sess=ID",
		"blank behind":         "app_sess=ID ",
		"array":                "app_sess[]=ID",
		"quotes":               `app_sess="ID"`,
		"byte from 0x80":       "x=\xff; app_sess=ID",
		"quote in front":       `x="; app_sess=ID`,
		"backslash in front":   `x=\; app_sess=ID`,
		"twice, first":         "app_sess=ID; app_sess=none",
		"twice, last":          "app_sess=none; app_sess=ID",
		"beside its twin":      "app_sess=none; app.sess=ID",
		"NUL behind":           "app_sess=ID%00x",
		"RFC 2965":             "$Version=1; app_sess=ID; $Path=/",
	}
}

// TestAttack_CookieSpellingsOfPHP: section A. A session of alice's that did not come through the
// gateway is sent in every spelling. PHP never sees it, neither alone nor together with a session
// that may pass. Control: most spellings open it without the gateway.
func TestAttack_CookieSpellingsOfPHP(t *testing.T) {
	h := startPHP(t, "")
	victim := h.session("alice")
	seen := 0
	for name, header := range twins(victim) {
		header = strings.ReplaceAll(header, "ID", victim)
		ask := func(b *harness.Browser, before string) *harness.Page {
			r := b.Request(http.MethodGet, "/page.php", nil)
			r.Header.Set("Cookie", before+header)
			b.Client.Jar = nil
			return b.Do(r)
		}
		if p := ask(h.direct(), ""); p.Body == markOf("alice") {
			seen++
		} else if name == "as it is" {
			t.Fatalf("the session is nobody's: %s", p.Body)
		}
		if p := ask(h.Browser(), ""); strings.Contains(p.Body+p.Header.Get("X-User"), markOf("alice")) {
			t.Errorf("%s: %d %s", name, p.Status, p.Body)
		}
		carol := h.Browser()
		phpSignIn(carol, "carol")
		p := ask(carol, cookiesOf(carol)+"; ")
		if p.Body != markOf("carol") && p.Status != http.StatusBadRequest {
			t.Errorf("%s, beside carol's own: %d %s", name, p.Status, p.Body)
		}
	}
	if seen < 8 {
		t.Errorf("PHP takes only %d of the spellings: what is shown?", seen)
	}
}

// TestAttack_SessionInURLOfPHP: section A. PHP can be configured to accept a session id from the
// query. A query field with the name of a cookie that is sealed in this visit is removed. A
// stranger's visit knows no name yet, so there the name must be declared.
func TestAttack_SessionInURLOfPHP(t *testing.T) {
	for _, extra := range []string{"", "credential query app_sess"} {
		h := startPHP(t, extra)
		h.enrol("bob")
		victim := h.session("bob")
		if p := h.direct().Get("/page.php?app_sess=" + victim); p.Body != markOf("bob") {
			t.Fatalf("PHP takes no id from the URL: %s", p.Body)
		}
		visits := h.visits(nil)
		delete(visits, "cleared as alice")
		if extra == "" {
			delete(visits, "stranger")
		}
		for visit, start := range visits {
			for _, name := range []string{"app_sess=", "app.sess=", "app%20sess=", "%61pp_sess=", "a=b&app_sess=", "app[sess="} {
				withheld(t, extra+", "+visit+", "+name, start(), func(b *harness.Browser) {
					b.Get("/page.php?" + name + victim)
					b.Get("/page.php/x.css?" + name + victim)
					b.Post("/page.php?"+name+victim, url.Values{"x": {"y"}})
					b.Post("/page.php", url.Values{"app_sess": {victim}})
					b.Fetch(http.MethodPost, "/page.php", "multipart/form-data; boundary=b",
						"--b\r\nContent-Disposition: form-data; name=\"app_sess\"\r\n\r\n"+victim+"\r\n--b--\r\n")
				})
			}
		}
	}
}

// TestAttack_FixationOfPHP: section C. An id that the attacker chose opens no session, and an id
// that was sealed for one visit opens none in another.
func TestAttack_FixationOfPHP(t *testing.T) {
	h := startPHP(t, "")
	bob := h.enrol("bob")
	victim := h.Browser()
	victim.SetCookie("app_sess", "chosenbytheattacker0000000")
	victim.Get("/page.php")
	phpSignIn(victim, "bob")
	victim.Pass(bob.Code(t))
	if p := victim.Get("/page.php"); p.Body != markOf("bob") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	fixed := h.direct()
	fixed.SetCookie("app_sess", "chosenbytheattacker0000000")
	if p := fixed.Get("/page.php"); p.Body != "nobody" {
		t.Errorf("the chosen id became bob's: %s", p.Body)
	}
	attacker := h.Browser()
	attacker.Get("/page.php")
	planted := h.Browser()
	for name, value := range attacker.Cookies("/") {
		if name != "sg" { // the visit's own
			planted.SetCookie(name, value)
		}
	}
	phpSignIn(planted, "carol")
	if p := attacker.Get("/page.php"); p.Body != "nobody" {
		t.Errorf("the attacker's session became carol's: %s", p.Body)
	}
}

func cookiesOf(b *harness.Browser) string {
	return strings.TrimSuffix(strings.TrimPrefix(cookieLine(b), "Cookie: "), "\n")
}
