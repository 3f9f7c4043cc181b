package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stalled is the writer of a stream of which the client reads nothing.
type stalled struct {
	*httptest.ResponseRecorder
	deadline chan time.Time
}

func (s *stalled) Write([]byte) (int, error) {
	<-s.deadline
	return 0, os.ErrDeadlineExceeded
}

func (s *stalled) SetWriteDeadline(t time.Time) error { s.deadline <- t; return nil }

// TestConnect_EndsStalledWrite: a tunnel that is to end does not wait for a client that reads
// nothing.
func TestConnect_EndsStalledWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(""))
		w := newConnectWriter(&stalled{httptest.NewRecorder(), make(chan time.Time)}, r)
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, _, err := w.Hijack()
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan error)
		go func() {
			_, err := io.WriteString(c, "x")
			wrote <- err
		}()
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- c.Close() }()
		if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		<-ended
	})
}
