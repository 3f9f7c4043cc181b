package adversary

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// secret is text that only the user may read; every one is unique.
func (c *call) secret(user string) string {
	if user == "" {
		return "nothing for strangers\n"
	}
	switch {
	case user == victim && c.model.open():
		return fmt.Sprintf("OPEN-%s-%d\n", user, c.number())
	case c.over(user):
		return fmt.Sprintf("ENDED-%s-%d\n", user, c.number())
	}
	return fmt.Sprintf("USER-%s SECRET-%s-%d\n", user, user, c.number())
}

// readForm reads the fields of the query and of the body, by its type or in doubt as any
// that fits. It returns false when the client left before the body's end.
func (c *call) readForm() bool {
	c.form = c.r.URL.Query()
	if !c.readAll() {
		return false
	}
	body := c.body
	kind, parameters, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch kind {
	case "multipart/form-data":
		c.readParts(body, parameters["boundary"])
	case "application/json":
		c.readJSON(body)
	case "application/x-www-form-urlencoded":
		c.readFields(string(body))
	case "", "text/plain":
		if !c.readJSON(body) {
			c.readFields(string(body))
		}
	}
	return true
}

func (c *call) readJSON(body []byte) bool {
	var fields map[string]string
	if json.Unmarshal(body, &fields) != nil {
		return false
	}
	for name, value := range fields {
		c.form.Set(name, value)
	}
	return true
}

func (c *call) readFields(body string) {
	form, _ := url.ParseQuery(body)
	for name, values := range form {
		c.form[name] = values
	}
}

func (c *call) readParts(body []byte, boundary string) {
	form, err := multipart.NewReader(bytes.NewReader(body), boundary).ReadForm(1 << 20)
	if err != nil {
		return
	}
	for name, values := range form.Value {
		c.form[name] = values
	}
}

// answer serves the page.
func (c *call) answer() {
	switch {
	case c.signsIn():
		c.signIn()
	case c.page == "" || c.page == "index":
		c.write(200, "<form> "+c.formToken()+" "+c.secret(c.user))
	case c.page == "whoami":
		c.whoami()
	case c.page == "account":
		c.account()
	case c.page == "data":
		c.write(200, c.secret(c.user))
	case c.page == "long":
		c.stream("text/html", 3, 300*time.Millisecond)
	case c.page == "events":
		c.stream("text/event-stream", 20, time.Second)
	case c.page == "poll":
		c.poll()
	case c.page == "moved":
		c.write(302, c.secret(c.user), "Location: "+c.world.Base+"/account")
	case c.page == "broken":
		c.write(500, c.secret(c.user))
	case c.page == "style.css":
		c.write(200, "body{}", "Content-Type: text/css")
	case c.page == "logout":
		c.signOut()
	case c.page == "change":
		c.change()
	case c.page == "renew":
		c.renew()
	case c.page == "ws":
		c.upgrade()
	default:
		c.write(404, "no such page "+c.secret(c.user))
	}
}

// formToken is what a form of the session has to bring along.
func (c *call) formToken() string {
	if c.sess == nil {
		return ""
	}
	return c.sess.token
}

// tokenRight reports whether a form may be taken.
func (c *call) tokenRight() bool {
	return !c.world.FormToken || c.sess != nil && c.form.Get("token") == c.sess.token
}

func (c *call) whoami() {
	if c.world.Seen {
		c.setCookie("seen", fmt.Sprint("visitor-", c.number()), "/", "")
	}
	if c.user == "" {
		c.write(401, `{"user":null}`, "Content-Type: application/json")
		return
	}
	c.write(200, fmt.Sprintf(`{"user":%q,"shown":%q}`, c.user, strings.TrimSpace(c.secret(c.user))), "Content-Type: application/json")
}

func (c *call) account() {
	if c.user == "" {
		c.write(302, "", "Location: "+c.world.Base+"/")
		return
	}
	c.write(200, "Your account: "+c.secret(c.user))
}

