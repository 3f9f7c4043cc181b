package caddyplugin

import (
	"net/http"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/throttle"
)

// TestI10_WarnOfProxy: one warning about peers in private networks and one about others,
// whichever header names the client, and nothing without one.
func TestI10_WarnOfProxy(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	h := &Handler{log: zap.New(core), proxies: new(throttle.Proxies)}
	for _, tt := range []struct{ remote, address, header, want string }{
		{"10.0.0.2:1", "10.0.0.2", "", ""},
		{"10.0.0.2:1", "203.0.113.7", "X-Forwarded-For", ""},
		{"10.0.0.2:1", "10.0.0.2", "X-Forwarded-For", sharedAddress},
		{"10.0.0.3:1", "10.0.0.3", "X-Forwarded-For", ""},
		{"198.51.100.4:1", "198.51.100.4", "Cf-Connecting-Ip", perhapsForged},
		{"198.51.100.4:1", "198.51.100.4", "X-Forwarded-For", ""},
	} {
		r, _, _ := prepared(t, http.MethodGet, "/")
		r.RemoteAddr = tt.remote
		if tt.header != "" {
			r.Header.Set(tt.header, "192.0.2.9")
		}
		h.warnOfProxy(r, tt.address)
		got := ""
		for _, e := range logs.TakeAll() {
			got += e.Message
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.remote, got, tt.want)
		}
	}
}

// TestI10_NoProxyCostsNothing: a request that names no client pays for looking at its
// headers only.
func TestI10_NoProxyCostsNothing(t *testing.T) {
	h := &Handler{proxies: new(throttle.Proxies)}
	r, _, _ := prepared(t, http.MethodGet, "/")
	if n := testing.AllocsPerRun(100, func() { h.warnOfProxy(r, "192.0.2.1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWarnOfProxy(b *testing.B) {
	h := &Handler{proxies: new(throttle.Proxies)}
	r, _, _ := prepared(b, http.MethodGet, "/")
	r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"x"}, "Accept-Language": {"en"}, "Accept-Encoding": {"gzip"}, "Cookie": {"a=b"}}
	for b.Loop() {
		h.warnOfProxy(r, "192.0.2.1")
	}
}
