package check

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// device is a test customer's authenticator app and backup codes.
type device struct {
	key    *otp.Key
	backup []string
}

func (d *device) options() totp.ValidateOpts {
	return totp.ValidateOpts{Period: uint(d.key.Period()), Skew: 3, Digits: d.key.Digits(), Algorithm: d.key.Algorithm()}
}

// code returns the code of a time step, counted from the current one.
func (d *device) code(steps int) (string, error) {
	at := time.Now().Add(time.Duration(steps) * time.Duration(d.key.Period()) * time.Second)
	return totp.GenerateCodeCustom(d.key.Secret(), at, d.options())
}

// wrong returns a code that no time step near the current one has.
func (d *device) wrong() (string, error) {
	for n := 0; ; n++ {
		c := fmt.Sprintf("%0*d", d.key.Digits().Length(), n)
		if near, err := totp.ValidateCustom(c, d.key.Secret(), time.Now(), d.options()); !near {
			return c, err
		}
	}
}

// spare returns the next backup code. Each can be used once.
func (d *device) spare() (string, error) {
	if len(d.backup) == 0 {
		return "", errors.New("the backup codes are used up")
	}
	c := d.backup[0]
	d.backup = d.backup[1:]
	return c, nil
}

var errNoSetup = errors.New("the set-up page did not come, or not in its usual form")

// setUp enrols the customer who is signed in with b on the gateway's set-up page, as a
// person with an authenticator app does. It returns the new authenticator.
func (r *run) setUp(b *browse.Browser) (*device, error) {
	page, err := b.Get(r.ctx, r.at(r.site.Path+"/setup"))
	if err != nil {
		return nil, err
	}
	key, err := otp.NewKeyFromURL(page.Doc().Find(`a[href^="otpauth:"]`).AttrOr("href", ""))
	form := withField(page, "setup")
	if err != nil || form == nil {
		return nil, errNoSetup // the parser's error contains the secret link
	}
	d := &device{key: key}
	code, err := d.code(0)
	if err != nil {
		return nil, errNoSetup
	}
	done, err := b.Submit(r.ctx, form, map[string]string{"code": code})
	if err != nil {
		return nil, err
	}
	textOf := func(_ int, s *goquery.Selection) string { return s.Text() }
	d.backup = strings.Fields(strings.Join(done.Doc().Find("#codes li").Map(textOf), " "))
	if len(d.backup) == 0 {
		return nil, fmt.Errorf("the code of the app was not taken: %s answered %d", done.URL.Path, done.Status)
	}
	return d, nil
}

func withField(p *browse.Page, name string) *browse.Form {
	return p.Form(func(f *browse.Form) bool { _, ok := f.Field(name); return ok })
}

// give enters a code at the challenge and returns the page that it leads to.
func (r *run) give(b *browse.Browser, code string, backup bool) (*browse.Page, error) {
	address := r.at(r.site.Path + "/challenge")
	if backup {
		address += "?use=backup"
	}
	page, err := b.Get(r.ctx, address)
	if err != nil {
		return nil, err
	}
	form := withField(page, "code")
	if form == nil {
		return nil, fmt.Errorf("the challenge did not come: %s answered %d", page.URL.Path, page.Status)
	}
	return b.Submit(r.ctx, form, map[string]string{"code": code})
}

// passes enters a backup code at the challenge, and reports whether the gateway accepted it.
func (r *run) passes(c *customer) bool {
	code, err := c.device.spare()
	if err != nil {
		return false
	}
	page, err := r.give(c.gate, code, true)
	return err == nil && !r.isOwn(page, "challenge")
}

// enrol is the check that a customer can set up a second factor. It enrols the first one.
func (r *run) enrol() outcome {
	d, err := r.setUp(r.first.gate)
	if err != nil {
		return ending(failed(err.Error(), "see the log; the page "+r.site.Path+"/setup has to reach the gate (no handler before it may take it)"))
	}
	r.first.device = d
	if r.site.Require == "always" {
		return ok("possible, with a real code; asked for at the sign-in (require always)")
	}
	return ok("possible, with a real code; optional: customers turn it on at %s/", r.site.Path)
}

