package attack

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// unthrottled counts no failures before the hundredth, so that it is the code that is
// spent, and not the throttle, which keeps the others out. Few backup codes, because
// each costs a password hash.
const unthrottled = "\nbackup_codes 5\nthrottle {\n\tfree 20\n\twait 1s\n\tmax 1s\n\tstop 100\n\taddress 100000/10m\n}\n"

// owing are browsers that are signed in as alice and owe a code.
func owing(h *harness.Harness, n int) []*harness.Browser {
	all := make([]*harness.Browser, n)
	for i := range all {
		all[i] = h.Browser()
		// A POST on a connection that has just been closed is not sent again.
		all[i].Client.Transport = &http.Transport{DisableKeepAlives: true}
		all[i].SignIn("alice")
	}
	return all
}

// submitAll sends a code from all browsers at once, several times each, and returns how many
// responses redirected to the portal.
func submitAll(t *testing.T, all []*harness.Browser, each int, target, code string) int {
	t.Helper()
	var accepted atomic.Int32
	var group sync.WaitGroup
	start := make(chan struct{})
	for _, b := range all {
		for range each {
			r := b.Request(http.MethodPost, target, strings.NewReader(url.Values{"code": {code}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			group.Go(func() {
				<-start
				p, err := b.Try(r)
				if err != nil {
					t.Error(err)
				} else if p.Status == http.StatusSeeOther && !strings.HasPrefix(p.Location, "/two-factor") {
					accepted.Add(1)
				}
			})
		}
	}
	close(start)
	group.Wait()
	return int(accepted.Load())
}

// passed is how many of the browsers see alice's page.
func passed(all []*harness.Browser) (n int) {
	for _, b := range all {
		if strings.Contains(b.Get("/account").Body, harness.SecretOf("alice")) {
			n++
		}
	}
	return n
}

// TestASVS_6_5_1_HundredSubmits: RFC 6238 5.2. A hundred submits of one code at once,
// from one visit and from many, open one visit; and so for a backup code. The throttle
// is as good as off but in the last round.
func TestASVS_6_5_1_HundredSubmits(t *testing.T) {
	const backup = "/two-factor/challenge?use=backup"
	var alice *harness.Device
	h := legacyHarness(t, unthrottled)
	for i, round := range []struct {
		visits int
		target string
	}{{100, "/two-factor/challenge"}, {1, "/two-factor/challenge"}, {20, backup}, {1, backup}, {20, "/two-factor/challenge"}} {
		if i == 4 {
			h, alice = legacyHarness(t, ""), nil
		}
		if alice == nil {
			alice = enrolled(h, "alice")
		}
		code := alice.Backup[i]
		if round.target != backup {
			code = alice.Code(t)
		}
		all := owing(h, round.visits)
		accepted := submitAll(t, all, 100/round.visits, round.target, code)
		if open := passed(all); open != 1 || round.visits > 1 && accepted != 1 {
			t.Errorf("%d visits at %s: %d are open, %d answers lead to the portal", round.visits, round.target, open, accepted)
		}
		if submitAll(t, owing(h, 1), 1, round.target, code) != 0 {
			t.Errorf("%s: accepted once more", round.target)
		}
		t.Cleanup(moveClock(30)) // so that no round's failures are the next one's
		cleared(t, h, "alice", alice)
	}
}
