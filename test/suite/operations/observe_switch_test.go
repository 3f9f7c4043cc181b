package operations

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// site is a harness.Site with these lines of two_factor more.
func site(h *harness.Harness, lines ...string) string {
	return fmt.Sprintf(harness.Site, harness.LegacyLines+"\n"+strings.Join(lines, "\n"), strings.TrimPrefix(h.PortalURL, "http://"))
}

func signedInAs(t *testing.T, p *harness.Page, user string) {
	t.Helper()
	if p.Status != http.StatusOK || !strings.Contains(p.Body, harness.SecretOf(user)) {
		t.Fatalf("not signed in as %s: %d %s\n%.300s", user, p.Status, p.Location, p.Body)
	}
}

// sealedNames are the names of sealed cookies that a browser holds.
func sealedNames(b *harness.Browser) (names []string) {
	for name := range b.Cookies("/") {
		if strings.HasPrefix(name, "sg-") {
			names = append(names, name)
		}
	}
	return names
}

// TestSwitch_EnforceToObserve: existing sessions continue, with unsealed cookies on both sides,
// and no cookie of the gateway reaches the portal.
func TestSwitch_EnforceToObserve(t *testing.T) {
	for name, portal := range map[string]*harness.Legacy{
		"plain": {}, "scoped": {Scoped: true}, "attributes": {CookieAttributes: "; Path=/; Max-Age=3600; SameSite=Lax; Domain=127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.Start(t, portal, harness.LegacyLines)
			b := h.Browser()
			b.SignIn("alice")
			device := b.Enrol()
			signedInAs(t, b.Get("/account"), "alice")
			other := h.Browser() // owes a code
			other.SignIn("alice")
			bob := h.Browser()
			bob.SignIn("bob")
			if len(sealedNames(b)) == 0 {
				t.Fatal("nothing is sealed: the test is none")
			}

			h.Load(site(h, "mode observe"))
			for range 2 {
				signedInAs(t, b.Get("/account"), "alice")
				signedInAs(t, bob.Get("/account"), "bob")
				signedInAs(t, other.Get("/account"), "alice")
			}
			if names := sealedNames(b); len(names) != 0 {
				t.Errorf("still sealed: %v", names)
			}
			if got := portal.Last("/account").Header.Get("Cookie"); strings.Contains(got, "sg") || !strings.Contains(got, "PHPSESSID=") {
				t.Errorf("the portal sees %q", got)
			}
			if b.Cookies("/")["PHPSESSID"] == "" {
				t.Error("the browser did not get its cookie back")
			}

			// And back: the session is lost once, no more, and then a code is asked for.
			h.Load(site(h))
			if p := b.Get("/account"); strings.Contains(p.Body, harness.SecretOf("alice")) {
				t.Error("an unsealed session passes in mode enforce")
			}
			b.SignIn("alice")
			if p := b.Get("/account"); p.Location != "/two-factor/challenge" {
				t.Fatalf("no code is asked for: %d %s", p.Status, p.Location)
			}
			b.Pass(device.Code(t))
			signedInAs(t, b.Get("/account"), "alice")
			signedInAs(t, b.Get("/account"), "alice")

			// A newly sealed session replaces the rest of the first switch.
			h.Load(site(h, "mode observe"))
			signedInAs(t, b.Get("/account"), "alice")
			signedInAs(t, b.Get("/account"), "alice")
		})
	}
}

// TestSwitch_ObserveToEnforce: a user who signed in under observe signs in once more.
func TestSwitch_ObserveToEnforce(t *testing.T) {
	portal := &harness.Legacy{}
	h := harness.Start(t, portal, harness.LegacyLines+"\nmode observe")
	b := h.Browser()
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	if b.Cookies("/")["PHPSESSID"] == "" || len(sealedNames(b)) != 0 {
		t.Fatalf("cookies %v", b.Cookies("/"))
	}
	h.Load(site(h))
	if p := b.Get("/account"); strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Error("an unsealed session passes in mode enforce")
	}
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	h.Reload()
	signedInAs(t, b.Get("/account"), "alice")
}

// TestSwitch_DeadToken: cookies that were sealed for a token that a code has replaced are not
// opened, although observe refuses no request.
func TestSwitch_DeadToken(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	thief := b.Clone()
	b.Enrol()
	h.Load(site(h, "mode observe"))
	if p := thief.Get("/account"); strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Error("a token from before the code opens the session")
	}
	signedInAs(t, b.Get("/account"), "alice")
}

// TestSwitch_LateAnswer: of two requests with sealed cookies the later answer does not
// bring back the value that the portal replaced with the earlier.
func TestSwitch_LateAnswer(t *testing.T) {
	held, goOn := make(chan bool, 1), make(chan bool)
	portal := &harness.Legacy{Lazy: true, Before: func(_ *harness.Legacy, _ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/late" {
			held <- true
			<-goOn
		}
		return false
	}}
	h := harness.Start(t, portal, harness.LegacyLines)
	b := h.Browser()
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	h.Load(site(h, "mode observe"))
	late := make(chan error)
	r := b.Request(http.MethodGet, "/late", nil)
	go func() {
		_, err := b.Try(r)
		late <- err
	}()
	<-held
	b.Get("/rotate")
	fresh := b.Cookies("/")["PHPSESSID"]
	close(goOn)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	if got := b.Cookies("/")["PHPSESSID"]; got != fresh || fresh == "" || len(sealedNames(b)) != 0 {
		t.Errorf("the old session id came back: %v", b.Cookies("/"))
	}
	signedInAs(t, b.Get("/account"), "alice")
}
