package portalkinds

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// journey is a customer's life with one portal.
type journey struct {
	t *testing.T
	k *kind
	p *portal
	h *harness.Harness
	*visitor
}

// run is the whole of it.
func (j *journey) run() {
	j.browse()
	j.mistype()
	if p := j.enter("alice", "pw-alice"); !strings.Contains(p.Body, accounts[0].secret()) {
		j.t.Fatalf("signed in without a second factor, but: %d %q\n%.600s", p.Status, p.Location, p.Body)
	}
	device := j.Enrol()
	j.use("after the set-up")
	j.leave()
	j.owe(device)
	j.use("after the code")
	j.bob()
	if j.k.more != nil {
		j.k.more(j, device)
	}
	if lost := j.p.lost(); len(lost) > 0 {
		j.t.Errorf("the portal gave sessions up: %q", lost)
	}
}

// browse opens pages as a stranger, also those that require a sign-in.
func (j *journey) browse() {
	j.t.Helper()
	for range 2 {
		if p := j.open(j.p.base + "/"); p.Status != http.StatusOK || !strings.Contains(p.Body, "stranger") {
			j.t.Fatalf("the front page: %d\n%.600s", p.Status, p.Body)
		}
		if p := j.open(j.p.base + "/account"); p.Status != http.StatusOK || !strings.Contains(p.Body, "password") {
			j.t.Fatalf("a stranger at the account: %d %q\n%.600s", p.Status, p.Location, p.Body)
		}
	}
}

// mistype gives a wrong password twice, the second time on the page that said so.
func (j *journey) mistype() {
	j.t.Helper()
	if j.k.enter != nil {
		return
	}
	p := j.open(j.p.base + j.k.form())
	for range 2 {
		p = j.submit(p, "form.login", map[string]string{"login": "alice", "password": "wrong"})
		if p.Status != http.StatusOK || strings.Contains(p.Body, "out of date") {
			j.t.Fatalf("a wrong password: %d\n%.600s", p.Status, p.Body)
		}
	}
	p = j.submit(p, "form.login", map[string]string{"login": "alice", "password": "pw-alice"})
	if !strings.Contains(p.Body, accounts[0].secret()) {
		j.t.Fatalf("signed in on the page that refused a wrong password, but: %d %q\n%.600s", p.Status, p.Location, p.Body)
	}
	j.leave()
}

// enter signs in, as this portal has it.
func (j *journey) enter(login, password string) *harness.Page {
	j.t.Helper()
	if j.k.enter != nil {
		return j.k.enter(j, login, password)
	}
	return j.submit(j.open(j.p.base+j.k.form()), "form.login", map[string]string{"login": login, "password": password})
}

// use does what signed-in customers do: look at pages, and send a form.
func (j *journey) use(when string) {
	j.t.Helper()
	for range 3 {
		if p := j.open(j.p.base + "/"); !strings.Contains(p.Body, accounts[0].secret()) {
			j.t.Fatalf("%s: the front page: %d %q\n%.600s", when, p.Status, p.Location, p.Body)
		}
	}
	p := j.open(j.p.base + "/account")
	p = j.submit(p, "form.note", map[string]string{"text": when})
	if !strings.Contains(p.Body, accounts[0].secret()) || !strings.Contains(p.Body, "<li>"+when) {
		j.t.Fatalf("%s: a form: %d %q\n%.600s", when, p.Status, p.Location, p.Body)
	}
}

// leave signs out and looks whether that is so.
func (j *journey) leave() {
	j.t.Helper()
	j.open(j.p.base + "/logout")
	if p := j.open(j.p.base + "/account"); !strings.Contains(p.Body, "password") || strings.Contains(p.Body, "SECRET") {
		j.t.Fatalf("signed out, but: %d %q\n%.600s", p.Status, p.Location, p.Body)
	}
}

// owe signs in under another spelling of the name, is asked for a code, checks that nothing is
// shown or changed before the code, and gives it.
func (j *journey) owe(device *harness.Device) {
	j.t.Helper()
	since := j.mark()
	p := j.enter(" Alice@Example.test ", "pw-alice")
	challenged := p.Status == http.StatusSeeOther && p.Location == "/two-factor/challenge" ||
		p.Status == http.StatusUnauthorized && strings.Contains(p.Body, "/two-factor/challenge")
	if !challenged {
		j.t.Fatalf("signed in with a second factor, but: %d %q\n%.600s", p.Status, p.Location, p.Body)
	}
	posted := j.p.posted()
	for _, path := range []string{"/", "/account", "/me"} {
		if p := j.open(j.p.base + path); p.Status != http.StatusSeeOther {
			j.t.Errorf("owing a code at %s: %d\n%.600s", path, p.Status, p.Body)
		}
	}
	j.note(j.Post(j.p.base+"/notes", map[string][]string{"text": {"unasked"}}))
	if j.p.posted() != posted {
		j.t.Error("owing a code, a form arrived")
	}
	if j.saw("SECRET", since) {
		j.t.Errorf("shown to somebody who owes a code: %s", j.seen.String()[since:])
	}
	if p := j.Pass(device.Code(j.t)); p.Status != http.StatusSeeOther {
		j.t.Fatalf("the code was not accepted: %d\n%.600s", p.Status, p.Body)
	}
}

// bob checks that bob, who shares some data with alice, is another user without a second factor.
func (j *journey) bob() {
	j.t.Helper()
	other := &journey{t: j.t, k: j.k, p: j.p, h: j.h, visitor: j.k.visitor(j.t, j.h)}
	if p := other.enter("bob", "pw-bob"); !strings.Contains(p.Body, accounts[1].secret()) {
		j.t.Fatalf("bob: %d %q\n%.600s", p.Status, p.Location, p.Body)
	}
	if p := other.open(j.p.base + "/two-factor-is-not-here"); p.Status != http.StatusNotFound {
		j.t.Errorf("bob at a page that is not there: %d", p.Status)
	}
	if p := j.open(j.p.base + "/account"); !strings.Contains(p.Body, accounts[0].secret()) {
		j.t.Errorf("alice, beside bob: %d", p.Status)
	}
}
