package gateway

import (
	"cmp"
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// forwarded is how a request was sent on.
type forwarded int

const (
	// gated: with the portal's cookies; the response is checked where it has to be.
	gated forwarded = iota
	// anonymously: without any credential; only an asset is released.
	anonymously
	// verbatim: as it came, by `trust`.
	verbatim
)

// forward sends the request on with the portal's cookies, and watches the response.
func (x *exchange) forward() error {
	if x.mayChange() {
		// The cached answers may be wrong from the moment when this request arrives.
		if x.visit != nil {
			x.suspended = x.visit.Answers.Suspend()
		}
		// A GET of the page with the sign-in form does not change who is signed in.
		x.settles = x.facts.Unsafe || x.facts.SignOut || x.sendsSignIn()
	}
	if x.before.Answer == gate.User {
		x.g.SetUser(x.next, x.answer.User)
	}
	if !x.before.MayPass() || x.exclusive {
		x.questionHeader()
	}
	expires := int64(0)
	if x.before.Cleared {
		x.ground = x.st
		expires = x.st.Expires(x.g.Session)
	}
	x.end = x.g.unfinished.finish(x.facts.R.Context(), expires)
	defer x.end.cancel()
	x.facts.R = x.facts.R.WithContext(x.end.Context)
	if x.facts.Stream {
		x.closeTunnel = x.openTunnel()
	}
	defer x.endTunnel()
	setCookie(x.facts.R.Header, x.jar.View(x.path).Header)
	return x.run()
}

// voidAnswers drops the visit's answers, and makes it unsettled. It is called where the portal
// may have signed a user in, or may still do so, and no answer tells.
func (x *exchange) voidAnswers() {
	if x.visit != nil {
		x.visit.Answers.Forget()
	}
	x.settles = true
}

// forwardAnonymous sends the request on without credentials, and releases only an asset.
func (x *exchange) forwardAnonymous() error {
	x.answer, x.before = strangers, gate.Standing{Answer: gate.Anonymous}
	x.kind = anonymously
	r := x.facts.R
	for name := range r.Header {
		if x.g.Headers.Credential(name) {
			delete(r.Header, name)
		}
	}
	if route.StripSessionIDs(r.URL, x.g.site.DeclaredQuery) {
		r.RequestURI = r.URL.RequestURI()
	}
	setCookie(r.Header, x.jar.Strangers().View(x.path).Header)
	return x.run()
}

// forwardVerbatim forwards a request under `trust` as it came, except for Secondgate's own
// cookies, which the portal must neither see nor set, and an offer of HTTP/2: over that
// connection a client could send requests that are not trusted.
func (x *exchange) forwardVerbatim() error {
	r := x.facts.R
	request.DropHTTP2(r)
	x.g.events.Trusted(r.Method, r.URL.Path)
	if lines := r.Header["Cookie"]; len(lines) > 0 {
		setCookie(r.Header, portal.WithoutOwn(lines))
	}
	x.kind = verbatim
	return x.run()
}

// run calls the handlers behind the gate, and completes the response, also after a panic in them.
func (x *exchange) run() (err error) {
	w := x.outRoom.Init(x, x.rw, x.g.Timing, x.room(), x.facts.Client.Address)
	w.Page = x.page()
	x.out = w
	defer func() {
		p := recover()
		x.ended(p == nil && err == nil) // before withdraw, because its questions read the request
		x.withdraw(p != nil || err != nil)
		switch {
		case w.Aborted():
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		case p == nil:
		case w.Dropping() && p == any(http.ErrAbortHandler):
			err = nil // the gate itself cut the response off, and its refusal is on its way
		default:
			panic(p)
		}
	}()
	x.reached = true
	if x.g.events.Measures() {
		x.g.events.Forwarded(x.took(), x.facts.ShowsPage())
	}
	err = x.next.ServeHTTP(w, x.facts.R)
	switch {
	case w.Wrote():
	case err == nil:
		w.WriteHeader(http.StatusOK)
	default:
		// The server's error routes write this response: what whoami set must not be
		// lost, and what the portal set does not pass unsealed.
		delete(x.rw.Header(), "Set-Cookie")
		x.writeCookies(x.rw.Header())
	}
	x.ended(err == nil)
	if w.Dropping() {
		return nil
	}
	return err
}

// room is the budget that a kept response is charged to. A form's response to a user who may pass
// has to be kept whole, and has the larger one.
func (x *exchange) room() *spool.Budget {
	if x.exclusive && x.before.MayPass() {
		return x.g.Visits.Uploads
	}
	return x.g.Visits.Bodies
}

// ended completes the response. whole says that the handlers ended it regularly. If it was not
// seen to its end, the portal may have signed a user in, and the visit's answers are void.
func (x *exchange) ended(whole bool) {
	x.abandoned = x.abandoned || !whole
	x.cutOff = x.cutOff || !whole && x.kind == gated && x.out.Dropping()
	unseen := !x.out.Wrote() || !whole && x.changers() > 0
	if unseen && x.kind == gated && x.visit != nil {
		x.voidAnswers() // it ended without headers, or before its end
	}
	x.out.Finish(whole)
	x.Over(true)
}

// withdraw takes the portal's cookies off the request: handlers before the gate, logs and
// the server's error routes must not see them.
func (x *exchange) withdraw(failed bool) {
	r := cmp.Or(x.passedOn, x.facts.R)
	delete(r.Header, "Cookie")
	if failed {
		delete(r.Header, "Authorization")
	}
}
