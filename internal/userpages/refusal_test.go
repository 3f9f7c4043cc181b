package userpages

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func hexID(id store.VisitID) string { return hex.EncodeToString(id[:]) }

func TestThrottledPageSaysHowLong(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	b := w.browser("alice")
	page := b.post("/two-factor/challenge", "code", "000000").want(422, "You can try 5 more times").wantNot("Our clock")
	b.post("/two-factor/challenge", "code", "000000").want(422, "You can try 4 more times", "Our clock says "+w.now.Format("15:04:05"))
	for range 4 {
		page = b.post("/two-factor/challenge", "code", "000000").want(422)
	}
	page.want(422, "Please wait 30 seconds").wantNot("You can try")
	w.now = w.now.Add(5 * time.Second)
	page = b.post("/two-factor/challenge", "code", codeAt(t, e.secret, w.now)).want(429, "Please wait 25 seconds")
	if got := page.Header.Get("Retry-After"); got != "25" {
		t.Errorf("Retry-After: %s", got)
	}
	b.post("/two-factor/challenge", "code", e.codes[0]).wantTo("/")

	for range 10 {
		w.now = w.now.Add(15 * time.Minute)
		page = w.browser("alice").post("/two-factor/challenge", "code", "000000")
	}
	page.want(422, "Please wait 8 minutes")
}

// TestWrongBackupCodesSayNoWait: wrong backup codes announce no wait, since none follows
// for the user. When the budget of the network is used up, the page says that another
// network helps; the authenticator's codes work still.
func TestWrongBackupCodesSayNoWait(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		ring, err := keys.Parse(keys.Generate())
		if err != nil {
			t.Fatal(err)
		}
		policy := throttle.Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100, AddressCount: 3, AddressPer: 10 * time.Minute}
		service := factor.New(o.Store, ring, "default", factor.Settings{
			Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 10, Throttle: policy,
		}, throttle.NewAddresses(policy, o.Clock))
		service.Clock = o.Clock
		o.Factors = service
	})
	e := w.browser("alice").enrol()
	b := w.browser("alice")
	const page = "/two-factor/challenge?use=backup"
	for range 3 {
		b.post(page, "code", "0000-0000-0000-0000").want(422, "That code did not work").wantNot("Please wait", "more times")
	}
	held := b.post(page, "code", e.codes[0]).want(429, "minutes, or try again from another network")
	if held.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.post("/two-factor/challenge", "code", e.code()).wantTo("/")
}

