package gatewayrules

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// whoamiSays is a portal with a session and with this handler as its whoami.
func whoamiSays(answer func(w http.ResponseWriter, r *http.Request)) *probe {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/me" {
			return false
		}
		answer(w, r)
		return true
	}
	return p
}

// TestAsk_ThreeAnswers: user X, anonymous, and unknown, which is never anonymous.
func TestAsk_ThreeAnswers(t *testing.T) {
	const both = `
whoami /me {
	anonymous status 401
	anonymous json guest true
	anonymous redirect */login*
	user json user not 0 nobody
}`
	tests := []struct {
		name, body string
		status     int
		header     string
		want       int
	}{
		{"a user", `{"user":"carol"}`, 200, "", http.StatusOK},
		{"a user by number", `{"user":17}`, 200, "", http.StatusOK},
		{"nobody by status", `{}`, 401, "", http.StatusOK},
		{"nobody by JSON", `{"guest":true}`, 200, "", http.StatusOK},
		{"nobody by redirect", ``, 302, "/login?back", http.StatusOK},
		{"an error page like a stranger's", `{"guest":true}`, 500, "", http.StatusServiceUnavailable},
		{"nobody and a user", `{"guest":true,"user":"carol"}`, 200, "", http.StatusServiceUnavailable},
		{"a user at the status of nobody", `{"user":"carol"}`, 401, "", http.StatusOK}, // a user needs 2xx, so there is none
		{"two users", `{"user":["carol","dave"]}`, 200, "", http.StatusServiceUnavailable},
		{"one user twice", `{"user":["carol","carol"]}`, 200, "", http.StatusOK},
		{"a placeholder", `{"user":0}`, 200, "", http.StatusServiceUnavailable},
		{"a placeholder in words", `{"user":"nobody"}`, 200, "", http.StatusServiceUnavailable},
		{"an empty user", `{"user":""}`, 200, "", http.StatusServiceUnavailable},
		{"changed markup", `{"account":"carol"}`, 200, "", http.StatusServiceUnavailable},
		{"another redirect", ``, 302, "/maintenance", http.StatusServiceUnavailable},
		{"an error", `{"user":"carol"}`, 500, "", http.StatusServiceUnavailable},
		{"overload", `{"guest":true}`, 503, "", http.StatusServiceUnavailable},
		{"not found", `{}`, 404, "", http.StatusServiceUnavailable},
		{"half an answer", `{"user":"car`, 200, "", http.StatusServiceUnavailable},
		{"control characters", `{"user":"a\r\nb"}`, 200, "", http.StatusServiceUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := whoamiSays(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", tt.header)
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			h := harness.Start(t, p, both+"\nleave s")
			b := h.Browser()
			b.SetCookie("s", "1")
			page := b.Get("/page")
			if page.Status != tt.want {
				t.Errorf("%d, want %d", page.Status, tt.want)
			}
			if unknown := tt.want == http.StatusServiceUnavailable; unknown {
				checkUnknown(t, h, p, page)
			}
		})
	}
}

func checkUnknown(t *testing.T, h *harness.Harness, p *probe, page *harness.Page) {
	t.Helper()
	if p.Last("/page") != nil {
		t.Error("the request was forwarded")
	}
	if !strings.Contains(page.Body, "<html") || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Retry-After") == "" {
		t.Errorf("no clear page: %v %.100s", page.Header, page.Body)
	}
	if log := h.LogText(); !strings.Contains(log, `"level":"error"`) || !strings.Contains(log, "whoami gave no answer") {
		t.Error("no error in the log")
	}
}

