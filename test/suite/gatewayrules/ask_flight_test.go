package gatewayrules

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// joining is the time for a request to start waiting for another's question, which the test can't
// observe. If it is too short, the tests below prove less and still pass.
const joining = 300 * time.Millisecond

// flight is a portal with a whoami that answers once the test lets it.
type flight struct {
	*probe
	asked atomic.Int32
	begun chan struct{}
	let   chan struct{}
}

func newFlight() *flight {
	f := &flight{begun: make(chan struct{}, 100), let: make(chan struct{})}
	f.probe = whoamiSays(func(w http.ResponseWriter, _ *http.Request) {
		f.asked.Add(1)
		f.begun <- struct{}{}
		<-f.let
		fmt.Fprint(w, `{"user":"carol"}`)
	})
	return f
}

// get starts a request and returns a channel for its page, nil if the request failed.
func (f *flight) get(ctx context.Context, b *harness.Browser) <-chan *harness.Page {
	pages := make(chan *harness.Page, 1)
	r := b.Request(http.MethodGet, "/page", nil).WithContext(ctx)
	go func() {
		page, _ := b.Try(r)
		pages <- page
	}()
	return pages
}

// TestAsk_RecheckZeroJoinsNoQuestion: with `recheck 0` a request does not join a question in
// flight, because a user may have signed in since that question was sent.
func TestAsk_RecheckZeroJoinsNoQuestion(t *testing.T) {
	f := newFlight()
	h := harness.Start(t, f.probe, harness.LegacyLines+"\nleave s\nrecheck 0")
	b := h.Browser()
	b.SetCookie("s", "1")
	first := f.get(t.Context(), b)
	<-f.begun
	second := f.get(t.Context(), b)
	time.Sleep(joining)
	close(f.let)
	for _, pages := range []<-chan *harness.Page{first, second} {
		if page := <-pages; page == nil || page.Status != http.StatusOK {
			t.Errorf("%v", page)
		}
	}
	if n := f.asked.Load(); n < 2 {
		t.Errorf("asked %d times for two requests", n)
	}
}

// TestAsk_QuestionOutlivesItsClient: the client that started a question leaves, and the others
// that wait for it still get the answer.
func TestAsk_QuestionOutlivesItsClient(t *testing.T) {
	f := newFlight()
	h := harness.Start(t, f.probe, harness.LegacyLines+"\nleave s")
	b := h.Browser()
	b.SetCookie("s", "1")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first := f.get(ctx, b)
	<-f.begun
	second := f.get(t.Context(), b)
	time.Sleep(joining)
	leave()
	if page := <-first; page != nil {
		t.Errorf("the client that left got %d", page.Status)
	}
	time.Sleep(joining)
	close(f.let)
	if page := <-second; page == nil || page.Status != http.StatusOK {
		t.Errorf("the one that stayed: %v", page)
	}
}
