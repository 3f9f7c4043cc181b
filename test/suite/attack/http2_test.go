package attack

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// loudPortal names the signed-in user in every part of a response: early hints, headers, cookies,
// the redirect's target, body and trailers.
func loudPortal() *harness.Legacy {
	return &harness.Legacy{Rotate: true, Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/login") || r.Method != http.MethodPost {
			return false
		}
		mark := url.QueryEscape(harness.SecretOf(r.URL.Query().Get("as")))
		w.Header().Set("Link", "</"+mark+".css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Announced")
		w.Header().Set("X-Announced", mark)
		w.Header().Set(http.TrailerPrefix+"X-Late", mark)
		w.Header().Set("ETag", `"`+mark+`"`)
		return false
	}}
}

// overHTTP2 has the browser speak HTTP/2, and notes all 1xx responses.
func overHTTP2(t *testing.T, b *harness.Browser) (hints func(r *http.Request) *http.Request, seen func() string) {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	b.Client.Transport = tr
	var mu sync.Mutex
	var all string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		all += fmt.Sprint(code, h)
		return nil
	}}
	return func(r *http.Request) *http.Request {
			return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
		},
		func() string { mu.Lock(); defer mu.Unlock(); return all }
}

// signInLoudly signs in by form or JSON, and returns everything that came.
func signInLoudly(t *testing.T, b *harness.Browser, user, path string) string {
	t.Helper()
	hints, seen := overHTTP2(t, b)
	b.Get("/")
	body, kind := url.Values{"user": {user}, "password": {"pw-" + user}}.Encode(), "application/x-www-form-urlencoded"
	if path == "/api/login" {
		body, kind = fmt.Sprintf(`{"user":%q,"password":"pw-%s"}`, user, user), "application/json"
	}
	r := b.Request(http.MethodPost, path+"?as="+user, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("TE", "trailers")
	p := b.Do(hints(r))
	return fmt.Sprint(p.Status, p.Header, p.Body, p.Trailer, seen())
}

// TestAttack_SignInOverHTTP2: a user who owes a code receives no part of a sign-in's response,
// also where header compression hides it from a search of the bytes. Later pages are not released
// either: whole, as a range, compressed or by HEAD.
func TestAttack_SignInOverHTTP2(t *testing.T) {
	h := harness.Start(t, loudPortal(), harness.LegacyLines)
	enrolled(h, "alice")
	has := func(all, user string) bool {
		return strings.Contains(all, harness.SecretOf(user)) || strings.Contains(all, url.QueryEscape(harness.SecretOf(user))) || strings.Contains(all, "X-Portal-User:["+user)
	}
	for _, path := range []string{"/login", "/api/login"} {
		if all := signInLoudly(t, h.Browser(), "carol", path); !has(all, "carol") {
			t.Errorf("%s: who owes nothing sees nothing: %s", path, all)
		}
		b := h.Browser()
		if all := signInLoudly(t, b, "alice", path); has(all, "alice") {
			t.Errorf("%s: %s", path, all)
		}
		for _, header := range []http.Header{{}, {"Range": {"bytes=0-9"}}, {"Accept-Encoding": {"gzip"}}, {"Upgrade-Insecure-Requests": {"1"}}} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
				r := b.Request(method, "/account", nil)
				for name, values := range header {
					r.Header[name] = values
				}
				if p := b.Do(r); has(fmt.Sprint(p.Header, p.Body, p.Trailer), "alice") || p.Status == http.StatusOK || p.Status == http.StatusPartialContent {
					t.Errorf("%s, %s %v: %d %v %s", path, method, header, p.Status, p.Header, p.Body)
				}
			}
		}
	}
}
