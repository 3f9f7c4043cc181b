package gateway

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
)

// errMoved says that the visit moved to a fresh token while a request waited for its
// turn: as in a double click on the challenge's button.
var errMoved = errors.New("the visit moved to a fresh token")

// joinNameless gives a request that carries credentials but belongs to no visit a
// place for its answers and its turn: one for equal credentials from one address, so
// that strangers with the same header don't wait for each other. It has no clearance.
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

// enter reads the body of a request that may change who is signed in, and waits for the
// request's turn in the visit.
func (x *exchange) enter() error {
	f := &x.facts
	if !f.Unsafe && !f.SignIn || x.visit == nil {
		return nil
	}
	// Who sent it is asked when all of it is there: a client may keep its end back.
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
		x.visit.Requests.Start() // its question may change something
	}
	return x.standAgain()
}

// awaitRest waits until no earlier request can change any more who is signed in, for
// `settle` at most, where a response check could not tell: before a sign-in, which a late
// one could overwrite after its response was rendered; before a sign-out, which may be
// rendered for the user of a late one, and after which no question tells that user; before any exclusive request
// where one was given up; and before a form page that is not checked, see presume.go.
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

// lookAtClock is called after the request may have waited: for the client, who may keep
// back the end of a body, or for other requests. Answers and clearances may have expired
// meanwhile.
func (x *exchange) lookAtClock() {
	now := x.g.Clock()
	x.waited += now.Sub(x.now)
	x.now, x.timed = now, nil
}

// pause reports whether the client waited that long.
func (x *exchange) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-x.facts.R.Context().Done():
		return false
	}
}

// standAgain looks at the visit's standing once more if it changed while the request
// waited.
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

// begin gives the request its place among the visit's others.
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

// changers is how many of the visit's open changers this request is.
func (x *exchange) changers() int {
	if x.exclusive || x.leaveSuspect != nil {
		return 1
	}
	return 0
}

// readBody keeps the whole body, so that no client can hold its last byte back while
// the visit's user changes.
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

// live reports whether the visit has a clearance that counts at the time of the
// request. Time is looked at once; a clearance that ended is seen at once.
func (x *exchange) live() bool {
	if x.timed != x.st {
		x.timed, x.inTime = x.st, x.st.Live(x.g.Session, x.now)
	}
	return x.inTime && !x.st.Ended()
}
