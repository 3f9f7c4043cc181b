package portalkinds

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// cleared is a tab of alice's after the code.
func (h *appHarness) cleared(user string, device *harness.Device) *tab {
	h.t.Helper()
	b := h.open()
	b.signIn(user)
	if p := b.Pass(device.Code(h.t)); p.Status != http.StatusSeeOther {
		h.t.Fatalf("%s's code is refused: %d", user, p.Status)
	}
	if p := b.signIn(user); p.Status != http.StatusOK {
		h.t.Fatalf("%s's sign-in after the code: %d %s", user, p.Status, p.Body)
	}
	return b
}

// TestAttack_TokenOfOneClearanceOfAnother: bob's clearance does nothing for alice's token.
func TestAttack_TokenOfOneClearanceOfAnother(t *testing.T) {
	h := startApp(t, newApp(), "")
	h.enrolled("alice")
	_, device := h.enrolled("bob")
	b := h.cleared("bob", device)
	own := b.token
	b.token = h.Make("alice")
	refused(t, "alice's token", b.send("GET", "/api/data", ""))
	refused(t, "alice's token, changing", b.send("POST", "/api/data", "x=1"))
	b.token = own
	passes(t, "bob's own", b.send("GET", "/api/data", ""), "bob")
}

// TestAttack_TokenElsewhere: an attacker uses the token of a user who has a clearance in another
// browser.
func TestAttack_TokenElsewhere(t *testing.T) {
	h := startApp(t, newApp(), "")
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	thief := h.open()
	thief.token = b.token
	refused(t, "in another browser", thief.send("GET", "/api/data", ""))
	refused(t, "again", thief.send("GET", "/api/data", ""))
	program := &tab{Browser: h.Browser(), h: h, token: b.token}
	refused(t, "without any cookies", program.send("GET", "/api/data", ""))
	passes(t, "where it belongs", b.send("GET", "/api/data", ""), "alice")
}

// TestAttack_TokenAfterSignOut: signing out ends the clearance, whether or not the
// portal can revoke its tokens.
func TestAttack_TokenAfterSignOut(t *testing.T) {
	for _, stateless := range []bool{false, true} {
		t.Run(fmt.Sprintf("stateless=%v", stateless), func(t *testing.T) {
			a := newApp()
			a.Stateless = stateless
			h := startApp(t, a, "")
			_, device := h.enrolled("alice")
			b := h.cleared("alice", device)
			before := b.Clone()
			if p := b.send("POST", "/api/revoke", "token="+b.token); p.Status != http.StatusOK {
				t.Fatalf("signing out: %d %s", p.Status, p.Body)
			}
			old := &tab{Browser: before, h: h, token: b.token}
			if p := b.send("GET", "/api/data", ""); strings.HasSuffix(p.Body, "alice") {
				t.Errorf("the token after the sign-out: %d %s", p.Status, p.Body)
			}
			if p := old.send("GET", "/api/data", ""); strings.HasSuffix(p.Body, "alice") {
				t.Errorf("with the cookies from before the sign-out: %d %s", p.Status, p.Body)
			}
			b.token = ""
			refused(t, "signing in again", b.signIn("alice"))
		})
	}
}

