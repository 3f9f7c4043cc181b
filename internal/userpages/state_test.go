package userpages

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates/templatestest"
)

func errorField() zap.Field { return zap.Error(errBroken) }

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newState(t *testing.T, realm string, now *time.Time, generations ...byte) *State {
	t.Helper()
	var hash, block [][]byte
	for _, g := range generations {
		hash, block = append(hash, key(g)), append(block, key(g+100))
	}
	s, err := NewState(realm, hash, block, func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// carry puts what was set into a request.
func carry(rec *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range rec.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func TestStateIsBound(t *testing.T) {
	now := time.Now()
	s := newState(t, "default", &now, 1)
	alice := cookiestate.Owner{User: "alice", Visit: store.VisitID{1}}
	rec := newRecorder()
	text := cookiestate.Field[string](codesField)
	if err := text.Put(s.browser(rec, nil, true), alice, "secret codes"); err != nil {
		t.Fatal(err)
	}
	r := carry(rec)
	if strings.Contains(r.Header.Get("Cookie"), "secret") {
		t.Fatal("the cookie can be read")
	}
	opens := func(s *State, r *http.Request, f cookiestate.Field[string], o cookiestate.Owner, secure bool) bool {
		_, ok := f.Get(s.browser(nil, r, secure), o)
		return ok
	}
	if !opens(s, r, text, alice, true) {
		t.Fatal("it does not open for its owner")
	}
	renamed := httptest.NewRequest("GET", "/", nil)
	renamed.AddCookie(&http.Cookie{Name: cookiestate.CookieName("flash", true), Value: rec.Result().Cookies()[0].Value})
	plain := httptest.NewRequest("GET", "/", nil)
	plain.AddCookie(&http.Cookie{Name: cookiestate.CookieName("codes", false), Value: rec.Result().Cookies()[0].Value})
	for name, opened := range map[string]bool{
		"another user":   opens(s, r, text, cookiestate.Owner{User: "bob", Visit: store.VisitID{1}}, true),
		"another visit":  opens(s, r, text, cookiestate.Owner{User: "alice", Visit: store.VisitID{2}}, true),
		"no visit":       opens(s, r, text, cookiestate.Owner{User: "alice"}, true),
		"another realm":  opens(newState(t, "other", &now, 1), r, text, alice, true),
		"another key":    opens(newState(t, "default", &now, 2), r, text, alice, true),
		"another field":  opens(s, renamed, flashField, alice, true),
		"another scheme": opens(s, plain, text, alice, false),
	} {
		if opened {
			t.Errorf("it opens for %s", name)
		}
	}
	now = now.Add(codesField.Life)
	if opens(s, r, text, alice, true) {
		t.Error("it opens after its end")
	}
}

// TestReturnTargetIsCheckedTwice: a bad return target is not stored, and would not be used if it
// were stored.
func TestReturnTargetIsCheckedTwice(t *testing.T) {
	now := time.Now()
	s := newState(t, "default", &now, 1)
	rec := newRecorder()
	s.SetReturn(rec, Return{User: "alice", Target: "//evil.com"}, true)
	if ret, ok := s.TakeReturn(newRecorder(), carry(rec), "alice", true); !ok || ret.Target != "/" {
		t.Errorf("kept %q, %v", ret.Target, ok)
	}
	rec = newRecorder()
	if err := returnField.Put(s.browser(rec, nil, true), cookiestate.Owner{User: "alice"}, Return{User: "alice", Target: "//evil.com"}); err != nil {
		t.Fatal(err)
	}
	if ret, ok := s.TakeReturn(newRecorder(), carry(rec), "alice", true); ok {
		t.Errorf("released %q", ret.Target)
	}
}

func TestKeysRotate(t *testing.T) {
	now := time.Now()
	rec := newRecorder()
	newState(t, "default", &now, 1).SetReturn(rec, Return{User: "alice", Target: "/a"}, true)
	if ret, ok := newState(t, "default", &now, 2, 1).TakeReturn(newRecorder(), carry(rec), "alice", true); !ok || ret.Target != "/a" {
		t.Error("what the older key sealed does not open")
	}
	rec = newRecorder()
	newState(t, "default", &now, 2, 1).SetReturn(rec, Return{User: "alice", Target: "/a"}, true)
	if _, ok := newState(t, "default", &now, 1).TakeReturn(newRecorder(), carry(rec), "alice", true); ok {
		t.Error("the older key sealed")
	}
}

// A planted cookie of the same name does not keep the real one from being read.
func TestAttack_PlantedTwin(t *testing.T) {
	now := time.Now()
	s := newState(t, "default", &now, 1)
	rec := newRecorder()
	s.SetReturn(rec, Return{User: "alice", Target: "/a"}, false)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: cookiestate.CookieName("return", false), Value: "planted"})
	r.AddCookie(rec.Result().Cookies()[0])
	if ret, ok := s.TakeReturn(newRecorder(), r, "alice", false); !ok || ret.Target != "/a" {
		t.Error("the twin hid the real cookie")
	}
}

func TestKeysAreChecked(t *testing.T) {
	for name, k := range map[string][2][][]byte{
		"none":   {nil, nil},
		"uneven": {{key(1), key(2)}, {key(1)}},
		"short":  {{key(1)[:16]}, {key(1)}},
		"long":   {{key(1)}, {append(key(1), 0)}},
	} {
		if _, err := NewState("default", k[0], k[1], time.Now); err == nil {
			t.Errorf("%s keys are accepted", name)
		}
	}
}

func TestPlainHTTPHasNoHostPrefix(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser("alice")
	b.plain = true
	b.get("/two-factor/setup").want(200)
	if b.cookies["secondgate-setup"] == "" {
		t.Errorf("cookies %v", b.cookies)
	}
}

// pseudo is a second language, from right to left.
func pseudo(t *testing.T) fs.FS {
	t.Helper()
	locales, err := templatestest.Locales()
	if err != nil {
		t.Fatal(err)
	}
	return locales
}

func TestLanguageSwitch(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Locales = pseudo(t) })
	b := w.browser("alice")
	b.get("/two-factor/help").want(200, `<html lang="en" dir="ltr">`, `href="?lang=ar-XB"`)
	b.get("/two-factor/help?lang=ar-XB").want(200, `<html lang="ar-XB" dir="rtl">`)
	b.get("/two-factor/").want(200, `<html lang="ar-XB" dir="rtl">`)
	b.get("/two-factor/?lang=xx").want(200, `<html lang="ar-XB"`)
	b.get("/two-factor/?lang=en").want(200, `<html lang="en"`)
	other := w.browser("alice")
	other.header = http.Header{"Accept-Language": {"ar, en;q=0.5"}}
	other.get("/two-factor/").want(200, `<html lang="ar-XB"`)
	w.browser("carol").enrol()
	w.browser("carol").get("/two-factor/challenge?use=backup").want(200, `href="?lang=ar-XB&use=backup"`)
}

