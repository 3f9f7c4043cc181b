package badger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// The golden store was made in November 2026 by the code before the key-value engine
// (commit 27af603), with
//
//	SECONDGATE_GOLDEN=write go test -run TestGolden_Write ./internal/store/badger
//
// and must never be made again by newer code: it stands for the stores of running servers.
const goldenDir = "testdata/golden"

// goldenNow is the clock of the store when it was made. All ends of records are far away, so
// that Badger forgets none.
var goldenNow = time.Date(2031, 4, 5, 6, 7, 8, 9000, time.UTC)

var goldenUsers = []store.UserKey{
	{Realm: "shop", ID: "alice"}, {Realm: "shop", ID: "bob"}, {Realm: "shop", ID: "c\x00\xff"}, {Realm: "blog", ID: strings.Repeat("long", 100)},
}

func goldenClock() time.Time { return goldenNow }

// goldenUser has a value in every field for the first, and fewer and fewer for the others.
func goldenUser(n int) store.User {
	at, key := goldenNow.Add(-time.Hour), goldenUsers[n]
	u := store.User{Key: key, Name: "Äiti " + key.ID, FirstSeen: at}
	if n > 2 {
		return u
	}
	u.EnabledAt = at.Add(time.Duration(n) * time.Minute)
	u.TOTP = &store.TOTP{ID: fmt.Sprint("t", n), Secret: []byte("sealed\x00bytes"), Algorithm: "SHA256", Digits: 8, Period: 30, Floor: 58_000_000, AddedAt: at, UsedAt: goldenNow}
	u.Failures = map[string]store.Failures{"totp": {Count: 3, Until: goldenNow.Add(time.Minute)}, "backup": {Count: 1}}
	if n > 1 {
		return u
	}
	u.Email, u.Language, u.SessionsEnded = "Aliisa@example.org", "fi", at.Add(time.Second)
	u.Backup = &store.BackupSet{Salt: []byte("salt"), Hashes: [][]byte{[]byte("one"), []byte("two")}, Total: 10, AddedAt: at, UsedAt: goldenNow}
	u.Recovery = &store.Recovery{Salt: []byte("other salt"), Hash: []byte("three"), Issued: at, Expires: at.Add(time.Hour), Staff: "sinikka"}
	u.Spent = &store.SpentCodes{Key: []byte("sealed key"), Digests: []byte("sixteen bytes, 2"), Closed: true}
	return u
}

