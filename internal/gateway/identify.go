package gateway

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/store"
)

// enter has a request that may change who is signed in read whole, and waits for its
// turn in the visit.
func (x *exchange) enter() error {
	if !x.unsafe && !x.signIn || x.visit == nil {
		return nil
	}
	if x.g.Rotates && !x.signIn {
		if x.identifyBefore() == nil && !gate.Held(x.before, true, false, true) {
			return nil
		}
		x.answer = nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	leave, err := x.visit.queue.enter(x.r.Context())
	if err != nil {
		return err
	}
	x.leave = leave
	return x.standAgain()
}

// errMoved says that the visit moved to a fresh token while a request waited for its
// turn: as in a double click on the challenge's button.
var errMoved = errors.New("the visit moved to a fresh token")

// standAgain looks at the visit's standing once more if it changed while the request
// waited.
func (x *exchange) standAgain() error {
	if !x.browser || !x.st.ended.Load() {
		return nil
	}
	if err := x.stand(); err != nil {
		return err
	}
	if x.st.dead() {
		return errMoved
	}
	return nil
}

// readBody keeps the whole body, so that nobody can hold its last byte back while
// the visit changes hands.
func (x *exchange) readBody() error {
	if !hasBody(x.r) {
		return nil
	}
	trusted := x.live() || x.passedBefore()
	if !trusted && (x.r.ContentLength < 0 || x.r.ContentLength > smallBody) {
		select {
		case x.g.spools <- struct{}{}:
			x.slot = true
		default:
			return errBusy
		}
	}
	began := time.Now()
	body, err := readBody(x.rw.rw, x.r, trusted, x.now)
	x.reading += time.Since(began)
	if err != nil {
		return err
	}
	x.body = body
	x.r.Body = body
	x.r.ContentLength = body.size
	x.r.TransferEncoding = nil
	return nil
}

// passedBefore reports whether the visit's last answer was a user who may pass.
// That decides only what is worth asking or reading, never who passes.
func (x *exchange) passedBefore() bool {
	if x.visit == nil {
		return false
	}
	key := x.key
	key.Jar = x.jar.Key()
	a := x.visit.answers.Last(&key)
	if a == nil || a.Kind != gate.User {
		return false
	}
	st, err := x.standingOf(x.r.Context(), a)
	return err == nil && st.MayPass()
}

// identifyBefore finds out who sent the request, and in what standing.
func (x *exchange) identifyBefore() error {
	if x.answer != nil {
		return nil // already asked on the way into the queue
	}
	cleared := x.live()
	if x.asset && !cleared && !x.passedBefore() {
		x.answer = &portal.Answer{} // not asked: Unknown
		return nil
	}
	fresh := x.unsafe && !cleared && !x.g.WatchUnsafe
	x.answer = x.settle(x.r.Context(), fresh)
	before, err := x.standingOf(x.r.Context(), x.answer)
	if err != nil {
		return err
	}
	x.before = before
	x.rememberToken()
	if !before.Cleared {
		x.seeSignIn(x.answer)
	}
	if may := before.MayPass(); x.visit != nil && x.visit.passes.Load() != may {
		x.visit.passes.Store(may)
	}
	x.endIfSignedOut()
	if x.before.Cleared {
		x.g.Visits.touch(x.visit, x.st, x.now)
	}
	return nil
}

// strangers is the answer that needs no question: nothing on the request could tell
// the portal who it is.
var strangers = &portal.Answer{Kind: gate.Anonymous}

// maxRounds bounds how often the credentials may shrink in one request.
const maxRounds = 4

// settle asks whose the credentials are, takes out the cookies that were stamped for
// another user, and asks again about the rest, until question and request agree.
func (x *exchange) settle(ctx context.Context, fresh bool) *portal.Answer {
	if x.g.Identify != nil {
		return x.identified()
	}
	for range maxRounds {
		if !x.hasCredentials() {
			return strangers
		}
		a := x.ask(ctx, fresh)
		if a.Kind == gate.Unknown {
			return a
		}
		x.takeChanges(a.Changes, a.User)
		fitting, gone := x.jar.Fits(a.User)
		if len(gone) == 0 {
			return a
		}
		x.jar, x.gone = fitting, append(x.gone, gone...)
	}
	return &portal.Answer{Why: "the cookies belong to several users"}
}

// identified reads who another authenticator found. Nobody is not anonymous here:
// it was that authenticator's job to find somebody.
func (x *exchange) identified() *portal.Answer {
	if id := x.g.Identify(x.r); id != "" {
		return &portal.Answer{Kind: gate.User, User: id, Name: id}
	}
	x.g.Meter.Unnamed()
	return &portal.Answer{Why: "the placeholder under `user` is empty"}
}

// takeChanges applies what a response set, stamped for the user it was judged for.
func (x *exchange) takeChanges(changes []portal.Change, user string) {
	if len(changes) == 0 {
		return
	}
	x.jar = x.jar.Apply(changes).Stamped(changes, user)
	x.changes = append(x.changes, changes...)
}

// ask asks about the jar as it is, or takes a kept answer.
func (x *exchange) ask(ctx context.Context, fresh bool) *portal.Answer {
	x.key.Jar = x.jar.Key()
	answers := &x.visit.answers
	if x.presumed() {
		return strangers
	}
	if !fresh {
		if a := answers.Kept(&x.key, x.now); a != nil {
			return a
		}
	}
	key := x.key
	// Where every request asks, none is content with an answer to an earlier question.
	fresh = fresh || x.g.Recheck == 0
	epoch := answers.Epoch()
	jar, header := x.jar, portal.Question(x.r.Header)
	a := answers.Ask(key, fresh, func() *portal.Answer {
		// Others may wait for this answer: it does not end with this request.
		return x.g.put(context.WithoutCancel(ctx), portal.Credentials{Jar: jar, Header: header, Query: x.queried}, x.fetch)
	})
	x.keep(key, a, epoch)
	return a
}

// keep remembers an answer, unless an unsafe request runs that could change it; the
// one that runs keeps its own afterwards.
func (x *exchange) keep(key portal.Key, a *portal.Answer, epoch uint64) {
	if x.visit.queue.busy(x.turns()) {
		return
	}
	x.visit.answers.Keep(key, a, epoch, x.g.lives(), x.now)
	if len(a.Changes) > 0 && a.Kind != gate.Unknown {
		// Whoever asked with the old cookies goes on with the new ones.
		renewed := *a
		renewed.Changes = nil
		key.Jar = x.jar.Apply(a.Changes).Key()
		x.visit.answers.Keep(key, &renewed, epoch, x.g.lives(), x.now)
	}
}

// standingOf weighs an answer against clearance and policy.
func (x *exchange) standingOf(ctx context.Context, a *portal.Answer) (gate.Standing, error) {
	st := gate.Standing{Answer: a.Kind}
	if a.Kind == gate.Unknown {
		x.g.Book.Note(x.g.Realm, report.Unknown, a.Why)
		x.g.note(store.Event{At: x.now.UTC(), Kind: store.EventUnknownAnswer, Realm: x.g.Realm, Reason: a.Why})
		x.g.Logger.Error("whoami gave no answer", zap.String("reason", a.Why), zap.String("client_ip", x.client.Address))
	}
	if a.Kind != gate.User {
		return st, nil
	}
	if x.live() && x.st.clearance.User == a.User {
		st.Enrolled, st.Cleared = true, true
		return st, nil
	}
	st.Required = x.g.Required
	user, err := x.g.user(ctx, a)
	st.Enrolled = user.Activated()
	return st, err
}

// user reads a user's record, and makes one when whoami names somebody for the
// first time, so that staff can list who has not activated two-factor authentication.
func (g *Gateway) user(ctx context.Context, a *portal.Answer) (store.User, error) {
	key := store.UserKey{Realm: g.Realm, ID: a.User}
	user, err := g.Store.User(ctx, key)
	if err == nil && upToDate(&user, a) || err != nil && !errors.Is(err, store.ErrNotFound) {
		return user, err
	}
	err = g.Store.Update(ctx, key, func(tx store.Tx) error {
		rec, err := tx.User()
		if errors.Is(err, store.ErrNotFound) {
			rec, err = store.User{Key: key, FirstSeen: g.Clock().UTC()}, nil
		}
		if err != nil {
			return err
		}
		rec.Name, rec.Email = cmp.Or(a.Name, rec.Name), cmp.Or(a.Email, rec.Email)
		user = rec
		return tx.PutUser(rec)
	})
	return user, err
}

// upToDate reports whether the record has what the portal says of the user.
func upToDate(user *store.User, a *portal.Answer) bool {
	return (a.Name == "" || user.Name == a.Name) && (a.Email == "" || user.Email == a.Email)
}

// endIfSignedOut ends the clearance when the very credentials it was given for are
// nobody's any more. Where some of them are missing, as on a cross-site request,
// nothing ends.
func (x *exchange) endIfSignedOut() {
	if x.before.Answer != gate.Anonymous || !x.live() {
		return
	}
	binds := x.st.clearance.Binds
	if len(binds) == 0 || !holdsAll(x.sent.Binds(), binds) {
		return
	}
	x.endClearance("signed out at the portal")
}

// endClearance ends the visit's clearance, whoever it was for.
func (x *exchange) endClearance(why string) {
	c := x.st.clearance
	if c == nil {
		return
	}
	x.st.ended.Store(true)
	err := x.g.Visits.endClearance(context.WithoutCancel(x.r.Context()), x.visit, x.event(store.EventSignedOut, c.User, why))
	fields := []zap.Field{zap.String("user_id", c.User), zap.String("client_ip", x.client.Address), zap.String("reason", why)}
	if err != nil {
		x.g.Logger.Error("clearance could not be ended in the store", append(fields, zap.Error(err))...)
		return
	}
	x.g.Logger.Info("clearance ended", fields...)
}
