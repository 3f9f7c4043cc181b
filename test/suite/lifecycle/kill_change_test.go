//go:build crash

package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// changeClients customers change what they have at once; a set has killSet backup
// codes, the fewest, because each costs a password hash.
const (
	changeClients  = 3
	changesOfRound = 5 // see round
	killSet        = 4
)

var changeLines = strings.Replace(killLines, "backup_codes 5", fmt.Sprint("backup_codes ", killSet), 1)

// changer is a customer who also makes new backup codes, turns everything off and sets it up
// again. The results that they were told are in customer.
type changer struct {
	customer
	// doing is what was asked for and not answered: "" when nothing was.
	doing string
	// code and step are what it was asked with; step is of an authenticator's code.
	code string
	step int64
	// on says that two-factor authentication was confirmed and not turned off.
	on bool
	// replaced are codes of backup sets and authenticators that are no more.
	replaced []string
	// done counts what was confirmed, by kind; each goes to confirmed, too.
	done      map[string]int
	confirmed chan<- string
}

// try does one thing; an error leaves it open whether it happened.
func (c *changer) try(doing, code string, do func() error) error {
	c.doing, c.code = doing, code
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	c.done[doing]++
	c.doing, c.code = "", ""
	c.confirmed <- doing
	return nil
}

// change sends a form of the settings from a browser that passed.
func (c *changer) change(path string, form url.Values, to string) error {
	p, err := c.post(c.cleared[len(c.cleared)-1], path, form)
	if err != nil || p.Status != http.StatusSeeOther || p.Location != to {
		return fmt.Errorf("%s: %+v, %w", path, p, err)
	}
	return nil
}

// takeBackup takes the next unused backup code.
func (c *changer) takeBackup() string {
	code := c.backup[0]
	c.backup = c.backup[1:]
	return code
}

// regenerate replaces the backup codes for a code of the authenticator.
func (c *changer) regenerate(code string) error {
	old := c.backup
	if err := c.change("/two-factor/backup-codes", url.Values{"action": {"generate"}, "code": {code}}, "/two-factor/backup-codes"); err != nil {
		return err
	}
	c.used, c.replaced, c.backup = append(c.used, code), append(c.replaced, old...), nil
	page, err := c.get(c.cleared[len(c.cleared)-1], "/two-factor/backup-codes")
	if err == nil {
		c.backup = backupPattern.FindAllString(page.Body, -1)
	}
	return err
}

// disable turns everything off for a backup code.
func (c *changer) disable(code string) error {
	if err := c.change("/two-factor/disable", url.Values{"code": {code}}, "/two-factor/"); err != nil {
		return err
	}
	c.replaced = append(append(append(c.replaced, c.used...), c.backup...), code)
	c.on, c.secret, c.used, c.backup, c.cleared = false, "", nil, nil, nil
	time.Sleep(session.EndMargin) // a sign-in at once would have to be made twice
	return nil
}

// round does each action once: set up, pass, new codes, pass, turn off.
func (c *changer) round() error {
	if err := c.try("enrol", "", c.enrol); err != nil {
		c.on = c.secret != ""
		return err
	}
	c.on = true
	code := c.takeBackup()
	if err := c.try("pass", code, func() error { return c.pass(code) }); err != nil {
		return err
	}
	at := time.Now().Add(30 * time.Second)
	code, err := totp.GenerateCode(c.secret, at)
	if err != nil {
		return err
	}
	c.step = at.Unix() / 30
	if err := c.try("regenerate", code, func() error { return c.regenerate(code) }); err != nil {
		return err
	}
	code = c.takeBackup()
	if err := c.try("pass", code, func() error { return c.pass(code) }); err != nil {
		return err
	}
	code = c.takeBackup()
	return c.try("disable", code, func() error { return c.disable(code) })
}

// live repeats round until the server is killed.
func (c *changer) live(killed func() bool) {
	for !killed() {
		if err := c.round(); err != nil {
			if !killed() {
				c.t.Errorf("%s, before the kill: %v", c.name, err)
			}
			return
		}
	}
}

// refused tries codes that must count no more.
func (c *changer) refused(b *harness.Browser, why string, codes ...string) {
	c.t.Helper()
	for _, code := range codes {
		if p, err := c.post(b, "/two-factor/challenge", url.Values{"code": {code}}); err != nil || p.Status != http.StatusUnprocessableEntity {
			c.t.Errorf("%s, killed at %q: the %s code %q: %+v, %v", c.name, c.doing, why, code, p, err)
		}
	}
}

