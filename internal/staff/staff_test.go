package staff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
	"github.com/secondgate/secondgate/internal/throttle"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// office is a desk over a real store, with two realms.
type office struct {
	*Desk
	t     *testing.T
	now   atomic.Int64
	ended []store.VisitID
}

func newOffice(t *testing.T, realms ...string) *office {
	t.Helper()
	o := &office{t: t}
	o.now.Store(noon.UnixNano())
	clock := func() time.Time { return time.Unix(0, o.now.Load()).UTC() }
	db := records.Open(memory.New(), records.Options{Clock: clock})
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	policy := throttle.Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 10}
	services := map[string]*factor.Service{}
	for _, name := range realms {
		s := factor.New(db, ring, name, factor.Settings{
			Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 2, Throttle: policy,
		}, throttle.NewAddresses(policy, clock))
		s.Clock = clock
		services[name] = s
	}
	o.Desk = New(Options{
		Store: db, Realms: services, Clock: clock,
		End: func(_ store.UserKey, ids ...store.VisitID) { o.ended = append(o.ended, ids...) },
	})
	return o
}

func (o *office) advance(d time.Duration) { o.now.Add(int64(d)) }

// put writes a user.
func (o *office) put(u store.User) {
	o.t.Helper()
	if u.Key.Realm == "" {
		u.Key.Realm = "shop"
	}
	err := o.Store.Update(o.t.Context(), u.Key, func(tx store.Tx) error { return tx.PutUser(u) })
	if err != nil {
		o.t.Fatal(err)
	}
}

// enrolled is a user with everything that staff can take away.
func (o *office) enrolled(id, name string) store.User {
	u := store.User{
		Key: store.UserKey{Realm: "shop", ID: id}, Name: name, Email: name + "@example.org",
		FirstSeen: noon.Add(-time.Hour), EnabledAt: noon.Add(-time.Minute),
		TOTP:     &store.TOTP{ID: "t" + id, Digits: 6, Period: 30, Algorithm: factor.SHA1, UsedAt: noon},
		Backup:   &store.BackupSet{Salt: []byte("s"), Hashes: [][]byte{[]byte("h")}, Total: 10},
		Recovery: &store.Recovery{Salt: []byte("r"), Hash: []byte("h"), Issued: noon, Expires: noon.Add(time.Hour), Staff: "ville"},
		Failures: map[string]store.Failures{factor.KindTOTP: {Count: 6, Until: noon.Add(time.Minute)}},
	}
	o.put(u)
	return u
}