// TestAttack_SignOutFromElsewhere: another site can't sign a user out.
func TestAttack_SignOutFromElsewhere(t *testing.T) {
	a := newApp()
	a.Stateless = true
	h := startApp(t, a, "")
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	r := b.Request(http.MethodPost, "/api/revoke", strings.NewReader("x=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.Do(r)
	passes(t, "afterwards", b.send("GET", "/api/data", ""), "alice")
}

// TestAttack_SecondTokenSignIn: in a visit that is signed in and cleared as bob (or as carol, who
// owes nothing), a sign-in as alice releases nothing, and bob's clearance ends.
func TestAttack_SecondTokenSignIn(t *testing.T) {
	h := startApp(t, newApp(), "")
	h.enrolled("alice")
	_, device := h.enrolled("bob")
	b := h.cleared("bob", device)
	own := b.token
	refused(t, "signing in as alice", b.signIn("alice"))
	b.token = own
	refused(t, "bob's token, when the clearance has ended", b.send("GET", "/api/data", ""))

	c := h.open()
	c.signIn("carol")
	refused(t, "carol signing in as alice", c.signIn("alice"))
	c.token = ""
	refused(t, "without a token", c.signIn("alice"))
	refused(t, "signing in as carol over it", c.signIn("carol"))
	c.Post("/two-factor/challenge", url.Values{"action": {"sign-out"}})
	c.signIn("carol")
	passes(t, "carol, after alice was cancelled", c.send("GET", "/api/data", ""), "carol")
}

// TestAttack_HiddenToken: a response in which the gateway can't find the token for certain is
// released to no client. A response that it can read is judged.
func TestAttack_HiddenToken(t *testing.T) {
	plain := func(status int, kind, format string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, strings.ReplaceAll(format, "%T", token))
		}
	}
	const js = "application/json"
	for _, c := range []struct {
		name   string
		want   int
		answer func(http.ResponseWriter, string)
	}{
		{"created", 401, plain(201, js, `{"access_token":"%T"}`)},
		{"beside an error", 401, plain(403, js, `{"access_token":"%T"}`)},
		{"beside another error", 401, plain(500, js, `{"access_token":"%T"}`)},
		{"as text", 401, plain(200, "text/plain", `{"access_token":"%T"}`)},
		{"compressed", 401, func(w http.ResponseWriter, token string) { gzipped(w, `{"access_token":"`+token+`"}`) }},
		{"compressed in an unknown way", 503, func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, `{"access_token":"`+token+`"}`)
		}},
		{"twice", 503, plain(200, js, `{"access_token":"%T","access_token":"x"}`)},
		{"in no JSON", 503, plain(200, js, `callback({"access_token":"%T"})`)},
		{"in a page", 503, plain(200, "text/html", `<script>token="%T"</script>`)},
		{"in an object", 503, plain(200, js, `{"access_token":{"value":"%T"}}`)},
		{"with a blank", 503, plain(200, js, `{"access_token":"%T x"}`)},
		{"nobody's", 503, plain(200, js, `{"access_token":"%T-x"}`)},
		{"partial", 503, plain(206, js, `{"access_token":"%T`)},
		{"beyond the bound", 503, func(w http.ResponseWriter, token string) {
			fmt.Fprintf(w, `{"access_token":%q,"x":%q}`, token, strings.Repeat("x", 2<<20))
		}},
		{"cut off", 401, func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Length", "4000")
			fmt.Fprintf(w, `{"access_token":%q}`, token)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp()
			h := startApp(t, a, "")
			h.enrolled("alice")
			a.Answer = c.answer
			p := h.open().signIn("alice")
			quiet(t, c.name, p)
			if p.Status != c.want {
				t.Errorf("status %d %s, want %d", p.Status, p.Body, c.want)
			}
		})
	}
}

// TestToken_None: a response without a token passes where it shows that the sign-in
// failed, by its status where nothing is declared; any other is withheld (rule G8).
func TestToken_None(t *testing.T) {
	a := newApp()
	h := startApp(t, a, "")
	b := h.open()
	if p := b.send("POST", "/api/token", "username=alice&password=wrong"); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "invalid_grant") {
		t.Errorf("a wrong password: %d %s", p.Status, p.Body)
	}
	for _, answer := range []string{``, `{}`, `{"access_token":null}`, `{"access_token":""}`, `[]`, `"x"`} {
		a.Answer = func(w http.ResponseWriter, _ string) { fmt.Fprint(w, answer) }
		if p := b.signIn("alice"); p.Status != http.StatusServiceUnavailable {
			t.Errorf("%q: %d %s", answer, p.Status, p.Body)
		}
	}
	a.Answer = func(w http.ResponseWriter, _ string) { http.Error(w, "broken", http.StatusBadGateway) }
	if p := b.signIn("alice"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("a broken portal: %d %s", p.Status, p.Body)
	}
}

