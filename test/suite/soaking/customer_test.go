//go:build crash

package soaking

import (
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// errCut says that no response arrived: Caddy closes listeners with connections still in their
// queues. The request may have been executed.
var errCut = errors.New("connection cut")

// errWrong says that the response was wrong; a complaint about it is recorded.
var errWrong = errors.New("wrong answer")

// customer is one user with an authenticator app.
type customer struct {
	*soak
	number, generation int
	name               string
	// known: the portal named the user to the gate.
	known  bool
	secret string
	// floor is the newest step that was given as a code.
	floor  int64
	last   string
	backup []string
	// live is the user's number of clearances.
	live int
}

func (s *soak) newCustomer(number int) *customer {
	c := &customer{soak: s, number: number}
	c.rename()
	return c
}

// rename makes the customer a new user, without records in the store.
func (c *customer) rename() {
	*c = customer{soak: c.soak, number: c.number, generation: c.generation + 1}
	c.name = fmt.Sprintf("user%05d-%d", c.number, c.generation)
}

// browser is a new one, at an address of the customer's.
func (c *customer) browser() *harness.Browser {
	b := harness.NewBrowser(c.t, c.p.base)
	b.Client.Transport = c.transport
	b.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", c.number>>8, c.number&255))
	return b
}

func (c *customer) get(b *harness.Browser, path string) (*harness.Page, error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	return c.send(b, b.Request(http.MethodGet, path, nil))
}

func (c *customer) post(b *harness.Browser, path string, form url.Values) (*harness.Page, error) {
	return c.postNow(b, path, func() url.Values { return form })
}

// postNow fills the form in when it is its turn: a code does not wait.
func (c *customer) postNow(b *harness.Browser, path string, fill func() url.Values) (*harness.Page, error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	r := b.Request(http.MethodPost, path, strings.NewReader(fill().Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(b, r)
}

// send sends a request. Nothing here is a reason for a 5xx.
func (c *customer) send(b *harness.Browser, r *http.Request) (*harness.Page, error) {
	began := time.Now()
	p, err := b.Try(r)
	c.requests.Add(1)
	if err != nil {
		c.cut.Add(1)
		return nil, fmt.Errorf("%w: %s %s: %w", errCut, r.Method, r.URL.Path, err)
	}
	c.observe(time.Since(began))
	c.bytes.Add(int64(len(p.Body)))
	if p.Status >= 500 {
		c.broken.Add(1)
		c.complain("%s %s: %d\n%.300s", r.Method, r.URL.Path, p.Status, p.Body)
	}
	if strings.Contains(p.Body, "secret of ") && !strings.Contains(p.Body, mark(c.name)) {
		c.complain("%s %s: the page of somebody else", r.Method, r.URL.Path)
	}
	return p, nil
}

// want is the expected response: its status, its redirect ("" is any), and whether it shows the
// user's mark.
type want struct {
	status int
	to     string
	mine   bool
}

func (c *customer) expect(what string, p *harness.Page, err error, w want) error {
	if err != nil {
		return err
	}
	if p.Status != w.status || w.to != "" && p.Location != w.to || strings.Contains(p.Body, mark(c.name)) != w.mine {
		c.complain("%s, %s: %d to %q, want %+v\n%.300s", c.name, what, p.Status, p.Location, w, p.Body)
		return errWrong
	}
	return nil
}

// stepNow is the present time step.
func stepNow() int64 { return time.Now().Unix() / 30 }

func (c *customer) codeOf(step int64) string {
	code, err := totp.GenerateCode(c.secret, time.Unix(step*30, 0))
	if err != nil {
		c.complain("making a code: %v", err)
	}
	return code
}

// fresh returns an unused code that is valid for another half minute at least; false if there is
// none yet.
func (c *customer) fresh() (string, bool) {
	now := stepNow()
	for _, step := range []int64{now, now + 1} {
		if step > c.floor {
			c.floor, c.last = step, c.codeOf(step)
			return c.last, true
		}
	}
	return "", false
}

// wrongCode is one that is right for no step near now.
func (c *customer) wrongCode() string {
	for {
		if code := fmt.Sprintf("%06d", rand.IntN(1_000_000)); !c.due(code) {
			return code
		}
	}
}

// due reports whether a code is one of a step near now that was not given yet.
func (c *customer) due(code string) bool {
	for step := max(stepNow()-3, c.floor+1); step <= stepNow()+3; step++ {
		if c.codeOf(step) == code {
			return true
		}
	}
	return false
}

var (
	secretPattern = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	setupPattern  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
	backupPattern = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

const (
	setupPage     = "/two-factor/setup"
	challengePage = "/two-factor/challenge"
	backupPage    = "/two-factor/backup-codes"
)

// enrol sets two-factor authentication up in a signed-in browser, after a wrong code.
func (c *customer) enrol(b *harness.Browser) error {
	page, err := c.get(b, setupPage)
	if err != nil {
		return err
	}
	body := html.UnescapeString(page.Body)
	secret, setup := secretPattern.FindStringSubmatch(body), setupPattern.FindStringSubmatch(body)
	if secret == nil || setup == nil {
		c.complain("%s: no set-up page: %d to %q", c.name, page.Status, page.Location)
		return errWrong
	}
	c.secret, c.floor = secret[1], 0
	p, err := c.post(b, setupPage, url.Values{"setup": {setup[1]}, "code": {c.wrongCode()}})
	if err := c.expect("a wrong code at the set-up", p, err, want{status: http.StatusUnprocessableEntity}); err != nil {
		return err
	}
	c.wrong.Add(1)
	old := b.Cookies("/")
	p, err = c.postNow(b, setupPage, func() url.Values {
		code, _ := c.fresh()
		return url.Values{"setup": {setup[1]}, "code": {code}}
	})
	if err := c.expect("the code at the set-up", p, err, want{status: http.StatusSeeOther, to: backupPage}); err != nil {
		return err
	}
	c.setUps.Add(1)
	c.keepDead(old)
	c.granted(1 - c.live)
	c.note(ledger{spent: 2, dead: 1}) // the set-up and its code
	return c.takeBackup(b)
}

// granted notes a change of the user's clearances.
func (c *customer) granted(n int) {
	c.live += n
	c.note(ledger{live: n})
}

// takeBackup writes the new backup codes down and closes their page.
func (c *customer) takeBackup(b *harness.Browser) error {
	p, err := c.get(b, backupPage)
	if err != nil {
		return err
	}
	if c.backup = backupPattern.FindAllString(p.Body, -1); len(c.backup) != 4 {
		c.complain("%s: %d backup codes", c.name, len(c.backup))
		return errWrong
	}
	p, err = c.post(b, backupPage, url.Values{"action": {"close"}, "saved": {"yes"}})
	return c.expect("closing the codes", p, err, want{status: http.StatusSeeOther, to: "/two-factor/"})
}

// takeCode is one of the unused backup codes.
func (c *customer) takeCode() string {
	code := c.backup[0]
	c.backup = c.backup[1:]
	return code
}

// signIn is a fresh browser after the password; the answer leads to to.
func (c *customer) signIn(to string) (*harness.Browser, error) {
	b := c.browser()
	if rand.IntN(2) == 0 {
		if p, err := c.get(b, "/"); c.expect("the front page", p, err, want{status: http.StatusOK}) != nil {
			return nil, errors.Join(errWrong, err)
		}
	}
	p, err := c.post(b, "/login", url.Values{"user": {c.name}, "password": {"pw-" + c.name}})
	status := http.StatusFound
	if to == challengePage {
		status = http.StatusSeeOther
	}
	if err := c.expect("signing in", p, err, want{status: status, to: to}); err != nil {
		return nil, err
	}
	if !c.known {
		c.known = true
		c.note(ledger{users: 1})
	}
	return b, nil
}