func TestStoppedFactorAsksForABackupCode(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	key := store.UserKey{Realm: "default", ID: "alice"}
	err := w.db.Update(context.Background(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.Failures = map[string]store.Failures{"totp": {Count: 100}}
		return tx.PutUser(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.browser("alice").post("/two-factor/challenge", "code", e.code()).want(403, "Use a backup code, or ask support for a code that works once: either switches them on again.")
	w.browser("alice").post("/two-factor/challenge", "code", e.codes[0]).wantTo("/")
	w.browser("alice").post("/two-factor/challenge", "code", e.code()).wantTo("/")
}

// TestWrongCodesInAClearedVisitEndIt: a cleared visit has its own attempt budget. Spending it ends
// this visit and does not lock the user.
func TestWrongCodesInAClearedVisitEndIt(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	for range 4 {
		alice.post("/two-factor/disable", "code", "000000").want(422)
	}
	alice.post("/two-factor/disable", "code", "000000").want(403, "You were signed out", "password and a code again")
	if len(alice.ended) != 1 || alice.ended[0] != alice.visit {
		t.Errorf("the gateway was told of %v", alice.ended)
	}
	if !alice.gone {
		t.Error("the visit was not taken out of the browser")
	}
	w.browser("alice").post("/two-factor/challenge", "code", e.code()).wantTo("/")
}

func TestBadCodes(t *testing.T) {
	w := newWorld(t, nil)
	w.browser("alice").enrol()
	b := w.browser("alice")
	for _, c := range []struct {
		fields []string
		status int
	}{
		{[]string{}, 422}, {[]string{"code", ""}, 422}, {[]string{"code", "   "}, 422}, {[]string{"code[]", "123456"}, 422},
		{[]string{"code", "١٢٣٤٥٦"}, 422}, {[]string{"code", "１２３４５６"}, 422}, {[]string{"code", "12345"}, 422}, {[]string{"code", "123456\x00"}, 422},
		{[]string{"code", strings.Repeat("1", 10<<10)}, 400}, {[]string{"code", "123456", "code", "654321"}, 400},
		{[]string{"x", strings.Repeat("1", 70<<10)}, 413},
	} {
		page := b.post("/two-factor/challenge", c.fields...).want(c.status)
		if c.status == 422 {
			page.want(422, "a code")
		}
	}
	u, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"})
	if err != nil || len(u.Failures) != 0 {
		t.Errorf("malformed codes were counted for the user: %v, %v", u.Failures, err)
	}
}

// TestGETChangesNothing: a GET changes nothing, with any query.
func TestGETChangesNothing(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	before, _ := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"})
	for _, path := range []string{"/disable?code=", "/backup-codes?action=generate&code=", "/setup?action=replace&code=", "/challenge?action=sign-out&code=", "/?action=end&visit=" + hexID(alice.visit) + "&code="} {
		for _, method := range []string{"GET", "HEAD"} {
			alice.do(httptest.NewRequest(method, "/two-factor"+path+e.code(), nil))
		}
	}
	after, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"})
	if err != nil || before.TOTP.Floor != after.TOTP.Floor || len(after.Backup.Hashes) != 10 || alice.gone {
		t.Errorf("before %+v, after %+v, gone %v, error %v", before.TOTP, after.TOTP, alice.gone, err)
	}
}

func TestNobody(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser("")
	b.get("/two-factor/challenge").wantTo("/")
	for _, path := range []string{"/", "/setup", "/backup-codes", "/disable"} {
		b.get("/two-factor"+path).want(403, "You are not signed in", `href="/"`)
		if path != "/" {
			b.post("/two-factor"+path, "code", "123456").want(403, "You are not signed in")
		}
	}
	b.post("/two-factor/challenge", "code", "123456").want(403, "You are not signed in")
	b.get("/two-factor/help").want(200, `href="mailto:support@example.com"`)
	for path, want := range map[string]bool{"/two-factor/help": true, "/two-factor/health": true, "/two-factor/assets/x.css": true, "/two-factor/": false, "/two-factor/setup": false} {
		if got := w.pages.Impersonal(path); got != want {
			t.Errorf("Impersonal(%s) is %v", path, got)
		}
	}
}

// TestAttack_SwappedClearance: a clearance of another user opens nothing.
func TestAttack_SwappedClearance(t *testing.T) {
	w := newWorld(t, nil)
	alice, bob := w.browser("alice"), w.browser("bob")
	alice.enrol()
	bob.enrol()
	v := bob.visitor()
	v.Clearance = alice.visitor().Clearance
	rec := newRecorder()
	w.pages.ServeHTTP(rec, httptest.NewRequest("GET", "/two-factor/", nil), v)
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/two-factor/challenge" {
		t.Errorf("status %d, Location %q", rec.Code, rec.Header().Get("Location"))
	}
}

// ASVS 16.5: while the store is down own pages show no data and say what to do.
func TestASVS_16_5_StoreFails(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	w.pages.Store = broken{w.db}
	for _, path := range []string{"/", "/setup", "/challenge", "/backup-codes", "/disable"} {
		page := alice.get("/two-factor"+path).want(503, "Please try again in a moment", "support@example.com")
		if page.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	alice.post("/two-factor/challenge", "code", e.code()).want(503, "your account stays protected")
	alice.get("/two-factor/health").want(503, `{"status":"unavailable"}`)
	alice.get("/two-factor/health/ready").want(503, `{"status":"unavailable","checks":{"store":"can't be written"}}`)
	alice.get("/two-factor/health/live").want(200, `{"status":"ok"}`)
	if w.logs.FilterField(errorField()).Len() == 0 {
		t.Error("nothing was logged with the cause")
	}
}

func TestClosedStore(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	b := w.browser("alice")
	v := b.visitor()
	w.db.Close()
	r := httptest.NewRequest(http.MethodPost, "/two-factor/challenge", strings.NewReader("code="+e.code()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	rec := newRecorder()
	w.pages.ServeHTTP(rec, r, v)
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", rec.Code)
	}
}
