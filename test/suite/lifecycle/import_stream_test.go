package lifecycle

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// streaming is a portal with an event stream at /events, which lasts until end.
func streaming(end <-chan struct{}) *harness.Legacy {
	return &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/events" {
			return false
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-end:
		}
		return true
	}}
}

// listen opens the event stream. closed receives a value when it ends.
func listen(t *testing.T, b *harness.Browser) (closed <-chan error) {
	t.Helper()
	r := b.Request(http.MethodGet, "/events", nil)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	in := bufio.NewReader(res.Body)
	if line, err := in.ReadString('\n'); err != nil || line != "data: hello\n" {
		t.Fatalf("%d %q %v", res.StatusCode, line, err)
	}
	end := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, in); end <- err }()
	return end
}

// TestAttack_I13_ImportClosesStreams: an import that gives a user a factor closes the streams that
// the user opened while owing no code. It closes them at once and not after `recheck`. Streams of
// other users stay open.
func TestAttack_I13_ImportClosesStreams(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	d := openDeskBefore(t, streaming(end), site("PORT", named))
	alice, bob := d.Browser(), d.Browser()
	alice.SignIn("alice")
	bob.SignIn("bob")
	ends, stays := listen(t, alice), listen(t, bob)
	d.arrive("user,secret\nalice," + newSecret() + "\n")
	select {
	case err := <-ends:
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("alice's stream is open")
	}
	select {
	case err := <-stays:
		t.Errorf("bob's stream ended: %v", err)
	default:
	}
}
