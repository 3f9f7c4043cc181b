package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// stalled is the writer of a stream of which the client reads nothing.
type stalled struct {
	*httptest.ResponseRecorder
	writes   chan struct{}
	deadline chan time.Time
}

func (s *stalled) Write([]byte) (int, error) {
	close(s.writes)
	<-s.deadline
	return 0, os.ErrDeadlineExceeded
}

func (s *stalled) SetWriteDeadline(t time.Time) error { s.deadline <- t; return nil }

// TestConnect_EndsStalledWrite: a tunnel that is to end does not wait for a client that reads
// nothing.
func TestConnect_EndsStalledWrite(t *testing.T) {
	server := &stalled{httptest.NewRecorder(), make(chan struct{}), make(chan time.Time)}
	w := newConnectWriter(server, httptest.NewRequest(http.MethodGet, "/", strings.NewReader("")))
	w.WriteHeader(http.StatusSwitchingProtocols)
	c, _, err := w.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, "x")
		wrote <- err
	}()
	<-server.writes
	go c.Close()
	select {
	case err = <-wrote:
	case <-time.After(5 * time.Second):
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write goes on: %v", err)
	}
}
