package gateway

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// owing records when it was last checked whether a user without clearance owes a factor. A
// response may go on for hours. Meanwhile the user, who owed nothing when it began, may set up a
// factor, or a stricter configuration may take effect. So Lost checks a response without
// clearance with every write; while nothing changed, that is one comparison. A response on a
// clearance needs no such check.
type owing struct {
	// weighed is [visits.Tunnels.Changes] at the last check. weighedAt is its time in Unix
	// seconds; 0 for the time of the request. Both are 32 bits long, because every request has
	// them.
	weighed, weighedAt atomic.Uint32
}

// owesNow reports whether the user, who had no clearance and owed nothing when the response
// began, owes a factor by now, or had all sessions ended. The store is read at least once per
// `recheck`, because another process may have changed that.
func (x *exchange) owesNow() bool {
	if x.ground != nil || x.before.Cleared || !x.before.MayPass() {
		return false
	}
	if x.g.gate.Outlived() {
		return true
	}
	changes, now := uint32(x.g.Visits.Tunnels.Changes()), uint32(x.g.Clock().Unix())
	at := cmp.Or(x.weighedAt.Load(), uint32(x.now.Unix()))
	if changes == x.weighed.Load() && now-at < uint32(max(x.g.Recheck, time.Second)/time.Second) {
		return false
	}
	// The record is read only: what the answer says of the user may be hours old.
	user, err := x.g.Store.User(context.WithoutCancel(x.facts.R.Context()), store.UserKey{Realm: x.g.Realm, ID: x.answer.User})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		x.g.events.Failed("store failed while a response went on", err, x.about(x.answer.User))
		return true
	}
	x.weighed.Store(changes)
	x.weighedAt.Store(now)
	return user.Activated() || user.SessionsEnded.After(x.now)
}
