package visits

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// Visit is one browser's stay, in memory.
type Visit struct {
	ID ID
	// Token is the browser's; empty for a visit that is named by its credentials only.
	Token session.Token
	// used is when the last request came.
	used atomic.Int64

	loading  sync.Mutex
	standing atomic.Pointer[Standing]
	// Opened caches the jar of the last Cookie header.
	Opened atomic.Pointer[Opened]
	// Observed is for package observe. It is not shared: tokens are rotated in `mode enforce`
	// only, and what was seen before that is outdated.
	Observed atomic.Pointer[any]

	*Shared
}

// Shared is the state of a visit that does not depend on its token. When a visit moves to a fresh
// token, both tokens share it, because requests with the old one may still be open.
type Shared struct {
	// pins counts the requests that use the visit, under any of its tokens.
	pins     atomic.Int32
	Answers  Answers
	Requests Concurrency
	// MayPass says that the user of the last answer may pass. It only affects how the visit's
	// requests wait for each other and how often the visit may ask. It does not decide who passes.
	MayPass atomic.Bool
	// owner is the owner version; see BumpOwner.
	owner atomic.Uint64
	// settle is until when the visit is unsettled, in Unix nanoseconds; 0 for a settled one.
	settle atomic.Int64
	// formed is like settle, but does not count what clients sent through tunnels.
	formed atomic.Int64
	// abandoned is until when exclusive requests wait, in Unix nanoseconds; see Abandon.
	abandoned atomic.Int64
	// signIn is until when strangers' requests wait, in Unix nanoseconds; see SettleSignIn.
	signIn atomic.Int64
	// slow is until when the portal may still execute a request that was given up, in Unix
	// nanoseconds; 0 if there is none.
	slow atomic.Int64
	// SignedIn is the user that the visit was last seen signed in as; nil for a stranger's.
	SignedIn atomic.Pointer[string]

	questions limit
	held      held
	// Renewals tell the visit's tunnels which cookies were set in place of theirs.
	Renewals Renewals
}

func newShared() *Shared { return &Shared{Requests: newConcurrency()} }

// Opened is a Cookie header with the jar that was opened from it.
type Opened struct {
	// By is the number of the gateway that opened it.
	By     uint64
	Header string
	Host   string
	Secure bool
	Jar    *portal.Jar
	Stale  []portal.Stale
	Until  time.Time
}

// Owner is the present owner version.
func (v *Shared) Owner() uint64 { return v.owner.Load() }

// BumpOwner increments the visit's owner version and returns it. Responses that started
// under an older version are dropped, because the visit may now belong to another user.
func (v *Shared) BumpOwner() uint64 { return v.owner.Add(1) }

// Settle makes the visit unsettled for d from now on. The portal may still commit a sign-in
// after a response that was just released (design rule G3).
func (v *Shared) Settle(now time.Time, d time.Duration) {
	v.Answers.Settle(now.Add(d))
	raise(&v.settle, now.Add(d).UnixNano())
	raise(&v.formed, now.Add(d).UnixNano())
}

// SettleFrames is Settle for bytes that the client sent through a tunnel.
func (v *Shared) SettleFrames(now time.Time, d time.Duration) {
	v.Answers.Settle(now.Add(d))
	raise(&v.settle, now.Add(d).UnixNano())
}

// SettleSignIn records that a question after a declared sign-in named no user. The portal may
// commit the sign-in until d from now on. Strangers' requests wait for that.
func (v *Shared) SettleSignIn(now time.Time, d time.Duration) {
	raise(&v.signIn, now.Add(d).UnixNano())
}

// Inherit makes the visit unsettled for as long as old is, because a request of old starts the
// visit.
func (v *Shared) Inherit(old *Shared) {
	raise(&v.settle, old.settle.Load())
	raise(&v.formed, old.formed.Load())
	raise(&v.abandoned, old.abandoned.Load())
	raise(&v.slow, old.slow.Load())
	raise(&v.signIn, old.signIn.Load())
	v.Answers.Settle(old.Answers.settling())
}

