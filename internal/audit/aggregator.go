package audit

import (
	"context"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// window is the time over which events are aggregated.
const window = 10 * time.Minute

// limits are how many events of a kind and subject are recorded one by one in a window;
// the others become one event with a count. Strangers can make a portal give unknown
// answers, and a user can sign in as often as the portal permits: neither may fill the
// store. Kinds that are not listed are bounded where they happen.
var limits = map[string]int{store.EventUnknownAnswer: 1, store.EventSignIn: 30}

const (
	// maxSubjects bounds the number of subjects. Beyond it, all events of a kind in a realm
	// are aggregated together.
	maxSubjects = 10_000
	// maxReasons bounds the number of distinct reasons in a realm.
	maxReasons = 20
	otherwise  = "other reasons"
)

// subject identifies the events that are aggregated together.
type subject struct{ kind, realm, user, reason string }

// aggregator replaces many events about one subject by one event with a count. Safe for
// concurrent use.
type aggregator struct {
	clock func() time.Time

	mu       sync.Mutex
	subjects map[subject]*tally
	// reasons are how many distinct reasons each realm has.
	reasons map[string]int
}

// tally counts the events about one subject in a window that began at since.
type tally struct {
	since time.Time
	// recorded events are in the audit log, counted ones are not; last is the time of the
	// last counted one.
	recorded, counted int
	last              time.Time
}

// admit reports whether the event is recorded by itself; otherwise it is counted. Where
// there are too many subjects, admit replaces the event's reason or user.
func (a *aggregator) admit(e *store.Event) bool {
	limit, bounded := limits[e.Kind]
	if !bounded {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tally(e)
	if t.recorded < limit {
		t.recorded++
		return true
	}
	t.counted++
	t.last = e.At
	return false
}

// tally returns the tally of the event's subject.
func (a *aggregator) tally(e *store.Event) *tally {
	s := subject{e.Kind, e.Realm, e.User, e.Reason}
	if t := a.subjects[s]; t != nil {
		return t
	}
	full := len(a.subjects) >= maxSubjects
	if e.Reason != "" && (full || a.reasons[e.Realm] >= maxReasons) {
		e.Reason = otherwise
	}
	if full {
		e.User = ""
	}
	s = subject{e.Kind, e.Realm, e.User, e.Reason}
	if a.subjects[s] == nil {
		a.subjects[s] = &tally{since: a.clock()}
		if e.Reason != "" {
			a.reasons[e.Realm]++
		}
	}
	return a.subjects[s]
}

// due returns an event for each window that has ended and in which events were counted.
// That event is the first of the subject's next window.
func (a *aggregator) due() (events []store.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	for s, t := range a.subjects {
		age := now.Sub(t.since)
		switch {
		case age >= 0 && age < window: // a negative age: the clock was set back
		case t.counted > 0:
			events = append(events, t.event(s))
			a.subjects[s] = &tally{since: now, recorded: 1}
		default:
			delete(a.subjects, s)
			if s.reason != "" {
				a.reasons[s.realm]--
			}
		}
	}
	return events
}

// event returns the event that stands for the counted ones.
func (t *tally) event(s subject) store.Event {
	return store.Event{
		At: t.last, Kind: s.kind, Realm: s.realm, User: s.user, Reason: s.reason,
		Detail: map[string]string{"count": strconv.Itoa(t.counted), "since": t.since.UTC().Format(time.RFC3339)},
	}
}

// maxNoted bounds how many events wait to be written. Beyond it they are lost, and the
// number is logged: no request waits for a store that does not write.
const maxNoted = 4096

// Note takes an event that belongs to no transaction. It never blocks. Events of kinds that
// users can cause at will are aggregated.
func (l *Log) Note(e store.Event) {
	if !l.aggregator.admit(&e) {
		return
	}
	select {
	case l.noted <- e:
	default:
		l.lost.Add(1)
	}
}

// write records these events and all that wait. What can't be written is kept and tried
// again.
func (l *Log) write(ctx context.Context, events ...store.Event) {
	l.unwritten = append(l.unwritten, events...)
	for len(l.unwritten) < maxNoted && len(l.noted) > 0 { // only this goroutine receives
		l.unwritten = append(l.unwritten, <-l.noted)
	}
	for len(l.unwritten) > 0 {
		n := min(len(l.unwritten), batch)
		if err := l.Store.Record(ctx, l.unwritten[:n]...); err != nil {
			l.drop(ctx, err)
			return
		}
		l.unwritten = l.unwritten[n:]
	}
	l.unwritten = nil
	l.logLost()
}

// drop keeps what could not be written, within bounds.
func (l *Log) drop(ctx context.Context, err error) {
	if over := len(l.unwritten) - maxNoted; over > 0 {
		l.unwritten = l.unwritten[over:]
		l.lost.Add(uint64(over))
	}
	l.fail(ctx, "events could not be written; they are kept and tried again", err)
}

// logLost logs how many events are missing in the audit log.
func (l *Log) logLost() {
	log := l.Logger()
	if log == nil {
		return
	}
	if n := l.lost.Swap(0); n > 0 {
		log.Named(logName).Error("events are missing in the audit log: there were too many at a time", zap.Uint64("events", n))
	}
}