// change carries a form out.
func (c *call) change() {
	switch {
	case c.r.Method != "POST":
		c.write(405, "")
	case c.user == "" || !c.tokenRight():
		c.write(403, "sign in first")
	default:
		c.mu.Lock()
		c.executed = append(c.executed, execution{c.user, c.flight.by, c.form.Get("note"), c.open})
		c.mu.Unlock()
		c.write(302, "", "Location: "+c.world.Base+"/account")
	}
}

// stream sends parts. In some worlds it reads the session again before each part.
func (c *call) stream(kind string, parts int, pause time.Duration) {
	c.head(200, "Content-Type: "+kind)
	c.goesOn = true
	if kind == "text/event-stream" {
		c.unlock() // no real script keeps the lock for ever
	}
	for i := range parts {
		if i > 0 {
			c.at("part")
			c.sleep(pause)
		}
		if c.world.Follow {
			c.follow()
		}
		if !send(c.up, c.up.data, []byte("data: "+c.secret(c.user)+"\n")) {
			return
		}
	}
}

// poll answers after a while, with what is true then.
func (c *call) poll() {
	c.unlock()
	c.at("wait")
	c.sleep(3 * time.Second)
	if c.world.Follow {
		c.follow()
	}
	c.write(200, c.secret(c.user))
}

// upgrade opens a tunnel, in which the session can be signed in.
func (c *call) upgrade() {
	if !strings.EqualFold(c.r.Header.Get("Upgrade"), "websocket") {
		c.write(426, "")
		return
	}
	c.unlock()
	c.goesOn = true
	portal, proxy := net.Pipe()
	defer portal.Close()
	c.head(101, "Connection: Upgrade", "Upgrade: websocket")
	if !send(c.up, c.up.tunnel, proxy) {
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-c.up.gone:
		case <-c.end:
		case <-stop:
		}
		portal.Close()
	}()
	framed := make(chan struct{})
	if c.world.Pushes {
		pushing := *c
		go pushing.push(portal, stop, framed)
	}
	for lines := bufio.NewScanner(portal); lines.Scan(); {
		user, ok := strings.CutPrefix(lines.Text(), "sign in ")
		if ok && c.world.Pushes && c.user != "framed" {
			c.user = "framed"
			close(framed) // documented: a tunnel shows what its own frames bring about
		}
		if ok && c.sess != nil && !c.world.Rotates { // it could not renew the id here
			c.mu.Lock()
			c.sess.signedIn, c.sess.framed = signedIn{user, time.Now()}, true
			c.mu.Unlock()
		}
		if lines.Text() == "order" && c.user != "framed" {
			c.order()
		}
		if say(portal, c.up.turn, "ok\n") != nil {
			return
		}
	}
}

// push names the reader through a tunnel every second.
func (c *call) push(portal net.Conn, stop, framed chan struct{}) {
	for {
		select {
		case <-time.After(time.Second):
		case <-stop:
			return
		case <-framed:
			return
		case <-c.end:
			return
		}
		c.follow()
		if closed(framed) || !c.world.Joint && c.inFrame() {
			return
		}
		if say(portal, c.up.turn, "push "+c.secret(c.user)) != nil {
			return
		}
	}
}

// head sends the response's headers.
func (c *call) head(status int, header ...string) {
	if c.world.Commit == "" {
		c.commit()
	}
	c.at("headers")
	h := http.Header{"Content-Type": {"text/html"}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	if c.world.Loud {
		h.Set("X-Reader", c.secret(c.user))
		c.setCookie("reader", strings.ReplaceAll(strings.TrimSpace(c.secret(c.user)), " ", "-"), "/", "")
		send(c.up, c.up.head, head{103, http.Header{"Link": {c.secret(c.user)}}})
	}
	if len(c.set) > 0 {
		h["Set-Cookie"] = c.set
	}
	c.sent = send(c.up, c.up.head, head{status, h})
	c.at("sent")
	if c.world.Commit == "after headers" {
		c.sleep(time.Millisecond) // the headers are where they are read before this
		c.commit()
	}
}

// write sends a whole response.
func (c *call) write(status int, body string, header ...string) {
	c.head(status, header...)
	if body != "" && c.r.Method != "HEAD" && status != 204 && c.sent {
		send(c.up, c.up.data, []byte(body))
	}
	c.at("body")
}