// TestAsk_UnknownAfterTheResponse: a response is withheld if its request was forwarded as
// anonymous and the question after it returns unknown.
func TestAsk_UnknownAfterTheResponse(t *testing.T) {
	p := whoamiSays(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	page := b.Post("/login", map[string][]string{"user": {"alice"}, "password": {"pw-alice"}})
	if page.Status != http.StatusServiceUnavailable || page.Header.Get("X-Portal-User") != "" || len(sealedNames(page, false)) != 0 {
		t.Errorf("%d %v", page.Status, page.Header)
	}
}

// TestAsk_SeveralWhoamisMustAgree, and anonymous needs all.
func TestAsk_SeveralWhoamisMustAgree(t *testing.T) {
	for answers, want := range map[string]int{
		"carol carol": http.StatusOK, "- -": http.StatusOK,
		"carol dave": http.StatusServiceUnavailable, "carol -": http.StatusServiceUnavailable, "- carol": http.StatusServiceUnavailable, "carol ?": http.StatusServiceUnavailable, "- ?": http.StatusServiceUnavailable,
	} {
		p := newProbe()
		p.also = func(w http.ResponseWriter, r *http.Request) bool {
			one, two, _ := strings.Cut(answers, " ")
			says := map[string]string{"/me": one, "/staff/me": two}[r.URL.Path]
			switch says {
			case "":
				return false
			case "-":
				w.WriteHeader(http.StatusUnauthorized)
			case "?":
				w.WriteHeader(http.StatusTeapot)
			default:
				fmt.Fprintf(w, `{"user":%q}`, says)
			}
			return true
		}
		h := harness.Start(t, p, harness.LegacyLines+"\nleave s\nwhoami /staff/me {\n anonymous status 401\n user json user\n}")
		b := h.Browser()
		b.SetCookie("s", "1")
		if page := b.Get("/page"); page.Status != want {
			t.Errorf("%s: %d, want %d", answers, page.Status, want)
		}
	}
}

// TestAsk_FirstStep: whoami requires a token from an endpoint that is asked first.
func TestAsk_FirstStep(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		c, err := r.Cookie("s")
		switch {
		case r.URL.Path == "/nonce" && err == nil && c.Value == "broken":
			fmt.Fprint(w, "no token here")
		case r.URL.Path == "/nonce" && err == nil:
			fmt.Fprintf(w, "token=%s%s", strings.ToLower(c.Value), "1")
		case r.URL.Path == "/nonce":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/me" && err == nil && r.Header.Get("X-Nonce") == "t-"+c.Value+"1":
			fmt.Fprintf(w, `{"user":%q}`, c.Value)
		case r.URL.Path == "/me":
			w.WriteHeader(http.StatusForbidden)
		default:
			return false
		}
		return true
	}
	h := harness.Start(t, p, `leave s other
	whoami /me {
		first /nonce {
			regex "token=([a-z0-9]+)"
		}
		header X-Nonce t-{first}
		anonymous status 401
		user json user
	}`)
	for value, want := range map[string]int{"carol": http.StatusOK, "broken": http.StatusServiceUnavailable, "": http.StatusOK} {
		b := h.Browser()
		b.SetCookie("other", "1")
		if value != "" {
			b.SetCookie("s", value)
		}
		if page := b.Get("/page"); page.Status != want {
			t.Errorf("%q: %d, want %d", value, page.Status, want)
		}
	}
}

// TestAsk_Normalisers make one user of a database's equal spellings.
func TestAsk_Normalisers(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		c, err := r.Cookie("s")
		if r.URL.Path != "/me" || err != nil {
			return false
		}
		fmt.Fprintf(w, `{"user":%q}`, map[string]string{"1": "alice", "2": "ALICE", "3": " alice ", "4": "\uff21lice", "5": "alicia"}[c.Value])
		return true
	}
	h := harness.Start(t, p, `leave s
	whoami /me {
		anonymous status 401
		user json user
		nfkc
		trim
		lower
	}`)
	owner := h.Browser()
	owner.SetCookie("s", "1")
	owner.Get("/")
	owner.Enrol()
	for value, want := range map[string]int{"1": http.StatusSeeOther, "2": http.StatusSeeOther, "3": http.StatusSeeOther, "4": http.StatusSeeOther, "5": http.StatusOK} {
		b := h.Browser()
		b.SetCookie("s", value)
		if page := b.Get("/page"); page.Status != want {
			t.Errorf("spelling %s: %d, want %d", value, page.Status, want)
		}
	}
}

// TestAsk_SpellingsOfTheLoginAreOneUser: the user comes from the portal's answer, not from the
// form.
func TestAsk_SpellingsOfTheLoginAreOneUser(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	owner := h.Browser()
	owner.SignIn("alice")
	owner.Enrol()
	for _, spelling := range []string{"alice", "ALICE", " Alice ", "alice@example.test"} {
		b := h.Browser()
		b.Get("/")
		page := b.Post("/login", map[string][]string{"user": {spelling}, "password": {"pw-alice"}})
		if page.Location != "/two-factor/challenge" {
			t.Errorf("as %q: %d %q", spelling, page.Status, page.Location)
		}
	}
}

