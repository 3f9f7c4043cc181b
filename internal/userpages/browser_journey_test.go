//go:build browser

package userpages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	chromium "github.com/secondgate/secondgate/test/kit/browser"

	"github.com/secondgate/secondgate/templates/templatestest"
)

// site serves the pages to a real browser; the visitor is always b.
func (b *browser) site() string {
	b.plain = true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/two-factor") {
			b.pages.ServeHTTP(w, r, b.visitor())
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>Portal</title><p id="portal">the portal</p>`)
	}))
	b.t.Cleanup(server.Close)
	return server.URL + "/two-factor"
}

// targets lists what is smaller to hit than 24 pixels (WCAG 2.2, 2.5.8) and not a
// link within a sentence.
const targets = `Array.from(document.querySelectorAll("a, button, input:not([type=hidden]), summary"))
	.filter(e => e.checkVisibility() && !e.closest("label") && getComputedStyle(e).display !== "inline")
	.filter(e => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; })
	.map(e => e.outerHTML).join("\n")`

// tour is one journey through all pages in a real Chromium. Its pictures are to be
// looked at, see browser.Screenshot.
type tour struct {
	*chromium.Browser
	t       *testing.T
	name    string
	scripts bool
	site    string
}

func (o *tour) look(page string) {
	o.t.Helper()
	o.CheckFits()
	if o.scripts {
		o.CheckAxe()
		if small := chromium.Evaluate[string](o.Browser, targets); small != "" {
			o.t.Errorf("%s: too small to hit: %s", page, small)
		}
	}
	o.Screenshot("pages-" + o.name + "-" + page)
}

func (o *tour) open(path string) {
	o.t.Helper()
	o.Open(o.site + path)
}

// send types the code into the form that a selector names and sends it.
func (o *tour) send(form, code string, status int) {
	o.t.Helper()
	o.Type(form+" [name=code]", code)
	o.Follow(form + " button.primary")
	if o.Status() != status {
		o.t.Fatalf("status %d at %s, want %d", o.Status(), o.URL(), status)
	}
}

func TestInABrowser(t *testing.T) {
	t.Run("en", func(t *testing.T) { journey(t, "en", "en", true) })
	t.Run("noscript", func(t *testing.T) { journey(t, "noscript", "en", false) })
	t.Run("rtl", func(t *testing.T) { journey(t, "rtl", templatestest.RTL, true) })
}

// journey goes through every page and makes a mistake on each, like an inattentive customer.
func journey(t *testing.T, name, language string, scripts bool) {
	w := newWorld(t, func(o *Options) { o.Locales = pseudo(t) })
	alice := w.browser("alice")
	o := &tour{Browser: chromium.Start(t), t: t, name: name, scripts: scripts, site: alice.site()}
	if !scripts {
		o.ScriptsOff()
	}
	o.open("/?lang=" + language)
	o.look("settings-off")
	e := o.setUp(w)
	o.settings(e)
	alice.visit[1] = 1 // from here on a visit without a clearance
	o.challenge(e)
	alice.visit[1] = 1
	o.recovered(w)
}

// setUp leaves the browser on the settings page.
func (o *tour) setUp(w *world) *enrolled {
	o.open("/setup")
	e := &enrolled{world: w, secret: strings.Join(strings.Fields(o.Text("#key")), "")}
	o.look("setup")
	o.Click("summary")
	o.look("setup-apps")
	o.send("main li form", "000000", 422)
	o.look("setup-wrong")
	o.send("main li form", e.code(), 200)
	e.codes = answer{body: o.HTML()}.backupCodes()
	if len(e.codes) != 10 {
		o.t.Fatalf("%d backup codes on the page", len(e.codes))
	}
	o.look("codes")
	o.copies(e.codes)
	o.open("/backup-codes?as=sheet")
	o.look("sheet")
	o.open("/backup-codes")
	o.Click("[name=saved]")
	w.busy("alice")
	o.Follow("form .primary")
	o.Click("#activity ~ details summary")
	o.look("settings-on")
	return e
}

// copies presses "Copy", which is there only with scripts.
func (o *tour) copies(codes []string) {
	o.t.Helper()
	if visible := chromium.Evaluate[bool](o.Browser, `document.querySelector("[data-copy=codes]").checkVisibility()`); visible != o.scripts {
		o.t.Errorf("the copy button is shown: %v", visible)
	}
	if !o.scripts {
		return
	}
	chromium.Evaluate[bool](o.Browser, `navigator.clipboard.writeText = async text => { window.clip = text; }, true`)
	o.Click("[data-copy=codes]")
	if clip, want := chromium.Evaluate[string](o.Browser, `window.clip`), strings.Join(codes, "\n")+"\n"; clip != want {
		o.t.Errorf("copied %q, want %q", clip, want)
	}
}

// settings goes through what can be changed, and changes nothing.
func (o *tour) settings(e *enrolled) {
	o.open("/backup-codes")
	o.look("manage")
	o.open("/setup")
	o.look("proof")
	o.send("main form", e.code(), 200)
	o.look("replace")
	o.open("/disable")
	o.look("disable")
	o.send("main form", "1", 422)
	o.look("disable-malformed")
	o.open("/help")
	o.look("help")
	o.open("/x.css")
	o.look("unknown")
}

func (o *tour) challenge(e *enrolled) {
	o.open("/challenge")
	o.look("challenge")
	o.send("main > form", "000000", 422)
	o.send("main > form", "000000", 422)
	o.look("challenge-wrong")
	for range 4 {
		o.send("main > form", "000000", 422)
	}
	o.look("challenge-wait")
	o.open("/challenge?use=backup")
	o.look("challenge-backup")
	o.send("main > form", e.codes[0], 200)
	if got := o.Text("#portal"); got != "the portal" {
		o.t.Errorf("the backup code led to %q", got)
	}
}

// recovered signs in with a recovery code from staff.
func (o *tour) recovered(w *world) {
	w.now = w.now.Add(time.Hour) // a wait may be in effect
	o.open("/challenge?use=backup")
	o.send("main > form", w.issue(), 200)
	o.look("recovered")
	o.Follow("#recovered ~ p a")
	o.look("renew")
}

// busy gives a user's settings page everything to list that it can.
func (w *world) busy(user string) {
	w.t.Helper()
	for kind := range ofCustomers {
		w.settled(store.Event{
			At: w.now, Kind: kind, User: user, Factor: "totp", Address: "2001:db8:1234:5678:9abc:def0:1234:5678",
			Agent: "Mozilla/5.0 (iPhone) Safari/604.1",
		})
	}
	for kind := range byStaff {
		w.settled(store.Event{At: w.now, Kind: kind, User: user})
	}
}
