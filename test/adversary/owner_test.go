package adversary

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing/synctest"
	"time"
)

// owner is the honest owner of the victim's account: a browser with cookies, which signs
// in, gives the code, reads pages and sends a form.
type owner struct {
	run  *run
	jar  jar
	step int
	// codes is the time step of the last code that the authenticator gave.
	codes int64
	// last is when the owner was last there.
	last time.Time
	// sent says that the form was sent; trouble is the owner's problem, if any.
	sent    bool
	trouble string
}

// steps is what the owner does, in order.
var steps = []func(*owner){
	(*owner).visit, (*owner).signIn, (*owner).code, (*owner).read, (*owner).form, (*owner).beside, (*owner).comeBack, (*owner).signOut,
}

// next takes the owner's next step. It does nothing in a world where a browser can't use the
// portal, or where the questions can't identify the owner.
func (o *owner) next() bool {
	if o.step == len(steps) || o.trouble != "" || !o.run.world.decidable() || o.run.portal.open() {
		return false
	}
	time.Sleep(time.Second) // people need a moment
	if o.codes > 0 && time.Since(o.last) > idle/2 {
		o.code() // the clearance may have ended
	}
	steps[o.step](o)
	o.last = time.Now()
	o.step++
	return true
}

func (o *owner) fail(format string, args ...any) {
	if o.trouble == "" {
		o.trouble = fmt.Sprintf(format, args...)
	}
}

// message is a request of the owner's browser, cookies and all.
func (o *owner) message(method, target, kind string, form url.Values) message {
	m := message{method: method, target: target, header: headers(kind), address: "203.0.113.9"}
	if method == http.MethodPost {
		m.body = form.Encode()
		m.header.Set("Content-Type", "application/x-www-form-urlencoded")
		m.header.Set("Origin", origin)
	}
	for _, p := range pinned {
		if p.name == o.run.world.Pin {
			setPin(m.header, p.name, p.usual)
		}
	}
	o.jar.header(m.header, "", nil)
	return m
}

// do sends a request, follows redirects, and returns the page at their end.
func (o *owner) do(method, target string, form url.Values) *flight {
	for range 12 {
		f := o.finish(o.launch(method, target, "", form))
		if f == nil || f.status < 300 || f.status >= 400 {
			return f
		}
		if f.status != http.StatusTemporaryRedirect {
			method, form = http.MethodGet, nil
		}
		target = f.sent.Get("Location")
	}
	o.fail("redirects without end, at last to %s", target)
	return nil
}

func (o *owner) launch(method, target, kind string, form url.Values) *flight {
	f, err := o.run.gate.launch("owner", o.message(method, target, kind, form))
	if err != nil {
		o.fail("a redirect to %q: %v", target, err)
		return nil
	}
	return f
}

// finish waits for a response as long as people do.
func (o *owner) finish(f *flight) *flight {
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
	case <-time.After(time.Minute):
		o.fail("no answer to %s in a minute", f.what)
		return nil
	}
	synctest.Wait()
	o.jar.take(f.sent, f.text())
	o.run.logf("owner    %s: %d", f.what, f.status)
	if f.status >= 500 {
		o.fail("%s was answered with %d", f.what, f.status)
		return nil
	}
	return f
}

func (o *owner) page(name string) string { return o.run.world.Base + "/" + name }

func (o *owner) visit() { o.do("GET", o.page(""), nil) }

func (o *owner) signIn() {
	o.do("POST", o.page("login"), url.Values{"user": {victim}, "pass": {"pw-" + victim}, "token": {o.jar.token}})
}

// code gives the authenticator's current code, and waits if the page asks to.
func (o *owner) code() {
	f := o.do("GET", ownPath+"/challenge", nil)
	for range 10 {
		if f == nil {
			return
		}
		for o.codes >= time.Now().Unix()/30 {
			time.Sleep(5 * time.Second)
		}
		o.codes = time.Now().Unix() / 30
		f = o.do("POST", ownPath+"/challenge", url.Values{"code": {o.run.kit.code(victim, o.codes)}})
		if f == nil || f.status == http.StatusOK {
			return
		}
		if f.status != http.StatusTooManyRequests {
			o.fail("the right code was answered with %d", f.status)
			return
		}
		wait, _ := strconv.Atoi(f.sent.Get("Retry-After"))
		time.Sleep(time.Duration(wait) * time.Second)
	}
	o.fail("no code is taken")
}

func (o *owner) read() {
	for _, page := range []string{"account", "data", "long"} {
		o.see(o.do("GET", o.page(page), nil))
	}
}

// see checks that a page is the owner's.
func (o *owner) see(f *flight) {
	if f != nil && !strings.Contains(f.text(), "SECRET-"+victim) {
		o.fail("%s shows nothing of the owner's: %d", f.what, f.status)
	}
}

func (o *owner) form() {
	if o.do("GET", o.page(""), nil) == nil {
		return
	}
	o.do("POST", o.page("change"), url.Values{"note": {"owner"}, "token": {o.jar.token}})
	o.sent = true
}

// beside loads several resources at the same time, as a page does.
func (o *owner) beside() {
	poll := o.launch("GET", o.page("poll"), "script", nil)
	style := o.launch("GET", o.page("style.css"), "script", nil)
	data := o.launch("GET", o.page("data"), "script", nil)
	o.finish(style)
	o.see(o.finish(data))
	o.see(o.finish(poll))
}

func (o *owner) comeBack() {
	time.Sleep(70 * time.Second) // longer than answers are kept
	o.see(o.do("GET", o.page("data"), nil))
}

func (o *owner) signOut() {
	o.do("GET", o.page("logout"), nil)
	time.Sleep(time.Second)
	f := o.do("GET", o.page("data"), nil)
	if f != nil && strings.Contains(f.text(), "SECRET-") {
		o.fail("signing out leaves the owner signed in")
	}
}
