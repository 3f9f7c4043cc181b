package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// late returns a sign-in as alice that the portal commits that long after its response.
func (s *shop) late(after time.Duration) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := s.begin(w, r)
		time.AfterFunc(after, func() { s.commit(r, id, "alice") })
		_, err := io.WriteString(w, "welcome")
		return err
	}
}

// slowEnter signs in as alice, and its response ends a second after the secret.
func (s *shop) slowEnter(w http.ResponseWriter, r *http.Request) error {
	s.commit(r, s.begin(w, r), "alice")
	_, err := io.WriteString(w, secret("alice"))
	time.Sleep(time.Second)
	return err
}

// goodbye signs out, after it has shown the user's secret.
func (s *shop) goodbye(w http.ResponseWriter, r *http.Request) error {
	time.Sleep(20 * time.Millisecond)
	_, err := io.WriteString(w, "goodbye "+secret(s.user(r)))
	s.commit(r, s.begin(w, r), "")
	return err
}

// staleStream returns a stream that writes its session back at its end, as it was when the stream
// began: signed out.
func (s *shop) staleStream(contentType string, end <-chan bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := s.begin(w, r)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-end
		s.commit(r, id, "")
		return nil
	}
}

// longPoll answers after 25 seconds.
func longPoll(w http.ResponseWriter, _ *http.Request) error {
	time.Sleep(25 * time.Second)
	_, err := io.WriteString(w, "{}")
	return err
}

// readsNews returns bob's browser, which reads an endless stream and has got his secret.
func (w *world) readsNews(t *testing.T, contentType string) (*visitor, *flight) {
	t.Helper()
	w.shop.pages["/news"] = endless(w.shop, contentType, 0)
	v := w.visitor()
	v.signIn("bob")
	time.Sleep(5 * time.Second)
	f := v.open("GET /news")
	time.Sleep(3 * time.Second)
	if !strings.Contains(f.text(), secret("bob")) {
		t.Fatal(f.text())
	}
	return v, f
}
