package portal

import (
	"net/http"
	"testing"
)

// TestQuestion_UsualValues: what browsers send by themselves gets a constant in questions,
// any other value is copied.
func TestQuestion_UsualValues(t *testing.T) {
	h := NewHeaders(nil)
	for name, values := range map[string][]string{
		"Accept": {"*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
			"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "text/css,*/*;q=0.1", "application/json, text/plain, */*", "text/event-stream", constantAccept[0]},
		"Priority": {"u=0, i", "u=1", "i", "u=4"}, "Cache-Control": {"no-cache", "max-age=0"}, "Sec-Fetch-Dest": {"document", "empty"},
		"Content-Type":                   {"application/x-www-form-urlencoded", "multipart/form-data; boundary=----WebKitFormBoundaryabc", "application/json; charset=utf-8"},
		"Access-Control-Request-Headers": {"authorization,x-a", "content-type"},
	} {
		for _, v := range values {
			if !usualValues(name, []string{v}) {
				t.Errorf("%s: %s is unusual", name, v)
			}
			if got := h.Question(http.Header{name: {v}}); len(got) != 2 {
				t.Errorf("%s: %s is copied: %v", name, v, got)
			}
		}
	}
	for name, v := range map[string]string{"Accept": "x/victim", "Priority": "u=9", "Sec-Fetch-Site": "alice", "Upgrade-Insecure-Requests": "2", "X-Requested-With": "com.example.app"} {
		header := http.Header{name: {v}}
		if got := h.Question(header); got.Get(name) != v {
			t.Errorf("%s: %s is not copied: %v", name, v, got)
		}
		if h.Varying(header, View{}) == (Varying{}) {
			t.Errorf("%s: %s is not among the varying values", name, v)
		}
	}
}

// TestQuestion_Copies: whatever else the request sent is in the question, and in the key.
func TestQuestion_Copies(t *testing.T) {
	h := NewHeaders([]string{"X-Device"})
	base, _ := h.Take(&http.Request{Header: http.Header{}}, "192.0.2.1")
	for _, name := range []string{"Referer", "Origin", "Accept-Charset", "X-Csrf-Token", "User-Agent", "Accept-Encoding", "Accept-Language",
		"Sec-Ch-Ua-Model", "X-Device", "X-Unknown", "Sec-Websocket-Protocol", "Content-Language"} {
		header := http.Header{name: {"value"}}
		if got := h.Question(header); got.Get(name) != "value" {
			t.Errorf("%s is not copied: %v", name, got)
		}
		pins, _ := h.Take(&http.Request{Header: header}, "192.0.2.1")
		if pins == base && h.Varying(header, View{}) == (Varying{}) {
			t.Errorf("%s is copied, but not in the key", name)
		}
	}
	for _, name := range []string{"Range", "If-None-Match", "Upgrade", "Connection", "Cookie", "Content-Length", "X-Request-Id", "Cf-Ray", "X-Amzn-Trace-Id"} {
		header := http.Header{name: {"value"}}
		if got := h.Question(header); got.Get(name) != "" || h.Varying(header, View{}) != (Varying{}) {
			t.Errorf("%s is in the question: %v", name, got)
		}
	}
}

// TestTake_Malformed: hop headers, which no question has, reach the portal in the forms
// that browsers send and in no other.
func TestTake_Malformed(t *testing.T) {
	for name, values := range map[string][2]string{
		"Range": {"bytes=0-99", "pages=alice"}, "If-None-Match": {`W/"abc", "d"`, "alice"}, "If-Modified-Since": {"Mon, 30 Nov 2026 04:00:00 GMT", "alice"},
		"Upgrade": {"websocket", "alice"}, "Te": {"trailers", "alice"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ==", "alice"},
	} {
		header := http.Header{name: {values[0]}}
		NewHeaders(nil).Take(&http.Request{Header: header}, "")
		if header.Get(name) != values[0] {
			t.Errorf("%s: %s is removed", name, values[0])
		}
		header = http.Header{name: {values[1]}}
		NewHeaders(nil).Take(&http.Request{Header: header}, "")
		if header.Get(name) != "" {
			t.Errorf("%s: %s reaches the portal", name, values[1])
		}
	}
}
