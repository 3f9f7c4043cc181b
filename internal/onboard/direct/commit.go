package direct

import (
	"context"
	"time"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// moments are when a sign-in is looked for, from the end of its response on.
var moments = []time.Duration{
	0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
}

// Last is the latest moment at which a sign-in is looked for.
const Last = 3 * time.Second

// Commit returns how long after the response of a sign-in the portal committed it, in a
// browser that has just received that response: 0 if whoami names a user at once. It
// waits only while whoami says that nobody is signed in. The verdict is the last one.
func (p Portal) Commit(ctx context.Context, b *browse.Browser) (time.Duration, whoami.Verdict) {
	var v whoami.Verdict
	after, _ := When(ctx, func() bool {
		v = p.Who(ctx, b, nil)
		return v.Kind != whoami.Anonymous
	})
	return after, v
}

// When calls seen at once and then at growing intervals until it reports true. It returns
// the moment of that call, at most Last after the first; ok is false if none was true.
func When(ctx context.Context, seen func() bool) (after time.Duration, ok bool) {
	began := time.Now()
	for _, after = range moments {
		if !Sleep(ctx, after-time.Since(began)) {
			return after, false
		}
		if seen() {
			return after, true
		}
	}
	return after, false
}

// Sleep waits, and reports whether ctx still stands.
func Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
