package body_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/body"
)

// TestAttack_H3_OtherReadings: fields that were read as session_id by PHP 8.2 (`name==`),
// Rack 2.2 and Werkzeug (a token that ends at a colon), Rack 2.2 (any number of brackets
// before a name), and by `new URLSearchParams(body)` as undici's formData() (a leading "?").
func TestAttack_H3_OtherReadings(t *testing.T) {
	const multi = "multipart/form-data; boundary=b"
	part := func(disposition string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\nevil\r\n--b--\r\n"
	}
	for _, c := range []struct{ reader, kind, body string }{
		{"PHP", multi, part(`name=="session_id"`)},
		{"PHP", multi, part(`name==='session_id'`)},
		{"Rack, Werkzeug", multi, part(`name=session_id:`)},
		{"Rack", "application/x-www-form-urlencoded", strings.Repeat("[", 4097) + "session_id=evil"},
		{"URLSearchParams", "application/x-www-form-urlencoded", "?session_id=evil"},
	} {
		found, err := body.Scan(http.Header{"Content-Type": {c.kind}}, func() io.Reader { return strings.NewReader(c.body) }, body.SessionName)
		if err == nil && len(found) == 0 {
			t.Errorf("%s: %.80q is not found", c.reader, c.body)
		}
	}
}
