package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestTally: the first, tenth, hundredth … are worth a line; names are bounded.
func TestTally(t *testing.T) {
	var c tally
	logged := map[uint64]bool{}
	for range 1234 {
		if n, log := c.add("sid"); log {
			logged[n] = true
		}
	}
	if len(logged) != 4 || !logged[1] || !logged[10] || !logged[100] || !logged[1000] {
		t.Errorf("logged at %v", logged)
	}
	for i := range 2 * maxTallied {
		c.add(fmt.Sprint("name", i))
	}
	if len(c.count) != maxTallied {
		t.Errorf("%d names are counted", len(c.count))
	}
	if n, log := c.add("sid"); n != 1235 || log {
		t.Errorf("a known name among too many: %d %v", n, log)
	}
}

// TestStrays: the same request is sent back twice, and the number of different ones
// is bounded.
func TestStrays(t *testing.T) {
	var s strays
	r := func(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }
	for i, want := range []bool{true, true, false, false} {
		if s.again(r("/a")) != want {
			t.Errorf("time %d: not %v", i+1, want)
		}
	}
	if !s.again(r("/b")) {
		t.Error("another request has no turn of its own")
	}
	for i := range 2 * maxStrays {
		s.again(r(fmt.Sprint("/", i)))
	}
	if len(s.count) > maxStrays {
		t.Errorf("%d requests are remembered", len(s.count))
	}
}
