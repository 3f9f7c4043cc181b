package session

import (
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// TestLive: ASVS 7.3.1 and 7.3.2, the idle and the absolute end, to the second; and
// clocks that were set (RFC 6238 5.2's floor is the factor's own).
func TestLive(t *testing.T) {
	p := Policy{Life: 12 * time.Hour, Idle: 30 * time.Minute}
	given := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name      string
		seen, now time.Duration // after the code
		visit     func(*store.Visit)
		want      bool
	}{
		{"at once", 0, 0, nil, true},
		{"idle for almost as long as may be", 0, 30*time.Minute - time.Second, nil, true},
		{"idle", 0, 30 * time.Minute, nil, false},
		{"seen just now, at the end of its life", 12*time.Hour - time.Second, 12*time.Hour - time.Second, nil, true},
		{"its life is over", 12*time.Hour - time.Second, 12 * time.Hour, nil, false},
		{"given by a longer policy", time.Hour, time.Hour, func(v *store.Visit) { v.Expires = given.Add(99 * time.Hour) }, true},
		{"given by a longer policy, over by this one", 13 * time.Hour, 13 * time.Hour,
			func(v *store.Visit) { v.Expires = given.Add(99 * time.Hour) }, false},
		{"given by a shorter policy", 2 * time.Hour, 2 * time.Hour, func(v *store.Visit) { v.Expires = given.Add(time.Hour) }, false},
		{"the clock was corrected a little", 0, -clockSlack, nil, true},
		{"the clock was set back", 0, -clockSlack - time.Second, nil, false},
		{"a tombstone", 0, 0, func(v *store.Visit) { v.User = "" }, false},
	} {
		v := store.Visit{User: "alice", Factor: "totp", At: given, Expires: given.Add(p.Life)}
		if c.visit != nil {
			c.visit(&v)
		}
		if got := p.Live(&v, given.Add(c.seen), given.Add(c.now)); got != c.want {
			t.Errorf("%s: live %v, want %v", c.name, got, c.want)
		}
	}
}