// TestAttack_TokenBesideHeader: a token in the query or the body, of which whoami is
// not asked, does not reach the portal.
func TestAttack_TokenBesideHeader(t *testing.T) {
	h := startApp(t, newApp(), "")
	_, device := h.enrolled("alice")
	token := h.Make("alice")
	bob := h.open()
	bob.signIn("bob")
	cleared := h.cleared("alice", device)
	for _, b := range []*tab{h.open(), bob, {Browser: h.Browser(), h: h}, cleared} {
		b.token = ""
		for _, query := range []string{"access_token=", "a=b&access_token=", "access%5Ftoken=", "a=b;access_token=", "access_token[]=", "Access_Token="} {
			p := b.Fetch("GET", "/api/data?"+query+token, "", "")
			quiet(t, query, p)
			if p.Status != http.StatusForbidden {
				t.Errorf("%s: status %d", query, p.Status)
			}
		}
		for kind, bodies := range map[string][]string{
			"application/x-www-form-urlencoded":               {"access_token=" + token, "a=b&access%5ftoken=" + token},
			"application/x-www-form-urlencoded;charset=UTF-8": {"access_token=" + token},
			"application/json":                                {`{"access_token":"` + token + `"}`, `{"a":{"b":[1]},"\u0061ccess_token":"` + token + `"}`},
			"":                                                {"access_token=" + token, `{"access_token":"` + token + `"}`},
		} {
			for _, body := range bodies {
				for _, method := range []string{"POST", "GET", "PUT"} {
					p := b.Fetch(method, "/api/data", kind, body)
					quiet(t, kind+" "+body, p)
					if p.Status != http.StatusForbidden {
						t.Errorf("%s %s %s: status %d", method, kind, body, p.Status)
					}
				}
			}
		}
		for kind, body := range map[string]string{
			"application/json;charset=utf-16":                      `{"access_token":"` + token + `"}`,
			"application/json":                                     `{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `,"access_token":"` + token + `"}`,
			"application/x-www-form-urlencoded; charset=utf-16":    "access_token=" + token,
			"application/x-www-form-urlencoded; charset=us-ascii ": "access_token=" + token,
		} {
			p := b.Fetch("POST", "/api/data", kind, body)
			quiet(t, kind, p)
			if p.Status != http.StatusUnsupportedMediaType && p.Status != http.StatusForbidden {
				t.Errorf("%s: status %d", kind, p.Status)
			}
		}
	}
	if p := cleared.Fetch("POST", "/api/data", "application/json", `{"flows":[{"access_token":"of another service"}]}`); p.Status != http.StatusOK {
		t.Errorf("a name further down: %d %s", p.Status, p.Body)
	}
}

// TestAttack_DeclaredQueryToken: a token in a declared parameter of the query is asked
// about, and kept answers don't mix.
func TestAttack_DeclaredQueryToken(t *testing.T) {
	h := startApp(t, newApp(), "credential query access_token\n")
	_, device := h.enrolled("alice")
	alice, bob := h.Make("alice"), h.Make("bob")
	get := func(b *tab, token string) *harness.Page {
		return b.Fetch("GET", "/api/data?access_token="+token, "", "")
	}
	b := h.open()
	refused(t, "alice's", get(b, alice))
	passes(t, "bob's, who owes nothing", get(b, bob), "bob")
	refused(t, "alice's again", get(b, alice))
	c := h.cleared("alice", device)
	c.token = ""
	passes(t, "in her own visit", get(c, alice), "alice")
	passes(t, "bob's in her visit", get(c, bob), "bob")
}

// TestToken_Sealed: the browser can read neither the token nor its user, and the portal never gets
// the sealed form.
func TestToken_Sealed(t *testing.T) {
	h := startApp(t, newApp(), "")
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	for name, value := range b.Cookies("/") {
		if strings.Contains(value, "TOKEN") || strings.Contains(value, "alice") {
			t.Errorf("cookie %s holds %s", name, value)
		}
	}
	b.token = ""
	p := b.Fetch("GET", "/api/data", "", "")
	if !strings.HasSuffix(p.Body, "-") {
		t.Errorf("without the script's token the portal knows somebody: %s", p.Body)
	}
	for _, header := range h.headers {
		if header.Get("Cookie") != "" {
			t.Errorf("the portal got cookies: %s", header.Get("Cookie"))
		}
	}
	if last := h.headers[len(h.headers)-1]; last.Get("Authorization") != "" {
		t.Error("the sealed token was sent on")
	}
}

// TestToken_KeptByScript: a script sends its token after the clearance has ended, or in a browser
// that has lost its visit. It is redirected to a challenge for the token's user.
func TestToken_KeptByScript(t *testing.T) {
	h := startApp(t, newApp(), "session 1h idle 30m\n")
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	t.Cleanup(clock.Move(31 * time.Minute))
	refused(t, "after an idle time", b.send("GET", "/api/data", ""))
	if p := b.Pass(device.Code(t)); p.Status != http.StatusSeeOther {
		t.Fatalf("the code: %d", p.Status)
	}
	passes(t, "after the code", b.send("GET", "/api/data", ""), "alice")

	fresh := h.open()
	fresh.token = b.token
	refused(t, "in a fresh visit", fresh.send("GET", "/api/data", ""))
	if p := fresh.Pass(device.Code(t)); p.Status != http.StatusSeeOther {
		t.Fatalf("the code in the fresh visit: %d", p.Status)
	}
	passes(t, "in the fresh visit", fresh.send("GET", "/api/data", ""), "alice")
}

// TestToken_Expired: a token that the portal no longer accepts is removed from the visit.
func TestToken_Expired(t *testing.T) {
	h := startApp(t, newApp(), "recheck 0\n")
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	h.mu.Lock()
	clear(h.tokens)
	h.mu.Unlock()
	if p := b.Get("/two-factor/challenge"); p.Status != http.StatusSeeOther || p.Location != "/" {
		t.Errorf("own pages still know somebody: %d %s", p.Status, p.Location)
	}
	b.token = ""
	refused(t, "signing in again", b.signIn("alice"))
}

// TestToken_AskedWhole: the gateway asks the portal for a complete, readable response, whatever
// coding or range the request asks for.
func TestToken_AskedWhole(t *testing.T) {
	a := newApp()
	var got http.Header
	h := &appHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/token" {
			got = r.Header.Clone()
		}
		a.ServeHTTP(w, r)
	}), appLines), a, t}
	b := h.open()
	for name, value := range map[string]string{"Range": "bytes=0-9", "If-None-Match": `"x"`, "Accept-Encoding": "br"} {
		b.Header.Set(name, value)
	}
	b.signIn("carol")
	if got.Get("Range") != "" || got.Get("If-None-Match") != "" || got.Get("Accept-Encoding") != "identity" {
		t.Errorf("the portal got %v", got)
	}
}

// TestAttack_PlantedToken: another site can't put its own user into a victim's visit.
func TestAttack_PlantedToken(t *testing.T) {
	h := startApp(t, newApp(), "")
	b := h.open()
	token := h.Make("bob")
	send := func(site string) {
		r := b.Request(http.MethodGet, "/api/data", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Sec-Fetch-Mode", "cors")
		b.Do(r)
	}
	send("cross-site")
	if p := b.Get("/two-factor/"); p.Status != http.StatusForbidden {
		t.Errorf("own pages know somebody: %d", p.Status)
	}
	send("same-origin")
	if p := b.Get("/two-factor/"); p.Status != http.StatusOK {
		t.Errorf("own pages don't know whom a script of this site sent: %d", p.Status)
	}
}

// TestToken_SignOutBesideOthers: a sign-out is answered although another request found out before
// it that no user is signed in any more.
func TestToken_SignOutBesideOthers(t *testing.T) {
	a := newApp()
	arrived, revoked, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	h := &appHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/slow":
			close(arrived)
			<-revoked
		case "/api/revoke":
			a.ServeHTTP(w, r)
			close(revoked)
			<-answered
			return
		}
		a.ServeHTTP(w, r)
	}), appLines), a, t}
	_, device := h.enrolled("alice")
	b := h.cleared("alice", device)
	slow := b.Request(http.MethodGet, "/api/slow", nil)
	slow.Header.Set("Authorization", "Bearer "+b.token)
	go func() {
		defer close(answered)
		if p, err := b.Try(slow); err != nil || strings.HasSuffix(p.Body, "alice") {
			t.Errorf("the request beside: %v %v", p, err)
		}
	}()
	<-arrived
	if p := b.send("POST", "/api/revoke", "token=x"); p.Status != http.StatusOK {
		t.Errorf("the sign-out: %d %s", p.Status, p.Body)
	}
	if p := b.send("GET", "/api/data", ""); strings.HasSuffix(p.Body, "alice") {
		t.Errorf("after it: %d %s", p.Status, p.Body)
	}
}
