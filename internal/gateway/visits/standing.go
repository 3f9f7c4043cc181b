package visits

import (
	"hash/maphash"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Standing is the state of a visit's token in the store: the token has a clearance, it was
// revoked, or there is no record.
type Standing struct {
	// Clearance is nil without one.
	Clearance *store.Visit
	// RevokedAt is when the token was revoked; zero for a valid token. SessionEnded says that
	// the session was ended: the browser did not get a fresh token.
	RevokedAt    time.Time
	SessionEnded bool
	// ended is set when the clearance ends before its time.
	ended atomic.Bool
	// seen is the time of the last request, in Unix nanoseconds.
	seen atomic.Int64
	// Retries counts the requests with a revoked token that were sent back.
	Retries Retries
}

// NoStanding is the standing of a stranger. It is shared and read-only.
var NoStanding Standing

// Revoked reports whether the token was revoked.
func (st *Standing) Revoked() bool { return !st.RevokedAt.IsZero() }

// Ended reports whether the clearance ended before its time.
func (st *Standing) Ended() bool { return st.ended.Load() }

func (st *Standing) end() { st.ended.Store(true) }

// Live reports whether the token has a clearance that is valid at now.
func (st *Standing) Live(p session.Policy, now time.Time) bool {
	if st == nil || st.Clearance == nil || st.ended.Load() {
		return false
	}
	return p.Live(st.Clearance, time.Unix(0, st.seen.Load()), now)
}

// Expires is when the clearance ends at the latest, however busy the visit is, in Unix
// nanoseconds.
func (st *Standing) Expires(p session.Policy) int64 {
	return min(st.Clearance.Expires.UnixNano(), st.Clearance.At.Add(p.Life).UnixNano())
}

// Retries counts how often each request was sent back, so that a browser is not redirected in a
// loop. It is safe for concurrent use.
type Retries struct {
	mu    sync.Mutex
	count map[uint64]int
}

const (
	maxRetried  = 256
	maxSentBack = 2
)

var retryHash = maphash.MakeSeed()

// Again reports whether this request may be sent back once more, and counts it.
func (s *Retries) Again(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := retryKey(r)
	if s.exhausted(key) {
		return false
	}
	if s.count == nil {
		s.count = make(map[uint64]int)
	}
	s.count[key]++
	return true
}

// Exhausted reports whether this request may not be sent back any more.
func (s *Retries) Exhausted(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exhausted(retryKey(r))
}

func retryKey(r *http.Request) uint64 {
	return maphash.String(retryHash, r.Method+" "+r.URL.String())
}

func (s *Retries) exhausted(key uint64) bool {
	return len(s.count) >= maxRetried || s.count[key] >= maxSentBack
}

// End ends the clearance in memory.
func (st *Standing) End() {
	if st != &NoStanding {
		st.end()
	}
}
