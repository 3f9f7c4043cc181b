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
	// forms is how often forms were sent, due how often one must have been carried out; trouble is
	// the owner's problem, if any.
	forms, due int
	trouble    string
	// inside says that the owner gave a code, and did not sign out since.
	inside bool
	// shaken says that something happened after which the owner may have to sign in once more: a
	// question failed, or another site's page opened a window of the portal.
	shaken bool
	// mishap is what happens to the next form; see submit.
	mishap Action
	// late are background requests that are on their way.
	late []*flight
	// former is when the last one was sent with cookies of a former state.
	former time.Time
}

// steps is what the owner does, in order.
var steps = []func(*owner){
	(*owner).visit, (*owner).signIn, (*owner).code, (*owner).read, (*owner).form, (*owner).beside, (*owner).comeBack, (*owner).ownPages, (*owner).signOut,
	(*owner).visit, (*owner).signIn, (*owner).code, (*owner).read, (*owner).leave,
	(*owner).visit, (*owner).signIn, (*owner).code, (*owner).read,
}

// firstRound is how many steps there are until the owner is signed out for the first time.
const firstRound = 9

// next takes the owner's next step. It does nothing in a world where a browser can't use the
// portal, or where the questions can't identify the owner.
func (o *owner) next() bool {
	if o.step == firstRound && o.run.world.twins() {
		return false
	}
	if o.step == len(steps) || o.trouble != "" || !o.run.world.decidable() || o.run.portal.open() {
		return false
	}
	time.Sleep(time.Second) // people need a moment
	o.arrived(0)
	switch {
	case o.inside && o.shaken:
		o.ensure()
	case o.inside && time.Since(o.last) > idle/2:
		o.code() // the clearance may have ended
	}
	steps[o.step](o)
	o.mishap = Action{}
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
	for range 20 { // as browsers
		if strings.HasSuffix(target, "/change") && method == http.MethodPost {
			o.forms++
		}
		f := o.finish(o.launch(method, target, "", form))
		if f != nil && f.status >= 500 {
			time.Sleep(5 * time.Second) // the owner reloads
			continue
		}
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
	if f != nil {
		f.script = kind == "script"
	}
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
	o.run.logf("owner    %s: %d %s", f.what, f.status, f.sent.Get("Location"))
	if f.status >= 500 {
		if o.run.portal.uneasy() {
			o.shaken = true
			return f
		}
		if f.status == http.StatusServiceUnavailable && f.script {
			return f
		}
		o.fail("%s was answered with %d", f.what, f.status)
		return nil
	}
	return f
}

func (o *owner) page(name string) string { return o.run.world.Base + "/" + name }

func (o *owner) visit() { o.do("GET", o.page(""), nil) }

func (o *owner) signIn() {
	mishap := o.mishap.Extra != ""
	o.submit("POST", o.page("login"), o.credentials())
	if mishap || o.shaken {
		o.atChallenge()
	}
}

// credentials is the sign-in form.
func (o *owner) credentials() url.Values {
	return url.Values{"user": {victim}, "pass": {"pw-" + victim}, "token": {o.jar.token}}
}

// code gives the authenticator's current code, and waits if the page asks to.
func (o *owner) code() {
	mishap := o.mishap.Extra != ""
	if o.shaken {
		o.atChallenge()
	}
	o.typeCode()
	if o.inside = true; mishap || o.shaken {
		o.ensure()
	}
}

// typeCode is code without a look at what came of it.
func (o *owner) typeCode() {
	mishap := o.mishap.Extra != ""
	f := o.do("GET", ownPath+"/challenge", nil)
	for range 10 {
		if f == nil {
			return
		}
		for o.codes >= time.Now().Unix()/30 {
			time.Sleep(5 * time.Second)
		}
		o.codes = time.Now().Unix() / 30
		f = o.submit("POST", ownPath+"/challenge", url.Values{"code": {o.run.kit.code(victim, o.codes)}})
		if f == nil || f.status == http.StatusOK || (mishap || o.shaken) && f.status != http.StatusTooManyRequests {
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
	if f == nil || strings.Contains(f.text(), "SECRET-"+victim) {
		return
	}
	switch {
	case o.shaken:
		o.ensure()
	case f.status == http.StatusServiceUnavailable: // a script asks again, as Retry-After says
		time.Sleep(time.Second)
		o.see(o.do("GET", strings.TrimPrefix(f.what, "GET "), nil))
	default:
		o.fail("%s shows nothing of the owner's: %d", f.what, f.status)
	}
}

func (o *owner) form() {
	if o.do("GET", o.page(""), nil) == nil {
		return
	}
	f := o.submit("POST", o.page("change"), url.Values{"note": {"owner"}, "token": {o.jar.token}})
	if f == nil {
		return
	}
	o.due++
	if o.shaken { // the owner can't tell whether the form was taken
		o.ensure()
		o.do("GET", o.page(""), nil)
		o.do("POST", o.page("change"), url.Values{"note": {"owner"}, "token": {o.jar.token}})
	}
}

// beside loads several resources at the same time, as a page does.
func (o *owner) beside() {
	if o.run.world.Renews != "" {
		o.see(o.do("GET", o.page("data"), nil)) // renews the session if that is due
	}
	poll := o.launch("GET", o.page("poll"), "script", nil)
	style := o.launch("GET", o.page("style.css"), "script", nil)
	data := o.launch("GET", o.page("data"), "script", nil)
	o.finish(style)
	o.see(o.finish(data))
	o.see(o.finish(poll))
}

func (o *owner) comeBack() {
	time.Sleep(70 * time.Second) // longer than answers are kept
	if o.mishap.Kind == "script" {
		o.finish(o.launch("GET", o.page("style.css"), "script", nil)) // a tab that was open
	}
	o.see(o.do("GET", o.page("data"), nil))
}

func (o *owner) signOut() {
	o.submit("GET", o.page("logout"), nil)
	o.out()
}

// out checks that the owner is signed out.
func (o *owner) out() {
	o.inside = false
	time.Sleep(time.Second)
	f := o.do("GET", o.page("data"), nil)
	if f != nil && strings.Contains(f.text(), "SECRET-") {
		o.fail("signing out leaves the owner signed in")
	}
}
