package operations

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestMetrics: each event is counted in its own metric, and shown over HTTP.
func TestMetrics(t *testing.T) {
	var down atomic.Bool
	portal := &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if down.Load() && r.URL.Path == "/me" {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	}}
	w := start(t, portal, badger)
	before := w.scrape(t)
	b := w.Browser()
	b.SetCookie("planted", "x")
	b.SignIn("alice")
	device := b.Enrol()
	other := w.Browser()
	other.SignIn("alice")
	other.Pass("000000")
	other.Pass("nonsense")
	other.Pass(device.Code(t))
	w.Browser().SignIn("bob")
	again := w.Browser()
	again.SignIn("alice")
	again.Pass(device.Backup[0])

	after := w.scrape(t)
	grown(t, before, after, map[string]float64{
		`challenges_total{factor="totp",realm="one",result="passed"}`:   1,
		`challenges_total{factor="totp",realm="one",result="wrong"}`:    1,
		`challenges_total{factor="backup",realm="one",result="passed"}`: 1,
		`enrolments_total{kind="first",realm="one"}`:                    1,
		`enrolments_total{kind="replacement",realm="one"}`:              0,
		`totp_steps_total{realm="one",step="current"}`:                  1,
		`held_total{realm="one",verdict="challenge"}`:                   2,
		`answers_total{kind="unknown",realm="one"}`:                     0,
	})
	for _, name := range []string{
		`answers_total{kind="user",realm="one"}`, `dropped_cookies_total{realm="one"}`,
		`whoami_duration_seconds_count{realm="one"}`, `gate_duration_seconds_count{outcome="forwarded",realm="one"}`,
		`challenges_total{factor="backup",realm="one",result="malformed"}`, `page_views_total{realm="one"}`,
	} {
		if after[name] <= before[name] {
			t.Errorf("%s did not grow: %v, then %v", name, before[name], after[name])
		}
	}
	down.Store(true)
	before = after
	if p := w.Browser(); p.SignIn("carol").Status != http.StatusServiceUnavailable {
		t.Error("an unknown answer let somebody in")
	}
	after = w.scrape(t)
	if after[`answers_total{kind="unknown",realm="one"}`] <= before[`answers_total{kind="unknown",realm="one"}`] {
		t.Error("an unknown answer was not counted")
	}
	if after[`held_total{realm="one",verdict="unknown"}`] <= before[`held_total{realm="one",verdict="unknown"}`] {
		t.Error("what was held for it was not counted")
	}
}

// TestThrottleIsCounted: a wait is counted for whom it is about.
func TestThrottleIsCounted(t *testing.T) {
	w := start(t, &harness.Legacy{}, badger)
	w.reload(t, badger, legacy+"\nthrottle {\nfree 1\nwait 30s\nmax 15m\nstop 100\naddress 1000/1m\n}")
	b := w.Browser()
	b.SignIn("alice")
	b.Enrol()
	b = w.Browser()
	b.SignIn("alice")
	before := w.scrape(t)
	for range 3 {
		b.Pass("000000")
	}
	grown(t, before, w.scrape(t), map[string]float64{
		`challenges_total{factor="totp",realm="one",result="wrong"}`:     2,
		`challenges_total{factor="totp",realm="one",result="throttled"}`: 1,
		`throttled_total{by="user",realm="one"}`:                         1,
		`throttled_total{by="address",realm="one"}`:                      0,
	})
}

// TestUsersAreCounted when a configuration starts, from the index.
func TestUsersAreCounted(t *testing.T) {
	w := start(t, &harness.Legacy{}, badger)
	for _, user := range []string{"alice", "bob", "carol"} {
		b := w.Browser()
		b.SignIn(user)
		if user == "alice" {
			b.Enrol()
		}
	}
	w.reload(t, badger, legacy)
	await(t, "the users are counted", func() bool {
		s := w.scrape(t)
		return s[`users{realm="one",status="activated"}`] == 1 && s[`users{realm="one",status="not_activated"}`] == 2
	})
	await(t, "the audit log's newest entry is shown", func() bool {
		w.reload(t, badger, legacy)
		return w.scrape(t)["audit_entries"] > 0
	})
	s := w.scrape(t)
	for _, check := range []string{"store", "keys", "clock"} {
		if s[`ready{check="`+check+`"}`] != 1 {
			t.Errorf("check %s is not shown as held", check)
		}
	}
	for name := range s {
		if strings.HasPrefix(name, "clock_") {
			t.Errorf("%s is shown, and nothing compares the clock", name)
		}
	}
}