// clear gives a user so many sessions.
func (o *office) clear(u store.User, n int) {
	o.t.Helper()
	err := o.Store.Update(o.t.Context(), u.Key, func(tx store.Tx) error {
		for i := range n {
			v := store.Visit{Realm: u.Key.Realm, ID: store.VisitID{byte(i + 1)}, User: u.Key.ID, Factor: "totp",
				At: noon.Add(time.Duration(i) * time.Second), LastSeen: noon, Expires: noon.Add(time.Hour), Address: "192.0.2.9", Agent: "Browser"}
			if err := tx.PutVisit(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) record(id string) store.User {
	o.t.Helper()
	u, err := o.Store.User(o.t.Context(), store.UserKey{Realm: "shop", ID: id})
	if err != nil {
		o.t.Fatal(err)
	}
	return u
}

// history settles the log and returns what it has of a user, newest first.
func (o *office) history(id string, n int) []store.Event {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	go audit.New(audit.Options{
		Store: o.Store, Logger: zap.NewNop, Keep: func() time.Duration { return 365 * 24 * time.Hour }, Clock: o.Clock,
	}).Run(ctx)
	for ctx.Err() == nil {
		d, err := o.Show(ctx, "shop", id)
		if err != nil {
			o.t.Fatal(err)
		}
		if len(d.History) >= n {
			return d.History
		}
		time.Sleep(time.Millisecond)
	}
	o.t.Fatal("the events never came")
	return nil
}

// pending takes the events that wait to be settled.
func (o *office) pending() (events []store.Event) {
	o.t.Helper()
	_, err := o.Store.Settle(o.t.Context(), 1000, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
		events = nil
		for _, raw := range pending {
			e, err := store.UnmarshalEvent(raw)
			if err != nil {
				return store.Settled{}, err
			}
			events = append(events, e)
		}
		return store.Settled{}, nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return events
}

// wantRefused wants an error of that kind with a sentence that has these words.
func wantRefused(t *testing.T, what string, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want one that is %q", what, err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q lacks %q", what, err, w)
		}
	}
}

var why = Act{Realm: "shop", User: "1001", Staff: "sinikka", Reason: "lost the phone, id card seen", Address: "192.0.2.50"}

// acts are all of them, by the event that they write.
func (o *office) acts() map[string]func(a Act) error {
	ctx := o.t.Context()
	return map[string]func(a Act) error{
		store.EventStaffReset:         func(a Act) error { _, err := o.Reset(ctx, a); return err },
		store.EventStaffUnlocked:      func(a Act) error { return o.Unlock(ctx, a) },
		store.EventStaffEndedSessions: func(a Act) error { _, err := o.EndSessions(ctx, a); return err },
		store.EventStaffRecoveryCode:  func(a Act) error { _, _, err := o.RecoveryCode(ctx, a, 0); return err },
	}
}

func TestReset(t *testing.T) {
	o := newOffice(t, "shop")
	u := o.enrolled("1001", "Matti")
	o.clear(u, 3)
	other := o.enrolled("1002", "Maija")
	n, err := o.Reset(t.Context(), why)
	if err != nil || n != 3 || len(o.ended) != 3 {
		t.Fatalf("%d sessions, %v; %d ended in memory", n, err, len(o.ended))
	}
	got := o.record("1001")
	if got.TOTP != nil || got.Backup != nil || got.Recovery != nil || got.Failures != nil || !got.EnabledAt.IsZero() || got.Name != "Matti" {
		t.Errorf("left: %+v", got)
	}
	if visits, err := o.Store.Visits(t.Context(), u.Key); err != nil || len(visits) != 0 {
		t.Errorf("%d sessions are left, %v", len(visits), err)
	}
	if o.record("1002").TOTP.ID != other.TOTP.ID {
		t.Error("another user was changed")
	}
	_, err = o.Reset(t.Context(), why)
	wantRefused(t, "again", err, ErrRefused, `user "1001"`, "no second factor")
}

func TestUnlock(t *testing.T) {
	o := newOffice(t, "shop")
	u := o.enrolled("1001", "Matti")
	o.clear(u, 1)
	if err := o.Unlock(t.Context(), why); err != nil {
		t.Fatal(err)
	}
	got := o.record("1001")
	if len(got.Failures) != 0 || got.TOTP == nil || got.Recovery == nil || len(o.ended) != 0 {
		t.Errorf("%+v: want the failures gone and nothing else", got)
	}
	wantRefused(t, "again", o.Unlock(t.Context(), why), ErrRefused, "not locked")
}

func TestEndSessions(t *testing.T) {
	o := newOffice(t, "shop")
	u := o.enrolled("1001", "Matti")
	o.clear(u, 2)
	n, err := o.EndSessions(t.Context(), why)
	if err != nil || n != 2 || len(o.ended) != 2 || o.record("1001").TOTP == nil {
		t.Errorf("%d, %v; %d ended in memory", n, err, len(o.ended))
	}
	// Browsers that have passed no code may be signed in all the same.
	before := o.record("1001").SessionsEnded
	o.advance(time.Minute)
	n, err = o.EndSessions(t.Context(), why)
	if err != nil || n != 0 || !o.record("1001").SessionsEnded.After(before) {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestRecoveryCode(t *testing.T) {
	o := newOffice(t, "shop")
	o.enrolled("1001", "Matti")
	code, until, err := o.RecoveryCode(t.Context(), why, 0)
	if err != nil || !until.Equal(noon.Add(24*time.Hour)) || len(code) != 19 {
		t.Fatalf("%q until %v, %v", code, until, err)
	}
	if r := o.record("1001").Recovery; r.Staff != "sinikka" || !r.Expires.Equal(until) {
		t.Errorf("recorded %+v", r)
	}
	for _, e := range o.pending() {
		if line, _ := store.MarshalEvent(e); strings.Contains(string(line), code) {
			t.Errorf("the log has the code: %s", line)
		}
	}
	for _, life := range []time.Duration{-time.Hour, time.Second, 8 * 24 * time.Hour} {
		_, _, err := o.RecoveryCode(t.Context(), why, life)
		wantRefused(t, life.String(), err, ErrInput, "recovery code")
	}
	o.put(store.User{Key: store.UserKey{Realm: "shop", ID: "1003"}})
	a := why
	a.User = "1003"
	_, _, err = o.RecoveryCode(t.Context(), a, 0)
	wantRefused(t, "without a factor", err, ErrRefused, `user "1003"`, "no code is required")
}

// TestActsAreRecorded: each act writes one event, with who, why and from where; a
// refused one writes none.
func TestActsAreRecorded(t *testing.T) {
	o := newOffice(t, "shop")
	for kind, act := range o.acts() {
		o.clear(o.enrolled("1001", "Matti"), 1)
		if err := act(why); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		events := o.pending()
		if len(events) != 1 || events[0].Kind != kind {
			t.Errorf("%s: recorded %+v", kind, events)
			continue
		}
		e := events[0]
		if e.Realm != "shop" || e.User != "1001" || e.Staff != why.Staff || e.Reason != why.Reason || e.Address != why.Address || !e.At.Equal(noon) {
			t.Errorf("%s: recorded %+v", kind, e)
		}
	}
	o.put(store.User{Key: store.UserKey{Realm: "shop", ID: "1001"}})
	if _, err := o.Reset(t.Context(), why); err == nil {
		t.Error("a user without a factor was reset")
	}
	if events := o.pending(); len(events) != 0 {
		t.Errorf("a refused act was recorded: %+v", events)
	}
}

// TestActsWantWords: nothing is done without a reason and a name that are fit for the log.
func TestActsWantWords(t *testing.T) {
	o := newOffice(t, "shop")
	for name, change := range map[string]func(a *Act){
		"reason is missing":         func(a *Act) { a.Reason = "  " },
		"too short":                 func(a *Act) { a.Reason = " ab " },
		"501 characters":            func(a *Act) { a.Reason = strings.Repeat("ä", 501) },
		"reason has line ends":      func(a *Act) { a.Reason = "lost it\nstaff_reset 1002" },
		"the reason has line ends":  func(a *Act) { a.Reason = "turned \u202e around" },
		"reason has line ends or":   func(a *Act) { a.Reason = "no text \xff" },
		"who acts is missing":       func(a *Act) { a.Staff = "" },
		"who acts has 201":          func(a *Act) { a.Staff = strings.Repeat("x", 201) },
		"who acts has control":      func(a *Act) { a.Staff = "sini\x00kka" },
		"id of the user is missing": func(a *Act) { a.User = "" },
		`no realm "shopp"`:          func(a *Act) { a.Realm = "shopp" },
		`no user "100"`:             func(a *Act) { a.User = "100" },
		`no user "matti"`:           func(a *Act) { a.User = "matti" },
		`no user " 1001"`:           func(a *Act) { a.User = " 1001" },
		`no user "1001\x00"`:        func(a *Act) { a.User = "1001\x00" },
	} {
		for kind, act := range o.acts() {
			u := o.enrolled("1001", "Matti")
			o.clear(u, 1)
			a := why
			change(&a)
			err := act(a)
			if err == nil || !strings.Contains(err.Error(), name) || !errors.Is(err, ErrInput) && !errors.Is(err, ErrUnknown) {
				t.Errorf("%s: %v, want one about %q", kind, err, name)
			}
			if got := o.record("1001"); got.TOTP == nil || len(got.Failures) == 0 || got.Recovery.Staff != "ville" || len(o.ended) != 0 {
				t.Errorf("%s, %s: something was done: %+v", kind, name, got)
			}
		}
	}
	if events := o.pending(); len(events) != 0 {
		t.Errorf("recorded %+v", events)
	}
	a := why
	a.Reason = strings.Repeat("ä", 500)
	if err := o.Unlock(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := o.pending()[0].Reason; got != a.Reason {
		t.Errorf("of a reason of 500 characters %d bytes were recorded", len(got))
	}
}

// An unknown user's error names whom may have been meant.
func TestUnknownUser(t *testing.T) {
	o := newOffice(t, "shop")
	for i := range 8 {
		o.enrolled(fmt.Sprint(2000+i), fmt.Sprint("Matti ", i))
	}
	_, err := o.Show(t.Context(), "", "matti")
	wantRefused(t, "by name", err, ErrUnknown, `"2000" ("Matti 0")`, `"2004"`, "…")
	if strings.Contains(err.Error(), `"2005"`) {
		t.Errorf("too many are named: %v", err)
	}
	_, err = o.Show(t.Context(), "", "nobody")
	wantRefused(t, "nobody", err, ErrUnknown, "first sign-in")
}

func TestFind(t *testing.T) {
	o := newOffice(t, "shop")
	for id, name := range map[string]string{"7": "Anna", "77": "Antti", "8": "Antero", "x": "Ärjä"} {
		o.enrolled(id, name)
	}
	for text, want := range map[string]string{"7": "7", "77": "77", "ann": "7", "ÄR": "x", "antti@": "77"} {
		if a, err := o.Find(t.Context(), "", text); err != nil || a.ID != want {
			t.Errorf("%q: %q, %v, want %q", text, a.ID, err, want)
		}
	}
	_, err := o.Find(t.Context(), "", "an")
	wantRefused(t, "several", err, ErrAmbiguous, `"7" ("Anna")`, `"77" ("Antti")`, `"8" ("Antero")`)
	_, err = o.Find(t.Context(), "", "q")
	wantRefused(t, "none", err, ErrUnknown)
	_, err = o.Find(t.Context(), "", "")
	wantRefused(t, "nothing", err, ErrInput)
}

func TestRealm(t *testing.T) {
	one, two, none := newOffice(t, "shop"), newOffice(t, "shop", "club"), newOffice(t)
	if r, err := one.Realm(""); err != nil || r != "shop" {
		t.Errorf("the only one: %q, %v", r, err)
	}
	_, err := two.Realm("")
	wantRefused(t, "one of two", err, ErrInput, "club, shop")
	_, err = two.Realm("pub")
	wantRefused(t, "unknown", err, ErrUnknown, "club, shop")
	_, err = none.Realm("")
	wantRefused(t, "none", err, ErrUnknown, "no site")
}

func TestShow(t *testing.T) {
	o := newOffice(t, "shop")
	u := o.enrolled("10/01 ä", "Matti")
	o.clear(u, 60)
	d, err := o.Show(t.Context(), "shop", "10/01 ä")
	if err != nil {
		t.Fatal(err)
	}
	want := Account{
		Realm: "shop", ID: "10/01 ä", Name: "Matti", Email: "Matti@example.org", Activated: true, Factors: []string{"totp", "backup"},
		FirstSeen: noon.Add(-time.Hour), EnabledAt: noon.Add(-time.Minute), UsedAt: noon, BackupLeft: 1, BackupTotal: 10,
		LockedUntil: noon.Add(time.Minute), Recovery: &Recovery{noon, noon.Add(time.Hour), "ville"},
	}
	if got, want := fmt.Sprintf("%+v %+v", d.Account, *d.Recovery), fmt.Sprintf("%+v %+v", want, *want.Recovery); stripped(got) != stripped(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d.SessionCount != 60 || len(d.Sessions) != MaxSessions || !d.Sessions[0].Since.Equal(noon.Add(59*time.Second)) {
		t.Errorf("%d of %d sessions, the first from %v", len(d.Sessions), d.SessionCount, d.Sessions[0].Since)
	}
	a := why
	a.User = "10/01 ä"
	if err := o.Unlock(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if h := o.history("10/01 ä", 1); h[0].Kind != store.EventStaffUnlocked {
		t.Errorf("history %+v", h)
	}
	o.advance(2 * time.Hour) // what is over is not shown
	if d, err := o.Show(t.Context(), "shop", "10/01 ä"); err != nil || d.Recovery != nil || d.SessionCount != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// stripped takes the addresses of pointers out of a text.
func stripped(s string) string {
	words := strings.Fields(s)
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "Recovery:") }), " ")
}

// TestList: filters, orders and pages; what the store's own tests show is not shown again.
func TestList(t *testing.T) {
	o := newOffice(t, "shop")
	for i, name := range []string{"Anna", "Bea", "Cia", "Dan", "Eva", "Fia"} {
		u := o.enrolled(fmt.Sprint(9-i), name)
		u.EnabledAt, u.TOTP.UsedAt = noon.Add(time.Duration(i)*time.Hour), noon.Add(-time.Duration(i)*time.Hour)
		switch name {
		case "Anna":
			u.TOTP, u.Failures = nil, nil
		case "Bea": // the wait is over
			u.Failures = map[string]store.Failures{factor.KindTOTP: {Count: 6, Until: noon.Add(-time.Second)}}
		case "Cia": // the codes are off
			u.Failures = map[string]store.Failures{factor.KindTOTP: {Count: 10, Until: noon.Add(-time.Second)}}
		case "Dan":
			u.Failures = nil
		}
		o.put(u)
	}
	for _, test := range []struct {
		q    Query
		want string
	}{
		{Query{}, "Anna Bea Cia Dan Eva Fia"},
		{Query{Status: StatusActivated, Descending: true}, "Fia Eva Dan Cia Bea"},
		{Query{Status: StatusNotActivated}, "Anna"},
		{Query{Status: StatusLocked}, "Cia Eva Fia"},
		{Query{Status: StatusLocked, Sort: SortID}, "Fia Eva Cia"},
		{Query{Status: StatusLocked, Sort: SortUsed, Descending: true}, "Cia Eva Fia"},
		{Query{Sort: SortID}, "Fia Eva Dan Cia Bea Anna"},
		{Query{Sort: SortEnabled, Descending: true}, "Fia Eva Dan Cia Bea Anna"},
		{Query{Sort: SortUsed}, "Fia Eva Dan Cia Bea Anna"},
		{Query{Search: "e"}, "Eva"},
		{Query{Search: "9"}, "Anna"},
		{Query{Search: "dan@"}, "Dan"},
		{Query{Search: "q"}, ""},
	} {
		for _, limit := range []int{1, 2, 100} {
			q, names := test.q, []string(nil)
			q.Limit = limit
			for range 20 {
				page, err := o.List(t.Context(), q)
				if err != nil || page.Realm != "shop" || len(page.Users) > limit {
					t.Fatalf("%+v: %+v, %v", q, page, err)
				}
				for _, a := range page.Users {
					names = append(names, a.Name)
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("%+v: %s, want %s", q, got, test.want)
			}
		}
	}
	for what, q := range map[string]Query{
		`no status "off"`: {Status: "off"}, `sorted by "age"`: {Sort: "age"}, "1 to 1000": {Limit: 1001}, "can't have -1": {Limit: -1},
		"the cursor does not": {After: "nowhere"}, "does not belong to this listing": {After: "x", Search: "a", Sort: SortUsed},
	} {
		_, err := o.List(t.Context(), q)
		wantRefused(t, what, err, ErrInput, what)
	}
}

// TestSearchByTime: a search is sorted by time as long as it finds few; else it says so.
func TestSearchByTime(t *testing.T) {
	o := newOffice(t, "shop")
	const n = maxFound + 1
	for i := range n {
		u := store.User{Key: store.UserKey{Realm: "shop", ID: fmt.Sprintf("x%04d", i)}, Name: "Matti"}
		if i < 7 {
			u.Name, u.EnabledAt, u.TOTP = "Maija", noon.Add(time.Duration(i*3%7)*time.Hour), &store.TOTP{ID: "t"}
		}
		o.put(u)
	}
	q, times := Query{Search: "maija", Sort: SortEnabled, Descending: true, Limit: 3}, []time.Time(nil)
	for range 3 {
		page, err := o.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Users {
			times = append(times, a.EnabledAt)
		}
		q.After = page.Next
	}
	falling := slices.IsSortedFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	if len(times) != 7 || !falling || q.After != "" {
		t.Errorf("%d times, %v, then %q", len(times), times, q.After)
	}
	_, err := o.List(t.Context(), Query{Search: "x", Sort: SortUsed})
	wantRefused(t, "too many", err, ErrInput, "more than 1000", "by name or id")
}
