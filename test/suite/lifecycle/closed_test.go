package lifecycle

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	engine "github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// openStore is what `storage closable` opened last, for a test to close.
var openStore atomic.Pointer[engine.DB]

func init() {
	harness.RegisterStorage("closable", func(d *engine.DB) store.Store { openStore.Store(d); return d })
}

// TestStoreClosedUnderLoad (ASVS 16.5): the store closes while users browse, sign in and give
// codes. From then on every request that needs it gets a 503 page. Nothing of a signed-in page is
// released or asked for, and nothing panics.
func TestStoreClosedUnderLoad(t *testing.T) {
	p := &harness.Legacy{}
	h := harness.StartWhole(t, p, whole("storage closable DIR", site("PORT", named)))
	cleared := h.Browser()
	cleared.SignIn("alice")
	device := cleared.Enrol()
	var load sync.WaitGroup
	var closed atomic.Bool
	var before, after atomic.Int64
	for range 3 {
		load.Go(func() {
			for late := 0; late < 3; {
				isClosed := closed.Load()
				if isClosed {
					late++
				}
				for what, q := range owingRound(t, h, device) {
					if strings.Contains(q.Body, "secret of") || q.Header.Get("X-Portal-User") != "" {
						t.Errorf("%s: released %d %.300s", what, q.Status, q.Body)
					}
					if isClosed && q.Status != http.StatusServiceUnavailable {
						t.Errorf("%s with the store closed: %d %q", what, q.Status, q.Location)
					}
					if !isClosed {
						before.Add(1)
					} else {
						after.Add(1)
					}
				}
				if q := fetched(cleared, "/account"); q.Status != http.StatusServiceUnavailable && !strings.Contains(q.Body, harness.SecretOf("alice")) {
					t.Errorf("cleared: %d %q", q.Status, q.Location)
				}
			}
		})
	}
	for before.Load() < 30 && !t.Failed() {
		cleared.Get("/account")
	}
	if err := openStore.Load().Close(); err != nil {
		t.Error(err)
	}
	closed.Store(true)
	load.Wait()
	if before.Load() == 0 || after.Load() == 0 {
		t.Errorf("%d answers before, %d after: nothing was tested", before.Load(), after.Load())
	}
	if p.Last("/owing") != nil {
		t.Error("the portal was asked for a page of somebody who owes a code")
	}
	if text := h.LogText(); strings.Contains(text, "panic") || !strings.Contains(text, "store is closed") {
		t.Error("a panic in the log, or not a word of the store")
	}
}

// owingRound is what a user who owes a code does: sign in, open a page and an own page, and give a
// wrong code.
func owingRound(t *testing.T, h *harness.Harness, device *harness.Device) map[string]*harness.Page {
	b := h.Browser()
	out := map[string]*harness.Page{}
	form := func(path, body string) *http.Request {
		r := b.Request("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.Base)
		return r
	}
	var err error
	if out["sign-in"], err = b.Try(form("/login", "user=alice&password=pw-alice")); err != nil {
		t.Error(err)
		return nil
	}
	if out["sign-in"].Status != http.StatusSeeOther {
		return out
	}
	for what, r := range map[string]*http.Request{
		"page": b.Request("GET", "/owing", nil), "challenge": b.Request("GET", "/two-factor/challenge", nil), "code": form("/two-factor/challenge", "code="+device.Backup[0]+"x"),
	} {
		if p, err := b.Try(r); err == nil {
			out[what] = p
		}
	}
	return out
}
