package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal"
)

// TestClassify_Body: in HTTP/3 the headers don't say that a GET has no body. One without
// is a safe request, one with is not, and keeps all of it.
func TestClassify_Body(t *testing.T) {
	for _, body := range []string{"", "x", "content"} {
		r := httptest.NewRequest(http.MethodGet, "/", struct{ io.Reader }{strings.NewReader(body)})
		r.ProtoMajor, r.ContentLength = 3, -1
		x := &exchange{g: &Gateway{Options: Options{Headers: portal.NewHeaders(nil)}}, r: r, jar: portal.EmptyJar}
		x.rw = &responseWriter{x: x, rw: httptest.NewRecorder()}
		x.classify()
		got, err := io.ReadAll(r.Body)
		if x.unsafe != (body != "") || string(got) != body || err != nil {
			t.Errorf("%q: unsafe %v, then read %q, %v", body, x.unsafe, got, err)
		}
	}
}
