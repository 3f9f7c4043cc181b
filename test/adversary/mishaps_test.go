package adversary

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// This file has what goes wrong for the owner: responses that are lost, forms that are sent twice,
// requests that arrive late, and pages of other sites.

// submit sends the form that a step is about, and has the owner's mishap happen to it:
//
//	"lost"    the connection breaks after the gateway has answered; the browser sends the form again
//	"stop"    the browser gives the request up while it stops at Hold, and sends the form again
//	"killed"  the gateway is killed while the request stops at Hold; the browser sends the form again
//	"double"  the form is sent twice at once, as from two tabs
//
// A request that was given up or cut off goes on at the portal after For.
func (o *owner) submit(method, target string, form url.Values) *flight {
	a := o.mishap
	o.mishap = Action{}
	if a.Extra == "" {
		return o.do(method, target, form)
	}
	if strings.HasSuffix(target, "/change") {
		o.forms++
	}
	m := o.message(method, target, "", form)
	if a.Extra == "stop" || a.Extra == "killed" {
		m.hold = a.Hold
	}
	f, err := o.run.gate.launch("owner", m)
	if err != nil {
		o.fail("a redirect to %q: %v", target, err)
		return nil
	}
	if a.Extra == "double" {
		second := o.do(method, target, form)
		if f = o.finish(f); f != nil && f.status >= 300 && f.status < 400 {
			o.do(http.MethodGet, f.sent.Get("Location"), nil)
		}
		return second
	}
	select {
	case <-f.done:
	case <-f.parked:
	case <-time.After(patience):
	}
	o.run.logf("owner    %s: %s", f.what, a.Extra)
	switch a.Extra {
	case "killed":
		o.run.restart()
	case "stop":
		f.drop(false)
	}
	time.AfterFunc(a.For, func() { f.goOn("") })
	return o.do(method, target, form)
}

// atChallenge checks that the owner is asked for a code, and signs in once more if not.
func (o *owner) atChallenge() {
	for range 3 {
		o.shaken = false
		time.Sleep(time.Second)
		f := o.do("GET", o.page("account"), nil)
		if f == nil || strings.Contains(f.what, ownPath) {
			return
		}
		o.visit()
		if f = o.do("POST", o.page("login"), o.credentials()); f == nil {
			return
		}
	}
	if !o.shaken {
		o.fail("no sign-in leads to the challenge")
	}
}

// ensure makes sure that the owner is in, and signs in and gives a code if not.
func (o *owner) ensure() {
	for range 4 {
		o.shaken = false
		f := o.do("GET", o.page("data"), nil)
		switch {
		case f == nil || strings.Contains(f.text(), "SECRET-"+victim):
			return
		case !strings.Contains(f.what, ownPath):
			o.visit()
			o.do("POST", o.page("login"), o.credentials())
			time.Sleep(time.Second)
		}
		o.typeCode()
		if o.trouble != "" {
			return
		}
	}
	if !o.shaken {
		o.fail("no way back in")
	}
}

// leave signs out on the gateway's own page.
func (o *owner) leave() {
	o.submit("POST", ownPath+"/challenge", url.Values{"action": {"sign-out"}})
	o.out()
}

// ownPages opens the gateway's own pages while a page and a form of the portal are on their way.
func (o *owner) ownPages() {
	if o.do("GET", o.page(""), nil) == nil {
		return
	}
	poll := o.launch("GET", o.page("poll"), "script", nil)
	o.forms++
	form := o.launch("POST", o.page("change"), "", url.Values{"note": {"owner"}, "token": {o.jar.token}})
	for _, page := range []string{"/", "/setup", "/backup-codes", "/challenge"} {
		f := o.do("GET", ownPath+page, nil)
		if f != nil && f.status != http.StatusOK {
			o.fail("%s was answered with %d", f.what, f.status)
		}
	}
	if f := o.finish(form); f != nil && f.status < 500 {
		o.due++
	}
	o.see(o.finish(poll))
}