// TestAsk_CookiesOfWhoamiAreApplied: some portals rename the session whenever an
// anonymous page is shown, whoami's included.
func TestAsk_CookiesOfWhoamiAreApplied(t *testing.T) {
	var mu sync.Mutex
	session := 0 // the only session that the portal knows
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		c, err := r.Cookie("JSESSIONID")
		if err == nil && c.Value != fmt.Sprint(session) {
			w.WriteHeader(http.StatusGone)
			return true
		}
		session++
		w.Header().Add("Set-Cookie", "JSESSIONID=stale; Path=/")
		w.Header().Add("Set-Cookie", fmt.Sprintf("JSESSIONID=%d; Path=/", session))
		if r.URL.Path == "/me" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		fmt.Fprintf(w, "had %v", c)
		return true
	}
	h := harness.Start(t, p, harness.LegacyLines+"\nrecheck 0")
	b := h.Browser()
	for i := range 4 {
		page := b.Get("/page")
		if page.Status != http.StatusOK || len(sealedNames(page, false)) != 1 || len(sealedHere(b)) != 1 {
			t.Fatalf("page %d: %d %q", i, page.Status, page.Header["Set-Cookie"])
		}
	}
	if page := b.Post("/form", nil); page.Status != http.StatusOK {
		t.Errorf("a form: %d", page.Status)
	}
}

// TestAsk_AnswersAgeOut: an answer expires after `recheck`, an anonymous answer after a few
// minutes.
func TestAsk_AnswersAgeOut(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.Start(t, l, harness.LegacyLate+"\nrecheck 20s\nsettle 0")
	b := h.Browser()
	b.SignIn("carol")
	b.Get("/account")
	asks := func(want int, when string) {
		t.Helper()
		before := l.Asked()
		for range 3 {
			b.Get("/account")
		}
		if got := l.Asked() - before; got != want {
			t.Errorf("%s: asked %d times, want %d", when, got, want)
		}
	}
	asks(0, "at once")
	t.Cleanup(clock.Move(19 * time.Second))
	asks(0, "after 19 s")
	t.Cleanup(clock.Move(2 * time.Second))
	asks(1, "after 21 s")
}

func TestAsk_RecheckZeroAsksEveryTime(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.Start(t, l, harness.LegacyLines+"\nrecheck 0")
	b := h.Browser()
	b.SignIn("carol")
	b.Enrol()
	before := l.Asked()
	for range 3 {
		b.Get("/account")
	}
	if got := l.Asked() - before; got != 3 {
		t.Errorf("asked %d times for 3 requests", got)
	}
}

// TestAsk_ChangedCredentialsAskAgain: every value that portals bind sessions to is part of the
// cache key.
func TestAsk_ChangedCredentialsAskAgain(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLate+"\ncredential header X-Device\nleave token\nsettle 0")
	b := h.Browser()
	b.SignIn("carol")
	b.Get("/account")
	for name, value := range map[string]string{
		"User-Agent": "Other/2.0", "Accept-Language": "de", "Sec-Ch-Ua": `"B"`, "Sec-Ch-Ua-Platform": `"Mac"`, "Sec-Ch-Ua-Mobile": "?1", "Sec-Ch-Ua-Model": `"x"`,
		"Origin": "https://other.example", "Referer": "https://other.example/x", "X-Real-Ip": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Forwarded-For": "192.0.2.9", "X-Device": "d2", "X-Unknown": "u", "Cookie": "token=1",
	} {
		b.Get("/account") // the usual answer is kept, however many others are
		before := p.Asked()
		for range 2 {
			r := b.Request(http.MethodGet, "/account", nil)
			r.Header.Set(name, value)
			b.Do(r)
		}
		want := 1
		if name == "X-Device" || name == "X-Unknown" {
			want = 3 // and about cookies and header one by one
		}
		if name == "Origin" || name == "Referer" {
			want = 0 // one browser varies them; a user who may pass needs no answer for each value (Q1)
		}
		if got := p.Asked() - before; got != want {
			t.Errorf("%s: asked %d times, want %d", name, got, want)
		}
	}
	before := p.Asked()
	b.Client.Transport = transportFrom("127.0.0.3")
	if b.Get("/account"); p.Asked() != before+1 {
		t.Error("another address did not ask")
	}
	before = p.Asked()
	b.Get("/rotate")
	b.Get("/account")
	if p.Asked() == before {
		t.Error("a rotated session did not ask")
	}
}

// magic is a portal that a link signs in, by the same cookie and without a redirect.
// While slow is set, its whoami finds out who it is, then waits for go.
type magic struct {
	signedIn, slow atomic.Bool
	asked, goOn    chan struct{}
}

