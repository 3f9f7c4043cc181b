package adversary

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// This file has the changes to users while requests run: a first second factor, and the end of all
// sessions.

// open reports whether the victim has no second factor yet. Pages rendered until then may be seen
// by every client with the password.
func (p *model) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secretFrom.IsZero()
}

// over reports whether the user's sessions have ended since the sign-in of the session that the
// request reads, so long ago that no byte of it may be shown. As documented, a response in flight
// still arrives; later parts of a stream or a tunnel do not.
func (c *call) over(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ended := c.ended[user]
	if !ended || c.flight == nil || user != c.user || !c.since.Before(at) {
		return false
	}
	at = at.Add(session.EndMargin)
	return c.flight.began.After(at) || c.goesOn && time.Now().After(at)
}

// setUp gives the victim a second factor, as an import does or the owner in another browser.
func (r *run) setUp() {
	if !r.portal.open() {
		return
	}
	record := r.kit.users[0]
	err := r.gate.db.Update(context.Background(), record.Key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			u = record
		}
		u.TOTP = record.TOTP
		return tx.PutUser(u)
	})
	if err != nil {
		panic(err)
	}
	r.gate.g.Visits.CloseUnproven(record.Key)
	r.portal.mu.Lock()
	r.portal.secretFrom = time.Now()
	r.portal.mu.Unlock()
	r.logf("the victim sets a second factor up")
}

// endSessions ends all sessions of a user of the attacker's, as staff do.
func (r *run) endSessions(user string) {
	key := store.UserKey{Realm: theRealm, ID: user}
	var ended []store.VisitID
	err := r.gate.db.Update(context.Background(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		if ended, err = session.EndAll(tx, &u, time.Now()); err != nil {
			return err
		}
		return tx.PutUser(u)
	})
	if errors.Is(err, store.ErrNotFound) {
		return // staff don't know the user
	}
	if err != nil {
		panic(err)
	}
	r.gate.g.Visits.EndUser(key, ended...)
	r.portal.mu.Lock()
	r.portal.ended[user] = time.Now()
	r.portal.mu.Unlock()
	r.logf("all sessions of %s are ended", user)
}

var (
	setupIn  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
	secretIn = regexp.MustCompile(`secret=([A-Z2-7]+)`)
)

// setFactor opens the set-up and confirms the authenticator that it shows, also where the visit has
// another user by then.
func (r *run) setFactor(a Action) {
	if r.world.Unenrolled {
		return // documented: an attacker with the password sets the first factor up
	}
	j := &r.jars[a.Jar]
	if a.Async { // what was shown before
		if j.setup == "" {
			return
		}
	} else {
		r.launch(a, Action{Do: "get", Page: "own /setup"}.message(r.world, j))
		synctest.Wait()
		r.absorb()
		text := r.flights[len(r.flights)-1].text()
		id, secret := setupIn.FindStringSubmatch(text), secretIn.FindStringSubmatch(text)
		if id == nil || secret == nil {
			return
		}
		j.setup, j.secret = id[1], secret[1]
	}
	code, err := hotp.GenerateCode(j.secret, uint64(time.Now().Unix()/30))
	if err != nil {
		panic(err)
	}
	m := Action{Do: "post", Page: "own /setup"}.message(r.world, j)
	m.body = url.Values{"setup": {j.setup}, "code": {code}}.Encode()
	a.pin(r.world, &m)
	r.launch(a, m)
}
