package gateway

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// owing is when it was last looked at whether a user without clearance owes a factor. A
// response may go on for hours, and the user, who owed nothing when it began, may set up a
// factor meanwhile, or a stricter configuration may take over. So a response without
// clearance looks again with every write, which is one comparison as long as nothing changed.
// A response on a clearance needs none of it.
type owing struct {
	// weighed is the table's count of changes then (see [visits.Tunnels.Changes]), weighedAt
	// when that was, in Unix seconds; 0 for the time of the request. Both are short, since
	// every request has them.
	weighed, weighedAt atomic.Uint32
}

// owesNow reports whether the response is one to a user who had no clearance and owed
// nothing, and who owes a factor by now, or has sessions that were ended. Another process may have changed that, too: the
// store is looked at once in `recheck` at least.
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