func (m *magic) answer(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/magic":
		m.signedIn.Store(true)
		fmt.Fprint(w, harness.SecretOf("alice"))
	case "/me":
		signedIn := m.signedIn.Load()
		if m.slow.CompareAndSwap(true, false) {
			close(m.asked)
			<-m.goOn
		}
		if signedIn {
			fmt.Fprint(w, `{"user":"alice"}`)
			return true
		}
		w.WriteHeader(http.StatusUnauthorized)
	default:
		return false
	}
	return true
}

// TestAsk_JudgingNeedsAFreshAnswer: a sign-in's response is judged neither by an answer from
// before the sign-in, nor by the answer to a question that began before it.
func TestAsk_JudgingNeedsAFreshAnswer(t *testing.T) {
	for _, inFlight := range []bool{false, true} {
		p, m := newProbe(), &magic{asked: make(chan struct{}), goOn: make(chan struct{})}
		p.also = m.answer
		h := harness.Start(t, p, harness.LegacyLines+"\nleave s")
		b := h.Browser()
		b.SetCookie("s", "1")
		b.Get("/magic")
		b.Enrol()
		m.signedIn.Store(false)
		t.Cleanup(clock.Move(2 * time.Minute)) // the answer about the same cookie ages out

		thief := h.Browser()
		thief.SetCookie("s", "1")
		for range 2 {
			if page := thief.Get("/"); page.Status != http.StatusOK {
				t.Fatalf("a stranger: %d", page.Status)
			}
		}
		other := make(chan *harness.Page, 1)
		if inFlight {
			m.slow.Store(true)
			go func() {
				page, _ := thief.Try(thief.Request(http.MethodGet, "/page", nil))
				other <- page
			}()
			select {
			case <-m.asked:
			case <-time.After(10 * time.Second):
				t.Fatal("the response was not judged")
			}
			time.AfterFunc(300*time.Millisecond, func() { close(m.goOn) })
		}
		if page := thief.Get("/magic"); page.Location != "/two-factor/challenge" || strings.Contains(page.Body, "secret") {
			t.Errorf("beside another question %v: %d %q %s", inFlight, page.Status, page.Location, page.Body)
		}
		if inFlight {
			<-other
		}
	}
}

// TestAsk_OneQuestionServesAll who ask the same thing at the same time.
func TestAsk_OneQuestionServesAll(t *testing.T) {
	var mu sync.Mutex
	asked, gate := 0, make(chan struct{})
	p := whoamiSays(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		<-gate
		fmt.Fprint(w, `{"user":"carol"}`)
	})
	h := harness.Start(t, p, harness.LegacyLines+"\nleave s")
	b := h.Browser()
	b.SetCookie("s", "1")
	const parallel = 8
	pages := make(chan *harness.Page, parallel)
	for range parallel {
		go func() {
			page, _ := b.Try(b.Request(http.MethodGet, "/page", nil))
			pages <- page
		}()
	}
	time.Sleep(300 * time.Millisecond) // a request that waits for another's question can't be seen from here
	close(gate)
	for range parallel {
		if page := <-pages; page == nil || page.Status != http.StatusOK {
			t.Errorf("%v", page)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times for %d requests at once", asked, parallel)
	}
}

// TestAsk_PinnedSession: some portals drop a session when its client address changes. An attacker
// with another address can't use that to produce a wrong answer for the next request.
func TestAsk_PinnedSession(t *testing.T) {
	for name, value := range map[string]string{"X-Real-Ip": "192.0.2.66", "Forwarded": "for=192.0.2.66", "Referer": "https://192.0.2.66/"} {
		p := newProbe()
		p.Lazy = false
		p.also = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.Header.Get(name), "192.0.2.66") {
				r.Header.Del("Cookie")
				p.Lazy = true
			}
			return false
		}
		h := harness.Start(t, p, harness.LegacyLines+"\nwatch unsafe")
		owner := h.Browser()
		owner.SignIn("alice")
		owner.Enrol()
		thief := h.Browser()
		if page := thief.SignIn("alice"); page.Location != "/two-factor/challenge" {
			t.Fatalf("sign-in: %d %q", page.Status, page.Location)
		}
		r := thief.Request(http.MethodGet, "/", nil)
		r.Header.Set(name, value)
		thief.Do(r)
		if page := thief.Get("/account"); strings.Contains(page.Body, harness.SecretOf("alice")) {
			t.Errorf("whoami was made to say anonymous by %s, and the answer used for another request", name)
		}
	}
}
