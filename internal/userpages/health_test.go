package userpages

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestHealthKinds: alive does not look at the store, ready lists each check, and neither gives the
// reason of a failure.
func TestHealthKinds(t *testing.T) {
	w := newWorld(t, nil)
	asked := 0
	w.pages.readiness.check = func(context.Context) []Check {
		asked++
		return []Check{{Name: "store"}, {Name: "clock", Problem: "off by more than 15 s", Err: errors.New("secret detail")}}
	}
	b := w.browser("alice")
	b.get("/two-factor/health/live").want(200, `{"status":"ok"}`)
	for range 5 {
		p := b.get("/two-factor/health/ready")
		p.want(503, `"clock":"off by more than 15 s"`, `"store":"ok"`)
		if strings.Contains(p.body, "secret") || p.Header.Get("Retry-After") == "" || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q, %v", p.body, p.Header)
		}
	}
	if asked != 1 {
		t.Errorf("five who ask cost %d checks", asked)
	}
	if n := w.logs.FilterMessage("not ready").Len(); n != 1 {
		t.Errorf("five who ask fill the log with %d lines", n)
	}
	w.now = w.now.Add(healthKept + time.Second)
	b.get("/two-factor/health/ready")
	if asked != 2 {
		t.Errorf("%d checks after the answer was old", asked)
	}
	b.get("/two-factor/health").want(200, `{"status":"ok"}`)
	b.get("/two-factor/health/").want(404)
	b.get("/two-factor/health/readyx").want(404)
}
