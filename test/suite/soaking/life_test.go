//go:build crash

package soaking

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// run lives until the soak ends. A life that was cut off leaves its state in the store uncertain,
// so the customer goes on under a new name.
func (c *customer) run() {
	for c.going.Load() {
		err := c.life()
		if err == nil || errors.Is(err, errOver) {
			continue
		}
		c.note(ledger{doubt: 1})
		c.rename()
	}
}

// errOver says that the soak ends.
var errOver = errors.New("over")

// life is from the first sign-in to turning everything off.
func (c *customer) life() error {
	if c.secret == "" {
		b, err := c.signIn("/account")
		if err != nil {
			return err
		}
		if err := c.enrol(b); err != nil {
			return err
		}
		if err := c.browse(b, 10); err != nil {
			return err
		}
		if err := c.signOut(b); err != nil {
			return err
		}
	}
	for range 3 {
		if !c.going.Load() {
			return errOver
		}
		if err := c.visit(); err != nil {
			return err
		}
	}
	return c.endLife()
}

// visit is from a sign-in to the sign-out, with an authenticator's code where there is
// a fresh one and else with a backup code.
func (c *customer) visit() error {
	b, err := c.signIn(challengePage)
	if err != nil {
		return err
	}
	if err := c.owe(b); err != nil {
		return err
	}
	if err := c.pass(b); err != nil {
		return err
	}
	open := c.open(b)
	defer open.close()
	if err := c.browse(b, 20+rand.IntN(20)); err != nil {
		return err
	}
	if err := c.signOut(b); err != nil {
		return err
	}
	return open.ended()
}

// owe tries what must not work before a code: pages, a wrong code, one that was used,
// a wrong backup code.
func (c *customer) owe(b *harness.Browser) error {
	p, err := c.get(b, "/account")
	if err := c.expect("a page before the code", p, err, want{status: http.StatusSeeOther, to: challengePage}); err != nil {
		return err
	}
	codes := []string{c.wrongCode()}
	if c.last != "" && !c.due(c.last) {
		codes = append(codes, c.last)
		c.replays.Add(1)
	}
	if rand.IntN(4) == 0 {
		codes = append(codes, "AAAA-BBBB-CCCC-DDDD")
	}
	for _, code := range codes {
		if err := c.refused(b, code); err != nil {
			return err
		}
	}
	return nil
}

func (c *customer) refused(b *harness.Browser, code string) error {
	p, err := c.post(b, challengePage, url.Values{"code": {code}})
	if err := c.expect("a wrong code", p, err, want{status: http.StatusUnprocessableEntity}); err != nil {
		return err
	}
	c.wrong.Add(1)
	return nil
}

// pass gives a right code.
func (c *customer) pass(b *harness.Browser) error {
	old, code, spent := b.Cookies("/"), "", 0
	if !c.wait() {
		return errOver
	}
	p, err := c.postNow(b, challengePage, func() url.Values {
		code, spent = c.rightCode()
		return url.Values{"code": {code}}
	})
	if err := c.expect(fmt.Sprintf("a right code (%d letters)", len(code)), p, err, want{status: http.StatusSeeOther, to: "/account"}); err != nil {
		return err
	}
	c.keepDead(old)
	c.granted(1)
	c.note(ledger{spent: spent, dead: 1})
	p, err = c.get(b, "/account")
	return c.expect("the account after the code", p, err, want{status: http.StatusOK, mine: true})
}

// wait waits until there is a code to give. If the backup codes run low, it waits for the
// authenticator's next one. It returns false at the end of the soak.
func (c *customer) wait() bool {
	for stepNow()+1 <= c.floor && len(c.backup) <= 2 {
		if !c.going.Load() {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return true
}

// rightCode is one of the authenticator where there is a fresh one, and else a backup
// code; and how many steps it spends.
func (c *customer) rightCode() (code string, spent int) {
	if code, ok := c.fresh(); ok {
		c.right.Add(1)
		return code, 1
	}
	c.backups.Add(1)
	return c.takeCode(), 0
}

// browse asks for pages of all kinds.
func (c *customer) browse(b *harness.Browser, n int) error {
	for range n {
		var err error
		switch rand.IntN(8) {
		case 0:
			p, e := c.get(b, "/download?size=262144")
			if err = c.expect("a download", p, e, want{status: http.StatusOK}); err == nil && len(p.Body) != 262144 {
				c.complain("a download of %d bytes", len(p.Body))
			}
		case 1:
			p, e := c.post(b, "/account", url.Values{"x": {"y"}})
			err = c.expect("a form", p, e, want{status: http.StatusOK, mine: true})
		case 2:
			p, e := c.get(b, "/two-factor/")
			err = c.expect("the settings", p, e, want{status: http.StatusOK})
		default:
			p, e := c.get(b, "/account")
			err = c.expect("the account", p, e, want{status: http.StatusOK, mine: true})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signOut ends the visit at the portal, and looks whether it ended here.
func (c *customer) signOut(b *harness.Browser) error {
	thief := b.Clone()
	thief.Client.Transport = c.transport
	p, err := c.get(b, "/logout")
	if err := c.expect("signing out", p, err, want{status: http.StatusFound, to: "/"}); err != nil {
		return err
	}
	c.signOuts.Add(1)
	c.granted(-1)
	p, err = c.get(thief, "/account")
	return c.expect("the account after signing out", p, err, want{status: http.StatusUnauthorized})
}

// endLife makes new backup codes, tries an old one, and turns everything off. Another open browser
// of the customer loses its streams.
func (c *customer) endLife() error {
	b, err := c.signIn(challengePage)
	if err != nil {
		return err
	}
	if err := c.pass(b); err != nil {
		return err
	}
	open := c.open(b)
	defer open.close()
	old := c.backup[len(c.backup)-1]
	p, err := c.post(b, backupPage, url.Values{"action": {"generate"}, "code": {c.takeCode()}})
	if err := c.expect("new backup codes", p, err, want{status: http.StatusSeeOther, to: backupPage}); err != nil {
		return err
	}
	c.regenerated.Add(1)
	if err := c.takeBackup(b); err != nil {
		return err
	}
	p, err = c.post(b, "/two-factor/disable", url.Values{"code": {old}})
	if err := c.expect("turning off with an old backup code", p, err, want{status: http.StatusUnprocessableEntity}); err != nil {
		return err
	}
	c.wrong.Add(1)
	p, err = c.post(b, "/two-factor/disable", url.Values{"code": {c.takeCode()}})
	if err := c.expect("turning off", p, err, want{status: http.StatusSeeOther, to: "/two-factor/"}); err != nil {
		return err
	}
	c.disabled.Add(1)
	c.backups.Add(2)
	c.granted(-c.live)
	c.secret, c.last, c.backup = "", "", nil
	if err := open.ended(); err != nil {
		return err
	}
	time.Sleep(session.EndMargin) // a sign-in at once would have to be made twice
	p, err = c.get(b, "/account")
	return c.expect("the account after turning off", p, err, want{status: http.StatusOK, mine: true})
}
