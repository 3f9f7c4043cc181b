package operations

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// observingGlobal are the global options of a server with a readable report.
const observingGlobal = `{
	admin 127.0.0.1:ADMIN
	persist_config off
	auto_https off
	log {
		output file LOG
		level DEBUG
	}
	servers {
		trusted_proxies static 127.0.0.2/32
		protocols h1 h2c
		enable_full_duplex
	}
	two_factor {
		storage memory DIR
		admin_api tcp
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	SITE
}
`

// watch is a gateway in mode observe with its report, in front of a portal of the test or one at
// an address.
type watch struct {
	*harness.Harness
	t             *testing.T
	admin, portal string
}

func startObserving(t *testing.T, portal http.Handler, lines string, address ...string) *watch {
	t.Helper()
	w := &watch{t: t, admin: harness.FreePort(t), portal: "PORTAL"}
	if len(address) > 0 {
		w.portal = address[0]
	}
	w.Harness = harness.StartWhole(t, portal, w.text(lines+"\nmode observe"))
	return w
}

// text returns the whole Caddyfile with these lines of two_factor.
func (w *watch) text(lines string) string {
	site := "two_factor {\n" + lines + "\n}\nreverse_proxy " + w.portal
	return strings.NewReplacer("SITE", site, "ADMIN", w.admin).Replace(observingGlobal)
}

// report returns the counts so far.
func (w *watch) report() report.Summary {
	w.t.Helper()
	res, err := http.Get("http://127.0.0.1:" + w.admin + "/two_factor/report")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var all []report.Summary
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %v", res.StatusCode, err)
	}
	if len(all) == 0 {
		return report.Summary{}
	}
	return all[0]
}

// awaits waits until this was counted n times, and returns the report.
func (w *watch) awaits(kind, name string, n int64) report.Summary {
	w.t.Helper()
	var s report.Summary
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if s = w.report(); s.Counts[kind][name] >= n {
			return s
		}
	}
	w.t.Fatalf("%s %q was not counted %d times: %v", kind, name, n, s.Counts)
	return s
}

// TestReport_SignIn: the report has the signed-in user, how the sign-in was noticed, and what
// enforcing would have refused.
func TestReport_SignIn(t *testing.T) {
	w := startObserving(t, &harness.Legacy{}, harness.LegacyLines)
	b := w.Browser()
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	s := w.awaits(report.UserFree, "alice", 1)
	if s.Counts[report.SignIns]["declared path"] != 1 || s.Total(report.SignIns) != 1 || s.Total(report.Took) == 0 || s.Total(report.Unknown) != 0 {
		t.Errorf("%v", s.Counts)
	}
	b.Get("/logout")
	w.awaits(report.SignOuts, "", 1)
}

// awaitsMore waits until more than so many questions were answered.
func (w *watch) awaitsMore(questions int64) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if w.report().Total(report.Took) > questions {
			return
		}
	}
	w.t.Fatal("nobody was asked")
}
