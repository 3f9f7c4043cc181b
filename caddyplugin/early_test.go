package caddyplugin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestK3_EarlyData: until the handshake is complete no request is forwarded and no own page is
// served. The handler has no gate, so a forwarded request panics.
func TestK3_EarlyData(t *testing.T) {
	h := &Handler{path: "/two-factor"}
	for _, tt := range []struct {
		method, uri string
		early       bool
	}{
		{"POST", "/", true}, {"PUT", "/x", true}, {"DELETE", "/x", true}, {"CONNECT", "/ws", true}, {"PROPFIND", "/", true},
		{"GET", "/two-factor", true}, {"GET", "/two-factor/challenge", true}, {"HEAD", "/two-factor/", true},
		{"GET", "/", false}, {"HEAD", "/x", false}, {"OPTIONS", "/x", false}, {"GET", "/two-factor2", false},
	} {
		for by, prepare := range map[string]func(*http.Request){
			"handshake": func(r *http.Request) { r.TLS = &tls.ConnectionState{HandshakeComplete: false} },
			"header":    func(r *http.Request) { r.Header.Set("Early-Data", "1") },
		} {
			if status := statusOf(t, h, tt.method, tt.uri, prepare); (status == http.StatusTooEarly) != tt.early {
				t.Errorf("%s %s early by %s: %d", tt.method, tt.uri, by, status)
			}
		}
		complete := func(r *http.Request) { r.TLS = &tls.ConnectionState{HandshakeComplete: true} }
		if status := statusOf(t, h, tt.method, tt.uri, complete); status == http.StatusTooEarly {
			t.Errorf("%s %s after the handshake: %d", tt.method, tt.uri, status)
		}
	}
}

// TestK3_ModeObserve: nothing is refused.
func TestK3_ModeObserve(t *testing.T) {
	h := &Handler{path: "/two-factor", observes: true}
	header := func(r *http.Request) { r.Header.Set("Early-Data", "1") }
	for _, uri := range []string{"/form", "/two-factor/challenge"} {
		if status := statusOf(t, h, "POST", uri, header); status == http.StatusTooEarly {
			t.Errorf("%s is refused", uri)
		}
	}
}

// statusOf is the handler's answer, 0 if the request went on to the gate.
func statusOf(t *testing.T, h *Handler, method, uri string, prepare func(*http.Request)) (status int) {
	t.Helper()
	r, _, _ := prepared(t, http.MethodGet, uri)
	r.Method = method
	prepare(r)
	w := httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			status = 0
		}
	}()
	if err := h.ServeHTTP(w, r, nil); err != nil {
		t.Fatal(err)
	}
	return w.Code
}
