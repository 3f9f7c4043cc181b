//go:build portals

package gatewayrules

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// phpHarness is a gateway before testdata/portal.php. hooks has the requests that came
// to a place, and wait there.
type phpHarness struct {
	*deskHarness
	hooks chan hooked
}

// hooked is a request that waits at "PLACE?NAME". goOn releases it.
type hooked struct {
	at   string
	goOn func()
}

func startPHP(t *testing.T, extra string) *phpHarness {
	t.Helper()
	h := &phpHarness{hooks: make(chan hooked, 16)}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		h.hooks <- hooked{r.URL.Path[1:] + "?" + r.URL.RawQuery, cancel}
		<-ctx.Done()
	}))
	t.Cleanup(hook.Close)
	address := harness.PHP(t, "testdata/portal.php", "/me", 8,
		[]string{"session.save_path=" + t.TempDir(), "output_buffering=0"}, []string{"HOOK=" + hook.URL})
	h.deskHarness = &deskHarness{Harness: harness.StartSite(t, nil, "two_factor {\n"+deskLines+extra+"\n}\nreverse_proxy "+address), t: t}
	return h
}

// at waits until a request has reached this place. goOn releases the request.
func (h *phpHarness) at(want string) (goOn func()) {
	h.t.Helper()
	select {
	case got := <-h.hooks:
		if got.at != want {
			h.t.Fatalf("%s, want %s", got.at, want)
		}
		return got.goOn
	case <-time.After(20 * time.Second):
		h.t.Fatalf("no request came to %s", want)
		return nil
	}
}

// TestPHP_WaitingGET: a GET waits on PHP's own session lock while bob signs in under
// it, in every kind of visit, with and without a new session id.
func TestPHP_WaitingGET(t *testing.T) {
	h := startPHP(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	for visit, start := range h.beforeBob(alice) {
		for _, query := range []string{"", "&rotate=1", "&rotate=1&delete=1"} {
			b := start()
			w := spy(t, b)
			// The GET is at the portal, and not yet at the lock.
			early := later(func() *harness.Page { return b.Get("/page?hook=early") })
			early1 := h.at("before?early")
			signIn := later(func() *harness.Page {
				return b.Post("/in?hook=in"+query, url.Values{"user": {"bob"}, "password": {"x"}})
			})
			h.at("before?in")()
			holding := h.at("locked?in")
			early1() // now it waits for the lock that the sign-in holds
			late := later(func() *harness.Page { return b.Get("/page") })
			holding()
			for range 3 { // the sign-in's end and the GET's last two places, in any order
				(<-h.hooks).goOn()
			}
			challenged(t, visit+query, <-signIn)
			<-early
			<-late
			b.Get("/page")
			if raw := w.take(); strings.Contains(raw, markOf("bob")) {
				t.Errorf("%s%s: shown to somebody who owes a code:\n%.1500s", visit, query, raw)
			}
		}
	}
}

// TestPHP_Draining: a script keeps its session's lock until its output is read, and whoami waits
// for that lock. The gateway therefore reads the output while the question runs.
func TestPHP_Draining(t *testing.T) {
	h := startPHP(t, "")
	h.enrol("bob")
	b := h.Browser()
	b.Get("/")
	began := time.Now()
	p := b.Post("/in?big=1", url.Values{"user": {"carol"}, "password": {"x"}})
	if want := len(markOf("carol")) + 1024*16384; p.Status != http.StatusOK || len(p.Body) != want {
		t.Errorf("%d, %d bytes, want %d", p.Status, len(p.Body), want)
	}
	challenged(t, "withheld", b.Post("/in?big=1", url.Values{"user": {"bob"}, "password": {"x"}}))
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("it took %v: somebody waited for a lock", took)
	}
}
