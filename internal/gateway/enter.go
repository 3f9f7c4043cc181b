package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
)

// errMoved says that the visit moved to a fresh token while a request waited for its turn, as in
// a double click on the challenge's button. The request is sent back to be repeated with the
// fresh token.
var errMoved = errors.New("the visit moved to a fresh token")

// joinNameless gives a request with credentials but no visit cookie a nameless visit for its
// answers and its turn: one for equal credentials from one address, so that strangers with the
// same header don't wait for each other. It has neither a token nor a clearance.
func (x *exchange) joinNameless() {
	jar := x.jar.Key()
	p := &x.facts.Pins
	who := p.Extra + "\x00" + p.Query + "\x00" + p.Identity + "\x00" + p.Placeholders + "\x00" + string(jar[:]) + "\x00" + x.facts.Client.Address
	if x.g.Identify != nil {
		who += "\x00" + x.g.Identify(x.facts.R)
	}
	id := sha256.Sum256([]byte("credentials\x00" + who))
	x.visit = x.g.Visits.Get(x.g.Realm, id, "")
	x.st = &visits.Standing{}
}

// enter makes a request that may change who is signed in exclusive in its visit. Other requests
// return at once, also a GET of the page with the sign-in's form.
//
//  1. The body is read in full: a client could hold its end back while another request changes
//     the user.
//  2. Under `rotates`, a request of a user who may pass stays shared, except a declared sign-in.
//  3. The request waits for its turn, and looks at the visit again.
func (x *exchange) enter() error {
	f := &x.facts
	if x.visit == nil || !f.Unsafe && !(f.SignIn && (x.sendsSignIn() || f.SignOut)) {
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if x.g.Rotates && !f.SignIn {
		if x.identifyBefore() == nil && !gate.Exclusive(x.before, true, false, true) {
			return nil
		}
		x.answer, x.before = nil, gate.Standing{}
	}
	yield, leave, err := x.visit.Requests.Exclusive(f.R.Context())
	if err != nil {
		return err
	}
	x.yield, x.leave, x.exclusive = yield, leave, true
	if x.ownPage {
		x.visit.Requests.Start() // the question about it may sign a user in
	}
	return x.standAgain()
}

// awaitRest waits until no earlier request can change who is signed in any more, for `settle` at
// most. It waits where a response check could not detect such a change:
//
//   - before a sign-in, because a late earlier one could replace its session after its response
//     was rendered;
//   - before a sign-out, because its response may be rendered for the user of a late sign-in, and
//     no question names that user afterwards;
//   - before any exclusive request, if an earlier request was given up;
//   - before a form page that is not checked; see presume.go.
//
// It returns an error if the client left meanwhile.
func (x *exchange) awaitRest() error {
	if x.visit == nil || x.g.Rotates || x.g.Identify != nil {
		return nil
	}
	form := x.facts.Form && !x.visit.MayPass.Load()
	if !x.exclusive && !form {
		return nil
	}
	signs := x.sendsSignIn() || x.facts.SignOut
	for range 2 { // the second time for a request that ended during the first
		d := x.visit.UnsettledFor(x.g.Clock(), !form && !signs)
		if d == 0 {
			return nil
		}
		if !x.pause(min(d, x.g.Settle)) {
			return x.facts.R.Context().Err()
		}
	}
	return nil
}

// awaitSignIn makes a stranger's request wait after a declared sign-in that no question has shown
// yet, for `settle` at most, and asks again. Otherwise the portal would carry the request out as
// the user of that sign-in, by an answer from before.
func (x *exchange) awaitSignIn() error {
	if x.visit == nil || x.before.Answer != gate.Anonymous || x.g.Rotates || x.g.Identify != nil || !x.hasCredentials() {
		return nil
	}
	d := x.visit.SignInFor(x.g.Clock())
	if d == 0 {
		return nil
	}
	if !x.pause(min(d, x.g.Settle)) {
		return x.facts.R.Context().Err()
	}
	x.answer, x.before = nil, gate.Standing{}
	return x.identifyBefore()
}

// lookAtClock moves now forward. It is called after the request may have waited for the rest of
// its body or for other requests: answers and clearances may have expired meanwhile.
func (x *exchange) lookAtClock() {
	now := x.g.Clock()
	x.waited += now.Sub(x.now)
	x.now, x.timed = now, nil
}

// pause reports whether the client waited that long.
func (x *exchange) pause(d time.Duration) bool { return pause(x.facts.R.Context(), d) }

func pause(client context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-client.Done():
		return false
	}
}

// standAgain is called after the request waited for its turn. It reads the owner version, and
// looks the token up again if its clearance ended. It returns errMoved if the token was revoked.
func (x *exchange) standAgain() error {
	x.version = x.visit.Owner()
	if !x.own || !x.st.Ended() {
		return nil
	}
	if err := x.stand(); err != nil {
		return err
	}
	if x.st.Revoked() {
		return errMoved
	}
	return nil
}

// begin counts the request among those of its visit, and records the counters that its response is
// checked against (mark, version, proven). A stranger's exclusive request first keeps shared ones
// from beginning, and waits for those that run. A stranger's asset is not counted.
func (x *exchange) begin() error {
	if x.visit == nil {
		return nil
	}
	c := &x.visit.Requests
	free := x.visit.MayPass.Load() || x.live()
	switch {
	case x.exclusive && !free:
		wait := visits.FormWait
		if x.sendsSignIn() {
			wait = visits.SignInWait
		}
		turn, barred := x.leave, c.Bar(x.facts.R.Context(), wait)
		x.leave = func() { barred(); turn() }
		x.lookAtClock()
		if err := x.facts.R.Context().Err(); err != nil {
			return err // the client ended the wait
		}
		c.Start()
	case x.exclusive:
		c.Start()
	case free || !x.facts.Asset:
		if err := c.Shared(x.facts.R.Context(), free); err != nil {
			return err
		}
		x.shared.Store(runs)
	}
	x.mark, x.version = c.Mark(), x.visit.Owner()
	x.proven.Store(c.SignInEpoch() - uint64(x.changers()))
	x.beganUnsettled = x.unsettledWithoutSlow()
	x.unproven.Store(x.unsettled())
	return nil
}

// changers is how many of the visit's open changers are this request itself, 0 or 1. Callers
// subtract it to count the others.
func (x *exchange) changers() int {
	if x.exclusive || x.leaveSuspect != nil {
		return 1
	}
	return 0
}

// readBody keeps the whole body, so that no client can hold its last byte back while the visit's
// user changes. Users who may pass have a larger budget.
func (x *exchange) readBody() error {
	if x.body != nil || !request.HasBody(x.facts.R) {
		return nil
	}
	trusted := x.live() || x.passedBefore()
	budget := x.g.Visits.Bodies
	if trusted {
		budget = x.g.Visits.Uploads
	}
	began := time.Now()
	body, err := request.ReadBody(x.rw, x.facts.R, budget, x.facts.Client.Address, trusted)
	x.reading += time.Since(began)
	x.body = body
	return err
}

// live reports whether the visit has a clearance that is valid at the time of the request. Its
// expiry is compared only once per standing; a clearance that was ended counts as ended at once.
func (x *exchange) live() bool {
	if x.timed != x.st {
		x.timed, x.inTime = x.st, x.st.Live(x.g.Session, x.now)
	}
	return x.inTime && !x.st.Ended()
}
