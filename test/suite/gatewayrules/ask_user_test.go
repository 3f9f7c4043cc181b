package gatewayrules

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAsk_UserPlaceholder: behind another authenticator in Caddy there is no whoami.
func TestAsk_UserPlaceholder(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p := newProbe()
	h := harness.StartSite(t, p, fmt.Sprintf(`basic_auth {
		alice %s
		carol %s
	}
	two_factor {
		user {http.auth.user.id}
	}
	reverse_proxy PORTAL`, hash, hash))
	as := func(user string) *harness.Browser {
		b := h.Browser()
		r, _ := http.NewRequest(http.MethodGet, h.URL, nil)
		r.SetBasicAuth(user, "pw")
		b.Header.Set("Authorization", r.Header.Get("Authorization"))
		return b
	}
	if page := h.Browser().Get("/page"); page.Status != http.StatusUnauthorized {
		t.Fatalf("without a password: %d", page.Status)
	}
	alice := as("alice")
	if page := alice.Get("/page"); page.Status != http.StatusOK {
		t.Fatalf("without a second factor: %d", page.Status)
	}
	device := alice.Enrol()
	if page := alice.Get("/after"); page.Status != http.StatusOK {
		t.Fatalf("after the set-up: %d", page.Status)
	}
	thief := as("alice")
	if page := thief.Get("/owing"); page.Location != "/two-factor/challenge" || p.Last("/owing") != nil {
		t.Fatalf("without a code: %d %q", page.Status, page.Location)
	}
	if page := as("carol").Get("/carol"); page.Status != http.StatusOK {
		t.Fatalf("another user: %d", page.Status)
	}
	thief.Pass(device.Code(t))
	if page := thief.Get("/passed"); page.Status != http.StatusOK {
		t.Fatalf("after the code: %d", page.Status)
	}
	thief.Header = as("carol").Header
	if page := thief.Get("/switched"); page.Status != http.StatusOK {
		t.Fatalf("carol owes nothing, with alice's clearance: %d", page.Status)
	}
	if p.question() != nil {
		t.Error("whoami was asked")
	}
}

// TestAsk_AccessLogNamesTheUser, as whoami did.
func TestAsk_AccessLogNamesTheUser(t *testing.T) {
	h := harness.StartSite(t, &harness.Legacy{}, "log\ntwo_factor {\n"+harness.LegacyLines+"\n}\nreverse_proxy PORTAL")
	b := h.Browser()
	b.Get("/stranger")
	b.SignIn("alice")
	b.Enrol()
	b.Get("/account")
	users := make(map[string]string)
	for line := range strings.SplitSeq(h.LogText(), "\n") {
		var entry struct {
			Msg     string
			UserID  string `json:"user_id"`
			Request struct{ URI string }
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "handled request" {
			users[entry.Request.URI] = entry.UserID
		}
	}
	if users["/account"] != "alice" || users["/stranger"] != "" {
		t.Errorf("users in the access log: %v", users)
	}
}
