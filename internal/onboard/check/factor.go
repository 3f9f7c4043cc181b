package check

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

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

// code is that of the time step so many steps from now.
func (d *device) code(steps int) (string, error) {
	at := time.Now().Add(time.Duration(steps) * time.Duration(d.key.Period()) * time.Second)
	return totp.GenerateCodeCustom(d.key.Secret(), at, totp.ValidateOpts{
		Period: uint(d.key.Period()), Digits: d.key.Digits(), Algorithm: d.key.Algorithm(),
	})
}

// wrong is a code of no step near now.
func (d *device) wrong() (string, error) {
	near := map[string]bool{}
	for step := -3; step <= 3; step++ {
		c, err := d.code(step)
		if err != nil {
			return "", err
		}
		near[c] = true
	}
	for n := 0; ; n++ {
		if c := fmt.Sprintf("%0*d", d.key.Digits().Length(), n); !near[c] {
			return c, nil
		}
	}
}

// spare takes one of the backup codes.
func (d *device) spare() (string, error) {
	if len(d.backup) == 0 {
		return "", errors.New("the backup codes are used up")
	}
	c := d.backup[0]
	d.backup = d.backup[1:]
	return c, nil
}

var errNoSetup = errors.New("the set-up page did not come, or not in its usual form")

// setUp enrols whoever is signed in, by the gate's own pages.
func (r *run) setUp(b *browse.Browser) (*device, error) {
	page, err := b.Get(r.ctx, r.at(r.site.Path+"/setup"))
	if err != nil {
		return nil, err
	}
	key, err := otp.NewKeyFromURL(page.Doc().Find(`a[href^="otpauth:"]`).AttrOr("href", ""))
	form := withField(page, "setup")
	if err != nil || form == nil {
		return nil, errNoSetup // the link is a secret, and so is what its parser says of it
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
	d.backup = strings.Fields(strings.Join(done.Doc().Find("#codes li").Map(textOf), " "))
	if len(d.backup) == 0 {
		return nil, fmt.Errorf("the code of the app was not taken: %s answered %d", done.URL.Path, done.Status)
	}
	return d, nil
}

func withField(p *browse.Page, name string) *browse.Form {
	for _, f := range p.Forms() {
		if _, ok := f.Field(name); ok {
			return f
		}
	}
	return nil
}

// give puts a code into the challenge, and gives the page that it led to.
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

// pass gives a backup code.
func (r *run) pass(b *browse.Browser, d *device) error {
	code, err := d.spare()
	if err != nil {
		return err
	}
	page, err := r.give(b, code, true)
	if err == nil && r.own(page, "challenge") {
		return errors.New("a fresh backup code was not taken")
	}
	return err
}

// enrol sets the second factor up for the first customer.
func (r *run) enrol() bool {
	d, err := r.setUp(r.first.gate)
	if err != nil {
		r.report.fail(rowEnrol, err.Error(), "see the log; the page "+r.site.Path+"/setup has to reach the gate (no handler before it may take it)")
		return false
	}
	r.first.device = d
	asked := "optional: customers turn it on at " + r.site.Path + "/"
	if r.site.Require == "always" {
		asked = "asked for at the sign-in (require always)"
	}
	r.report.ok(rowEnrol, "possible, with a real code; %s", asked)
	return true
}

// challenge signs the enrolled customer in again: from the password on, nothing of
// the portal may come but the gate's question.
func (r *run) challenge() bool {
	c := r.first
	b, page, ok := r.throughGate(c)
	if !ok {
		return false
	}
	c.gate = b
	if !r.own(page, "challenge") {
		remedy := "whoami does not see this sign-in at once: ask a page that shows the customer straight after it, and name its address under `sign_in`; without `watch unsafe` every response is judged"
		if names := r.leftByName(); names != "" {
			remedy = "the cookie " + names + " is under `leave`, where cookies wait for the code and are not sealed: take it out of `leave` if customers are signed in by it"
		}
		r.report.fail(rowChallenge, fmt.Sprintf("after the password %s came, without a code (%s)", page.URL.Path, pageSays(c, page)), remedy)
		return false
	}
	pages := slices.Concat(r.memberPages(c), []string{r.at("/"), c.entry.Login.URL.String()})
	for _, address := range pages {
		p, err := r.look(b, address)
		if err != nil {
			r.report.fail(rowChallenge, err.Error(), "see the log")
			return false
		}
		if mark, found := c.tell.in(p); found || p.Status < 300 {
			r.report.fail(rowChallenge, fmt.Sprintf("before the code %s was released with status %d (%s)", pathOf(address), p.Status, aboutMark(mark, found)),
				"take this path out of `trust`, `public` and `guest`; nothing else lets a page out to somebody who owes a code")
			return false
		}
	}
	for _, address := range r.exempt() {
		if p, err := r.look(b, address); err == nil {
			if mark, found := c.tell.in(p); found && !r.ours(p) {
				r.report.fail(rowChallenge, fmt.Sprintf("before the code %s was released (%s)", p.URL.Path, aboutMark(mark, found)), "take this path out of `trust`, `public` and `guest`")
				return true
			}
		}
	}
	r.report.ok(rowChallenge, "signed in, asked for the code; %d pages tried, none released", len(pages))
	return true
}

// leftByName are the cookies of a sign-in at the portal that the site's own `leave` names.
func (r *run) leftByName() string {
	left, usual := portal.NewLeave(r.site.Leave), portal.NewLeave(nil)
	var names []string
	for _, k := range r.first.direct.Cookies() {
		if left.Class(k.Name) != portal.Sealed && usual.Class(k.Name) == portal.Sealed {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, ", ")
}

func pageSays(c *customer, p *browse.Page) string {
	mark, found := c.tell.in(p)
	return aboutMark(mark, found)
}

func aboutMark(mark string, found bool) string {
	if !found {
		return "it shows nothing of the customer"
	}
	return fmt.Sprintf("it shows %q, as only somebody signed in sees", shorten(mark))
}

func shorten(s string) string {
	if c := []rune(s); len(c) > 40 {
		return string(c[:40]) + "…"
	}
	return s
}

func (r *run) wrongCode() bool {
	c := r.first
	code, err := c.device.wrong()
	if err != nil {
		r.report.skip(rowWrong, err.Error())
		return true
	}
	page, err := r.give(c.gate, code, false)
	if err != nil {
		r.report.fail(rowWrong, err.Error(), "see the log")
		return false
	}
	after, err := r.look(c.gate, c.home)
	if err != nil {
		r.report.fail(rowWrong, err.Error(), "see the log")
		return false
	}
	if _, found := c.tell.in(after); !r.own(page, "challenge") || found || after.Status < 300 {
		r.report.fail(rowWrong, "a wrong code led to "+page.URL.Path, "report this: no setting does it")
		return false
	}
	r.report.ok(rowWrong, "the question stays, and so do the pages behind it")
	return true
}

// rightCode gives a code that was not used before: the next one, where the settings
// take it early, or a backup code.
func (r *run) rightCode() bool {
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
		r.report.fail(rowRight, err.Error(), "see the log")
		return false
	}
	if _, found := c.tell.in(p); !found || p.Status != http.StatusOK {
		r.report.fail(rowRight, fmt.Sprintf("after the right code %s answers %d and shows nothing of the customer", p.URL.Path, p.Status),
			"if the portal is signed out by then, its session does not bear whoami's questions: ask another page, or say `watch unsafe`")
		return false
	}
	r.report.ok(rowRight, "%s shows the customer's own page", p.URL.Path)
	return true
}
