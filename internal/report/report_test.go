package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type clockwork struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clockwork) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clockwork) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t *testing.T, clock *clockwork) store.Store {
	t.Helper()
	st := records.Open(memory.New(), records.Options{Clock: clock.Now})
	t.Cleanup(func() { st.Close() })
	return st
}

// TestBook_Survives: the next book has the counts of the previous one, once.
func TestBook_Survives(t *testing.T) {
	clock := &clockwork{now: noon}
	st := open(t, clock)
	for range 2 {
		b := New(st, clock.Now, zap.NewNop())
		b.Add("shop", SignIns, "field name")
		b.AddTime("shop", 30*time.Millisecond)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		b.Run(ctx) // ends at once, and writes
	}
	days, err := New(st, clock.Now, zap.NewNop()).Read(t.Context(), 1)
	if err != nil || len(days) != 1 {
		t.Fatalf("%v %v", days, err)
	}
	s := Summarize(days)[0]
	if s.Counts[SignIns]["field name"] != 2 || s.Quantile(0.5) != 50 || s.Total(Took) != 2 {
		t.Errorf("%+v", s)
	}
}

// TestBook_IsBounded, however many names come.
func TestBook_IsBounded(t *testing.T) {
	clock := &clockwork{now: noon}
	b := New(open(t, clock), clock.Now, zap.NewNop())
	for round := range 3 {
		for i := range 3000 {
			b.Add("shop", CookieDropped, fmt.Sprint("name", round*3000+i))
			b.Add("shop", UserFree, fmt.Sprint("user", round*3000+i))
		}
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.Add("shop", Unknown, strings.Repeat("é", 500)+"\x00\n")
	days, err := b.Read(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := Summarize(days)[0]
	if n := len(s.Counts[CookieDropped]); n != maxNames+1 || s.Total(CookieDropped) != 9000 {
		t.Errorf("%d names, %d in all", n, s.Total(CookieDropped))
	}
	if n := len(s.Counts[UserFree]); n != maxUsers+1 || s.Total(UserFree) != 9000 {
		t.Errorf("%d users, %d in all", n, s.Total(UserFree))
	}
	if name := s.Ranked(Unknown)[0].Name; len(name) > maxName || strings.ContainsAny(name, "\x00\n") {
		t.Errorf("%d bytes: %q", len(name), name)
	}
}

type failing struct {
	store.Store
	fail bool
}

func (f *failing) UpdateDay(ctx context.Context, realm, date string, fn func(store.Day) (store.Day, error)) error {
	if f.fail {
		return errors.New("disk full")
	}
	return f.Store.UpdateDay(ctx, realm, date, fn)
}

// TestBook_KeepsWhatFailed: counts that could not be written are kept until the store writes
// again, for a bounded time.
func TestBook_KeepsWhatFailed(t *testing.T) {
	clock := &clockwork{now: noon}
	st := &failing{Store: open(t, clock), fail: true}
	b := New(st, clock.Now, zap.NewNop())
	b.Add("shop", SignOuts, "")
	if b.Flush(t.Context()) == nil {
		t.Error("a failure was not told")
	}
	b.Add("shop", SignOuts, "")
	st.fail = false
	days, err := b.Read(t.Context(), 1)
	if err != nil || Summarize(days)[0].Total(SignOuts) != 2 {
		t.Errorf("%v %v", days, err)
	}
	b.Add("shop", SignOuts, "")
	st.fail = true
	clock.pass(4 * 24 * time.Hour)
	_ = b.Flush(t.Context())
	if len(b.fresh) != 0 {
		t.Error("numbers of four days ago are kept in memory for ever")
	}
}

// TestBook_TellsOnceADay, when the day is over.
func TestBook_TellsOnceADay(t *testing.T) {
	clock := &clockwork{now: noon}
	core, logs := observer.New(zap.InfoLevel)
	b := New(open(t, clock), clock.Now, zap.New(core))
	step := func(want int) {
		t.Helper()
		b.Add("shop", Requests, "observe")
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.tell(t.Context())
		if n := logs.FilterMessage("summary of the day").Len(); n != want {
			t.Fatalf("%d summaries, want %d", n, want)
		}
	}
	step(0)
	step(0)
	clock.pass(12 * time.Hour)
	step(1)
	step(1)
	clock.pass(24 * time.Hour)
	step(2)
	if got := logs.All()[0].ContextMap(); got["date"] != "2026-11-22" || got["requests"] != int64(2) {
		t.Errorf("%v", got)
	}
}

func TestBook_NilCountsNothing(t *testing.T) {
	var b *Book
	b.Add("shop", SignOuts, "")
	b.AddTime("shop", time.Second)
}

func TestPattern(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/xmlrpc.php": "/xmlrpc.php", "/api/v2/users/alice@example.test/orders": "/api/*/users/*/…",
		"/orders/1234": "/orders/*", "/~alice/": "/*/", "": "/", "/a/b/c/d": "/a/b/c/d",
		"/" + strings.Repeat("x", 30): "/*", "/büro": "/*", "/a//b": "/a//b", "/x\n": "/*", "/p;jsessionid=AB": "/*",
	} {
		if got := Pattern(path); got != want {
			t.Errorf("%q becomes %q, want %q", path, got, want)
		}
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	day := store.Day{Realm: "shop", Date: "2026-11-22", Counts: map[store.Count]int64{
		{Kind: Requests, Name: "observe"}: 7, {Kind: SignIns, Name: "declared path"}: 2,
		{Kind: UserChallenged, Name: "alice"}: 2, {Kind: Unknown, Name: "status 500"}: 1, {Kind: Took, Name: "25"}: 3, {Kind: Took, Name: "1000"}: 1,
	}}
	if err := Print(&out, Summarize([]store.Day{day})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Realm shop, 2026-11-22 to 2026-11-22", "declared path  2", "alice  2", "status 500  1", "Mend the whoami", "half of them within 25 ms, 95 % within 1000 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := Print(&out, nil); err != nil || !strings.Contains(out.String(), "Nothing was counted") {
		t.Errorf("%q %v", out.String(), err)
	}
}

// TestBook_StrangersWriteNothing: counts that strangers can cause are written together with other
// records or when the report is read, and never alone.
func TestBook_StrangersWriteNothing(t *testing.T) {
	clock := &clockwork{now: noon}
	st := open(t, clock)
	b := New(st, clock.Now, zap.NewNop())
	b.Note("shop", CookieDropped, "x")
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored := func() int64 {
		days, err := st.Days(t.Context(), "2026-11-22")
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, d := range days {
			sum += d.Counts[store.Count{Kind: CookieDropped, Name: "x"}]
		}
		return sum
	}
	if n := stored(); n != 0 {
		t.Fatalf("a stranger's cookie was written %d times", n)
	}
	if _, err := b.Read(t.Context(), 1); err != nil || stored() != 1 {
		t.Errorf("read: %d, %v", stored(), err)
	}
	b.Note("shop", CookieDropped, "x")
	b.Add("shop", UserChallenged, "alice")
	if err := b.Flush(t.Context()); err != nil || stored() != 2 {
		t.Errorf("beside a user: %d, %v", stored(), err)
	}
}