// goldenFill writes records of every kind.
func goldenFill(t *testing.T, st store.Store) {
	t.Helper()
	end := goldenNow.AddDate(100, 0, 0)
	for n, key := range goldenUsers {
		v := store.Visit{Realm: key.Realm, User: key.ID, Factor: "totp", At: goldenNow, LastSeen: goldenNow, Expires: end, Address: "192.0.2.7", Agent: "Browser/1", Binds: []uint64{7, 1 << 63}, Failures: 2}
		v.ID[0] = byte(n)
		dead := store.Visit{Realm: key.Realm, ID: store.VisitID{byte(100 + n)}, SessionEnded: n%2 == 0, At: goldenNow, Expires: end}
		m := store.Mail{ID: fmt.Sprint("mail-", n), Realm: key.Realm, User: key.ID, To: "a@example.org", Kind: store.EventEnrolled, Language: "fi", At: goldenNow,
			Address: "192.0.2.7", Agent: "Browser/1", Secret: []byte("sealed"), Due: goldenNow.Add(time.Duration(n) * time.Minute), Ends: end, Tries: 2}
		code := store.MailCode{Mail: m.ID, To: m.To, Code: []byte("sealed"), Expires: end, Tries: 1, Sent: []time.Time{goldenNow}, Failed: true}
		err := st.Update(t.Context(), key, func(tx store.Tx) error {
			return errors.Join(tx.PutUser(goldenUser(n)), tx.PutVisit(v), tx.PutVisit(dead), tx.Spend("step 1", end), tx.QueueMail(m), tx.PutMailCode(code, end),
				tx.Record(store.Event{At: goldenNow, Kind: store.EventPassed, Realm: key.Realm, User: key.ID, Factor: "totp", Address: "192.0.2.7", Detail: map[string]string{"n": fmt.Sprint(n)}}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	chain := func(last store.Entry, pending [][]byte) (s store.Settled, err error) {
		for _, raw := range pending {
			e, err := store.UnmarshalEvent(raw)
			if err != nil {
				return s, err
			}
			last = store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Hash: [32]byte{byte(last.Seq + 1)}, Raw: raw, Event: e}
			s.Entries = append(s.Entries, last)
		}
		return s, nil
	}
	_, err := st.Settle(t.Context(), 10, chain)
	_, pruned := st.PruneEntries(t.Context(), goldenNow.Add(time.Second), 1)
	err = errors.Join(err, pruned,
		st.Record(t.Context(), store.Event{At: goldenNow, Kind: store.EventBackupMade}),
		st.UpdateMeta(t.Context(), store.MetaID, func([]byte) ([]byte, error) { return []byte("golden"), nil }),
		st.UpdateDay(t.Context(), "shop", "2131-01-02", func(d store.Day) (store.Day, error) {
			return store.Day{Realm: d.Realm, Date: d.Date, Counts: map[store.Count]int64{{Kind: "sign-in", Name: "field"}: 41}}, nil
		}),
		st.Check(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
}

// goldenRecords is everything in a store, as text: keys, values, and whether they end. The
// random end of a pending event's key, and so its checksum, is left out.
func goldenRecords(t *testing.T, st store.Store) (lines []string) {
	t.Helper()
	err := st.Snapshot(t.Context(), func(s store.Snapshot) error {
		return s.Each(func(r store.Raw) error {
			key, value := r.Key, r.Value
			if key[0] == 'p' {
				key, value = key[:9], value[:len(value)-4]
			}
			lines = append(lines, fmt.Sprintf("%x %x %v", key, value, !r.Expires.IsZero()))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// goldenListings is what the store says of itself.
func goldenListings(t *testing.T, st store.Store) string {
	t.Helper()
	ctx := t.Context()
	all := make(map[string]any)
	var failed error
	keep := func(what string, value any, err error) {
		all[what], failed = value, errors.Join(failed, err)
	}
	for _, order := range []store.Sort{store.ByName, store.ByID, store.ByEnabled, store.ByUsed} {
		for _, status := range []store.Status{store.AnyStatus, store.Activated, store.NotActivated, store.Throttled} {
			page, err := st.Users(ctx, store.UserQuery{Realm: "shop", Sort: order, Status: status, Descending: status == store.Activated, Limit: 10})
			var ids []string
			for _, u := range page.Users {
				ids = append(ids, u.Key.ID)
			}
			keep(fmt.Sprint("users ", order, status), ids, err)
		}
	}
	found, err := st.Users(ctx, store.UserQuery{Realm: "shop", Prefix: "aliisa", Limit: 10})
	keep("found", len(found.Users), err)
	for n, key := range goldenUsers {
		u, err := st.User(ctx, key)
		keep(fmt.Sprint("user ", n), u, err)
		visits, err := st.Visits(ctx, key)
		keep(fmt.Sprint("visits ", n), visits, err)
		dead, err := st.Visit(ctx, key.Realm, store.VisitID{byte(100 + n)})
		keep(fmt.Sprint("dead ", n), dead, err)
		code, err := st.MailCode(ctx, key)
		keep(fmt.Sprint("code ", n), code, err)
	}
	realms, err := st.Realms(ctx)
	keep("realms", realms, err)
	count, err := st.CountUsers(ctx, "shop")
	keep("count", count, err)
	entries, err := st.Entries(ctx, store.EntryQuery{Newest: true, Limit: 10})
	keep("entries", entries, err)
	mine, err := st.Entries(ctx, store.EntryQuery{Realm: "shop", User: "bob", Limit: 10})
	keep("entries of bob", mine, err)
	base, err := st.BaseEntry(ctx)
	keep("base", base, err)
	mails, err := st.DueMails(ctx, goldenNow.Add(time.Hour), 10)
	keep("mails", mails, err)
	days, err := st.Days(ctx, "")
	keep("days", fmt.Sprint(days), err)
	if failed != nil {
		t.Fatal(failed)
	}
	raw, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestGolden_Write(t *testing.T) {
	if os.Getenv("SECONDGATE_GOLDEN") != "write" {
		t.Skip("the golden store is there")
	}
	d := open(t, filepath.Join(goldenDir, "store"), Options{Clock: goldenClock})
	goldenFill(t, d)
	records := goldenRecords(t, d)
	listings := goldenListings(t, d)
	for name, text := range map[string]string{"records.txt": strings.Join(records, "\n"), "listings.json": listings} {
		if err := os.WriteFile(filepath.Join(goldenDir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func goldenFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// TestGolden_Opens: a store of November 2026 opens, holds the same records byte for byte, and
// lists what it listed.
func TestGolden_Opens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(goldenDir, "store"))); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, Options{Clock: goldenClock})
	if want := strings.Split(goldenFile(t, "records.txt"), "\n"); !slices.Equal(goldenRecords(t, d), want) {
		t.Error("the records of the golden store differ from records.txt")
	}
	if goldenListings(t, d) != goldenFile(t, "listings.json") {
		t.Errorf("the golden store lists %s", goldenListings(t, d))
	}
	u, err := d.User(t.Context(), goldenUsers[0])
	if err != nil || !reflect.DeepEqual(u, goldenUser(0)) {
		t.Errorf("%+v, %v", u, err)
	}
	err = d.Update(t.Context(), goldenUsers[0], func(tx store.Tx) error { return tx.Spend("step 1", goldenNow.AddDate(100, 0, 0)) })
	if !errors.Is(err, store.ErrSpent) {
		t.Errorf("what was spent: %v", err)
	}
}

// TestGolden_SameRecords: what is written now is what was written then, byte for byte.
func TestGolden_SameRecords(t *testing.T) {
	d := open(t, t.TempDir(), Options{Clock: goldenClock})
	goldenFill(t, d)
	want, got := strings.Split(goldenFile(t, "records.txt"), "\n"), goldenRecords(t, d)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Fatalf("record %d of %d (golden: %d) differs", i, len(got), len(want))
		}
	}
}
