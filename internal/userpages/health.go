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
	// healthKept is how long an answer serves: any client may ask, and each check writes.
	healthKept = 3 * time.Second
	// healthTime is what a check may take.
	healthTime = 2 * time.Second
)

// Check is one thing that must hold for the server to be ready.
type Check struct {
	// Name and Problem are public: fixed words that disclose nothing about this server.
	// Problem is empty when the check holds.
	Name, Problem string
	// Err is the reason, for the log.
	Err error
}

// health keeps the results of the last checks.
type health struct {
	check func(context.Context) []Check

	mu    sync.Mutex
	at    time.Time
	found []Check
}

// now checks at most once in healthKept; concurrent requests wait for the same answer.
// A problem is logged when it is found, not at each request.
func (h *health) now(ctx context.Context, clock func() time.Time, report func(problem Check)) []Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := clock()
	if age := now.Sub(h.at); !h.at.IsZero() && age >= 0 && age < healthKept {
		return h.found
	}
	// Other requests wait for the answer, so it does not end with the first request.
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

// storeCheck is the check of `/health`, and of `/health/ready` where Options.Ready is nil.
func (o *Options) storeCheck(ctx context.Context) []Check {
	if err := o.Store.Check(ctx); err != nil {
		return []Check{{Name: "store", Problem: "can't be written", Err: err}}
	}
	return []Check{{Name: "store"}}
}

// AsksHealth reports whether a path is that of a health check, where the own pages are at
// base. Health checks answer every client alike, and in `mode observe` as well.
func AsksHealth(base, path string) bool {
	sub, below := strings.CutPrefix(path, base)
	return below && (sub == "/health" || sub == "/health/live" || sub == "/health/ready")
}

// showHealth is for monitors that know one address only: whether the store can write.
func (c *call) showHealth() {
	answer := c.checked(&c.health, func(problem Check) {
		c.Logger.Error("the store can't write; look at its disk and the log of its start", zap.Error(problem.Err))
	})
	c.sendHealth(healthAnswer{Status: answer.Status})
}

// showLive says that the process answers. It checks nothing else: a supervisor that restarts
// the server without this answer must not do so because a disk is full.
func (c *call) showLive() { c.sendHealth(healthAnswer{Status: "ok"}) }

// showReady says whether customers can sign in here, and if not, what is missing.
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

// healthAnswer is what monitors read.
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
