package visits

import (
	"testing"
	"time"
)

// TestLiveSharedSince: a request that is open counts, and so do two that were cut off; a single one
// that was cut off does not.
func TestLiveSharedSince(t *testing.T) {
	c := newConcurrency()
	for i, want := range []bool{false, true} {
		if err := c.Shared(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if !c.LiveSharedSince(c.Mark()) {
			t.Errorf("request %d is open and does not count", i+1)
		}
		c.ReleaseShared()
		c.CutOff(time.Hour)
		if got := c.LiveSharedSince(c.Mark()); got != want {
			t.Errorf("%d requests were cut off: %v, want %v", i+1, got, want)
		}
	}
}
