package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_SignedOutBeforeTheQuestion:
//
//  1. A sign-in, a page and a sign-out are sent at once with one session.
//  2. The portal handles them in that order.
//  3. Each question therefore returns anonymous. The page must still not be released.
func TestAttack_SignedOutBeforeTheQuestion(t *testing.T) {
	for _, out := range []string{"/logout", "/undeclared"} {
		for _, first := range []string{"", "carol"} {
			t.Run(fmt.Sprintf("%s as %q", out, first), func(t *testing.T) { signedOutBefore(t, out, first) })
		}
	}
}

func signedOutBefore(t *testing.T, out, first string) {
	var mu sync.Mutex
	var armed bool
	arrived := make(map[string]chan struct{})
	for _, step := range []string{"in", "page", "out", "signed in", "shown", "signed out"} {
		arrived[step] = make(chan struct{})
	}
	await := func(step string) {
		select {
		case <-arrived[step]:
		case <-time.After(2 * time.Second):
		}
	}
	legacy := &harness.Legacy{}
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		on := armed
		mu.Unlock()
		serve := func(path string) {
			q := r.Clone(r.Context())
			q.URL.Path = path
			legacy.ServeHTTP(w, q)
		}
		switch path := r.URL.Path; {
		case !on:
			legacy.ServeHTTP(w, r)
		case path == "/login":
			close(arrived["in"])
			await("page")
			await("out")
			serve("/login")
			close(arrived["signed in"])
			await("signed out")
		case path == "/account":
			close(arrived["page"])
			await("signed in")
			serve("/account")
			close(arrived["shown"])
			await("signed out")
		case path == out:
			close(arrived["out"])
			await("shown")
			serve("/logout")
			mu.Lock()
			armed = false
			mu.Unlock()
			close(arrived["signed out"])
		default:
			legacy.ServeHTTP(w, r)
		}
	})
	h := harness.Start(t, portal, harness.LegacyLines)
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()
	b := h.Browser()
	b.Get("/")
	if first != "" {
		b.SignIn(first)
	}
	mu.Lock()
	armed = true
	mu.Unlock()
	var group sync.WaitGroup
	var in, page *harness.Page
	group.Go(func() { in = b.Post("/login", url.Values{"user": {"alice"}, "password": {"pw-alice"}}) })
	group.Go(func() { await("in"); page = b.Get("/account") })
	group.Go(func() { await("page"); b.Get(out) })
	group.Wait()
	if strings.Contains(page.Body, harness.SecretOf("alice")) {
		t.Errorf("the page came back as alice: %d %s", page.Status, page.Body)
	}
	if in.Header.Get("X-Portal-User") == "alice" {
		t.Errorf("the response of the sign-in was released: %d %v", in.Status, in.Header)
	}
}
