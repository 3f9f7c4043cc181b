package adversary

import (
	"fmt"
	"time"
)

// This file has what happens to questions: they take long, answer what was true before, or fail;
// and they renew the session that they are about.

// trouble is what happens to the next questions: "slow" takes the time before the portal reads the
// session, "stale" after that, "fail" ends in an error page.
type trouble struct {
	kind  string
	left  int
	takes time.Duration
	// last is when a question had trouble last.
	last time.Time
}

// troubleQuestions makes trouble for the next questions.
func (r *run) troubleQuestions(a Action) {
	kind := a.Kind
	if r.world.undeclaredLink() {
		kind = "fail" // documented limit: a response in parallel to the link
	}
	r.portal.mu.Lock()
	defer r.portal.mu.Unlock()
	r.portal.trouble = trouble{kind: kind, left: a.Of + 1, takes: a.For, last: time.Now()}
	r.logf("trouble with %d questions: %s %s", a.Of+1, kind, a.For)
}

// uneasy reports whether questions fail, or take so long that they count as failed. An honest user
// may see a 503 then, and reloads.
func (p *model) uneasy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.trouble
	return t.kind != "" && (t.left > 0 || time.Since(t.last) < 20*time.Second) && (t.kind == "fail" || t.takes > longQuestion)
}

// longQuestion is how long a question may take without a 503: a request may need several, and the
// gateway waits 15 s for each.
const longQuestion = 5 * time.Second

// meets returns the trouble that this question has, if it is of one of the kinds.
func (c *call) meets(kinds ...string) string {
	if c.flight != nil || c.page != "whoami" {
		return ""
	}
	c.mu.Lock()
	t := &c.trouble
	has := false
	for _, k := range kinds {
		has = has || t.kind == k
	}
	if has = has && t.left > 0; has {
		t.left--
		t.last = time.Now()
	}
	kind, takes := t.kind, t.takes
	c.mu.Unlock()
	if !has {
		return ""
	}
	if kind != "fail" {
		c.sleep(takes)
	}
	return kind
}

// renewEvery is the age at which a session gets another id in worlds with Renews.
const renewEvery = 50 * time.Second

// renewDue gives a signed-in session another id where it is due, at once. Where the world's sign-ins
// renew the id as well, the former one is void; otherwise it stays valid for a while.
func (c *call) renewDue() {
	sess, old := c.sess, c.id
	if c.world.Renews == "" || sess == nil || c.user == "" || c.page == "style.css" || c.world.Renews == "whoami" && c.page != "whoami" {
		return
	}
	n := c.number()
	c.mu.Lock()
	defer c.mu.Unlock()
	if sess.user == "" || time.Since(sess.named) < renewEvery || c.sessions[old] != sess {
		return
	}
	sess.named = time.Now()
	id := fmt.Sprintf("session-of-the-portal-%d", n)
	c.sessions[id], c.id = sess, id
	if c.world.Rotation == "renew" {
		delete(c.sessions, old)
	}
	c.setCookie(c.world.Name, id, c.world.CookiePath, "")
}