// challenge is the check that after the password, and before the code, the gateway releases
// no page of the portal. It signs the enrolled first customer in again.
func (r *run) challenge() outcome {
	c := r.first
	page, err := r.throughGate(c)
	if err != nil {
		return ending(r.signInFailed(err))
	}
	if !r.isOwn(page, "challenge") {
		remedy := "whoami does not see this sign-in at once: ask a page that shows the customer straight after it, and name its address under `sign_in`; without `watch unsafe` every response is judged"
		if names := r.passthroughSessions(); names != "" {
			remedy = "the cookie " + names + " is under `leave`, where cookies wait for the code and are not sealed: take it out of `leave` if customers are signed in by it"
		}
		return ending(failed(fmt.Sprintf("after the password %s came, without a code (%s)", page.URL.Path, aboutMark(c.marks.on(page))), remedy))
	}
	pages := slices.Concat(r.memberPages(c), []string{r.at("/"), c.entry.Login.URL.String()})
	for _, address := range pages {
		p, err := r.look(c.gate, address)
		if err != nil {
			return ending(broken(err))
		}
		if mark := c.marks.on(p); mark != "" || p.Status < 300 {
			return ending(failed(fmt.Sprintf("before the code %s was released with status %d (%s)", pathOf(address), p.Status, aboutMark(mark)),
				"take this path out of `trust`, `public` and `guest`; nothing else releases a page to a customer who owes a code"))
		}
	}
	for _, address := range r.exempt() {
		p, err := r.look(c.gate, address)
		if err != nil {
			continue
		}
		if mark := r.leaks(p, c.marks); mark != "" {
			return failed(fmt.Sprintf("before the code %s was released (%s)", p.URL.Path, aboutMark(mark)), "take this path out of `trust`, `public` and `guest`")
		}
	}
	return ok("signed in, asked for the code; %d pages tried, none released", len(pages))
}

// passthroughSessions returns the names of the first customer's cookies that would be
// sealed if the site's `leave` did not name them.
func (r *run) passthroughSessions() string {
	policy, usual := portal.NewCookiePolicy(r.site.Leave), portal.NewCookiePolicy(nil)
	var names []string
	for _, k := range r.first.direct.Cookies() {
		if policy.Class(k.Name) != portal.Sealed && usual.Class(k.Name) == portal.Sealed {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, ", ")
}

// wrongCode is the check that a wrong code does not open the portal.
func (r *run) wrongCode() outcome {
	c := r.first
	code, err := c.device.wrong()
	if err != nil {
		return skipped(err.Error())
	}
	page, err := r.give(c.gate, code, false)
	var after *browse.Page
	if err == nil {
		after, err = r.look(c.gate, c.home)
	}
	if err != nil {
		return ending(broken(err))
	}
	if !r.isOwn(page, "challenge") || c.marks.on(after) != "" || after.Status < 300 {
		return ending(failed("a wrong code led to "+page.URL.Path, "report this: it can't be caused by a setting"))
	}
	return ok("the question stays, and so do the pages behind it")
}

// rightCode is the check that a right code opens the customer's page. The code of the
// current time step is spent by the enrolment, so it enters that of the next step, or a
// backup code if the site accepts no other step (skew 0).
func (r *run) rightCode() outcome {
	c := r.first
	code, err := c.device.code(1)
	backup := *r.site.TOTP.Skew == 0
	if backup {
		code, err = c.device.spare()
	}
	if err == nil {
		_, err = r.give(c.gate, code, backup)
	}
	var p *browse.Page
	if err == nil {
		p, err = c.gate.Get(r.ctx, c.home)
	}
	if err != nil {
		return ending(broken(err))
	}
	if c.marks.on(p) == "" || p.Status != http.StatusOK {
		return ending(failed(fmt.Sprintf("after the right code %s answers %d and shows nothing of the customer", p.URL.Path, p.Status),
			"if the portal has signed the customer out by then, whoami's questions end its session: use another page, or add `watch unsafe`"))
	}
	return ok("%s shows the customer's own page", p.URL.Path)
}

// blank is a page without content, such as a portal under maintenance may send.
const blank = "<!DOCTYPE html><html><head><title></title></head><body></body></html>"

// unknown is the check that the gateway refuses requests (503) if whoami gives no answer.
// It makes whoami answer with an error, a blank page and 404. It leaves out 404 if that is
// the portal's answer to anonymous visitors.
func (r *run) unknown() outcome {
	faults := []Fault{{http.StatusInternalServerError, ""}, {http.StatusOK, blank}}
	if !r.strangersGet(http.StatusNotFound) {
		faults = append(faults, Fault{http.StatusNotFound, blank})
	}
	var tried []string
	for _, f := range faults {
		what := fmt.Sprint(f.Status)
		if f.Status == http.StatusOK {
			what = "a blank page"
		}
		r.stage.Break(&f)
		p, err := r.force(r.first.gate, r.first.home)
		r.stage.Break(nil)
		if err != nil {
			return ending(broken(err))
		}
		if p.Status != http.StatusServiceUnavailable {
			o := failed(fmt.Sprintf("when whoami answers %s, %s is let through with status %d", what, p.URL.Path, p.Status),
				"a sign under `anonymous` matches it, so a failing portal would be open: use a sign that only a working portal gives, preferably `redirect`, else `status 401`")
			o.last = !r.passes(r.first)
			return o
		}
		tried = append(tried, what)
	}
	return ok("503 when whoami answers %s", strings.Join(tried, ", "))
}

// strangersGet reports whether whoami answers anonymous visitors with this status.
func (r *run) strangersGet(status int) bool {
	if _, err := r.force(r.browser(), r.start()); err != nil {
		return false
	}
	_, asked := r.verdict()
	return asked != nil && asked.Response.Status == status
}