// Formed reports whether a request may still change who is signed in. Such a request is open,
// ended within the settle time, or was given up while the portal may still execute it.
func (v *Shared) Formed(now time.Time) bool { return v.Forming(now) || v.Slow(now) }

// Forming is Formed without the requests that were given up; other requests don't wait for
// these.
func (v *Shared) Forming(now time.Time) bool {
	return v.Requests.Changers(0) || now.UnixNano() < v.formed.Load()
}

// slowTime is how long the portal may still execute a request that was given up. Other requests
// don't wait for that, but their responses are checked during this time.
const slowTime = 10 * time.Minute

// Generation is a version of who is signed in. It covers everything that may have changed that,
// except what clients sent through tunnels. If two are equal, nothing changed it in between.
type Generation struct {
	// Begun is how many changers began; until is when the visit is settled after them.
	Begun uint64
	until int64
}

// Generation returns the present one.
func (v *Shared) Generation() Generation { return Generation{v.Requests.Entered(), v.formed.Load()} }

// Before reports whether nothing made the visit unsettled since t.
func (g Generation) Before(t time.Time) bool { return g.until <= t.UnixNano() }

// Abandon records that a request which may change who is signed in was given up before its
// response ended. The portal may still execute it. Exclusive requests wait for d.
func (v *Shared) Abandon(now time.Time, d time.Duration) {
	raise(&v.abandoned, now.Add(d).UnixNano())
	raise(&v.slow, now.Add(slowTime).UnixNano())
}

// Slow reports whether the portal may still execute a request that was given up.
func (v *Shared) Slow(now time.Time) bool { return now.UnixNano() < v.slow.Load() }

// UnsettledFor is how long from now on an earlier request may still change who is signed in: any
// changer, or with abandoned only those that were given up. It is 0 if none can.
func (v *Shared) UnsettledFor(now time.Time, abandoned bool) time.Duration {
	if abandoned {
		return remains(&v.abandoned, now)
	}
	return remains(&v.settle, now)
}

// SignInFor is how long from now on the portal may commit a declared sign-in; see SettleSignIn.
func (v *Shared) SignInFor(now time.Time) time.Duration { return remains(&v.signIn, now) }

// remains returns the time from now on to until, in Unix nanoseconds; 0 if it has passed.
func remains(until *atomic.Int64, now time.Time) time.Duration {
	return time.Duration(max(0, until.Load()-now.UnixNano()))
}

// inUse reports whether the visit must stay in memory: a request uses it, or one that has ended
// may still change who is signed in. If memory is short, requests that were given up longer ago
// no longer count.
func (v *Shared) inUse(now time.Time, short bool) bool {
	return v.pins.Load() != 0 || v.UnsettledFor(now, false) > 0 || v.UnsettledFor(now, true) > 0 || !short && v.Slow(now)
}

// before reports whether the visit is removed from memory sooner than o.
func (v *Visit) before(o *Visit) bool {
	if holds := v.held.any.Load(); holds != o.held.any.Load() {
		return !holds
	}
	return v.used.Load() < o.used.Load()
}

// raise sets a to n if n is greater.
func raise(a *atomic.Int64, n int64) {
	for {
		old := a.Load()
		if n <= old || a.CompareAndSwap(old, n) {
			return
		}
	}
}

// Unsettled reports whether who is signed in may have changed without the gate having detected
// it: a changer is open in addition to the caller's own, or one ended within the settle time.
func (v *Shared) Unsettled(own int, clock func() time.Time) bool {
	if v.Requests.Changers(own) {
		return true
	}
	until := v.settle.Load()
	if until == 0 {
		return false
	}
	if clock().UnixNano() < until {
		return true
	}
	v.settle.CompareAndSwap(until, 0)
	return false
}

// held are changes of the portal's cookies that the browser gets with a later response. There
// are two kinds. Cookies that came with a question about an asset wait for the next page,
// because responses of assets get no cookies (caches keep them). Cookies that are never sealed
// wait until the user that the portal set them for has passed.
type held struct {
	mu      sync.Mutex
	any     atomic.Bool
	changes []heldChange
}

