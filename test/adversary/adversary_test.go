package adversary

import (
	"strings"
	"testing"
)

func report(t testing.TB, found *Finding, log []string) {
	t.Helper()
	t.Errorf("%s: %s\n%s", found.Rule, found.Detail, strings.Join(log, "\n"))
}

// TestHonest shows that the owner can use the portal where nobody attacks.
func TestHonest(t *testing.T) {
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []World{{}, {Base: "/app"}, {Locks: true}, {Rotation: "renew", Rotates: true}, {WatchUnsafe: true, FormToken: true}, {Guest: true}} {
		found, log := k.play(t, w, nil)
		t.Log(strings.Join(log, "\n"))
		if found != nil {
			report(t, found, log)
		}
	}
}
