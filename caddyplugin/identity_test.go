package caddyplugin

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
)

// TestI8_Identity: certificate and user both enter the identity, and neither can imitate the
// other.
func TestI8_Identity(t *testing.T) {
	request := func(certificate, user string) string {
		r, repl, _ := prepared(t, http.MethodGet, "/")
		if certificate != "none" {
			r.TLS = new(tls.ConnectionState)
		}
		if certificate != "none" && certificate != "" {
			r.TLS.PeerCertificates = []*x509.Certificate{{Raw: []byte(certificate)}, {Raw: []byte("issuer")}}
		}
		if user != "none" {
			repl.Set("http.auth.user.id", user)
		}
		return identity(r, repl, hasPlaceholders(repl))
	}
	for _, none := range [][2]string{{"none", "none"}, {"", "none"}, {"", ""}} {
		if got := request(none[0], none[1]); got != "" {
			t.Errorf("%q: %q", none, got)
		}
	}
	seen := make(map[string][2]string)
	certificates := []string{"none", "a", "b"}
	users := []string{"none", "alice", "bob", certificateOf("a"), certificateOf("a") + "\x00alice"}
	for _, c := range certificates {
		for _, u := range users {
			got := request(c, u)
			if other, twice := seen[got]; twice {
				t.Errorf("%q and %q are one: %q", other, [2]string{c, u}, got)
			}
			seen[got] = [2]string{c, u}
		}
	}
	if first, second := request("a", "alice"), request("a", "alice"); first != second {
		t.Error("not stable")
	}
}

func certificateOf(raw string) string {
	return fingerprint(&http.Request{TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(raw)}}}})
}

// BenchmarkIdentity: each request pays for it.
func BenchmarkIdentity(b *testing.B) {
	r, repl, _ := prepared(b, http.MethodGet, "/")
	b.ReportAllocs()
	for b.Loop() {
		_ = identity(r, repl, hasPlaceholders(repl))
	}
}
