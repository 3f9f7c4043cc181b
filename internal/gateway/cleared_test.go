package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// cleared is a gateway with one cleared visit, and a request of it as browsers send
// it.
func cleared(tb testing.TB) (*gateway.Gateway, func() *http.Request) {
	tb.Helper()
	st, err := badger.Open(tb.TempDir(), badger.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		tb.Fatal(err)
	}
	question, err := whoami.Compile(config.Whoami{
		URI: "/me", Anonymous: []config.Sign{{Status: []int{401}}}, User: &config.Extractor{JSON: "user"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	sealer, leave := portal.NewSealer(ring, "bench"), portal.NewCookiePolicy(nil)
	table := gateway.NewVisits(st, time.Now)
	g := gateway.New(gateway.Options{
		Realm: "bench", Path: "/two-factor", Sealer: sealer, CookiePolicy: leave, Headers: portal.NewHeaders(nil),
		Asker: &portal.Asker{Questions: []*whoami.Question{question}, CookiePolicy: leave, Clock: time.Now, Headers: portal.NewHeaders(nil)},
		Fetch: func(context.Context, gateway.Next, *http.Request, string, http.Header) (whoami.Response, error) {
			return whoami.Response{Status: 200, Body: []byte(`{"user":"alice"}`)}, nil
		},
		SetUser: func(gateway.Next, string) {}, Recheck: time.Hour,
		Session: session.Policy{Life: 12 * time.Hour, Idle: 30 * time.Minute},
		Store:   st, Visits: table, Logger: zap.NewNop(), Clock: time.Now, Meter: meter.New("one"),
	})
	token := session.NewToken()
	table.Get("bench", token.ID(), token).Release() // a visit of this process
	now := time.Now()
	key := store.UserKey{Realm: "bench", ID: "alice"}
	err = st.Update(tb.Context(), key, func(tx store.Tx) error {
		return tx.PutVisit(store.Visit{Realm: "bench", ID: token.ID(), User: "alice", Factor: "totp", At: now, LastSeen: now, Expires: now.Add(12 * time.Hour)})
	})
	if err != nil {
		tb.Fatal(err)
	}
	names := portal.NamesFor("bench", false)
	w := portal.Writer{Keys: sealer.Keys("example.com", string(token)), Names: names, Now: now, MaxLife: session.MaxCookieLife}
	set, _ := portal.Changes([]string{
		"PHPSESSID=0123456789abcdef0123456789abcdef; Path=/; HttpOnly",
		"remember=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz; Path=/; Max-Age=2592000",
		"cart=1234567; Path=/shop",
	}, "/", leave, now)
	lines, _ := w.Seal(portal.EmptyJar, portal.EmptyJar.Apply(set).Stamped(set, portal.Stamp{User: "alice"}), set)
	header := names.Visit + "=" + string(token)
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			tb.Fatal(err)
		}
		header += "; " + c.Name + "=" + c.Value
	}
	return g, func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/account?page=2", nil)
		for name, value := range map[string]string{
			"Accept":          "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
			"Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en-GB,en;q=0.5", "Cookie": header,
			"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1",
			"Upgrade-Insecure-Requests": "1", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
			"Referer": "https://portal.example.com/", "Priority": "u=0, i",
		} {
			r.Header.Set(name, value)
		}
		return r
	}
}

// TestNobodyBeforeTheGateSeesCookies: the portal's own cookies are in the request only
// while the portal is asked; logs and handlers before the gate find none afterwards.
func TestNobodyBeforeTheGateSeesCookies(t *testing.T) {
	g, request := cleared(t)
	r := request()
	seen := ""
	behind := nextFunc(func(w http.ResponseWriter, r *http.Request) error {
		seen = r.Header.Get("Cookie")
		return next{}.ServeHTTP(w, r)
	})
	if err := g.ServeHTTP(httptest.NewRecorder(), r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, behind); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(seen, "PHPSESSID=") {
		t.Errorf("the portal saw %q", seen)
	}
	if after := r.Header.Values("Cookie"); len(after) != 0 {
		t.Errorf("afterwards the request has %q", after)
	}
}

type nextFunc func(w http.ResponseWriter, r *http.Request) error

func (f nextFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) error { return f(w, r) }

// sink is a response writer that costs nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

var page = make([]byte, 2048)

// next is a handler that costs next to nothing.
type next struct{}

func (next) ServeHTTP(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Content-Type"] = []string{"text/html"}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(page)
	return err
}

// repeat returns one cleared request, to be sent again and again.
func repeat(tb testing.TB) (through, bare func()) {
	g, request := cleared(tb)
	r := request()
	cookie := r.Header.Get("Cookie")
	lines := []string{cookie}
	w := &sink{http.Header{"Server": {"Caddy"}}}
	client := gateway.Client{Address: "192.0.2.1", URL: r.URL}
	through = func() {
		lines[0] = cookie
		r.Header["Cookie"] = lines
		delete(w.header, "Content-Type")
		if err := g.ServeHTTP(w, r, client, next{}); err != nil {
			tb.Fatal(err)
		}
	}
	bare = func() {
		delete(w.header, "Content-Type")
		if err := (next{}).ServeHTTP(w, r); err != nil {
			tb.Fatal(err)
		}
	}
	through()
	return through, bare
}

// maxAllocations is what a cleared request may cost on top of next.
const maxAllocations = 16

func TestClearedRequestAllocations(t *testing.T) {
	through, bare := repeat(t)
	with, without := testing.AllocsPerRun(200, through), testing.AllocsPerRun(200, bare)
	if with-without > maxAllocations {
		t.Errorf("a cleared request allocates %.0f times more than next alone, want at most %d", with-without, maxAllocations)
	}
	t.Logf("%.0f allocations on top of next's %.0f", with-without, without)
}

// BenchmarkClearedRequest is the handler alone: subtract BenchmarkNext.
func BenchmarkClearedRequest(b *testing.B) {
	through, _ := repeat(b)
	b.ReportAllocs()
	for b.Loop() {
		through()
	}
}

func BenchmarkNext(b *testing.B) {
	_, bare := repeat(b)
	b.ReportAllocs()
	for b.Loop() {
		bare()
	}
}