// TestMetricsOutliveReloads: neither a reload nor a failed one decreases a counter or breaks
// scraping, and a removed realm is not shown.
func TestMetricsOutliveReloads(t *testing.T) {
	w := start(t, &harness.Legacy{}, badger)
	b := w.Browser()
	b.SignIn("alice")
	b.Enrol()
	before := w.scrape(t)
	const enrolled = `enrolments_total{kind="first",realm="one"}`
	if before[enrolled] != 1 {
		t.Fatalf("enrolments: %v", before[enrolled])
	}
	for range 3 {
		w.reload(t, badger, legacy)
	}
	for _, broken := range []string{legacy + "\nnonsense", legacy + "\nbrand {\nlogo HERE/no-such-file\n}"} {
		if err := w.TryWhole(w.text(badger, broken)); err == nil {
			t.Fatal("a broken configuration was loaded")
		}
	}
	if err := w.TryWhole(w.text(badger, strings.Replace(legacy, "realm one", "realm two\nbrand {\nlogo HERE/no-such-file\n}", 1))); err == nil {
		t.Fatal("a broken configuration was loaded")
	}
	after := w.scrape(t)
	for name, v := range before {
		if strings.Contains(name, "_total") && after[name] < v {
			t.Errorf("%s fell from %v to %v", name, v, after[name])
		}
	}
	for name := range after {
		if strings.Contains(name, `realm="two"`) {
			t.Errorf("%s is of a configuration that was never loaded", name)
		}
	}
	w.reload(t, badger+"\nretired_realms one", strings.Replace(legacy, "realm one", "realm two", 1))
	after = w.scrape(t)
	for name := range after {
		if strings.Contains(name, `realm="one"`) {
			t.Errorf("%s is of a realm that is gone", name)
		}
	}
	w.reload(t, badger, legacy)
	if got := w.scrape(t)[enrolled]; got != 1 {
		t.Errorf("enrolments after the realm came back: %v", got)
	}
}

// TestNoSeriesFromStrangers: no user, path, cookie, header or code of a client creates a new
// series.
func TestNoSeriesFromStrangers(t *testing.T) {
	random := &strangers{}
	w := start(t, random, badger)
	b := w.Browser()
	b.SignIn("alice")
	b.Enrol()
	w.Browser().Get("/x")
	w.reload(t, badger, legacy)
	var before series
	await(t, "the users are counted", func() bool {
		before = w.scrape(t)
		_, counted := before[`users{realm="one",status="activated"}`]
		_, checked := before[`ready{check="store"}`]
		return counted && checked
	})
	random.on.Store(true)
	for range 300 {
		b := w.Browser()
		b.SetCookie(rand.Text(), rand.Text())
		b.Header.Set("X-"+rand.Text(), rand.Text())
		b.Get("/" + rand.Text() + "?" + rand.Text())
		b.Fetch("POST", "/two-factor/challenge", "", rand.Text())
		b.Post("/two-factor/challenge", url.Values{"code": {rand.Text()[:8]}, rand.Text(): {rand.Text()}})
	}
	if !random.asked.Load() {
		t.Fatal("nobody was asked who they are")
	}
	after := w.scrape(t)
	if a, b := before.names(), after.names(); !maps.Equal(a, b) {
		for name := range b {
			if !a[name] {
				t.Errorf("strangers made %s", name)
			}
		}
	}
}

// strangers is a portal to which every request comes from a new stranger.
type strangers struct {
	harness.Legacy
	on, asked atomic.Bool
	n         atomic.Int64
}

func (s *strangers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.on.Load() {
		s.Legacy.ServeHTTP(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: rand.Text(), Path: "/"})
	if r.URL.Path == "/me" {
		s.asked.Store(true)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"user":"stranger %d"}`, s.n.Add(1))
		return
	}
	fmt.Fprint(w, "hello")
}

// TestHealthWhileObserving: health is ours in `mode observe` as well, and costs the portal
// nothing.
func TestHealthWhileObserving(t *testing.T) {
	portal := &harness.Legacy{}
	w := start(t, portal, badger)
	w.reload(t, badger, legacy+"\nmode observe")
	for path, text := range map[string]string{
		"/two-factor/health": `{"status":"ok"}`, "/two-factor/health/live": `{"status":"ok"}`, "/two-factor/health/ready": `"store":"ok"`,
	} {
		p := w.Browser().Get(path)
		if p.Status != http.StatusOK || !strings.Contains(p.Body, text) || len(p.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %d %s, %v", path, p.Status, p.Body, p.Header)
		}
	}
	if n := len(portal.Requests()); n != 0 {
		t.Errorf("the portal got %d requests", n)
	}
	before := w.scrape(t)
	w.Browser().SignIn("alice")
	await(t, "the question is counted", func() bool {
		const answers = `answers_total{kind="user",realm="one"}`
		return w.scrape(t)[answers] > before[answers]
	})
}