func TestAssets(t *testing.T) {
	w := newWorld(t, nil)
	path := "/two-factor" + w.scriptPath()
	b := w.browser("")
	got := b.get(path).want(200, "clipboard")
	if cc, kind := got.Header.Get("Cache-Control"), got.Header.Get("Content-Type"); !strings.Contains(cc, "immutable") || kind != "text/javascript; charset=utf-8" {
		t.Errorf("Cache-Control %q, Content-Type %q", cc, kind)
	}
	if got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the type may be guessed")
	}
	if policy := got.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; sandbox") {
		t.Errorf("a logo in SVG, opened by itself, may run scripts: %q", policy)
	}
	b.header = http.Header{"If-None-Match": {got.Header.Get("Etag")}}
	b.get(path).want(304)
	b.post(path).want(405)
}

func TestHealthIsKeptForAMoment(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser("")
	if kind := b.get("/two-factor/health").want(200, `{"status":"ok"}`).Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type %q", kind)
	}
	w.pages.Store = broken{w.db}
	b.get("/two-factor/health").want(200)
	w.now = w.now.Add(healthKept)
	b.get("/two-factor/health").want(503)
}

func TestMaskedAndContact(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.com": "a•••@example.com", "a@b.c": "a•••@b.c", "Åsa@example.com": "Å•••@example.com", "alice": "alice", "@x": "@x", "x@": "x@", "": "",
	} {
		if got := masked(in); got != want {
			t.Errorf("masked(%q) is %q", in, got)
		}
	}
	if got := maskedName("Åsa  Q. Lind"); got != "Å••• Q••• L•••" {
		t.Errorf("maskedName is %q", got)
	}
	for in, want := range map[string]string{
		"support@example.com": "mailto:support@example.com", "+358 9 123 456": "tel:+3589123456", "https://example.com/help": "https://example.com/help",
		"javascript:alert(1)": "", "Come to our desk": "", "": "", "a@b?bcc=c@d": "",
	} {
		if got := contact(in); string(got.Link) != want || got.Shown != in {
			t.Errorf("contact(%q) is %q", in, got.Link)
		}
	}
}

// ASVS 16.2: the log has no secret, code, cookie or address of a page with one.
func TestASVS_16_2_LogsHoldNoSecrets(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	code := e.code()
	w.browser("alice").post("/two-factor/challenge", "code", "918273").want(422)
	w.browser("alice").post("/two-factor/challenge", "code", code).wantTo("/")
	var all strings.Builder
	for _, entry := range w.logs.All() {
		all.WriteString(entry.Message)
		for name, value := range entry.ContextMap() {
			all.WriteString(" " + name + "=" + fmt.Sprint(value))
		}
	}
	if !strings.Contains(all.String(), "second factor accepted") || !strings.Contains(all.String(), "user_id=alice") {
		t.Fatalf("the log lacks what it must have: %s", &all)
	}
	secrets := append([]string{e.secret, code, "918273"}, e.codes...)
	for _, value := range alice.cookies {
		secrets = append(secrets, value)
	}
	for _, secret := range secrets {
		if len(secret) > 3 && strings.Contains(all.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
