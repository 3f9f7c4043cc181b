package route

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAttack_ManyReadings: reading one path of 8 KB in all ways takes no more than a few
// milliseconds of CPU. Strangers can send such a path, and it is read before any other check.
func TestAttack_ManyReadings(t *testing.T) {
	long := strings.Repeat("A/", 3800)
	for _, p := range []string{"//./\\//b. (S(a))%25/b./b/../?" + long, "/" + long + ";x/b%252fa#/b/./. /b /b"} {
		const n = 20
		began := cpu()
		for range n {
			Variants(nil, p)
		}
		if d := (cpu() - began) / n; d > 10*time.Millisecond {
			t.Errorf("%v of CPU for a path of %d bytes", d, len(p))
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
