package userpages

import (
	"cmp"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/templates"
)

const origin = "https://portal.example"

// world is pages over a real store, and the part of the gateway that they need.
type world struct {
	t     *testing.T
	pages *Pages
	db    *records.DB
	now   time.Time
	logs  *observer.ObservedLogs
	visit byte // counts the visits that were begun
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Now().UTC().Truncate(time.Second)}
	clock := func() time.Time { return w.now }
	db := records.Open(memory.New(), records.Options{Clock: clock})
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	policy := throttle.Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100, AddressCount: 1000, AddressPer: 10 * time.Minute}
	service := factor.New(db, ring, "default", factor.Settings{
		Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 10, Throttle: policy,
	}, throttle.NewAddresses(policy, clock))
	service.Clock = clock
	state, err := NewState("default", ring.Derive("web mac", 32), ring.Derive("web cookie", 32), clock)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	o := Options{
		Path: "/two-factor", Realm: "default", Support: "support@example.com", Brand: templates.Brand{Name: "Oma Avaruus"},
		FreeTries: policy.Free, Factors: service, Store: db, State: state, Logger: zap.New(core), Clock: clock,
	}
	if change != nil {
		change(&o)
	}
	if w.pages, err = New(o); err != nil {
		t.Fatal(err)
	}
	w.db, w.logs = db, logs
	return w
}

// browser is one browser with its cookies and its visit.
type browser struct {
	*world
	user    string
	email   string // the portal's; empty is the user's at example.com
	visit   store.VisitID
	cookies map[string]string
	ended   []store.VisitID
	changed int
	gone    bool // the visit was ended
	plain   bool // speaks HTTP
	header  http.Header
}

func (w *world) browser(user string) *browser {
	w.visit++
	return &browser{world: w, user: user, visit: store.VisitID{w.visit}, cookies: map[string]string{}, header: http.Header{}}
}

func (b *browser) visitor() *Visitor {
	v := &Visitor{User: b.user, ID: b.visit, Host: "portal.example", Secure: !b.plain, Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Visit: b}
	if b.user == "" {
		return v
	}
	v.Email = cmp.Or(b.email, b.user+"@example.com")
	if clearance, err := b.db.Visit(context.Background(), "default", b.visit); err == nil && clearance.User == b.user {
		v.Clearance = &clearance
	}
	u, err := b.db.User(context.Background(), store.UserKey{Realm: "default", ID: b.user})
	v.Owes = v.Clearance == nil && (err == nil && u.Activated() || b.pages.Required)
	return v
}

// The gateway's side of a visit.

func (b *browser) End(http.ResponseWriter, *http.Request) error { b.gone = true; return nil }
func (b *browser) EndOthers(ids []store.VisitID)                { b.ended = append(b.ended, ids...) }
func (b *browser) Changed()                                     { b.changed++ }
func (b *browser) Rotate() Rotation {
	b.world.visit++
	return &rotation{b, store.VisitID{b.world.visit}}
}

type rotation struct {
	b   *browser
	new store.VisitID
}

func (r *rotation) Visit() store.VisitID { return r.new }
func (r *rotation) Grant(tx store.Tx, factor string) error {
	if err := tx.DeleteVisit(r.b.visit); err != nil {
		return err
	}
	v := r.b.visitor()
	return tx.PutVisit(store.Visit{Realm: "default", ID: r.new, User: v.User, Factor: factor, At: r.b.now, LastSeen: r.b.now,
		Expires: r.b.now.Add(12 * time.Hour), Address: v.Address, Agent: v.Agent})
}

func (r *rotation) Move(tx store.Tx, keep bool) error {
	return session.Move(tx, session.Grant{Realm: "default", User: r.b.user, Old: r.b.visit, New: r.new, Now: r.b.now}, keep)
}

func (r *rotation) Commit(w http.ResponseWriter) {
	r.b.visit = r.new
	http.SetCookie(w, &http.Cookie{Name: "visit", Value: fmt.Sprint(r.new[0]), Path: "/"})
}

func (b *browser) get(target string) answer {
	b.t.Helper()
	return b.do(httptest.NewRequest(http.MethodGet, target, nil))
}

// post sends a form as a browser does from a page of the origin; fields are pairs.
func (b *browser) post(target string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	r.Host = "portal.example"
	for name, values := range b.header {
		r.Header[name] = values
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.pages.ServeHTTP(rec, r, b.visitor())
	res := rec.Result()
	for _, cookie := range res.Cookies() {
		b.keep(cookie)
	}
	return answer{res, b.t, rec.Body.String()}
}

// keep checks every cookie of Secondgate (ASVS 3.3) and stores or deletes it as a browser does.
func (b *browser) keep(c *http.Cookie) {
	b.t.Helper()
	if strings.Contains(c.Name, CookiePrefix) {
		host := strings.HasPrefix(c.Name, "__Host-")
		if host == b.plain || c.Secure == b.plain || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			b.t.Errorf("cookie %s has the wrong attributes: %s", c.Name, c)
		}
		if len(c.String()) > 4096 {
			b.t.Errorf("cookie %s has %d bytes", c.Name, len(c.String()))
		}
	}
	if c.MaxAge < 0 {
		delete(b.cookies, c.Name)
		return
	}
	b.cookies[c.Name] = c.Value
}

// enrolled is a user's authenticator and backup codes.
type enrolled struct {
	*world
	secret string
	codes  []string
}

// code returns the code of the current step, and moves the world's clock to the next step.
func (e *enrolled) code() string {
	e.now = e.now.Add(30 * time.Second)
	return codeAt(e.t, e.secret, e.now)
}

func codeAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	if _, err := base32.StdEncoding.DecodeString(secret); err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol takes a browser through the whole set-up.
func (b *browser) enrol() *enrolled {
	b.t.Helper()
	page := b.get("/two-factor/setup").want(200, "Set up two-factor authentication")
	e := &enrolled{world: b.world, secret: page.first(secretIn)}
	b.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/backup-codes")
	e.codes = b.get("/two-factor/backup-codes").want(200, "Save your backup codes").backupCodes()
	if len(e.codes) != 10 {
		b.t.Fatalf("%d backup codes", len(e.codes))
	}
	b.post("/two-factor/backup-codes", "action", "close", "saved", "yes").wantTo("/two-factor/")
	return e
}

var errBroken = errors.New("disk is full")

// broken is a store that fails.
type broken struct{ store.Store }

func (broken) User(context.Context, store.UserKey) (store.User, error) {
	return store.User{}, errBroken
}
func (broken) Check(context.Context) error { return errBroken }
