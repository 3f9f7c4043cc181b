package lifecycle

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestStorageMetrics: the time of the last backup, the store's size on disk and the free space are
// shown, also after a restart.
func TestStorageMetrics(t *testing.T) {
	k := newKeeper(t, badger)
	if _, shown := k.gauge(t, "backup_timestamp_seconds"); shown {
		t.Error("the time of a backup is shown before there was one")
	}
	began := time.Now().Add(-time.Second)
	if out, err := run(t, "backup", filepath.Join(t.TempDir(), "b.age"), "--recipient", k.owner, "--address", k.admin); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stop(t)
	reload(t, k.Harness, k.caddyfile)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		at, shown := k.gauge(t, "backup_timestamp_seconds")
		if shown {
			if at < float64(began.Unix()) || at > float64(time.Now().Unix()) {
				t.Errorf("the last backup is shown as made at %v, after %v", at, began.Unix())
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the time of the backup is never shown")
		}
	}
	if n, shown := k.gauge(t, "store_bytes"); !shown || n < 1000 || n > 200<<20 {
		t.Errorf("the store takes %v bytes (shown: %v)", n, shown)
	}
	if n, shown := k.gauge(t, "disk_free_bytes"); !shown || n < 32<<20 {
		t.Errorf("%v bytes are free (shown: %v)", n, shown)
	}
	if n, shown := k.gauge(t, `mode{mode="enforce",realm="one"}`); !shown || n != 1 {
		t.Errorf("the mode is not shown")
	}
}

// gauge reads one of our metrics at Caddy's admin endpoint.
func (k *keeper) gauge(t testing.TB, name string) (value float64, shown bool) {
	t.Helper()
	res, err := http.Get("http://" + k.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^caddy_two_factor_` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(body)
	if m == nil {
		return 0, false
	}
	value, err = strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value, true
}
