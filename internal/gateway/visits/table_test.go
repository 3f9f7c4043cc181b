package visits

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

func openStore(t *testing.T) store.Store {
	t.Helper()
	st, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

var alice = store.UserKey{Realm: "shop", ID: "alice"}

// clear writes a clearance of alice's into the store.
func clear(t *testing.T, st store.Store, token session.Token) {
	t.Helper()
	at := time.Now()
	err := st.Update(t.Context(), alice, func(tx store.Tx) error {
		return tx.PutVisit(store.Visit{Realm: "shop", ID: token.ID(), User: "alice", Factor: "totp", At: at, LastSeen: at, Expires: at.Add(time.Hour)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

var policy = session.Policy{Life: time.Hour, Idle: time.Hour}

// interrupted is a store in which something happens after a visit was read and before
// the reader has it.
type interrupted struct {
	store.Store
	then func()
}

func (s *interrupted) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	v, err := s.Store.Visit(ctx, realm, id)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	return v, err
}

// TestStanding_EndedWhileRead: a clearance that ends while it is read from the store does
// not come back to life in memory, where nothing would end it again.
func TestStanding_EndedWhileRead(t *testing.T) {
	engine, token := openStore(t), session.NewToken()
	clear(t, engine, token)
	st := &interrupted{Store: engine}
	table := New(st, time.Now)
	v := table.Get("shop", token.ID(), token)
	defer v.Release()
	st.then = func() {
		err := engine.Update(t.Context(), alice, func(tx store.Tx) error { return tx.DeleteVisit(token.ID()) })
		if err != nil {
			t.Error(err)
		}
		table.Forget("shop", token.ID())
	}
	for _, when := range []string{"while it ended", "afterwards"} {
		got, err := table.Standing(t.Context(), v)
		if err != nil || got.Live(policy, time.Now()) {
			t.Errorf("%s: the clearance counts, %v", when, err)
		}
	}
	if st.then != nil {
		t.Error("nothing was read, so nothing was tested")
	}
}

// TestEndClearance: a clearance that ends counts no more, neither in memory nor in the
// store; its answers are forgotten and its tunnels closed.
func TestEndClearance(t *testing.T) {
	st, token := openStore(t), session.NewToken()
	clear(t, st, token)
	table := New(st, time.Now)
	v := table.Get("shop", token.ID(), token)
	defer v.Release()
	standing, err := table.Standing(t.Context(), v)
	if err != nil || !standing.Live(policy, time.Now()) {
		t.Fatalf("before: %+v, %v", standing, err)
	}
	epoch, closed := v.Answers.Epoch(), false
	table.Tunnels.Add(&Tunnel{Visit: v, Standing: standing, Close: func() { closed = true }}, now)
	event := store.Event{At: time.Now().UTC(), Kind: store.EventSignedOut, Realm: "shop", User: "alice"}
	for range 2 {
		if err := table.EndClearance(t.Context(), v, event); err != nil {
			t.Fatal(err)
		}
	}
	if standing.Live(policy, time.Now()) || !closed || v.Answers.Epoch() == epoch {
		t.Errorf("live %v, tunnel closed %v, epoch %d", standing.Live(policy, time.Now()), closed, v.Answers.Epoch())
	}
	if again, err := table.Standing(t.Context(), v); err != nil || again.Clearance != nil {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if _, err := st.Visit(t.Context(), "shop", token.ID()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("in the store: %v", err)
	}
}

// failing is a store in which transactions fail.
type failing struct{ store.Store }

func (failing) Update(context.Context, store.UserKey, func(store.Tx) error) error {
	return errors.New("read only")
}

// TestEndClearance_StoreFails: the record is still there, so memory goes on knowing that
// the clearance ended.
func TestEndClearance_StoreFails(t *testing.T) {
	engine, token := openStore(t), session.NewToken()
	clear(t, engine, token)
	table := New(failing{engine}, time.Now)
	v := table.Get("shop", token.ID(), token)
	defer v.Release()
	standing, err := table.Standing(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	table.Tunnels.Add(&Tunnel{Visit: v, Standing: standing, Close: func() { closed = true }}, now)
	if err := table.EndClearance(t.Context(), v, store.Event{User: "alice"}); err == nil {
		t.Error("no error")
	}
	again, err := table.Standing(t.Context(), v)
	if err != nil || again.Live(policy, time.Now()) || !closed {
		t.Errorf("the clearance counts %v, tunnel closed %v, %v", again.Live(policy, time.Now()), closed, err)
	}
}

// TestForget_ClosesTunnels: what stands on a clearance is closed when that ends, and not
// only when it is looked at the next time; so is what is opened a moment later.
func TestForget_ClosesTunnels(t *testing.T) {
	table := New(openStore(t), time.Now)
	token := session.NewToken()
	v := table.Get("shop", token.ID(), token)
	defer v.Release()
	st, err := table.Standing(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(map[string]bool)
	open := func(name string, st *Standing) {
		t.Cleanup(table.Tunnels.Add(&Tunnel{Visit: v, Standing: st, Close: func() { closed[name] = true }}, now))
	}
	open("on the clearance", st)
	open("on another", &Standing{})
	open("on none", nil)
	table.Forget("shop", token.ID())
	open("a moment later", st)
	for name, want := range map[string]bool{"on the clearance": true, "on another": false, "on none": false, "a moment later": true} {
		if closed[name] != want {
			t.Errorf("%s: closed %v", name, closed[name])
		}
	}
}

// TestTunnels_Close: which tunnels end with what.
func TestTunnels_Close(t *testing.T) {
	st := &Standing{Clearance: &store.Visit{User: "alice", At: now, LastSeen: now, Expires: now.Add(time.Hour)}}
	st.seen.Store(now.UnixNano())
	one, two := &Visit{Shared: newShared()}, &Visit{Shared: newShared()}
	for name, tt := range map[string]struct {
		end  func(*Tunnels)
		want string
	}{
		"clearance ran out":    {func(ts *Tunnels) { ts.CloseExpired(now.Add(2 * time.Hour)) }, "cleared "},
		"clearance still runs": {func(ts *Tunnels) { ts.CloseExpired(now.Add(time.Minute)) }, ""},
		"another user":         {func(ts *Tunnels) { ts.CloseOf(one) }, "cleared unproven "},
		"a factor was added":   {func(ts *Tunnels) { ts.CloseUnproven(alice) }, "unproven other visit "},
	} {
		var ts Tunnels
		closed := make(map[string]bool)
		for _, tunnel := range []struct {
			name  string
			visit *Visit
			user  string
			st    *Standing
		}{{"cleared", one, "alice", st}, {"unproven", one, "alice", nil}, {"other visit", two, "alice", nil}, {"other user", two, "bob", nil}} {
			ts.Add(&Tunnel{
				Visit: tunnel.visit, User: store.UserKey{Realm: "shop", ID: tunnel.user}, Standing: tunnel.st,
				Policy: policy, Close: func() { closed[tunnel.name] = true },
			}, now)
		}
		tt.end(&ts)
		got := ""
		for _, name := range []string{"cleared", "unproven", "other visit", "other user"} {
			if closed[name] {
				got += name + " "
			}
		}
		if got != tt.want || len(ts.open) != 4-len(closed) {
			t.Errorf("%s: closed %q, want %q; %d open", name, got, tt.want, len(ts.open))
		}
	}
}

// TestTunnels_AskDue: each tunnel is asked about when its time has come, and by one
// question at a time; one about which the question panics is closed (design rule G5).
func TestTunnels_AskDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts Tunnels
		var asked, closed atomic.Int32
		answer := make(chan struct{})
		tunnel := &Tunnel{Every: time.Minute, Close: func() { closed.Add(1) }, Ask: func() { asked.Add(1); <-answer }}
		ts.Add(tunnel, now)
		ts.Add(&Tunnel{Every: 0, Close: func() { closed.Add(1) }}, now)
		due := func(after time.Duration, want int32) {
			t.Helper()
			ts.AskDue(now.Add(after))
			synctest.Wait()
			if asked.Load() != want {
				t.Errorf("after %v: asked %d times, want %d", after, asked.Load(), want)
			}
		}
		due(time.Minute-1, 0)
		due(time.Minute, 1)
		due(3*time.Minute, 1) // the question of a slow portal still runs
		answer <- struct{}{}
		synctest.Wait()
		due(2*time.Minute-1, 1)
		due(2*time.Minute, 2)
		answer <- struct{}{}
		synctest.Wait()
		if closed.Load() != 0 {
			t.Errorf("%d closed", closed.Load())
		}
		tunnel.Ask = func() { panic("portal") }
		ts.AskDue(now.Add(time.Hour))
		synctest.Wait()
		if closed.Load() != 1 {
			t.Errorf("after a panic: %d closed", closed.Load())
		}
	})
}

// TestAttack_I13_StricterPolicy: what was opened without a clearance does not live on when
// a new configuration is stricter: `mode observe` to enforce, or optional to `require
// always`. What is cleared, and other realms, do.
func TestAttack_I13_StricterPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to Policy
		want     bool
	}{
		"observe to enforce":             {Policy{}, Policy{Enforce: true}, true},
		"optional to always":             {Policy{Enforce: true}, Policy{Enforce: true, Required: true}, true},
		"observe to always":              {Policy{Required: true}, Policy{Enforce: true, Required: true}, true},
		"observed optional to always":    {Policy{}, Policy{Required: true}, false}, // nothing is refused yet
		"the same again":                 {Policy{Enforce: true}, Policy{Enforce: true}, false},
		"always to optional":             {Policy{Enforce: true, Required: true}, Policy{Enforce: true}, false},
		"enforce to observe":             {Policy{Enforce: true}, Policy{}, false},
		"enforced always, observed then": {Policy{Enforce: true, Required: true}, Policy{Required: true}, false},
	} {
		table := New(nil, time.Now)
		old, other := table.Enter(shop, tt.from), table.Enter(Place{Realm: "other"}, Policy{})
		closed := make(map[string]bool)
		for name, tunnel := range map[string]*Tunnel{
			"open": {Gate: old}, "cleared": {Gate: old, Standing: &Standing{}}, "elsewhere": {Gate: other},
		} {
			tunnel.Close = func() { closed[name] = true }
			table.Tunnels.Add(tunnel, now)
		}
		table.Enter(shop, tt.to)
		if len(closed) > 0 {
			t.Errorf("%s: closed %v while the old configuration serves", name, closed)
		}
		table.Leave(old)
		table.Tunnels.Add(&Tunnel{Gate: old, Close: func() { closed["late"] = true }}, now)
		if closed["open"] != tt.want || closed["late"] != tt.want || old.Outlived() != tt.want || closed["cleared"] || closed["elsewhere"] {
			t.Errorf("%s: closed %v, outlived %v", name, closed, old.Outlived())
		}
	}
}

var shop = Place{Realm: "shop", Path: "/two-factor"}

// TestAttack_I13_SitesOfOneRealm: each site of a realm is compared with its own successor. What
// was opened before several reloads ends with the first stricter one, and a site that moved is
// compared with the realm.
func TestAttack_I13_SitesOfOneRealm(t *testing.T) {
	lax, strict := Policy{Enforce: true}, Policy{Enforce: true, Required: true}
	a, b := Place{Realm: "shop", Path: "/a"}, Place{Realm: "shop", Path: "/b"}
	table := New(nil, time.Now)
	first, beside := table.Enter(a, lax), table.Enter(b, strict)
	second, next := table.Enter(a, lax), table.Enter(b, strict)
	table.Leave(first)
	table.Leave(beside)
	if first.Outlived() || beside.Outlived() {
		t.Error("the same configuration again closes what is open")
	}
	failed := table.Enter(a, strict)
	table.Leave(failed)
	if second.Outlived() {
		t.Error("a configuration that was never used closes what is open at the one that serves")
	}
	table.Enter(a, strict)
	table.Leave(second)
	if !first.Outlived() || !second.Outlived() || next.Outlived() {
		t.Errorf("outlived: %v, %v, %v", first.Outlived(), second.Outlived(), next.Outlived())
	}
	moved := table.Enter(Place{Realm: "shop", Path: "/c"}, lax)
	table.Leave(moved)
	if !moved.Outlived() {
		t.Error("what was opened at a site that moved lives on")
	}
}

// TestAttack_I14_Limits: questions of one visit, and of one address over all visits, are
// bounded; time gives the right to ask back; another address has its own.
func TestAttack_I14_Limits(t *testing.T) {
	table := New(nil, time.Now)
	ask := func(v *Visit, address string, at time.Time, most int) (n int) {
		for n < most && table.MayAsk(v, address, at) {
			n++
		}
		return n
	}
	one := &Visit{Shared: newShared()}
	if n := ask(one, "192.0.2.97", now, 1000); n != visitBurst {
		t.Errorf("one visit asks %d times at once", n)
	}
	if n := ask(one, "192.0.2.98", now, 1000); n != 0 {
		t.Errorf("from another address it asks %d times more", n)
	}
	if n := ask(one, "192.0.2.97", now.Add(time.Second), 1000); n != visitRate {
		t.Errorf("a second later %d times", n)
	}
	if n := ask(one, "192.0.2.97", now.Add(time.Hour), 1000); n != visitBurst {
		t.Errorf("an hour later %d times", n)
	}
	asked := 0
	for range 100 {
		asked += ask(&Visit{Shared: newShared()}, "192.0.2.99", now, 1000)
	}
	if asked != addressBurst {
		t.Errorf("one address asks %d times in many visits", asked)
	}
	if n := ask(nil, "192.0.2.99", now, 10); n != 0 {
		t.Errorf("without a visit it asks %d times more", n)
	}
	if n := ask(nil, "192.0.2.100", now, 10); n != 10 {
		t.Errorf("another address asks %d times", n)
	}
	if n := ask(nil, "192.0.2.99", now.Add(time.Second), 10000); n != addressRate {
		t.Errorf("a second later %d times", n)
	}
	asked = 0
	for i := range 2 * addressBurst {
		if table.MayAsk(nil, fmt.Sprintf("2001:db8:1:1::%x", i), now) {
			asked++
		}
	}
	if asked != addressBurst {
		t.Errorf("the addresses of one network ask %d times", asked)
	}
	for i := range 3 * maxLimits {
		table.MayAsk(nil, fmt.Sprintf("2001:db8:0:%x::1", i), now)
	}
	if n := len(table.addresses.each); n > maxLimits {
		t.Errorf("%d addresses are remembered", n)
	}
}

// TestTable_Get: a visit is one object however it is looked up; its realm and token tell
// it apart; a visit that is in use is never forgotten.
func TestTable_Get(t *testing.T) {
	at := now
	table := New(nil, func() time.Time { return at })
	token := session.NewToken()
	v := table.Get("shop", token.ID(), token)
	if table.Get("shop", token.ID(), token) != v || table.Known("shop", token) != v || table.Find("shop", token.ID()) != v {
		t.Error("one visit is several")
	}
	if table.Known("other", token) != nil || table.Find("other", token.ID()) != nil || table.Known("shop", "") != nil || table.Get("other", token.ID(), token) == v {
		t.Error("another realm's visit is the same")
	}
	for range 2 * maxVisits {
		at = at.Add(time.Second)
		other := session.NewToken()
		table.Get("shop", other.ID(), other).Release()
	}
	if n := len(table.visits); n > maxVisits+1 || len(table.begun) > n {
		t.Errorf("%d visits, %d tokens are remembered", n, len(table.begun))
	}
	if table.Find("shop", token.ID()) != v {
		t.Error("a visit in use was forgotten")
	}
}

// TestTable_Run: the last requests of cleared visits reach the store, at the end too.
func TestTable_Run(t *testing.T) {
	st, token := openStore(t), session.NewToken()
	clear(t, st, token)
	table := New(st, time.Now)
	v := table.Get("shop", token.ID(), token)
	defer v.Release()
	standing, err := table.Standing(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(10 * time.Second)
	table.Touch(v, standing, later)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	table.Run(ctx, func(err error) { t.Error(err) })
	rec, err := st.Visit(t.Context(), "shop", token.ID())
	if err != nil || rec.LastSeen.Unix() != later.Unix() {
		t.Errorf("last seen %v, want %v, %v", rec.LastSeen, later, err)
	}
}
