//go:build crash

package soaking

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const realm = "soak"

// maxComplaints bounds the output of a failing test.
const maxComplaints = 20

// soak is one run: the program, and the record of the requests to it.
type soak struct {
	t         testing.TB
	p         *program
	transport *http.Transport
	// slots bounds the requests in flight; customers take turns.
	slots chan struct{}
	// going is false when customers are to finish.
	going atomic.Bool

	requests, bytes, reloads                  atomic.Int64
	setUps, wrong, right, backups, replays    atomic.Int64
	signOuts, regenerated, disabled           atomic.Int64
	streams, sockets, cutSockets, cut, broken atomic.Int64
	complaints                                atomic.Int64
	slowest                                   atomic.Int64

	mu sync.Mutex
	// ledger is what the store must hold.
	ledger ledger
	// dead are cookie headers of visits that moved to a fresh token.
	dead []string
	// crowd numbers the calls of strangers, so that each has others.
	crowd uint64
}

// ledger counts records. What an answer that got lost may have written is in doubt.
type ledger struct {
	users, spent, dead, live int
	doubt                    int
}

func (s *soak) note(change ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.users += change.users
	s.ledger.spent += change.spent
	s.ledger.dead += change.dead
	s.ledger.live += change.live
	s.ledger.doubt += change.doubt
}

// keepDead remembers what the browser sent until its visit moved, for strangers to try.
func (s *soak) keepDead(cookies map[string]string) {
	header := ""
	for name, value := range cookies {
		header += "; " + name + "=" + value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dead) < 500 && header != "" {
		s.dead = append(s.dead, header[2:])
	}
}

// complain fails the test.
func (s *soak) complain(format string, args ...any) {
	if s.complaints.Add(1) <= maxComplaints {
		s.t.Errorf(format, args...)
	}
}

func (s *soak) observe(took time.Duration) {
	for old := s.slowest.Load(); int64(took) > old && !s.slowest.CompareAndSwap(old, int64(took)); old = s.slowest.Load() {
		continue
	}
}

// check compares the ledger with the store. An answer that got lost, as when a
// connection was cut, is worth at most two spent codes and one of the others.
func (l ledger) check(t testing.TB, n tally) {
	t.Helper()
	within := func(what string, got, want, slack int) {
		t.Helper()
		if got < want-slack || got > want+slack {
			t.Errorf("%s: %d records, want %d (±%d)", what, got, want, slack)
		}
	}
	within("users", n.users, l.users, l.doubt)
	within("users by name", n.byName, n.users, 0)
	within("spent codes and set-ups", n.spent, l.spent, 2*l.doubt)
	within("dead tokens", n.dead, l.dead, l.doubt)
	within("clearances", n.live, l.live, l.doubt)
	if n.byID > n.users || n.lists > n.users {
		t.Errorf("%d entries by id, %d lists of clearances for %d users", n.byID, n.lists, n.users)
	}
	// Each enrolled user is listed by when that was, and by the last use of a factor.
	if n.byTime > 2*n.users {
		t.Errorf("%d entries by time for %d users", n.byTime, n.users)
	}
	// Each customer's actions are in the audit log, with their user, and no event is pending.
	if n.events < n.spent || n.eventsOfUsers != n.events || n.pending != 0 {
		t.Errorf("%d events, %d of them listed by user, %d pending; want at least %d, all listed, none pending", n.events, n.eventsOfUsers, n.pending, n.spent)
	}
	// Two days around midnight; the store keeps its key's check, the keys in use, its indexes,
	// its own ID, where its realms are served (sites, places), and what their ids are made of.
	if n.meta != 7 || n.check > 1 || n.days > 2 || n.other != 0 {
		t.Errorf("beside them: %d about the store, %d of the check, %d days, %d unknown", n.meta, n.check, n.days, n.other)
	}
}

func (n tally) String() string {
	return fmt.Sprintf("%d users, %d dead tokens, %d clearances, %d spent, %d lists", n.users, n.dead, n.live, n.spent, n.lists)
}