// heldChange is a change that was made at a site: the host and port that the browser addressed.
// Another site of the realm seals its own cookies, even under the same names. user is the user that
// the change waits for; empty if it waits for the next page. It is compared exactly, because two
// users may differ in case only. follows reports whether the change may reach a browser that sent
// certain cookies.
type heldChange struct {
	site, user string
	follows    Follows
	portal.Change
}

// Follows reports whether a change may reach a browser that sent these cookies: they must
// include the session that the change belongs to. The visit's own cookie is not enough, because
// pages of other sites can make browsers send it without the portal's cookies.
type Follows func(sent *portal.Jar, ch portal.Change) bool

// at reports whether a change waits at the site for the user.
func (h *heldChange) at(site, user string) bool {
	return h.user == user && strings.EqualFold(h.site, site)
}

// is reports whether the held change waits at the site for the user and is about the same cookie as
// ch.
func (h *heldChange) is(site, user string, ch *portal.Change) bool {
	return h.at(site, user) && h.Name == ch.Name && h.Path == ch.Path
}

// maxHeld bounds the changes that wait.
const maxHeld = 64

// Hold keeps changes for the next page that a browser loads from the site, if follows reports true
// for the cookies that it sends. The changes are stamped already.
func (v *Shared) Hold(site string, changes []portal.Change, follows Follows) {
	v.held.hold(site, changes, follows, func(portal.Change) string { return "" })
}

// HoldFor keeps changes for the users that they are stamped for, each until TakeFor. A change
// that is stamped for no user is dropped.
func (v *Shared) HoldFor(site string, changes []portal.Change) {
	changes = slices.DeleteFunc(changes, func(ch portal.Change) bool { return ch.Stamp.User == "" })
	v.held.hold(site, changes, nil, func(ch portal.Change) string { return ch.Stamp.User })
}

func (h *held) hold(site string, changes []portal.Change, follows Follows, user func(portal.Change) string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ch := range changes {
		h.changes = slices.DeleteFunc(h.changes, func(o heldChange) bool { return o.is(site, user(ch), &ch) })
		h.changes = append(h.changes, heldChange{site, user(ch), follows, ch})
	}
	if n := len(h.changes) - maxHeld; n > 0 {
		h.changes = slices.Delete(h.changes, 0, n)
	}
	h.any.Store(len(h.changes) > 0)
}

// Holds reports whether any changes wait.
func (v *Shared) Holds() bool { return v.held.any.Load() }

// Held returns the changes that wait for the next page of a browser at the site that sent these
// cookies. Every request of the browser is handled as if it carried the changed cookies already.
func (v *Shared) Held(site string, sent *portal.Jar) []portal.Change {
	return v.held.waiting(site, "", func(o *heldChange) bool { return o.follows(sent, o.Change) })
}

// TakeFor returns the changes that wait for the user, and forgets them.
func (v *Shared) TakeFor(site, user string) []portal.Change {
	changes := v.held.waiting(site, user, func(*heldChange) bool { return true })
	v.held.forget(site, user, changes)
	return changes
}

func (h *held) waiting(site, user string, wanted func(*heldChange) bool) (changes []portal.Change) {
	if !h.any.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.changes {
		if o := &h.changes[i]; o.at(site, user) && wanted(o) {
			changes = append(changes, o.Change)
		}
	}
	return changes
}

// Delivered forgets changes that a response of the site brings to the browser.
func (v *Shared) Delivered(site string, changes []portal.Change) { v.held.forget(site, "", changes) }

func (h *held) forget(site, user string, changes []portal.Change) {
	if !h.any.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = slices.DeleteFunc(h.changes, func(o heldChange) bool {
		return slices.ContainsFunc(changes, func(ch portal.Change) bool { return o.is(site, user, &ch) })
	})
	h.any.Store(len(h.changes) > 0)
}
