package userpages

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/userpages/guard"
)

const (
	// healthKept is how long a result is reused. Without that any client could cause a
	// write to the store with each request.
	healthKept = 3 * time.Second
	// healthTime is the time-out of all checks together.
	healthTime = 2 * time.Second
)

// Check is the result of one health check.
type Check struct {
	// Name and Problem are shown to every client, so they are fixed words that disclose
	// nothing about this server. Problem is empty if the check passed.
	Name, Problem string
	// Err is the reason, which is only logged.
	Err error
}

// health runs health checks and caches their results for healthKept.
type health struct {
	check func(context.Context) []Check

	mu    sync.Mutex
	at    time.Time
	found []Check
}

// now returns the cached results, or runs the checks if these are older than healthKept.
// Concurrent requests wait for the same run. report is called for each problem that a run
// finds, and not again for cached results.
func (h *health) now(ctx context.Context, clock func() time.Time, report func(problem Check)) []Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := clock()
	if age := now.Sub(h.at); !h.at.IsZero() && age >= 0 && age < healthKept {
		return h.found
	}
	// Other requests wait for this run, so it must not be cancelled with the first request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTime)
	defer cancel()
	h.found, h.at = h.check(ctx), now
	for _, c := range h.found {
		if c.Problem != "" {
			report(c)
		}
	}
	return h.found
}

// storeCheck is the check of `/health`, and of `/health/ready` if Options.Ready is nil.
func (o *Options) storeCheck(ctx context.Context) []Check {
	if err := o.Store.Check(ctx); err != nil {
		return []Check{{Name: "store", Problem: "can't be written", Err: err}}
	}
	return []Check{{Name: "store"}}
}

// AsksHealth reports whether a path is one of the health checks' paths below base, the path
// of the own pages. The gateway lets these pass without a question, also in `mode observe`.
func AsksHealth(base, path string) bool {
	sub, below := strings.CutPrefix(path, base)
	return below && (sub == "/health" || sub == "/health/live" || sub == "/health/ready")
}

// showHealth answers `/health`: whether the store can write. It is for monitors that can
// have one address only.
func (c *call) showHealth() {
	answer := c.checked(&c.health, func(problem Check) {
		c.Logger.Error("the store can't write; look at its disk and the log of its start", zap.Error(problem.Err))
	})
	c.sendHealth(healthAnswer{Status: answer.Status})
}

// showLive answers `/health/live`: the process runs. It checks nothing else, because a
// supervisor that gets no such answer restarts the server, and a restart does not help if,
// for example, the disk is full.
func (c *call) showLive() { c.sendHealth(healthAnswer{Status: "ok"}) }

// showReady answers `/health/ready`: whether customers can sign in, and if not, which check
// failed.
func (c *call) showReady() {
	c.sendHealth(c.checked(&c.readiness, func(problem Check) {
		c.Logger.Error("not ready", zap.String("check", problem.Name), zap.String("problem", problem.Problem), zap.Error(problem.Err))
	}))
}

func (c *call) checked(h *health, report func(problem Check)) healthAnswer {
	answer := healthAnswer{Status: "ok", Checks: make(map[string]string)}
	for _, check := range h.now(c.r.Context(), c.Clock, report) {
		answer.Checks[check.Name] = "ok"
		if check.Problem != "" {
			answer.Checks[check.Name], answer.Status = check.Problem, "unavailable"
		}
	}
	return answer
}

// healthAnswer is the JSON body of a health check's response.
type healthAnswer struct {
	// Status is "ok" or "unavailable".
	Status string `json:"status"`
	// Checks are the single checks' results by name: "ok" or what is wrong.
	Checks map[string]string `json:"checks,omitempty"`
}

func (c *call) sendHealth(a healthAnswer) {
	status := http.StatusOK
	if a.Status != "ok" {
		status = http.StatusServiceUnavailable
		c.w.Header().Set("Retry-After", "30")
	}
	body, err := json.Marshal(a)
	if err != nil {
		body = nil // strings only: it can't fail
	}
	guard.Send(c.w, c.r, status, "application/json", append(body, '\n'))
}
