package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// healthKept is how long an answer serves: everybody may ask, and each check writes.
	healthKept = 3 * time.Second
	// healthTime is what a check may take.
	healthTime = 2 * time.Second
)

// health remembers whether the store could write.
type health struct {
	check func(context.Context) error

	mu  sync.Mutex
	at  time.Time
	err error
}

// now checks at most once in healthKept; who comes meanwhile waits for the same answer.
func (h *health) now(ctx context.Context, clock func() time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := clock()
	if age := now.Sub(h.at); !h.at.IsZero() && age >= 0 && age < healthKept {
		return h.err
	}
	// The answer is everybody's, so it does not end with the request that asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTime)
	defer cancel()
	h.err, h.at = h.check(ctx), now
	return h.err
}

// showHealth is for load balancers and monitoring.
func (c *call) showHealth() {
	if err := c.health.now(c.r.Context(), c.Clock); err != nil {
		c.Logger.Error("the store can't write; look at its disk and the log of its start", zap.Error(err))
		c.w.Header().Set("Retry-After", "30")
		c.send(http.StatusServiceUnavailable, "application/json", []byte(`{"status":"unavailable"}`+"\n"))
		return
	}
	c.send(http.StatusOK, "application/json", []byte(`{"status":"ok"}`+"\n"))
}
