package visits

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// TestUnsettled: a visit is unsettled while another changer is open, and until its settle
// time is over; a shorter settle time does not cut a longer one.
func TestUnsettled(t *testing.T) {
	v := &Visit{Shared: newShared()}
	at := func(d time.Duration) func() time.Time { return func() time.Time { return now.Add(d) } }
	check := func(when string, d time.Duration, own int, want bool) {
		t.Helper()
		if got := v.Unsettled(own, at(d)); got != want {
			t.Errorf("%s: unsettled %v", when, got)
		}
	}
	check("at first", 0, 0, false)
	_, leave, err := v.Requests.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check("beside a changer", 0, 0, true)
	check("for the changer itself", 0, 1, false)
	leave()
	check("after a changer that did not settle", 0, 0, false)
	v.Settle(now, 2*time.Second)
	v.Settle(now, time.Second)
	check("at once", 0, 0, true)
	check("for the changer itself, after it ended", 0, 1, true)
	check("just before the end", 2*time.Second-1, 0, true)
	check("at the end", 2*time.Second, 0, false)
	check("the end is final", 0, 0, false)
	v.Settle(now.Add(time.Minute), time.Second)
	check("a second time", time.Minute, 0, true)
}

// TestSettle_Concurrent: the latest end wins.
func TestSettle_Concurrent(t *testing.T) {
	v := &Visit{Shared: newShared()}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { v.Settle(now, time.Duration(i+1)*time.Second) })
	}
	wg.Wait()
	if got := time.Unix(0, v.settle.Load()); !got.Equal(now.Add(100 * time.Second)) {
		t.Errorf("settles at %v", got.Sub(now))
	}
}

func change(name, value string) portal.Change {
	return portal.Change{Cookie: portal.Cookie{Name: name, Value: value, Path: "/"}}
}

func heldNames(v *Visit) (out []string) {
	for _, ch := range v.Held("shop.test", portal.EmptyJar) {
		out = append(out, ch.Name+"="+ch.Value)
	}
	return out
}

// TestHeld: changes wait in order until a page delivers them; a newer one of the same
// cookie replaces an older one; their number is bounded.
func TestHeld(t *testing.T) {
	v := &Visit{Shared: newShared()}
	if v.Held("shop.test", portal.EmptyJar) != nil {
		t.Error("something is held at first")
	}
	v.Hold("shop.test", []portal.Change{change("a", "1"), change("b", "1")}, portal.EmptyJar.Precedes)
	v.Hold("shop.test", []portal.Change{change("a", "2")}, portal.EmptyJar.Precedes)
	if got := heldNames(v); !slices.Equal(got, []string{"b=1", "a=2"}) {
		t.Errorf("held %v", got)
	}
	v.Delivered("shop.test", []portal.Change{change("c", "1"), change("b", "0")})
	if got := heldNames(v); !slices.Equal(got, []string{"a=2"}) {
		t.Errorf("after b was delivered: held %v", got)
	}
	v.Delivered("shop.test", []portal.Change{change("a", "2")})
	if v.Held("shop.test", portal.EmptyJar) != nil {
		t.Errorf("after all were delivered: held %v", heldNames(v))
	}
	for i := range 3 * maxHeld {
		v.Hold("shop.test", []portal.Change{change(fmt.Sprint(i), "")}, portal.EmptyJar.Precedes)
	}
	if got := v.Held("shop.test", portal.EmptyJar); len(got) != maxHeld || got[maxHeld-1].Name != fmt.Sprint(3*maxHeld-1) {
		t.Errorf("%d are held", len(got))
	}
	elsewhere := change("191", "")
	elsewhere.Path = "/app"
	v.Delivered("shop.test", []portal.Change{elsewhere})
	if len(v.Held("shop.test", portal.EmptyJar)) != maxHeld {
		t.Error("a cookie of another path counts as delivered")
	}
}

// TestRetries: the same request is sent back twice, and the number of different ones is
// bounded.
func TestRetries(t *testing.T) {
	var s Retries
	for i, want := range []bool{true, true, false, false} {
		if s.Again(get("/a")) != want {
			t.Errorf("time %d: not %v", i+1, want)
		}
	}
	if !s.Again(get("/b")) {
		t.Error("another request has no turns of its own")
	}
	for i := range 2 * maxRetried {
		s.Again(get(fmt.Sprint("/", i)))
	}
	if len(s.count) > maxRetried {
		t.Errorf("%d requests are remembered", len(s.count))
	}
}

// TestAbandon: a visit with a request that was given up is slow for ten minutes, which
// makes nothing wait longer; it is forgotten then, or where memory is short.
func TestAbandon(t *testing.T) {
	v := &Visit{Shared: newShared()}
	v.Abandon(now, 2*time.Second)
	for d, want := range map[time.Duration]struct{ waits, slow, used, short bool }{
		time.Second: {true, true, true, true}, 2 * time.Second: {false, true, true, false},
		slowTime - 1: {false, true, true, false}, slowTime: {},
	} {
		at := now.Add(d)
		if v.UnsettledFor(at, true) > 0 != want.waits || v.Slow(at) != want.slow || v.Formed(at) != want.slow || v.inUse(at, false) != want.used || v.inUse(at, true) != want.short {
			t.Errorf("after %v: waits %v, slow %v, in use %v", d, v.UnsettledFor(at, true), v.Slow(at), v.inUse(at, false))
		}
	}
}

// TestInherit: a visit that a request starts is unsettled for as long as the one that the
// request ran in, and keeps no answer for longer.
func TestInherit(t *testing.T) {
	old, v := newShared(), newShared()
	old.Settle(now, 2*time.Second)
	old.Abandon(now, 3*time.Second)
	old.SettleSignIn(now, time.Second)
	v.Inherit(old)
	until := v.Answers.settling()
	if v.UnsettledFor(now, false) != 2*time.Second || v.UnsettledFor(now, true) != 3*time.Second || !v.Slow(now) || !v.Formed(now.Add(time.Second)) || !until.Equal(now.Add(2*time.Second)) || v.SignInFor(now) != time.Second {
		t.Error(v.UnsettledFor(now, false), v.UnsettledFor(now, true), v.Slow(now), until, v.SignInFor(now))
	}
}
