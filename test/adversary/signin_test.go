package adversary

import (
	"fmt"
	"slices"
	"time"
)

// signsIn reports whether the request is a sign-in of this portal, for any user.
func (c *call) signsIn() bool {
	switch c.page {
	case "login":
		if c.r.Method == "POST" {
			return true
		}
		return c.world.SignIn == "query" && c.form.Get("user") != ""
	case "magic":
		return c.world.SignIn == "link"
	case "switch":
		return c.world.SignIn == "switch"
	case "graphql":
		return c.world.SignIn == "graphql" && c.r.Method == "POST"
	}
	return false
}

// signIn signs in the user of the password or of the link.
func (c *call) signIn() {
	if c.page == "graphql" {
		c.operate()
		return
	}
	user := c.claimed()
	if user == "" {
		c.write(403, "wrong password")
		return
	}
	if c.sess == nil {
		c.start()
	}
	c.takeTurn()
	c.become(user)
	shown := c.secret(user)
	switch c.world.Answer {
	case "302 body":
		c.write(302, shown, "Location: "+c.world.Base+"/account")
	case "200":
		c.write(200, "Welcome: "+shown)
	case "204":
		c.write(204, "")
	default:
		c.write(302, "", "Location: "+c.world.Base+"/account")
	}
}

// claimed is the user that the request may become, "" for none.
func (c *call) claimed() string {
	user := c.form.Get("user")
	switch c.page {
	case "magic":
		user = c.form.Get("t")
	case "switch":
		if user = c.form.Get("to"); c.user == "" {
			return "" // only users can switch
		}
	default:
		if c.form.Get("pass") != "pw-"+user || c.r.Method == "POST" && !c.tokenRight() {
			return ""
		}
	}
	if !slices.Contains([]string{victim, own, enrolled}, user) {
		return ""
	}
	return user
}

// become signs the session in at the request's commit, and in some worlds gives it a new id.
func (c *call) become(user string) {
	w, old, sess := c.world, c.id, c.sess
	pin := w.pinValue(c.r)
	n := c.number()
	sign := func(s *stored) {
		s.signedIn, s.named = signedIn{user, time.Now()}, time.Now()
		s.framed = false
		s.pin, s.pinned = pin, w.Pin != ""
		s.check = fmt.Sprintf("check-%d", n)
	}
	if w.Single {
		c.writes = append(c.writes, func() { c.endOthers(user) })
	}
	if w.Rotation == "" {
		c.writes = append(c.writes, func() { sign(sess) })
	} else {
		id := fmt.Sprintf("session-of-the-portal-%d", n)
		fresh := &stored{token: fmt.Sprintf("TOKEN-%d.", n), lock: make(chan struct{}, 1)}
		c.setCookie(w.Name, id, w.CookiePath, "")
		c.writes = append(c.writes, func() {
			sign(fresh)
			c.sessions[id] = fresh
			if w.Rotation == "renew" {
				delete(c.sessions, old)
				return
			}
			sign(sess)
		})
	}
	if w.Second != "" {
		c.setCookie("CHK", fmt.Sprintf("check-%d", n), w.Second, "")
	}
	if w.Remember {
		token := fmt.Sprintf("remember-%d", n)
		c.setCookie("REM", token, "/", "; Max-Age=2592000")
		c.writes = append(c.writes, func() { c.remember[token] = signedIn{user, time.Now()} })
	}
}

// signOut empties the session and forgets the browser.
func (c *call) signOut() {
	c.forget()
	c.write(302, "", "Location: "+c.world.Base+"/")
}

func (c *call) forget() {
	if sess := c.sess; sess != nil {
		c.writes = append(c.writes, func() { sess.signedIn = signedIn{} })
	}
	if tokens := c.cookies("REM"); len(tokens) > 0 {
		c.writes = append(c.writes, func() {
			for _, t := range tokens {
				delete(c.remember, t)
			}
		})
		c.setCookie("REM", "", "/", "; Max-Age=0")
	}
}