// background sends a request of a page of the owner's, with the cookies of now or with those of a
// former state, at most a minute old, as one that took long to arrive. Its response comes when the
// program lets it, or a while later.
func (o *owner) background(a Action) {
	if !o.run.world.decidable() || o.run.portal.open() {
		return
	}
	if o.run.world.Whole && (a.Page == "events" || a.Page == "poll") {
		return // the portal itself would save it over a sign-in
	}
	method, kind := http.MethodGet, "script"
	if a.Kind == "beacon" {
		method = http.MethodPost
	}
	was := o.jar.cookies
	if n := len(o.jar.past); a.Of > 0 {
		// A second one with the same former session gets what the first one left: open, see README.md.
		if n < a.Of || time.Since(o.jar.left[n-a.Of]) > time.Minute || time.Since(o.former) < time.Minute {
			return
		}
		o.former = time.Now()
		o.jar.cookies = o.jar.past[n-a.Of]
	}
	m := o.message(method, o.page(a.Page), kind, url.Values{"any": {"thing"}})
	o.jar.cookies = was
	if n := sealedIn(m.header); n == 0 || n < sealedIn(o.message(method, o.page(""), kind, nil).header) {
		return // the portal would begin a session for it, over a later one; see README.md
	}
	switch a.Kind {
	case "beacon":
		m.header.Set("Sec-Fetch-Mode", "no-cors")
		m.header.Set("Content-Type", "text/plain")
	case "prefetch":
		m.header.Set("Sec-Fetch-Mode", "no-cors")
		m.header.Set("Sec-Purpose", "prefetch")
		m.header.Set("Purpose", "prefetch")
	}
	// A held lock stops the portal, and a session that is renewed by a held request is lost, both with
	// or without the gateway.
	if w := &o.run.world; !w.Locks && (w.Renews == "" || w.Rotation != "renew") {
		m.hold = a.Hold
	}
	f, err := o.run.gate.launch("owner", m)
	if err != nil {
		panic(err)
	}
	o.late = append(o.late, f)
	time.AfterFunc(15*time.Second, func() { f.goOn("") })
	if m.hold == "" {
		o.arrived(patience)
	}
}

// sealedIn is how many of the portal's cookies a request carries.
func sealedIn(h http.Header) int { return strings.Count(h.Get("Cookie"), visitCookie+"-") }

// goOn lets the background requests go on.
func (o *owner) goOn() {
	for _, f := range o.late {
		f.goOn("")
	}
	o.arrived(patience)
}

// arrived takes the responses of background requests that have ended, or end in time.
func (o *owner) arrived(in time.Duration) {
	for i := 0; i < len(o.late); {
		f := o.late[i]
		if in > 0 {
			select {
			case <-f.done:
			case <-f.parked:
			case <-time.After(in):
			}
		}
		f.mu.Lock()
		fresh := !f.taken && f.sent != nil
		f.taken = f.taken || fresh
		f.mu.Unlock()
		if fresh { // the headers come before the end
			o.jar.take(f.sent, "")
			o.shaken = o.shaken || f.outdated.Load()
		}
		if !f.over() {
			i++
			continue
		}
		o.late = append(o.late[:i:i], o.late[i+1:]...)
		o.run.logf("owner    late %s: %d", f.what, f.status)
		if f.status >= 500 && f.status != http.StatusServiceUnavailable {
			o.fail("%s was answered with %d", f.what, f.status)
		}
	}
}

// elsewhere has a page of another site make the owner's browser send a request. The browser sends
// the cookies that it sends everywhere, and takes only such from the response, unless a window of
// the portal's opens.
func (o *owner) elsewhere(a Action) {
	if !o.run.world.decidable() || o.run.portal.open() || !o.inside {
		return
	}
	m := message{method: http.MethodGet, target: o.page(a.Page), header: headers(""), address: "203.0.113.9"}
	m.header.Set("Sec-Fetch-Site", "cross-site")
	switch a.Kind {
	case "form", "fetch":
		m.method, m.body = http.MethodPost, url.Values{"note": {"attack"}, "user": {own}, "pass": {"pw-" + own}}.Encode()
		m.header.Set("Content-Type", "application/x-www-form-urlencoded")
		m.header.Set("Origin", "https://elsewhere.example")
	}
	switch a.Kind {
	case "img", "fetch":
		m.header.Set("Sec-Fetch-Mode", "no-cors")
		m.header.Set("Sec-Fetch-Dest", map[string]string{"img": "image", "fetch": "empty"}[a.Kind])
		m.header.Set("Accept", "*/*")
	case "frame":
		m.header.Set("Sec-Fetch-Dest", "iframe")
	}
	for _, p := range pinned {
		if p.name == o.run.world.Pin && p.name != "Origin" && p.name != "theme" {
			setPin(m.header, p.name, p.usual)
		}
	}
	o.jar.header(m.header, "everywhere", nil)
	f, err := o.run.gate.launch("another site", m)
	if err != nil {
		panic(err)
	}
	select {
	case <-f.done:
	case <-time.After(patience):
	}
	o.run.logf("another site's page sends %s by %s: %d", f.what, a.Kind, f.status)
	sent := f.sent.Clone()
	if a.Kind == "form" {
		o.shaken = true
	} else {
		var kept []string
		for _, line := range sent["Set-Cookie"] {
			if c, err := http.ParseSetCookie(line); err == nil && c.SameSite == http.SameSiteNoneMode {
				kept = append(kept, line)
			}
		}
		sent = http.Header{"Set-Cookie": kept}
	}
	o.jar.take(sent, "")
}
