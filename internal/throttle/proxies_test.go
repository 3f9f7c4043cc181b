package throttle

import (
	"net/http"
	"testing"
)

func TestUntrusted(t *testing.T) {
	claim := http.Header{"X-Forwarded-For": {"203.0.113.7"}}
	for _, test := range []struct {
		name, remote, client string
		header               http.Header
		want                 bool
	}{
		{"no header", "10.0.0.2:4711", "10.0.0.2", http.Header{}, false},
		{"a proxy that is trusted", "10.0.0.2:4711", "203.0.113.7", claim, false},
		{"a proxy that is not", "10.0.0.2:4711", "10.0.0.2", claim, true},
		{"mapped into IPv6", "[::ffff:10.0.0.2]:4711", "10.0.0.2", claim, true},
		{"IPv6 with a zone", "[fe80::1%eth0]:4711", "fe80::1%eth0", claim, true},
		{"a CDN's own header", "198.51.100.4:4711", "198.51.100.4", http.Header{"Cf-Connecting-Ip": {"203.0.113.7"}}, true},
		{"a Unix socket", "@", "@", claim, true},
		{"a Unix socket that is trusted", "@", "203.0.113.7", claim, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Untrusted(test.remote, test.client, test.header); got != test.want {
				t.Errorf("untrusted %v, want %v", got, test.want)
			}
		})
	}
}

func TestProxies_First(t *testing.T) {
	claim := http.Header{"X-Forwarded-For": {"203.0.113.7"}}
	var p Proxies
	for i, test := range []struct {
		remote, client string
		first, private bool
	}{
		{"10.0.0.2:1", "203.0.113.7", false, false},
		{"10.0.0.2:1", "10.0.0.2", true, true},
		{"10.0.0.3:1", "10.0.0.3", false, true},
		{"198.51.100.4:1", "198.51.100.4", true, false},
		{"198.51.100.5:1", "198.51.100.5", false, false},
		{"127.0.0.1:1", "127.0.0.1", false, false},
	} {
		first, private := p.First(test.remote, test.client, claim)
		if first != test.first || private != test.private {
			t.Errorf("request %d: first %v, private %v, want %v, %v", i, first, private, test.first, test.private)
		}
	}
}