// holds checks through the pages that each confirmed result is still valid, and that the action in
// flight at the kill took effect completely or not at all.
func (c *changer) holds() {
	c.t.Helper()
	b, to, err := c.signIn()
	if err != nil {
		c.t.Fatal(err)
	}
	on := to == "/two-factor/challenge"
	if told := c.on; on != told && !(c.doing == "enrol" && !told) && c.doing != "disable" {
		c.t.Errorf("%s, killed at %q: on is %v, and the customer was told %v", c.name, c.doing, on, told)
	}
	if !on {
		return
	}
	c.refused(b, "used", c.used...)
	c.refused(b, "replaced", c.replaced[max(0, len(c.replaced)-2):]...)
	if c.doing == "pass" || c.doing == "disable" {
		if c.pass(c.code) == nil { // the kill came before; now it is used
			c.refused(b, "now used", c.code)
		}
	}
	c.oneSet(b)
}

// oneSet checks that the unused backup codes that the customer knows are all valid. Where the
// server was killed while it made a new set they may all be invalid instead, but never some of
// them.
func (c *changer) oneSet(b *harness.Browser) {
	c.t.Helper()
	if len(c.backup) < 2 {
		return
	}
	one, two := c.pass(c.backup[0]), c.pass(c.backup[1])
	if (one == nil) != (two == nil) {
		c.t.Errorf("%s, killed at %q: codes of two sets: %v, %v", c.name, c.doing, one, two)
	}
	if one != nil && c.doing != "regenerate" {
		c.t.Errorf("%s, killed at %q: an unused backup code: %v", c.name, c.doing, one)
	}
	if one == nil {
		c.refused(b, "now used", c.backup[:2]...)
	}
}

// TestKillChanges: the server is killed at a random moment of set-ups, codes, new backup codes and
// turning off (threats.md, E and ASVS 6.5.1). No confirmed factor is lost, no code counts twice,
// and no change is partial: there are no codes of two sets, no factor without its set and no
// clearance without a factor.
func TestKillChanges(t *testing.T) {
	rounds := killRounds
	if n, err := strconv.Atoi(os.Getenv("SECONDGATE_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	o := newOutside(t, &harness.Legacy{}, changeLines)
	o.start(t)
	done, died := map[string]int{}, map[string]int{}
	for round := range rounds {
		all := o.killUnderChanges(t, round)
		checkRecords(t, filepath.Join(o.dir, "two_factor", "store"), all)
		o.start(t)
		for _, c := range all {
			c.holds()
			died[c.doing]++
			for what, n := range c.done {
				done[what] += n
			}
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d kills; confirmed before: %v; interrupted: %v", rounds, done, died)
	for _, what := range []string{"enrol", "pass", "regenerate", "disable"} {
		if done[what] == 0 {
			t.Errorf("no %s was confirmed before a kill: nothing was tested", what)
		}
	}
	raw, err := os.ReadFile(o.logFile())
	if err != nil || strings.Contains(string(raw), `"level":"error"`) || strings.Contains(string(raw), "panic") {
		t.Errorf("errors in the log, %v", err)
	}
}

// killUnderChanges kills the server while customers change their factors: it waits for some number
// of changes, then a random time, to hit one in flight.
func (o *outside) killUnderChanges(t *testing.T, round int) []*changer {
	t.Helper()
	all := make([]*changer, changeClients)
	dead, confirmed := make(chan struct{}), make(chan string, 1000)
	killed := func() bool {
		select {
		case <-dead:
			return true
		default:
			return false
		}
	}
	var load sync.WaitGroup
	for n := range all {
		name := fmt.Sprintf("changer-%d-%d", round, n)
		all[n] = &changer{customer: customer{t: t, base: o.base, name: name}, done: map[string]int{}, confirmed: confirmed}
		load.Go(func() { all[n].live(killed) })
	}
	awaitChanges(confirmed, round)
	time.Sleep(rand.N(100 * time.Millisecond))
	close(dead)
	o.kill()
	load.Wait()
	return all
}

// awaitChanges waits for a number of confirmed changes: in the first round for enough that one
// customer must have done each action, later for any number.
func awaitChanges(confirmed <-chan string, round int) {
	n := changeClients*(changesOfRound-1) + 1
	if round > 0 {
		n = rand.IntN(n + changeClients)
	}
	end := time.After(time.Minute)
	for range n {
		select {
		case <-confirmed:
		case <-end:
			return
		}
	}
}
