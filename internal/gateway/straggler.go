package gateway

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/web"
)

// strayTime is how long a request that still carries a rotated token is taken for a
// straggler of the browser's, and not for a stranger's.
const strayTime = time.Minute

// strays counts how often each request was sent back.
type strays struct {
	mu    sync.Mutex
	count map[uint64]int
}

const (
	maxStrays   = 256
	maxSentBack = 2
)

var strayHash = maphash.MakeSeed()

// again reports whether this request may be sent back once more.
func (s *strays) again(r *http.Request) bool {
	key := maphash.String(strayHash, r.Method+" "+r.URL.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = make(map[uint64]int)
	}
	if len(s.count) >= maxStrays || s.count[key] >= maxSentBack {
		return false
	}
	s.count[key]++
	return true
}

// straggles reports whether the request's token died just now. One that died longer
// ago makes the request a stranger's, whatever else it carries.
func (x *exchange) straggles() bool {
	if x.now.Sub(x.st.died) < strayTime {
		return true
	}
	x.becomeStranger()
	return false
}

func (x *exchange) becomeStranger() {
	x.visit.release()
	x.visit, x.browser, x.st, x.keys = nil, false, &noStanding, nil
	x.stale = nil
	if rc, err := portal.Read(x.r.Header["Cookie"], x.names, x.site, x.g.Leave); err == nil {
		x.stale = rc.All()
		x.sent = rc.Unsealed()
		x.jar = x.sent
	}
}

// turnStraggler sends a page's request to the same address again, by when the
// browser has the fresh token, and tells a script to retry. It is never forwarded.
func (x *exchange) turnStraggler() error {
	h := x.rw.rw.Header()
	h.Set("Cache-Control", "no-store")
	mode := x.r.Header.Get("Sec-Fetch-Mode")
	page := x.navigation() || mode == "no-cors"
	here := x.client.URL.RequestURI() // may begin with //, and then is another host's
	if page && web.ValidTarget(here) && x.st.strays.again(x.r) {
		h.Set("Location", here)
		x.rw.rw.WriteHeader(http.StatusTemporaryRedirect)
		return nil
	}
	h.Set("Retry-After", "1")
	return x.refuseStatus(http.StatusServiceUnavailable)
}
