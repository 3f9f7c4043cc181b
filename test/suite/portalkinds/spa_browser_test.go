//go:build browser

package portalkinds

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/harness"
)

var (
	//go:embed testdata/page.html
	appPage string
	//go:embed testdata/app.js
	script string
)

// policy is as strict as a portal's can be that runs scripts.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// shell serves the portal's page and script before its interface.
func shell(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/app.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, script)
		case r.URL.Path == "/api/planted":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"challenge":%q}`, r.URL.Query().Get("to"))
		case strings.HasPrefix(r.URL.Path, "/api/"):
			api.ServeHTTP(w, r)
		default:
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", policy)
			fmt.Fprint(w, appPage)
		}
	})
}

// cookieAPI is the app's interface with a session cookie in the token's place.
func cookieAPI(a *app) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err == nil {
			r.Header.Set("Authorization", "Bearer "+c.Value)
		}
		a.ServeHTTP(w, r)
	})
}

const cookieLines = `	whoami /api/me {
		anonymous status 401
		user json user.id
	}
`

// appKind is a single-page portal of one kind.
type appKind struct {
	name, lines string
	handler     func(a *app) http.Handler
	// twice: the password is wanted again after the code.
	twice bool
}

var appKinds = []appKind{
	{"token", appLines, func(a *app) http.Handler { return a }, true},
	{"cookie", cookieLines, func(a *app) http.Handler {
		a.Answer = func(w http.ResponseWriter, token string) {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", HttpOnly: true})
			fmt.Fprint(w, `{}`)
		}
		return cookieAPI(a)
	}, false},
}

func await(t *testing.T, what string, where func() string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s does not come; the browser is at %s", what, where())
		}
	}
}

// appVisitor is a user at the app's page.
type appVisitor struct {
	*browser.Browser
	t *testing.T
}

func (v *appVisitor) at() string { return v.URL() + ": " + v.Text("main") }

func (v *appVisitor) submit(name, password string) {
	v.t.Helper()
	v.shows("user", "nobody")
	v.Type("#name", name)
	v.Type("#password", password)
	v.Click("#sign-in button")
}

// shows waits until the page contains a text.
func (v *appVisitor) shows(id, text string) {
	v.t.Helper()
	await(v.t, id+" "+text, v.at, func() bool {
		return browser.Evaluate[string](v.Browser, `(document.getElementById("`+id+`") || {}).textContent || ""`) == text
	})
}

// challenged waits for the challenge and gives the code.
func (v *appVisitor) challenged(base string, device *harness.Device) {
	v.t.Helper()
	await(v.t, "the challenge", v.at, func() bool { return v.URL() == base+"/two-factor/challenge" })
	v.Type("#code", device.Code(v.t))
	v.Follow("form:has(#code) button.primary")
}

// TestAssist takes a user through the app in a browser. A sign-in that meets the gate leads to the
// challenge and back to the page. So does a call after the clearance has ended. Both work by fetch
// and by XMLHttpRequest, under the portal's own strict content security policy.
func TestAssist(t *testing.T) {
	for _, k := range appKinds {
		for _, call := range []string{"fetch", "xhr"} {
			t.Run(k.name+"/"+call, func(t *testing.T) {
				a := newApp()
				h := &appHarness{harness.Start(t, shell(k.handler(a)), k.lines), a, t}
				_, device := h.enrolledBy(k)
				v := &appVisitor{browser.Start(t), t}
				at := h.URL + "/invoices?" + call + "=1#last"
				v.Open(at)
				v.submit("alice", "wrong")
				v.shows("problem", "status 403")
				v.submit("alice", "pw-alice")
				v.challenged(h.URL, device)
				if v.URL() != at {
					t.Fatalf("the code leads to %s, want %s", v.URL(), at)
				}
				if k.twice {
					v.submit("alice", "pw-alice")
				}
				v.shows("user", "alice")
				v.Screenshot("spa-" + k.name)
				t.Cleanup(clock.Move(31 * time.Minute))
				v.Click("#load")
				v.challenged(h.URL, device)
				if v.URL() != at {
					t.Fatalf("the second code leads to %s, want %s", v.URL(), at)
				}
				v.shows("user", "alice")
				v.Click("#load")
				v.shows("invoice", "SECRET-/api/data-alice")
			})
		}
	}
}

// enrolledBy sets up alice's second factor as a portal of the kind signs in.
func (h *appHarness) enrolledBy(k appKind) (*tab, *harness.Device) {
	h.t.Helper()
	if k.twice {
		return h.enrolled("alice")
	}
	b := &tab{Browser: h.Browser(), h: h}
	b.Get("/")
	b.Fetch("POST", "/api/token", "application/x-www-form-urlencoded", "username=alice&password=pw-alice")
	return b, b.Enrol()
}

// TestAssist_StaysHome: the script follows no document to anywhere but the own pages,
// and gives up where leaving does not help.
func TestAssist_StaysHome(t *testing.T) {
	a := newApp()
	h := harness.Start(t, shell(a), appLines)
	v := &appVisitor{browser.Start(t), t}
	for _, to := range []string{"https://attacker.example/", "//attacker.example/two-factor/challenge", "/elsewhere", "/two-factor/../x", "javascript:alert(1)", ""} {
		for _, call := range []string{"fetch", "xhr"} {
			at := h.URL + "/?" + call + "=1&call=" + "%2Fapi%2Fplanted%3Fto=" + strings.ReplaceAll(to, "/", "%252F")
			v.Open(at)
			v.shows("problem", "status 401")
			if v.URL() != at {
				t.Errorf("%s by %s leads to %s", to, call, v.URL())
			}
		}
	}
}

// TestAssist_GivesUp: if the challenge has nothing to ask for and calls are still refused, the
// page gets the refusal after a few attempts.
func TestAssist_GivesUp(t *testing.T) {
	a := newApp()
	k := appKinds[1]
	h := harness.Start(t, shell(k.handler(a)), k.lines)
	v := &appVisitor{browser.Start(t), t}
	v.Open(h.URL + "/")
	v.submit("carol", "pw-carol")
	v.shows("user", "carol")
	at := h.URL + "/?call=%2Fapi%2Fplanted%3Fto=%2Ftwo-factor%2Fchallenge"
	v.Open(at)
	v.shows("problem", "status 401")
	if v.URL() != at {
		t.Errorf("it ends at %s", v.URL())
	}
}
