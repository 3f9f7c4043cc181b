package badger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

const (
	benchWriters = 64
	benchUsers   = 10_000
)

func benchUser(i int) store.UserKey {
	return store.UserKey{Realm: "shop", ID: fmt.Sprintf("customer-%07d", i)}
}

// preload opens the store and writes n users past the transactions, for they are many.
func preload(b testing.TB, e *Engine, n int) *DB {
	b.Helper()
	d := records.Open(e, Options{})
	err := e.Load(b.Context(), func(put func(r kv.Record) error) error {
		for i := range n {
			u := sampleUser(benchUser(i))
			u.Name, u.Email = fmt.Sprint("Matti Meikäläinen ", i), fmt.Sprintf("matti%d@example.org", i)
			u.EnabledAt = now.Add(-time.Duration(i*7919%n) * time.Minute)
			if i%2 == 0 {
				u.TOTP, u.Backup = nil, nil
			}
			if i%50 == 1 {
				u.Failures = map[string]store.Failures{"totp": {Count: 6, Until: now.Add(time.Minute)}}
			}
			for _, r := range records.OfUser(&u) {
				if err := put(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// accept is what an accepted code costs at the store: one Update that reads the
// user, raises the floor, records the step as spent, the event, and gives a clearance.
func accept(d *DB, n int64) error {
	key := benchUser(int(n*2+1) % benchUsers)
	return d.Update(context.Background(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.TOTP.Floor++
		u.TOTP.UsedAt = now
		v := sampleVisit(key, 0)
		copy(v.ID[:], fmt.Sprintf("%032d", n))
		return errors.Join(tx.Spend(fmt.Sprint("totp:", u.TOTP.ID, u.TOTP.Floor), now.Add(time.Hour)), tx.PutVisit(v), tx.PutUser(u),
			tx.Record(passed(key)))
	})
}

// passed is the event of an accepted code.
func passed(key store.UserKey) store.Event {
	return store.Event{
		At: now, Kind: store.EventPassed, Realm: key.Realm, User: key.ID, Factor: "totp", Address: "192.0.2.1",
		Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	}
}

// settling chains what is recorded for as long as the benchmark runs, as package audit does.
func settling(b *testing.B, d *DB) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			n, err := d.Settle(ctx, 200, func(last store.Entry, pending [][]byte) (s store.Settled, err error) {
				for _, raw := range pending {
					e, err := store.UnmarshalEvent(raw)
					if err != nil {
						return s, err
					}
					last = store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Hash: sha256.Sum256(append(last.Hash[:], raw...)), Raw: raw, Event: e}
					s.Entries = append(s.Entries, last)
				}
				return s, nil
			})
			if err != nil && ctx.Err() == nil {
				b.Error(err)
			}
			if n == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	b.Cleanup(func() { stop(); done.Wait() })
}

// acceptedBytes is how much one accepted code writes, keys included.
func acceptedBytes(b *testing.B) (n int) {
	d := records.Open(memory.New(), Options{})
	key := benchUser(3)
	put := d.Update(b.Context(), key, func(tx store.Tx) error { return tx.PutUser(sampleUser(key)) })
	if err := errors.Join(put, accept(d, 1)); err != nil {
		b.Fatal(err)
	}
	err := d.Snapshot(b.Context(), func(s store.Snapshot) error {
		return s.Each(func(r store.Raw) error {
			if strings.ContainsRune("uvcsp", rune(r.Key[0])) {
				n += len(r.Key) + len(r.Value)
			}
			return nil
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// raw is a synchronous Badger transaction of as many bytes, in one record.
func raw(db *engine.DB, record []byte, n int64) error {
	return db.Update(func(txn *engine.Txn) error {
		return txn.Set(fmt.Appendf(nil, "%016d", n*7919%100_000), record)
	})
}

func BenchmarkAcceptCode(b *testing.B) {
	d := records.Open(settled(b, benchUsers), Options{})
	settling(b, d)
	parallel(b, func(n int64) error { return accept(d, n) })
}

func BenchmarkRawBadger(b *testing.B) {
	e, record := settled(b, benchUsers), make([]byte, acceptedBytes(b)-16)
	parallel(b, func(n int64) error { return raw(e.db, record, n) })
}

func parallel(b *testing.B, fn func(n int64) error) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(max(1, benchWriters/runtime.GOMAXPROCS(0)))
	b.ResetTimer() // preloading takes longer
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := fn(n.Add(1)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkAcceptToRaw compares both in one run: accepted codes per raw transaction,
// the median of turns of a moment each. The sides change who begins, so that a busy
// machine is busy for both, and the first turn does not count. At least 0.5 is
// wanted. Its control, raw against raw, shows what the machine can tell apart.
func BenchmarkAcceptToRaw(b *testing.B) {
	record := make([]byte, acceptedBytes(b)-16)
	rawSide := func(e *Engine) func(n int64) error {
		return func(n int64) error { return raw(e.db, record, n) }
	}
	b.Run("accept", func(b *testing.B) {
		d := records.Open(settled(b, benchUsers), Options{})
		settling(b, d)
		compare(b, func(n int64) error { return accept(d, n) }, rawSide(settled(b, benchUsers)))
	})
	b.Run("control", func(b *testing.B) { compare(b, rawSide(settled(b, benchUsers)), rawSide(settled(b, benchUsers))) })
}

// settled returns a preloaded store after its background work has ended.
func settled(b *testing.B, users int) *Engine {
	b.Helper()
	dir := b.TempDir()
	if err := preload(b, openBare(b, dir), users).Close(); err != nil {
		b.Fatal(err)
	}
	return openBare(b, dir)
}

func compare(b *testing.B, one, other func(n int64) error) {
	b.Helper()
	var n [2]atomic.Int64
	sides := []func() error{
		func() error { return one(n[0].Add(1)) },
		func() error { return other(n[1].Add(1)) },
	}
	var ratios []float64
	var rates [2]float64
	for turn := 0; turn < 2 || b.Loop(); turn++ {
		for i := range 2 {
			side := (turn + i) % 2
			rates[side] = rate(b, sides[side])
		}
		if turn > 0 {
			ratios = append(ratios, rates[0]/rates[1])
		}
	}
	slices.Sort(ratios)
	// The 95 % interval of a median, by the ranks that bound it.
	half, mid := int(math.Sqrt(float64(len(ratios)))), len(ratios)/2
	b.ReportMetric(ratios[mid], "median")
	b.ReportMetric(ratios[max(mid-half, 0)], "low")
	b.ReportMetric(ratios[min(mid+half, len(ratios)-1)], "high")
	b.ReportMetric(float64(len(ratios)), "turns")
}

// rate runs fn by all writers for a moment and returns how often a second it ran.
func rate(b *testing.B, fn func() error) float64 {
	b.Helper()
	var done atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range benchWriters {
		wg.Go(func() {
			for time.Since(begin) < 250*time.Millisecond {
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds()
}

// BenchmarkListPage is a page of 50 out of 100,000 users.
func BenchmarkListPage(b *testing.B) {
	d := preload(b, openBare(b, b.TempDir()), 100_000)
	for name, q := range map[string]store.UserQuery{
		"first":  {},
		"status": {Status: store.Activated},
		"prefix": {Prefix: "matti meikäläinen 77"},
		"id":     {Prefix: "customer-005"},
	} {
		q.Realm, q.Limit = "shop", 50
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				page, err := d.Users(context.Background(), q)
				if err != nil || len(page.Users) != 50 {
					b.Fatalf("%d users, %v", len(page.Users), err)
				}
			}
		})
	}
}

// BenchmarkListPageMillion is a page of 50 out of 1,000,000 users in every order, the
// first one and one from the middle, each with the other at its side: what a page costs
// does not depend on how many users there are.
func BenchmarkListPageMillion(b *testing.B) {
	d := records.Open(settled(b, 1_000_000), Options{})
	queries := map[string]store.UserQuery{
		"name":            {},
		"name-descending": {Descending: true},
		"activated":       {Status: store.Activated},
		"not-activated":   {Status: store.NotActivated},
		"locked":          {Status: store.Throttled},
		"id":              {Sort: store.ByID},
		"enabled":         {Sort: store.ByEnabled, Descending: true},
		"last-used":       {Sort: store.ByUsed},
		"search-name":     {Prefix: "matti meikäläinen 77"},
		"search-id":       {Prefix: "customer-005", Sort: store.ByID},
	}
	for _, name := range slices.Sorted(maps.Keys(queries)) {
		q := queries[name]
		q.Realm, q.Limit = "shop", 50
		middle := q
		middle.After = pageAfter(b, d, q, 100)
		b.Run(name+"/first", func(b *testing.B) { listPages(b, d, q) })
		b.Run(name+"/later", func(b *testing.B) { listPages(b, d, middle) })
	}
}

// pageAfter turns pages and returns the cursor of the last.
func pageAfter(b *testing.B, d *DB, q store.UserQuery, pages int) string {
	b.Helper()
	for range pages {
		page, err := d.Users(context.Background(), q)
		if err != nil || page.Next == "" {
			b.Fatalf("%+v: %v", q, err)
		}
		q.After = page.Next
	}
	return q.After
}

func listPages(b *testing.B, d *DB, q store.UserQuery) {
	for b.Loop() {
		page, err := d.Users(context.Background(), q)
		if err != nil || len(page.Users) != q.Limit {
			b.Fatalf("%d users, %v", len(page.Users), err)
		}
	}
}

// BenchmarkCountUsers counts 100,000 users by their status.
func BenchmarkCountUsers(b *testing.B) {
	d := preload(b, openBare(b, b.TempDir()), 100_000)
	for b.Loop() {
		if n, err := d.CountUsers(context.Background(), "shop"); err != nil || n.Activated+n.NotActivated != 100_000 {
			b.Fatalf("%+v, %v", n, err)
		}
	}
}

const footprintDir = "SECONDGATE_FOOTPRINT_DIR"

// BenchmarkFootprint opens 100,000 users in a process of their own: how long that
// takes, and what the process costs beyond one that opened nothing.
func BenchmarkFootprint(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("RssAnon is in Linux's /proc")
	}
	dir := b.TempDir()
	d := preload(b, openBare(b, dir), 100_000)
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	var times, sizes []float64
	for b.Loop() {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), footprintDir+"="+dir)
		out, err := child.Output()
		if err != nil {
			b.Fatal(err)
		}
		var ms, kb float64
		if _, err := fmt.Sscan(string(out), &ms, &kb); err != nil {
			b.Fatalf("the child says %q", out)
		}
		times, sizes = append(times, ms), append(sizes, kb/1024)
	}
	slices.Sort(times)
	slices.Sort(sizes)
	b.ReportMetric(times[len(times)/2], "open-ms")
	b.ReportMetric(sizes[len(sizes)/2], "RssAnon-MB")
}

// footprintChild prints milliseconds and kilobytes.
func footprintChild(dir string) {
	before := rssAnon()
	begin := time.Now()
	d, err := Open(dir, Options{})
	took := time.Since(begin)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := range 1000 { // in use, not only open
		if _, err := d.User(context.Background(), benchUser(i*97)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println(float64(took.Microseconds())/1000, rssAnon()-before)
	d.Close()
}

func rssAnon() (kb int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "RssAnon:")
	fmt.Sscan(after, &kb)
	return kb
}
