package adversary

import (
	"fmt"
	"time"
)

// This file is how sessions of the model change by other things than a sign-in.

// revive signs the request's session in by the cookie of Remember.
func (c *call) revive() {
	if !c.world.Revives || c.sess == nil || c.world.Second != "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sess.user == "" {
		c.sess.signedIn = c.signedIn
	}
}

// renew gives the session another id where the world's sign-ins do, and shows the reader.
func (c *call) renew() {
	if sess, old := c.sess, c.id; sess != nil && c.world.Rotation != "" {
		id := fmt.Sprintf("session-of-the-portal-%d", c.number())
		c.setCookie(c.world.Name, id, c.world.CookiePath, "")
		c.writes = append(c.writes, func() {
			fresh := *sess
			fresh.lock = make(chan struct{}, 1)
			c.sessions[id] = &fresh
			if c.world.Rotation == "renew" {
				delete(c.sessions, old)
			}
		})
	}
	c.write(200, c.secret(c.user))
}

// saveWhole saves a stranger's session as the request last read it, in worlds with slow requests.
// A request that has read it again as a user's does not save it as a stranger's.
func (c *call) saveWhole() {
	if !c.world.Whole || c.found == nil || c.user != "" {
		return
	}
	switch c.page {
	case "long", "events", "poll":
		c.mu.Lock()
		c.found.signedIn = signedIn{}
		c.mu.Unlock()
	}
}

// endOthers ends the sessions of a user; the caller holds mu.
func (p *model) endOthers(user string) {
	for _, s := range p.sessions {
		if s.user == user {
			s.signedIn = signedIn{}
		}
	}
}

// turnPause is how long after a sign-in a portal with one session per user carries out the
// next one. Documented: one that falls between a sign-in and the end of its response.
const turnPause = 100 * time.Millisecond

// takeTurn waits for other sign-ins in worlds with one session per user.
func (c *call) takeTurn() {
	if !c.world.Single || c.turned {
		return
	}
	select {
	case c.turn <- struct{}{}:
		c.turned = true
	case <-c.end:
	}
}

// giveTurn lets the next sign-in run.
func (c *call) giveTurn() {
	if c.turned {
		go func() {
			c.sleep(turnPause)
			<-c.turn
		}()
	}
}
