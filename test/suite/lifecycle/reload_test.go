package lifecycle

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/store/witness"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestReload: visits, clearances, challenges and set-ups in progress, and requests in
// flight survive a reload.
func TestReload(t *testing.T) {
	p := newWaiting()
	h := harness.StartWhole(t, p, usual)
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	pending := h.Browser()
	asked(t, pending.SignIn("alice"))
	inFlight := later(b, b.Request("GET", "/account?wait", nil))
	p.started(t)

	reload(t, h, usual)
	if !passes(t, b, "alice") {
		t.Error("a clearance did not survive")
	}
	accepted(t, pending.Pass(device.Code(t)))
	close(p.goOn)
	if got, err := inFlight(); err != nil || !strings.Contains(got.Body, harness.SecretOf("alice")) {
		t.Errorf("the request in flight: %+v, %v", got, err)
	}
}

func reload(t testing.TB, h *harness.Harness, caddyfile string) {
	t.Helper()
	if err := h.TryWhole(caddyfile); err != nil {
		t.Fatal(err)
	}
}

// TestReloadKeepsQueues: the unsafe requests of a visit run one after another across
// a reload, though two configurations serve them.
func TestReloadKeepsQueues(t *testing.T) {
	p := newWaiting()
	h := harness.StartWhole(t, p, usual)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	post := func() func() (*harness.Page, error) {
		return later(b, b.Request("POST", "/account?wait", strings.NewReader("x")))
	}
	first := post()
	p.started(t)
	reload(t, h, usual)
	second := post()
	// The request behind it passes at once, so the second one had time to arrive.
	for range 20 {
		if !passes(t, b, "alice") {
			t.Error("a GET did not pass")
		}
	}
	select {
	case <-p.begun:
		t.Error("two unsafe requests of one visit ran at once")
	default:
	}
	for _, got := range []func() (*harness.Page, error){first, second} {
		p.goOn <- struct{}{}
		if page, err := got(); err != nil || page.Status != http.StatusOK {
			t.Errorf("%+v, %v", page, err)
		}
	}
}

// TestReloadUnderLoad: no request during a change of the configuration is wrongly refused or
// released, and no goroutine leaks.
func TestReloadUnderLoad(t *testing.T) {
	// Caddy leaves the connections of an old configuration open for two minutes.
	caddyfile := strings.Replace(usual, "reverse_proxy PORTAL", "reverse_proxy PORTAL {\ntransport http {\nkeepalive off\n}\n}", 1)
	h := harness.StartWhole(t, &harness.Legacy{}, caddyfile)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	owing := h.Browser()
	asked(t, owing.SignIn("alice"))
	stop := make(chan struct{})
	var load sync.WaitGroup
	var served atomic.Int64
	for range 3 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if p := fetched(b, "/account"); p.Status != http.StatusOK || !strings.Contains(p.Body, harness.SecretOf("alice")) {
					t.Errorf("cleared: %+v", p)
				}
				if p := fetched(owing, "/account"); p.Status != http.StatusSeeOther {
					t.Errorf("owing: %+v", p)
				}
				served.Add(2)
			}
		})
	}
	for range 5 {
		reload(t, h, caddyfile)
	}
	before := settled()
	for range 20 {
		reload(t, h, caddyfile)
	}
	after := settled()
	close(stop)
	load.Wait()
	if after > before+10 {
		t.Errorf("goroutines grew from %d to %d over 20 reloads", before, after)
	}
	if served.Load() < 50 {
		t.Errorf("only %d requests were served meanwhile", served.Load())
	}
}

// fetched gets a page, and once more where a connection was cut: Caddy closes
// listeners with connections still in their queues.
func fetched(b *harness.Browser, path string) *harness.Page {
	for range 10 {
		if p, err := b.Try(b.Request("GET", path, nil)); err == nil {
			return p
		}
	}
	return &harness.Page{}
}

// settled returns the number of goroutines once it has stopped shrinking.
func settled() int {
	n := runtime.NumGoroutine()
	for range 40 {
		time.Sleep(25 * time.Millisecond)
		n = min(n, runtime.NumGoroutine())
	}
	return n
}

