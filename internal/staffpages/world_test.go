package staffpages

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates/templatestest"
)

const origin = "https://desk.example"

// world is the pages over a real desk and a real store.
type world struct {
	t       testing.TB
	pages   *Pages
	db      *records.DB
	desk    *staff.Desk
	logs    *observer.ObservedLogs
	now     time.Time
	cookies map[string]string
	visitor Visitor
}

var policy = throttle.Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100, AddressCount: 1000, AddressPer: 10 * time.Minute}

func newWorld(t testing.TB, realms ...string) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 21, 14, 3, 25, 0, time.UTC), cookies: map[string]string{}}
	w.visitor = Visitor{Staff: "anna", Sees: true, Acts: true, Secure: true, Address: "192.0.2.7"}
	clock := func() time.Time { return w.now }
	db := records.Open(memory.New(), records.Options{Clock: clock})
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]*factor.Service{}
	for _, realm := range realms {
		services[realm] = factor.New(db, ring, realm, factor.Settings{
			Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 10, Throttle: policy,
		}, throttle.NewAddresses(policy, clock))
		services[realm].Clock = clock
	}
	w.db = db
	w.desk = staff.New(staff.Options{Store: db, Realms: services, End: func(store.UserKey, ...store.VisitID) {}, Clock: clock})
	state, err := cookiestate.New("desk", ring.Derive("hash", 32), ring.Derive("block", 32), clock)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	w.logs = logs
	locales, err := templatestest.Locales()
	if err != nil {
		t.Fatal(err)
	}
	w.pages, err = New(Options{Desk: func() Desk { return w.desk }, State: state, Acted: w.settle, Locales: locales, Logger: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// settle writes the pending events to the audit log. The server does so in the background.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // Run settles once more at its end
	audit.New(audit.Options{
		Store: w.db, Logger: zap.NewNop, Keep: func() time.Duration { return 400 * 24 * time.Hour }, Clock: func() time.Time { return w.now },
	}).Run(ctx)
}

// put writes a user's record.
func (w *world) put(u store.User) {
	w.t.Helper()
	err := w.db.Update(context.Background(), u.Key, func(tx store.Tx) error { return tx.PutUser(u) })
	if err != nil {
		w.t.Fatal(err)
	}
}

func key(realm, id string) store.UserKey { return store.UserKey{Realm: realm, ID: id} }

// enrolled is a record with an authenticator and backup codes.
func (w *world) enrolled(realm, id, name string) store.User {
	return store.User{
		Key: key(realm, id), Name: name, Email: id + "@example.com", FirstSeen: w.now.Add(-90 * 24 * time.Hour), EnabledAt: w.now.Add(-60 * 24 * time.Hour),
		TOTP:   &store.TOTP{ID: "t", Secret: []byte("sealed"), Algorithm: "SHA1", Digits: 6, Period: 30, AddedAt: w.now.Add(-60 * 24 * time.Hour), UsedAt: w.now.Add(-3 * time.Hour)},
		Backup: &store.BackupSet{Salt: []byte("salt"), Hashes: make([][]byte, 7), Total: 10, AddedAt: w.now},
	}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, r, w.visitor)
	for _, c := range rec.Result().Cookies() {
		w.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
		}
	}
	return answer{rec, w.t}
}

func (w *world) get(target string) answer {
	w.t.Helper()
	return w.do(httptest.NewRequest(http.MethodGet, origin+target, nil))
}

// act sends the form of an act as a browser does.
func (w *world) act(name, realm, id, reason string) answer {
	w.t.Helper()
	form := url.Values{"act": {name}, "realm": {realm}, "id": {id}, "reason": {reason}, "life": {"24"}}
	r := httptest.NewRequest(http.MethodPost, origin+"/act", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(r)
}

func (a answer) want(status int, parts ...string) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d\n%.2000s", a.Code, status, a.Body)
	}
	for _, part := range parts {
		if !strings.Contains(a.Body.String(), part) {
			a.t.Errorf("the page lacks %q:\n%.3000s", part, a.Body)
		}
	}
	return a
}

func (a answer) lacks(parts ...string) answer {
	a.t.Helper()
	for _, part := range parts {
		if strings.Contains(a.Body.String(), part) {
			a.t.Errorf("the page has %q", part)
		}
	}
	return a
}

// fill writes so many users of a realm, every third of them with a second factor.
func (w *world) fill(realm string, n int) {
	w.t.Helper()
	for i := range n {
		u := store.User{Key: key(realm, fmt.Sprintf("%06d", i)), Name: fmt.Sprintf("Customer %d", i), FirstSeen: w.now}
		if i%3 == 0 {
			u = w.enrolled(realm, u.Key.ID, u.Name)
		}
		w.put(u)
	}
}

// customers are those whom layouts are afraid of.
func (w *world) customers() {
	now := w.now
	w.put(w.enrolled("shop", "10017", "Alice Andersson"))
	w.put(store.User{Key: key("shop", "10018"), Name: "Bob Berg", FirstSeen: now})
	long := w.enrolled("shop", "a-very-long-identifier-that-some-portal-made-up-0123456789-0123456789@subsidiary.example.com", "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh von und zu Oberunterammergau")
	long.Failures = map[string]store.Failures{"totp": {Count: 9, Until: now.Add(7 * time.Minute)}}
	w.put(long)
	w.put(w.enrolled("shop", "10020", "شركة الاستضافة العربية"))
	w.put(w.enrolled("shop", "10021", "דוד בן גוריון"))
	off := w.enrolled("shop", "10022", "Carl Öhman")
	off.Failures = map[string]store.Failures{"totp": {Count: 100, Until: now.Add(-time.Hour)}}
	off.Backup.Hashes = off.Backup.Hashes[:1]
	off.Recovery = &store.Recovery{Salt: []byte("s"), Hash: []byte("h"), Issued: now, Expires: now.Add(20 * time.Hour), Staff: "bert"}
	w.put(off)
	w.put(store.User{Key: key("shop", "nameless-7"), FirstSeen: now})
	w.put(w.enrolled("forum", "f1", "Somebody else"))
}
