package audit

import (
	"strconv"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// within is the time over which events are summed up.
const within = 10 * time.Minute

// limits are how many events of a kind about the same are recorded one by one in that
// time; the others become one event with a count. Strangers can make a portal give
// unknown answers, and who has a password can sign in as often as the portal lets them:
// neither may fill the store. Kinds that are not named are bounded where they happen.
var limits = map[string]int{store.EventUnknownAnswer: 1, store.EventSignIn: 30}

const (
	// maxSubjects bounds what is told apart. Beyond, everything of a kind in a realm is
	// summed up together.
	maxSubjects = 10_000
	// maxReasons bounds the reasons of a realm that are told apart.
	maxReasons = 20
	otherwise  = "other reasons"
)

// subject is what events are about that are summed up together.
type subject struct{ kind, realm, user, reason string }

// often sums up. Safe for concurrent use.
type often struct {
	clock func() time.Time

	mu      sync.Mutex
	seen    map[subject]*run
	reasons map[string]int
}

// run is what came about one subject since a moment.
type run struct {
	since time.Time
	told  int
	// more were not told; last is when the last of them came.
	more int
	last time.Time
}

func newOften(clock func() time.Time) often {
	return often{clock: clock, seen: make(map[subject]*run), reasons: make(map[string]int)}
}

// admit reports whether the event is recorded by itself. It may change its reason.
func (o *often) admit(e *store.Event) bool {
	limit, bounded := limits[e.Kind]
	if !bounded {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.run(e)
	if r.told < limit {
		r.told++
		return true
	}
	r.more++
	r.last = e.At
	return false
}

// run finds what the event belongs to.
func (o *often) run(e *store.Event) *run {
	s := subject{e.Kind, e.Realm, e.User, e.Reason}
	if r := o.seen[s]; r != nil {
		return r
	}
	full := len(o.seen) >= maxSubjects
	if e.Reason != "" && (full || o.reasons[e.Realm] >= maxReasons) {
		e.Reason = otherwise
	}
	if full {
		e.User = ""
	}
	s = subject{e.Kind, e.Realm, e.User, e.Reason}
	if o.seen[s] == nil {
		o.seen[s] = &run{since: o.clock()}
		if e.Reason != "" {
			o.reasons[e.Realm]++
		}
	}
	return o.seen[s]
}

// due takes the sums whose time is over. A sum is the first event of the next time.
func (o *often) due() (sums []store.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock()
	for s, r := range o.seen {
		age := now.Sub(r.since)
		switch {
		case age >= 0 && age < within: // a clock that was set back begins anew
		case r.more > 0:
			sums = append(sums, sum(s, r))
			o.seen[s] = &run{since: now, told: 1}
		default:
			delete(o.seen, s)
			if s.reason != "" {
				o.reasons[s.realm]--
			}
		}
	}
	return sums
}

// sum is the event that stands for many.
func sum(s subject, r *run) store.Event {
	return store.Event{
		At: r.last, Kind: s.kind, Realm: s.realm, User: s.user, Reason: s.reason,
		Detail: map[string]string{"count": strconv.Itoa(r.more), "since": r.since.UTC().Format(time.RFC3339)},
	}
}
