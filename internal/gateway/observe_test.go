package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/portal"
)

var then = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func change(name, value, path string) portal.Change {
	return portal.Change{Cookie: portal.Cookie{Name: name, Value: value, Path: path}, Delete: value == ""}
}

func pairs(list ...string) (out []portal.Pair) {
	for i := 0; i < len(list); i += 2 {
		out = append(out, portal.Pair{Name: list[i], Value: list[i+1]})
	}
	return out
}

func holds(t *testing.T, j *plainJar, want string) {
	t.Helper()
	got := ""
	for _, c := range j.cookies() {
		got += fmt.Sprintf("%s=%s %s;", c.Name, c.Value, c.Path)
	}
	if got != want {
		t.Errorf("the browser is taken to hold %q, want %q", got, want)
	}
}

// TestPlainJar_Late: a request that was under way when the portal changed a cookie does
// not bring the old value back: nobody is ever asked about a replaced one.
func TestPlainJar_Late(t *testing.T) {
	var j plainJar
	j.set(change("sid", "1", "/"), then)
	j.set(change("sid", "2", "/"), then.Add(time.Second))
	j.set(change("bye", "1", "/"), then)
	j.set(change("bye", "", "/"), then.Add(time.Second))
	if strange := j.sync(pairs("sid", "1", "bye", "1"), "/", true, then.Add(time.Second)); len(strange) != 0 {
		t.Errorf("strange: %v", strange)
	}
	holds(t, &j, "sid=2 /;")
	if !j.setSince("sid", "/", then) || j.setSince("sid", "/", then.Add(time.Second)) || j.setSince("sid", "/x", then) {
		t.Error("when it was set is not known")
	}
}

// TestPlainJar_Paths: what a request leaves out because of its path is still there.
func TestPlainJar_Paths(t *testing.T) {
	var j plainJar
	j.set(change("a", "1", "/admin"), then)
	j.set(change("a", "2", "/"), then)
	j.set(change("b", "3", "/"), then)
	j.sync(pairs("a", "2"), "/", true, then.Add(time.Minute))
	holds(t, &j, "a=1 /admin;a=2 /;")
	j.sync(pairs("a", "9"), "/", false, then.Add(time.Minute))
	holds(t, &j, "a=1 /admin;a=9 /;")
}

// TestPlainJar_Strange: a cookie whose name the portal never set is told; when the portal
// sets it later, it is that one.
func TestPlainJar_Strange(t *testing.T) {
	var j plainJar
	for range 2 {
		if strange := j.sync(pairs("chat", "1"), "/", true, then); len(strange) != 1 || strange[0] != "chat" {
			t.Errorf("strange: %v", strange)
		}
	}
	j.set(change("chat", "2", "/"), then)
	if strange := j.sync(pairs("chat", "2"), "/", true, then); len(strange) != 0 {
		t.Errorf("strange: %v", strange)
	}
	holds(t, &j, "chat=2 /;")
	for i := range 2 * maxWatchedCookies {
		j.set(change(fmt.Sprint(i), "1", "/"), then)
	}
	if len(j.entries) != maxWatchedCookies || !j.full {
		t.Errorf("%d cookies remembered", len(j.entries))
	}
	var long plainJar
	long.sync(pairs("a", strings.Repeat("x", maxWatchedBytes)), "/", true, then)
	if len(long.entries) != 0 || !long.full {
		t.Error("what strangers send is remembered without bound")
	}
}

// TestOffers: what questions changed goes out in place of every value that it replaced,
// until the browser has it or the portal says something else.
func TestOffers(t *testing.T) {
	w := &watched{}
	ask := func(value, changed string) {
		w.receive([]portal.Cookie{{Name: "sid", Value: value, Path: "/"}}, []portal.Change{change("sid", changed, "/"), change("new", "x", "/"), change("gone", "", "/")}, then)
	}
	sends := func(value, want string, offers int) {
		t.Helper()
		list := pairs("x", "1", "sid", value)
		redeemed := w.redeem(list)
		if list[1].Value != want || len(w.offers) != offers || len(redeemed) != offers {
			t.Errorf("%s goes out as %s, %d offers", value, list[1].Value, len(w.offers))
		}
	}
	ask("1", "2")
	sends("1", "2", 1)
	ask("2", "3") // before the browser came again
	sends("1", "3", 1)
	sends("2", "3", 1)
	if got := w.redeem(pairs("x", "1")); len(got) != 0 || len(w.offers) != 1 {
		t.Error("a request to another path ends the offer")
	}
	sends("3", "3", 0)
	ask("3", "4")
	w.withdraw([]portal.Change{change("sid", "9", "/")})
	sends("3", "3", 0)
	ask("3", "3")
	sends("3", "3", 0)
}

type panics struct{}

func (panics) Any(*http.Request, []string) bool { panic("a rule") }
func (panics) All(*http.Request, []string) bool { panic("a rule") }

type says string

func (s says) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Set-Cookie", "sid=1; Path=/")
	_, err := fmt.Fprint(w, string(s), len(r.Header["Cookie"]))
	return err
}

// TestObserve_FailsOpen: whatever breaks in the shadow, the request goes on, without what
// is ours.
func TestObserve_FailsOpen(t *testing.T) {
	g := New(Options{
		Observe: true, Path: "/two-factor", Rules: Rules{Deny: panics{}}, Leave: portal.NewLeave(nil),
		Logger: zap.NewNop(), Clock: func() time.Time { return then },
	}) // and neither Visits nor Sealer
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Cookie", "sg="+strings.Repeat("A", 43))
	w := httptest.NewRecorder()
	if err := g.ServeHTTP(w, r, Client{URL: r.URL}, says("hello ")); err != nil || w.Body.String() != "hello 0" || w.Header().Get("Set-Cookie") != "sid=1; Path=/" {
		t.Errorf("%v %q %v", err, w.Body.String(), w.Header())
	}
	defer func() {
		if p := recover(); p != any(http.ErrAbortHandler) {
			t.Errorf("the portal's own abort became %v", p)
		}
	}()
	_ = g.ServeHTTP(w, r, Client{URL: r.URL}, aborts{})
}

type aborts struct{}

func (aborts) ServeHTTP(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }
