package browser

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/network"
)

// quietTime is the time without the start or end of a request after which the page counts as idle.
// An icon, for example, is fetched only after the page has loaded.
const quietTime = 400 * time.Millisecond

// traffic follows the requests of the tab.
type traffic struct {
	mu      sync.Mutex
	running map[network.RequestID]string // their addresses
	changed time.Time
}

// listen handles every event of the tab.
func (t *traffic) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if strings.HasPrefix(e.Request.URL, "data:") {
			return // it needs no request, and its end is not always reported
		}
		if e.Type == network.ResourceTypeDocument {
			clear(t.running) // what the page before left is not always said to have ended
		}
		t.running[e.RequestID] = e.Request.URL
	case *network.EventLoadingFinished:
		delete(t.running, e.RequestID)
	case *network.EventLoadingFailed:
		delete(t.running, e.RequestID)
	default:
		return
	}
	t.changed = time.Now()
}

func (t *traffic) quiet() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.running) == 0 && time.Since(t.changed) > quietTime
}

func (t *traffic) addresses() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.running))
}

// Settle waits until no request of the page is in flight. In a portal that sets its cookies anew
// with every response, a late response would overwrite newer cookies.
func (b *Browser) Settle() {
	b.t.Helper()
	for limit := time.Now().Add(stepTime); !b.traffic.quiet(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			b.t.Fatalf("%s goes on fetching: %v", b.URL(), b.traffic.addresses())
		}
	}
}
