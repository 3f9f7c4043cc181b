package gateway

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
)

// watched is what `mode observe` knows of a visit. It decides nothing about anybody: a
// gate in `mode enforce` never looks at it.
type watched struct {
	mu  sync.Mutex
	jar plainJar
	// begun says that a request was seen; clean, that the first carried no cookie that
	// could tell who somebody is; covered, that a request came to a path which gets all
	// the cookies that whoami gets. Without either of the last two some may be missing.
	begun, clean, covered bool
	// before are the names that the first request carried: whoever set those.
	before []string

	belief belief
	// byHeader says that the visit was recognised by a header: then its requests without
	// one, as pages are, say nothing about it.
	byHeader bool
	// offers are cookies that the answer to a question set; see offer.
	offers []offer

	// What the next question is about: the surest sign of a sign-in since the last, and
	// whether the portal's response looked like one that succeeded.
	kind      signInKind
	convinced bool
	wants     *basis
	armed     bool
	tries     int
	// running are requests under way, and since when; rested is when the last that ended
	// will have been over for long enough.
	running map[*observation]time.Time
	rested  time.Time
}

// belief is the last answer. The zero value is Unknown.
type belief struct {
	kind gate.Answer
	user string
	key  portal.JarKey
	at   time.Time
}

// standing is the belief as the gate would have it, if whoever was asked for a code had
// given one.
func (b belief) standing() gate.Standing {
	return gate.Standing{Answer: b.kind, Enrolled: b.kind == gate.User, Cleared: b.kind == gate.User}
}

// stale reports whether the gate would ask again about these cookies.
func (b belief) stale(key portal.JarKey, recheck time.Duration, now time.Time) bool {
	life := recheck
	if b.kind == gate.Anonymous {
		life = observedAnonymous
	}
	return b.kind == gate.Unknown || b.key != key || now.Sub(b.at) >= life
}

// observedAnonymous is how long an answer that names nobody is believed.
const observedAnonymous = 3 * time.Minute

// signInKind ranks how a sign-in was noticed, as report.SignInKinds does.
type signInKind int

const (
	byPath signInKind = iota
	byField
	byPost
	byGet
	unseen
)

// basis is the request that a question is put like.
type basis struct {
	x      *exchange
	header http.Header
	// named is who another authenticator found; then the portal is not asked.
	named string
}

// offer is a cookie that a question's response changed. The portal may know the session
// by its new value only, so the next request gets that in place of the old one, and its
// response brings it to the browser: as if the browser had asked itself.
type offer struct {
	// olds are the values that the browser may still send.
	olds []string
	portal.Cookie
}

// maxOffers bounds the offers of one visit.
const maxOffers = 16

// receive notes what a question that was put with these cookies changed. New cookies are
// nobody's, and of those that were deleted the portal will tell the browser itself. It
// reports whether there was anything.
func (w *watched) receive(asked []portal.Cookie, changes []portal.Change, now time.Time) (any bool) {
	for _, ch := range changes {
		at := slices.IndexFunc(asked, func(c portal.Cookie) bool { return c.Name == ch.Name && (c.Path == ch.Path || c.Path == "/") })
		if at < 0 || ch.Delete || asked[at].Value == ch.Value {
			continue
		}
		i := slices.IndexFunc(w.offers, func(o offer) bool { return o.Name == ch.Name && o.Path == ch.Path })
		switch {
		case i >= 0:
			w.offers[i].olds = append(w.offers[i].olds, w.offers[i].Value)
			w.offers[i].Cookie = ch.Cookie
		case len(w.offers) < maxOffers:
			w.offers = append(w.offers, offer{[]string{asked[at].Value}, ch.Cookie})
		}
		w.jar.set(ch, now)
		any = true
	}
	return any
}

// redeem replaces old values by those on offer, and returns what was replaced. An offer
// ends when the browser sends another value, be it this one.
func (w *watched) redeem(pairs []portal.Pair) (redeemed []portal.Cookie) {
	w.offers = slices.DeleteFunc(w.offers, func(o offer) bool {
		i := slices.IndexFunc(pairs, func(p portal.Pair) bool { return p.Name == o.Name })
		if i < 0 {
			return false // a request to another path
		}
		if !slices.Contains(o.olds, pairs[i].Value) {
			return true
		}
		pairs[i] = portal.Pair{Name: o.Name, Value: o.Value}
		redeemed = append(redeemed, o.Cookie)
		return false
	})
	return redeemed
}

// withdraw ends the offers of cookies that the portal sets itself.
func (w *watched) withdraw(changes []portal.Change) {
	w.offers = slices.DeleteFunc(w.offers, func(o offer) bool {
		return slices.ContainsFunc(changes, func(ch portal.Change) bool { return ch.Name == o.Name })
	})
}

// watch returns what is known of the visit; it is made when it is first needed.
func (v *visit) watch() *watched {
	if w := v.watched.Load(); w != nil {
		return w
	}
	v.watched.CompareAndSwap(nil, &watched{kind: unseen, running: make(map[*observation]time.Time)})
	return v.watched.Load()
}
