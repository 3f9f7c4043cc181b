package route

import (
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestAttack_WorkOfPaths: all readings of one path, of 8 KiB at most, are found in a moment.
func TestAttack_WorkOfPaths(t *testing.T) {
	for _, p := range []string{
		"/%2541%253b/(S(x)).php/a%2525.php/%5C%2523%252541%252541" + strings.Repeat(";b", 3500),
		"/%253b....%2523a%20/%20%252f;%252e%252f../(S(x))%2541%2523" + strings.Repeat(";b", 3500),
		"///%252f/(S(x));a%255cB..%2541...php//." + strings.Repeat(";a/a", 1750),
	} {
		u, err := url.Parse(p)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		list, ok := Variants(nil, u.Path)
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("%.60s… (%d bytes): %d readings (%v) take %s", p, len(p), len(list), ok, took)
		}
	}
}

// TestStripSessionIDs_Linear: what is allocated for a path grows with its length, not with
// its square, however many parameters it has.
func TestStripSessionIDs_Linear(t *testing.T) {
	for _, p := range []string{
		"/a" + strings.Repeat(";b", 4000), "/a=b" + strings.Repeat(";b=", 4000), "/a" + strings.Repeat(";b", 2000) + ";jsessionid=1" + strings.Repeat(";b", 2000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const n = 10
		for range n {
			StripSessionIDs(&url.URL{Path: p}, nil)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 16*uint64(len(p)) {
			t.Errorf("%.20s… (%d bytes) takes %d bytes of memory", p, len(p), each)
		}
	}
}