// TestFailedReload: a configuration that can't be loaded changes nothing; the store
// stays open under the old one.
func TestFailedReload(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	elsewhere := harness.FreePort(t)
	for name, c := range map[string]struct{ caddyfile, want string }{
		"unknown subdirective": {whole(badger, site("PORT", "nonsense")), "nonsense"},
		"unreadable key":       {whole(badger+"\nkey {file.HERE/no-such-file}", site("PORT", named)), "no-such-file"},
		"wrong key":            {whole(badger+"\nkey {file.HERE/wrong}", site("PORT", named)), "none of them is the one"},
		"another site fails": {usual + "http://127.0.0.1:" + elsewhere + " {\nreverse_proxy {\nto PORTAL\ntransport http {\ntls_trust_pool file HERE/no-such-file\n}\n}\n}\n",
			"no-such-file"},
		"a later site fails": {usual + site(elsewhere, "realm two\nbrand {\nlogo HERE/no-such-file.svg\n}\n"+whoami), "Caddyfile:27: two_factor: brand"},
		"a port in use":      {usual + "http://127.0.0.1:" + portOf(h.PortalURL) + " {\nbind 127.0.0.1\nrespond x\n}\n", "address already in use"},
	} {
		write(t, filepath.Join(filepath.Dir(h.Dir), "wrong"), newKey)
		err := h.TryWhole(c.caddyfile)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v", name, err)
			continue
		}
		if !passes(t, b, "alice") {
			t.Errorf("%s: a cleared visit does not pass", name)
		}
		other := h.Browser()
		asked(t, other.SignIn("alice"))
		accepted(t, other.Pass(device.Code(t)))
	}
}

func portOf(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRestart: clearances, factors and spent codes are there after a stop.
func TestRestart(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	other := h.Browser()
	asked(t, other.SignIn("alice"))
	code := device.Code(t)
	accepted(t, other.Pass(code))
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	reload(t, h, usual)
	if !passes(t, b, "alice") || !passes(t, other, "alice") {
		t.Error("a clearance was lost")
	}
	again := h.Browser()
	asked(t, again.SignIn("alice"))
	if p := again.Pass(code); p.Status == http.StatusSeeOther {
		t.Error("a code was accepted twice")
	}
	if p := again.Pass(device.Backup[0]); p.Status != http.StatusSeeOther {
		t.Errorf("backup code: %d", p.Status)
	}
}

// TestStoreGone: a new configuration with another store closes the store of a request in flight.
// Nothing is released, and the client is told to retry.
func TestStoreGone(t *testing.T) {
	p := newWaiting()
	h := harness.StartWhole(t, p, usual)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	owing, stranger := h.Browser(), h.Browser()
	asked(t, owing.SignIn("alice"))
	stranger.Get("/")
	form := func(b *harness.Browser) *http.Request {
		r := b.Request("POST", "/login?wait", strings.NewReader("user=alice&password=pw-alice"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	signIn := later(stranger, form(stranger))
	p.started(t)
	order := witness.Order{Kind: witness.OrderInit, Place: filepath.Join(filepath.Dir(h.Dir), "another"), At: time.Now()}
	if err := witness.Give(t.Context(), caddy.DefaultStorage, order); err != nil { // else it is refused
		t.Fatal(err)
	}
	reload(t, h, whole("storage badger HERE/another", site("PORT", "realm another\n"+whoami)))
	waitClosed(t, h)
	close(p.goOn)
	got, err := signIn()
	if err != nil || got.Status != http.StatusServiceUnavailable || got.Header.Get("X-Portal-User") != "" || got.Header.Get("Retry-After") == "" {
		t.Errorf("a sign-in whose store was closed: %+v, %v", got, err)
	}
}

// waitClosed waits until the old store is closed: then Badger removes its LOCK file.
func waitClosed(t testing.TB, h *harness.Harness) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(h.Dir, "store", "LOCK")); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the old store is still open")
		}
	}
}
