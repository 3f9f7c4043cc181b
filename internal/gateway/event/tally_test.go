package event

import (
	"fmt"
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
