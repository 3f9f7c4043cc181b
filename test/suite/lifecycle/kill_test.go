//go:build crash

package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// Set SECONDGATE_KILL_ROUNDS for more than the usual number of rounds.
const (
	killRounds  = 8
	killClients = 4
)

// No user is throttled, so that a code is refused only because it was used. There are few backup
// codes, because each attempt costs a password hash.
const killLines = named + `
	backup_codes 5
	throttle {
		free 20
		stop 100
		address 10000/1m
	}`

// pass signs in and gives a code, which then counts as used, or nothing is known.
func (c *customer) pass(code string) error {
	b, to, err := c.signIn()
	if err != nil || to != "/two-factor/challenge" {
		return fmt.Errorf("sign-in: %q, %w", to, err)
	}
	p, err := c.post(b, "/two-factor/challenge", url.Values{"code": {code}})
	if err != nil || p.Status != http.StatusSeeOther {
		return fmt.Errorf("code: %+v, %w", p, err)
	}
	c.used, c.cleared = append(c.used, code), append(c.cleared, b)
	return nil
}

// live runs a customer until the server is killed: set up, and pass with a code of the app and
// with all backup codes but the last. An error counts as the server's end; a refusal before it
// fails the test. confirmed is called when the set-up is confirmed.
func (c *customer) live(killed func() bool, confirmed func()) {
	note := func(err error) bool {
		if err != nil && !killed() {
			c.t.Errorf("%s, before the kill: %v", c.name, err)
		}
		return err == nil
	}
	if !note(c.enrol()) {
		return
	}
	confirmed()
	// The code of the next step, which is accepted already and for a while longer.
	code, err := totp.GenerateCode(c.secret, time.Now().Add(30*time.Second))
	if err != nil || !note(c.pass(code)) {
		return
	}
	for len(c.backup) > 1 {
		code := c.backup[0]
		c.backup = c.backup[1:]
		if !note(c.pass(code)) {
			return
		}
	}
}

// holds checks that each result that the customer was told is still valid.
func (c *customer) holds() {
	c.t.Helper()
	if c.secret == "" {
		return
	}
	for i, b := range c.cleared {
		if p, err := c.get(b, "/account"); err != nil || !strings.Contains(p.Body, harness.SecretOf(c.name)) {
			c.t.Errorf("%s: clearance %d was lost: %+v, %v", c.name, i, p, err)
		}
	}
	b, to, err := c.signIn()
	if err != nil || to != "/two-factor/challenge" {
		c.t.Errorf("%s: the second factor was lost: %q, %v", c.name, to, err)
		return
	}
	for _, code := range c.used {
		p, err := c.post(b, "/two-factor/challenge", url.Values{"code": {code}})
		if err != nil || p.Status != http.StatusUnprocessableEntity {
			c.t.Errorf("%s: the used code %q: %+v, %v", c.name, code, p, err)
		}
	}
	if len(c.backup) > 0 {
		if err := c.pass(c.backup[len(c.backup)-1]); err != nil {
			c.t.Errorf("%s: an unused backup code: %v", c.name, err)
		}
	}
}

// TestKill: the server is killed at any moment of sign-ins, set-ups and codes. What
// it had confirmed holds afterwards, and no code counts twice.
func TestKill(t *testing.T) {
	rounds := killRounds
	if n, err := strconv.Atoi(os.Getenv("SECONDGATE_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	o := newOutside(t, &harness.Legacy{}, killLines)
	o.start(t)
	var confirmed, used int
	for round := range rounds {
		customers := o.killUnderLoad(t, round)
		o.start(t)
		for _, c := range customers {
			if c.secret != "" {
				confirmed++
			}
			used += len(c.used)
			c.holds()
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d kills, %d set-ups, %d codes", rounds, confirmed, used)
	if confirmed == 0 || used <= confirmed {
		t.Error("nothing was confirmed before a kill: nothing was tested")
	}
	raw, err := os.ReadFile(o.logFile())
	if err != nil || strings.Contains(string(raw), `"level":"error"`) || strings.Contains(string(raw), "panic") {
		t.Errorf("errors in the log, %v", err)
	}
}

// killUnderLoad kills the server while customers are at it, and returns them.
func (o *outside) killUnderLoad(t *testing.T, round int) []*customer {
	t.Helper()
	var all []*customer
	var mu sync.Mutex
	dead, first := false, make(chan struct{})
	confirmed := sync.OnceFunc(func() { close(first) })
	killed := func() bool { mu.Lock(); defer mu.Unlock(); return dead }
	var load sync.WaitGroup
	for n := range killClients {
		load.Go(func() {
			for i := 0; !killed(); i++ {
				c := &customer{t: t, base: o.base, name: fmt.Sprintf("user-%d-%d-%d", round, n, i)}
				mu.Lock()
				all = append(all, c)
				mu.Unlock()
				c.live(killed, confirmed)
			}
		})
	}
	// At any moment; every other time of one where something was confirmed, which takes
	// a busy machine long.
	if round%2 == 1 {
		select {
		case <-first:
		case <-time.After(30 * time.Second):
		}
	}
	time.Sleep(500*time.Millisecond + rand.N(1500*time.Millisecond))
	mu.Lock()
	dead = true
	mu.Unlock()
	o.kill()
	load.Wait()
	return all
}
